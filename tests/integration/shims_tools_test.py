# SPDX-License-Identifier: Apache-2.0
"""sbatch and what tools that know Slurm ask afterwards: the command lines of submitit, Snakemake and Nextflow."""
import getpass
import re
import unittest

from shims_case import ShimsCase

USER = getpass.getuser()


class Sbatch(ShimsCase):
    def script(self, name, *lines):
        self.write(name, "\n".join(["#!/bin/sh", *lines, ""]))
        return name

    def states(self, *words):
        """What sacct has of jobs: {"12_3": "RUNNING", ...}."""
        return dict(line.split("|") for line in self.slurm("sacct", "-nP", "-X", "-o", "JobID,State", *words).splitlines())

    def test_as_submitit_does(self):
        """An array whose elements are started by srun's rank variables, followed by sacct with -j for each."""
        script = self.script("submission.sh", "# Parameters", "#SBATCH --array=0-3%2", "#SBATCH --cpus-per-task=1",
                             f"#SBATCH --error={self.dir}/log/%A_%a_0_log.err", "#SBATCH --job-name=submitit",
                             "#SBATCH --mem=100MB", "#SBATCH --nodes=1", "#SBATCH --ntasks-per-node=1",
                             "#SBATCH --open-mode=append", f"#SBATCH --output={self.dir}/log/%A_%a_0_log.out",
                             "#SBATCH --signal=USR2@90", "#SBATCH --time=5", "#SBATCH --wckey=submitit",
                             self.at_gate(), 'echo "$SLURM_ARRAY_JOB_ID $SLURM_ARRAY_TASK_ID"')
        (self.dir / "log").mkdir()
        printed = self.called("sbatch", script)
        self.assertEqual(printed.returncode, 0, printed)
        job = re.search(r"job (?P<id>[0-9]+)", printed.stdout).group("id")
        self.assertEqual(printed.stdout, f"Submitted batch job {job}\n")
        asked = ["sacct", "-o", "JobID,State,NodeList", "--parsable2", "-j", job]
        self.wait_until(lambda: f"{job}_[2-3%2]|PENDING|None assigned\n" in self.slurm(*asked))
        lines = self.slurm(*asked).splitlines()
        self.assertEqual(lines[:3], ["JobID|State|NodeList", f"{job}_0|RUNNING|n1", f"{job}_0.batch|RUNNING|n1"])
        self.open_gate()
        self.wait_until(lambda: set(self.states("-j", job).values()) == {"COMPLETED"})
        self.assertEqual(sorted(self.states("-j", job)), [f"{job}_{task}" for task in range(4)])
        for task in range(4):
            self.assertEqual((self.dir / f"log/{job}_{task}_0_log.out").read_text(encoding="utf-8"), f"{job} {task}\n")

    def test_as_snakemake_does(self):
        words = ["sbatch", "--parsable", "--job-name", "run-1", "-o", f"{self.dir}/rule.log", "--export=ALL",
                 "--comment", "rule_one", "-t", "5", "--mem", "100", "--ntasks=1", "--cpus-per-task=1", "-D", self.dir]
        good = self.slurm(*words, "--wrap", f"{self.at_gate()}; echo done").strip()
        bad = self.slurm(*words, "--wrap", "exit 7").strip()
        self.assertRegex(good, r"^\d+$")
        asked = ["sacct", "-X", "--parsable2", "--noheader", "--format=JobIdRaw,State",
                 "--starttime", "now-1days", "--endtime", "now", "--name", "run-1"]
        def state_of(job):
            return dict(line.split("|") for line in self.slurm(*asked).splitlines())[job]
        self.wait_until(lambda: state_of(bad) == "FAILED" and state_of(good) == "RUNNING")
        self.open_gate()
        self.wait_until(lambda: state_of(good) == "COMPLETED")
        self.assertEqual((self.dir / "rule.log").read_text(encoding="utf-8"), "done\n")

    def test_as_nextflow_does(self):
        script = self.script(".command.run", "#SBATCH -J nf-align_(1)", f"#SBATCH -o {self.dir}/.command.log",
                             "#SBATCH --no-requeue", "#SBATCH --signal B:USR2@30", "#SBATCH -c 1", "#SBATCH -t 01:00:00",
                             "#SBATCH --mem 100M", "NXF_CHDIR=$PWD", self.at_gate())
        first, second = (re.match(r"Submitted batch job (\d+)$", self.called("sbatch", script).stdout).group(1)
                         for _ in range(2))
        def queue():
            listed = self.slurm("squeue", "--noheader", "-o", "%i %t", "-t", "all", "-u", USER)
            return dict(line.split() for line in listed.splitlines())
        self.wait_until(lambda: queue() == {first: "R", second: "R"})
        self.slurm("scancel", second)
        self.open_gate()
        self.wait_until(lambda: queue() == {first: "CD", second: "CA"})

    def test_ways_to_submit(self):
        script = self.script("job.sh", "#SBATCH --output=out.txt", 'echo "$1 in $SLURM_JOB_NAME"; exit "$2"')
        done = self.called("sbatch", "--wait", script, "seven", 7)
        self.assertEqual((done.returncode, done.stdout), (7, "Submitted batch job 1\n"), done.stderr)
        self.assertEqual((self.dir / "out.txt").read_text(encoding="utf-8"), "seven in job.sh\n")
        self.assertEqual(self.slurm("sbatch", "--parsable", "-o", "in.txt", stdin="#!/bin/sh\necho hello\n"), "2\n")
        self.sovren("wait", "2", code=0)
        self.assertEqual((self.dir / "in.txt").read_text(encoding="utf-8"), "hello\n")
        shown = self.slurm("scontrol", "-o", "show", "job", 1)
        self.assertIn(f" WorkDir={self.dir} ", shown)
        self.assertIn(f" StdOut={self.dir}/out.txt ", shown)
        self.assertIn(" ExitCode=7:0 ", shown)

    def test_what_cannot_be_submitted(self):
        tried = self.called("sbatch", "--test-only", "--wrap", "true")
        self.assertEqual((tried.returncode, tried.stdout), (0, ""))
        self.assertEqual(self.slurm("squeue", "-h", "-t", "all"), "", "nothing was submitted")
        for words, told in ((["--test-only", "-n", "4000", "--wrap", "true"], "4000"),
                            (["--foo", "--wrap", "true"], "foo"),
                            (["there-is-none.sh"], "there-is-none.sh"),
                            (["--time=soon", "--wrap", "true"], "soon")):
            done = self.called("sbatch", *words)
            self.assertEqual((done.returncode, done.stdout), (1, ""), done)
            self.assertRegex(done.stderr, f"^sbatch: error: .*{told}")


if __name__ == "__main__":
    unittest.main()
