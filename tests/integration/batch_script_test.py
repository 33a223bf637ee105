# SPDX-License-Identifier: Apache-2.0
"""sovren submit of scripts with #SBATCH lines, on a daemon and an agent, with no Slurm there."""
import unittest

from queue_case import QueueCase


class BatchScript(QueueCase):
    def setUp(self):
        super().setUp()
        self.folder = self.dir / "work"
        self.folder.mkdir()
        self.env = {**self.env, "GREETING": "good day", "SLURM_JOB_ID": "99"}

    def batch(self, lines, name="job.sh"):
        return self.write(f"work/{name}", "#!/bin/sh\n" + lines)

    def with_a_node(self):
        self.serve()
        self.worker("n1", "--cpus", "4")

    def submit_here(self, *words, code=0):
        """As from the folder work, where Slurm would leave the output."""
        return self.sovren("submit", *words, code=code, cwd=self.folder)

    def done(self, job):
        self.wait_for_state(job, "COMPLETED")

    def test_a_script_runs_once_with_its_environment(self):
        self.with_a_node()
        self.batch("#SBATCH -n 3 -J greet --mail-type=END\n"
                   "#SBATCH --time=5\n"
                   "echo \"$GREETING from $SLURM_JOB_NAME, $SLURM_NTASKS tasks, job $SLURM_JOB_ID in $(pwd)\"\n"
                   "echo trouble >&2\n")
        said = self.submit_here("job.sh")
        self.assertIn("an option of sbatch has no part here: --mail-type", said.stderr)
        job = said.stdout.strip()
        self.done(job)
        self.assertEqual((self.folder / f"slurm-{job}.out").read_text(),
                         f"good day from greet, 3 tasks, job {job} in {self.folder.resolve()}\ntrouble\n")
        shown = self.job_of(job)
        self.assertEqual((shown["name"], shown["ranks"]), ("greet", 3))

    def test_an_array_has_its_indices_and_files(self):
        self.with_a_node()
        self.batch("#SBATCH --array=5-9:2%2\n#SBATCH -o out-%A_%a.txt -e err-%a.txt\n"
                   "for task in x; do echo \"$SLURM_ARRAY_TASK_ID of $SLURM_ARRAY_TASK_COUNT ${task}\"; done\n"
                   "echo oh >&2\n")
        first = self.submit_here("job.sh").stdout.strip()
        self.sovren("wait", first)
        for task in (5, 7, 9):
            self.assertEqual((self.folder / f"out-{first}_{task}.txt").read_text(), f"{task} of 3 x\n")
            self.assertEqual((self.folder / f"err-{task}.txt").read_text(), "oh\n")

    def test_dependencies_order_the_jobs(self):
        self.with_a_node()
        self.batch("#SBATCH -H -o first.txt\necho first > order\n", "first.sh")
        first = self.submit_here("first.sh").stdout.strip()
        self.batch(f"#SBATCH -d afterok:{first}\necho second >> order\n", "second.sh")
        second = self.submit_here("second.sh").stdout.strip()
        self.batch(f"#SBATCH -d afternotok:{first}\ntouch never\n", "third.sh")
        third = self.submit_here("third.sh").stdout.strip()
        self.assertEqual(self.job_of(first)["state"], "PENDING")
        self.assertEqual(self.job_of(second)["reason"], "Dependency")
        self.sovren("release", first)
        self.done(second)
        self.assertEqual((self.folder / "order").read_text(), "first\nsecond\n")
        self.assertNotIn(self.job_of(third)["state"], ("RUNNING", "COMPLETED"))
        self.assertFalse((self.folder / "never").exists())

    def test_what_fails_is_not_run_again(self):
        self.with_a_node()
        self.batch("#SBATCH -J fails\necho once >> runs\nkill -SEGV $$\n", "fails.sh")
        job = self.submit_here("fails.sh").stdout.strip()
        self.wait_for_state(job, "FAILED")
        self.assertEqual((self.folder / "runs").read_text(), "once\n")

    def test_its_signal_comes_before_the_time_limit(self):
        self.with_a_node()
        self.batch("#SBATCH --signal=B:USR1@60 -o said.txt\ntrap 'echo saved; exit 0' USR1\n"
                   "sleep 600 & while :; do wait; done\n")
        job = self.submit_here("job.sh", "--set", "resources.time_limit=2s").stdout.strip()
        self.done(job)
        self.assertEqual((self.folder / "said.txt").read_text(), "saved\n")

    def test_at_its_time_limit_it_ends_and_is_not_run_again(self):
        self.with_a_node()
        self.batch("#SBATCH -J long\necho once >> runs\nexec sleep 600\n")
        job = self.submit_here("job.sh", "--set", "resources.time_limit=1s").stdout.strip()
        self.wait_for_state(job, "TIMEOUT")
        self.assertEqual((self.folder / "runs").read_text(), "once\n")

    def test_mistakes_are_told_at_once_and_nothing_is_submitted(self):
        self.serve()
        self.batch("#SBATCH --ntask-per-node=2\n#SBATCH  -t soon\n", "wrong.sh")
        self.batch("#SBATCH --hold\ntrue\n", "good.sh")
        said = self.submit_here("good.sh", "wrong.sh", code=2).stderr
        self.assertIn("wrong.sh:2:9: there is no option --ntask-per-node", said)
        self.assertIn("did you mean --ntasks-per-node?", said)
        self.assertIn("wrong.sh:3:10: --time must be minutes", said)
        self.batch("#SBATCH -w node7\ntrue\n", "refused.sh")
        self.assertIn("refused.sh:2:9: --nodelist is refused", self.submit_here("refused.sh", code=3).stderr)
        self.assertEqual(self.json("jobs", "--all")["jobs"], [])

    def test_other_words_win(self):
        self.with_a_node()
        self.batch("#SBATCH -n 2 -J ours -t 7\n#SOVREN --name theirs\necho $SLURM_NTASKS\n")
        self.env["SBATCH_TIMELIMIT"] = "9"
        job = self.submit_here("job.sh", "--set", "resources.ranks=4").stdout.strip()
        self.done(job)
        self.assertEqual((self.folder / f"slurm-{job}.out").read_text(), "4\n")
        shown = self.job_of(job)
        self.assertEqual((shown["name"], shown["resources"]["time_limit_s"]), ("theirs", 540))

    def test_a_dry_run_and_lint_change_nothing(self):
        self.with_a_node()
        self.batch("#SBATCH --test-only\ntrue\n", "dry.sh")
        self.assertIn("1", self.submit_here("dry.sh").stdout)
        self.batch("#SBATCH -N 50\ntrue\n", "large.sh")
        self.submit_here("large.sh", "--dry-run", code=3)
        self.assertEqual(self.json("jobs", "--all")["jobs"], [])
        self.assertIn("dry.sh: valid", self.sovren("lint", "work/dry.sh").stdout)
        self.batch("#SBATCH -n x\ntrue\n", "wrong.sh")
        self.assertIn("wrong.sh:2:9: --ntasks", self.sovren("lint", "work/wrong.sh", code=2).stderr)

    def test_it_runs_without_a_daemon(self):
        self.batch("#SBATCH -n 2 -o out.txt\necho \"$GREETING $SLURM_NTASKS\"\n")
        self.sovren("run", "job.sh", "--quiet", cwd=self.folder)
        self.assertEqual((self.folder / "out.txt").read_text(), "good day 2\n")

    def test_a_script_from_standard_input(self):
        self.with_a_node()
        script = "#!/bin/sh\n#SBATCH -o piped.txt\necho piped\n"
        job = self.sovren("submit", "-", stdin=script, cwd=self.folder).stdout.strip()
        self.done(job)
        self.assertEqual((self.folder / "piped.txt").read_text(), "piped\n")


if __name__ == "__main__":
    unittest.main()
