# SPDX-License-Identifier: Apache-2.0
"""`sovren slurm submit`, `sovren submit --to slurm` and `sovren slurm script`, with programs that stand for a site's."""
import json
import os
import unittest

from sovren_case import SovrenCase

FAKE = """#!/bin/bash
echo "%s $*" >> "$FAKES/calls"
%s
"""
TAKES = 'cat > "$FAKES/handed_in"; echo 41'
REFUSES = "echo 'sbatch: error: Batch job submission failed: Invalid account' >&2; exit 1"
LOST = "echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2; exit 1"
QUEUED = "41|PENDING|0|0|Priority||sovren:x|"  # as squeue --Format has it
JOB = 'name = "it"\nkind = "command"\n[command]\nargv = ["true"]\ncheckpoint_signal = "USR1"\n'


class SlurmSubmitTest(SovrenCase):
    def setUp(self):
        super().setUp()
        self.env.update(PATH=f"{self.dir / 'bin'}:{os.environ['PATH']}", FAKES=str(self.dir))
        self.fake("sbatch", TAKES)
        self.fake("srun", "echo 'MPI plugin types are...'; echo pmix")
        self.fake("sinfo", "echo 'general*|n/a|infinite'; echo 'short|n/a|1:00'; echo 'long|1-00:00:00|infinite'")
        self.fake("squeue", "")
        self.job_file = self.write("work/job.toml", JOB)
        self.job_dir_path = self.dir / "work" / "it.sovren"

    def fake(self, name, then):
        self.write(f"bin/{name}", FAKE % (name, then)).chmod(0o755)

    def calls(self, name):
        path = self.dir / "calls"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [line for line in lines if line.split()[0] == name]

    def tree(self):
        """Everything below `work` with its bytes."""
        return {path: path.read_bytes() if path.is_file() else None for path in sorted((self.dir / "work").rglob("*"))}

    def records(self):
        path = self.dir / "home" / "slurm" / "jobs.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [record for record in map(json.loads, lines) if "record" in record]

    def test_a_job_is_handed_in_with_all_it_needs(self):
        for words in (["slurm", "submit"], ["submit", "--to", "slurm"]):
            folder = self.dir / "work" / words[0]
            done = self.sovren(*words, self.write(f"work/{words[0]}/job.toml", JOB), code=0)
            self.assertEqual((done.stdout, done.stderr), ("41\n", ""))
            job = folder / "it.sovren"
            script = (job / "job.sbatch").read_text(encoding="utf-8")
            self.assertEqual((self.dir / "handed_in").read_text(encoding="utf-8"), script)
            self.assertIn(f"job={job}/job.toml\n", script)
            self.assertTrue((job / "logs").is_dir())
            asked, submitted = self.records()[-2:]
            self.assertEqual((asked["record"], submitted["record"], submitted["site_job"]), ("asked", "submitted", "41"))
            self.assertEqual((asked["dir"], asked["job_file"]), (str(job), f"{job}/job.toml"))
            self.assertIn(f"#SBATCH --comment=sovren:{asked['nonce']}\n", script)
        self.assertEqual(self.calls("sbatch"), ["sbatch --parsable"] * 2)

    def test_the_job_in_the_queue_is_the_one_that_was_submitted(self):
        self.sovren("slurm", "submit", self.job_file, "--set", "command.argv=['false']", "--ranks", "3", code=0)
        self.job_file.write_text("changed", encoding="utf-8")
        kept = self.sovren("run", self.job_dir_path / "job.toml", "--dry-run", code=0).stdout
        self.assertIn('argv = ["false"]', kept)
        self.assertIn("ranks = 3\n", kept)
        self.assertNotIn("--set", (self.job_dir_path / "job.sbatch").read_text(encoding="utf-8"))

    def test_options_of_a_submission(self):
        done = self.sovren("slurm", "submit", self.job_file, "--array", "0-9%2", "--after", "ok:7", "--hold", "--json",
                           code=0)
        answer = json.loads(done.stdout)
        self.assertEqual((answer["schema"], answer["site_job"], answer["array_tasks"]),
                         ("sovren.site_submission/1", "41", 10))
        self.assertEqual(self.calls("sbatch"), ["sbatch --parsable --hold"])
        script = (self.job_dir_path / "job.sbatch").read_text(encoding="utf-8")
        self.assertIn("#SBATCH --array=0-9%2\n", script)
        self.assertIn("#SBATCH --dependency=afterok:7\n", script)

    def test_several_files_and_standard_input(self):
        other = self.write("work/other.toml", JOB.replace('"it"', '"other"'))
        self.assertEqual(self.sovren("slurm", "submit", self.job_file, other, code=0).stdout, "41\n41\n")
        self.assertIn("one job, not of 2", self.sovren("slurm", "submit", self.job_file, other, "--dir", "x", code=2).stderr)
        self.sovren("slurm", "submit", "-", stdin=JOB.replace('"it"', '"read"'), code=0)
        self.assertTrue((self.dir / "read.sovren" / "job.toml").exists())
        self.sovren("submit", "--to", "slurm", "--command", "echo hi", code=0)
        self.assertTrue((self.dir / "command.sovren" / "job.toml").exists())

    def test_a_script_of_the_sites_own_is_passed_on_as_it_is(self):
        text = "#!/bin/bash\n#SBATCH -n 4\nsrun hostname\n"
        script = self.write("work/job.sh", text)
        done = self.sovren("submit", "--to", "slurm", script, "--hold", "--array", "0-3%2", "--after", "ok:7", code=0)
        self.assertEqual(done.stdout, "41\n")
        self.sovren("slurm", "submit", "-", stdin=text, code=0)
        self.assertEqual((self.dir / "handed_in").read_text(encoding="utf-8"), text)
        self.fake("sbatch", "echo 'sbatch: Job 9 to start' >&2")
        self.assertEqual(self.sovren("slurm", "submit", script, "--dry-run", code=0).stdout, "Job 9 to start\n")
        self.fake("sbatch", REFUSES)
        self.assertIn("Invalid account", self.sovren("slurm", "submit", script, code=3).stderr)
        self.assertEqual(self.calls("sbatch"), [
            f"sbatch --parsable --hold --array=0-3%2 --dependency=afterok:7 {script}", "sbatch --parsable",
            "sbatch --test-only", f"sbatch --parsable {script}"])
        self.assertEqual(self.records(), [])

    def test_ids_that_the_site_gave_are_not_lost_when_a_later_file_is_refused(self):
        self.fake("sbatch", '[ "$(grep -c "^sbatch" "$FAKES/calls")" = 1 ] || exit 1; echo 41')
        other = self.write("work/other.toml", JOB.replace('"it"', '"other"'))
        done = self.sovren("slurm", "submit", self.job_file, other, "--json", code=3)
        self.assertEqual(json.loads(done.stdout)["site_job"], "41")

    def test_what_the_site_refuses_leaves_nothing_behind(self):
        self.fake("sbatch", REFUSES)
        before = self.tree()
        done = self.sovren("slurm", "submit", self.job_file, "--dir", "work/deep/er", code=3)
        self.assertIn("the site refuses the job: Batch job submission failed: Invalid account", done.stderr)
        self.assertEqual(self.tree(), before)
        self.write("work/it.sovren/job.toml", "as it was")
        before = self.tree()
        self.sovren("slurm", "submit", self.job_file, code=3)
        self.assertEqual(self.tree(), before)
        self.fake("sbatch", TAKES)
        self.sovren("slurm", "submit", self.job_file, code=0)  # and nothing is in its way

    def test_without_slurm(self):
        self.env["PATH"] = str(self.dir / "none")
        done = self.sovren("slurm", "submit", self.job_file, code=5)
        self.assertIn("there is no Slurm here", done.stderr)
        self.assertFalse(self.job_dir_path.exists())
        script = self.sovren("slurm", "script", self.job_file, code=0).stdout
        self.assertIn("--launcher srun", script)
        self.assertIn("# No srun was found", script)

    def test_a_site_that_is_down(self):
        self.fake("sbatch", "echo 'sbatch: error: Batch job submission failed: Unable to contact slurm controller "
                  "(connect failure)' >&2; exit 1")
        self.assertIn("the site does not answer", self.sovren("slurm", "submit", self.job_file, code=5).stderr)
        self.assertFalse(self.job_dir_path.exists())

    def test_an_answer_that_got_lost_is_looked_for_in_the_queue(self):
        self.fake("sbatch", 'cat > "$FAKES/handed_in"; ' + LOST)
        self.fake("squeue", "echo '11|sovren:other'; sed -n 's/#SBATCH --comment=/12|/p' \"$FAKES/handed_in\"")
        self.assertEqual(self.sovren("slurm", "submit", self.job_file, code=0).stdout, "12\n")
        self.assertEqual(self.records()[-1]["site_job"], "12")

    def test_an_answer_that_stays_lost(self):
        self.fake("sbatch", LOST)
        done = self.sovren("slurm", "submit", self.job_file, code=124)
        self.assertIn("it is not known whether it took the job, which is not in its queue now", done.stderr)
        self.assertTrue((self.job_dir_path / "job.toml").exists())  # it may still begin
        self.assertEqual(self.records()[-1]["record"], "asked")

    def test_a_directory_in_use_is_refused(self):
        self.sovren("slurm", "submit", self.job_file, code=0)
        self.fake("squeue", "echo '" + QUEUED + "'")
        done = self.sovren("slurm", "submit", self.job_file, code=3)
        self.assertIn("41", done.stderr)
        self.assertEqual(len(self.calls("sbatch")), 1)
        self.sovren("slurm", "submit", self.job_file, "--dir", "elsewhere", code=0)

    def test_a_directory_whose_job_has_gone_is_free(self):
        self.sovren("slurm", "submit", self.job_file, code=0)
        self.fake("sacct", "echo 'Slurm accounting storage is disabled' >&2; exit 1")
        self.sovren("slurm", "submit", self.job_file, code=0)
        self.assertEqual([record["record"] for record in self.records()], ["asked", "submitted", "seen", "ended", "asked",
                                                                          "submitted"])

    def test_while_the_site_does_not_answer_a_directory_stays_in_use(self):
        self.sovren("slurm", "submit", self.job_file, code=0)
        self.fake("squeue", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
        self.sovren("slurm", "submit", self.job_file, code=3)

    def test_a_dry_run_changes_nothing(self):
        self.fake("sbatch", "echo 'sbatch: Job 9 to start at 2027-01-01T00:00:00' >&2")
        before = self.tree()
        done = self.sovren("slurm", "submit", self.job_file, "--dry-run", code=0)
        self.assertIn("#SBATCH --job-name=it\n", done.stdout)
        self.assertIn("the site says: Job 9 to start", done.stderr)
        self.assertEqual(self.calls("sbatch"), ["sbatch --test-only"])
        self.fake("sbatch", REFUSES)
        self.assertIn("Invalid account", self.sovren("slurm", "submit", self.job_file, "--dry-run", code=3).stderr)
        self.assertEqual((self.tree(), self.records()), (before, []))

    def test_the_site_says_how_ranks_are_started(self):
        self.assertIn("--launcher srun", self.sovren("slurm", "script", self.job_file, code=0).stdout)
        self.fake("srun", "echo 'MPI plugin types are...'; echo none; echo pmi2")
        self.assertIn("--launcher mpirun", self.sovren("slurm", "script", self.job_file, code=0).stdout)
        self.assertIn("--launcher srun",
                      self.sovren("slurm", "script", self.job_file, "--launcher", "srun", code=0).stdout)

    def test_the_warning_fits_the_partition_and_the_last_run(self):
        def warning(*words):
            text = self.sovren("slurm", "script", self.job_file, *words, code=0).stdout
            return text.split("USR1@")[1].split("\n")[0]
        self.assertEqual(warning(), "120")
        self.assertEqual(warning("--set", "partition=short"), "15")
        self.write("work/it.sovren/report.json", '{"checkpoints": {"seal_s": 40.0}}')
        self.assertEqual(warning("--set", "partition=long"), "110")
        self.assertEqual(warning("--time-limit", "2min"), "30")
        self.write("work/it.sovren/report.json", "torn")
        self.assertEqual(warning(), "120")

    def test_bad_input(self):
        script = self.write("work/job.sh", "#!/bin/bash\n#SBATCH -n 4\nsrun hostname\n")
        self.assertIn("already what a Slurm site wants", self.sovren("slurm", "script", script, code=3).stderr)
        self.assertIn("takes no --ranks", self.sovren("slurm", "submit", script, "--ranks", "2", code=2).stderr)
        own = self.write("work/own.sh", "#!/bin/bash\n#SOVREN --ranks 2\nhostname\n")
        self.sovren("slurm", "submit", own, code=0)
        self.assertIn("keeps a job file", self.sovren("slurm", "script", own, code=3).stderr)
        self.assertIn("did you mean: sovren slurm submit", self.sovren("slurm", "submti", self.job_file, code=2).stderr)
        self.assertIn("takes no --hold", self.sovren("slurm", "script", self.job_file, "--hold", code=2).stderr)
        self.assertIn("takes FILE", self.sovren("slurm", "submit", code=2).stderr)
        self.assertIn("takes one FILE", self.sovren("slurm", "script", code=2).stderr)
        self.assertIn("--connect names",
                      self.sovren("submit", "--to", "slurm", "--connect", "x", self.job_file, code=2).stderr)
        wrong = self.write("work/wrong.toml", JOB + "argz = 1\n")
        self.assertIn("argz", self.sovren("slurm", "submit", wrong, code=2).stderr)
        self.assertIn("after must be a list", self.sovren("slurm", "submit", self.job_file, "--after", "x:1", code=2).stderr)
        self.assertEqual(len(self.calls("sbatch")), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
