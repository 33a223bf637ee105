# SPDX-License-Identifier: Apache-2.0
"""The batch scripts of `sovren slurm` under a real Slurm: what ends them, and what brings them back."""
import json
import unittest

from slurm_case import SiteCase

# Counts its starts, and goes on until the file `go` is there. Asked for a checkpoint it ends as one that has made it.
JOB = """
name = "gated"
kind = "command"
[command]
checkpoint_signal = "TERM"
script = '''#!/bin/bash
trap 'exit 85' TERM
echo start >> starts
until [ -e go ]; do sleep 0.05; done
'''
"""


class ScriptTest(SiteCase):
    nodes = 1
    conf = ("KillWait=30",)  # the test is not of speed

    def setUp(self):
        super().setUp()
        self.write("job.toml", JOB)
        self.folder = self.dir / "gated.sovren"

    def starts(self):
        path = self.folder / "starts"
        return len(path.read_text(encoding="utf-8").splitlines()) if path.exists() else 0

    def wait_for_start(self, number):
        self.wait_until(lambda: self.starts() >= number)

    def ends(self):
        """Exit codes of `sovren run` in the allocations that have ended."""
        lines = (self.folder / "allocations.jsonl").read_text(encoding="utf-8").split("\n")[:-1]  # whole ones
        return [row["exit_code"] for row in map(json.loads, lines) if row["event"] == "end"]

    def test_a_cancelled_job_seals_and_stays_away_until_it_is_submitted_again(self):
        job = self.submit("job.toml")
        self.wait_for_start(1)
        self.site.output("scancel", job)
        self.wait_until_ended(job, "CANCELLED")
        self.assertEqual(self.ends(), [85], self.logs())  # not killed, though the whole job got TERM
        self.write("gated.sovren/go", "")
        self.wait_until_ended(self.submit("job.toml"))
        self.assertEqual((self.ends(), self.starts()), ([85, 0], 2))

    def test_where_jobs_may_not_be_requeued_a_new_one_goes_on(self):
        script = self.sovren("slurm", "script", "job.toml", code=0).stdout.replace("--requeue", "--no-requeue")
        job = self.site.sbatch(self.write("by-hand.sh", script))
        self.wait_for_start(1)
        self.site.output("scancel", "--batch", "--signal=USR1", job)
        self.wait_until_ended(job, "FAILED")
        self.write("gated.sovren/go", "")
        self.wait_until(lambda: self.ends() == [85, 0])
        log = (self.folder / "logs" / f"slurm-{job}.log").read_text(encoding="utf-8")
        self.assertRegex(log, rf"sovren: job {job} goes on as job [0-9]+\n")
        self.assertNotIn("aborts", log)

    def test_a_job_that_is_requeued_after_its_end_is_not_run_again(self):
        self.write("gated.sovren/go", "")
        job = self.submit("job.toml")
        self.wait_until_ended(job)
        self.site.output("scontrol", "requeue", job)
        self.wait_for_job(job, lambda row: row["Restarts"] == "1" and row["JobState"] == "COMPLETED", "its second end")
        self.assertEqual(self.starts(), 1)
        log = (self.folder / "logs" / f"slurm-{job}.log").read_text(encoding="utf-8")
        self.assertIn("gated: COMPLETED before, by this job of the site\n", log)


if __name__ == "__main__":
    unittest.main(verbosity=2)
