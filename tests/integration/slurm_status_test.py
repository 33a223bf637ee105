# SPDX-License-Identifier: Apache-2.0
"""`sovren slurm status`, `wait` and `cancel`, with programs that stand for a site's."""
import json
import os
import unittest

from queue_case import QueueCase
from sovren_case import SovrenCase

FAKE = """#!/bin/bash
echo "%s $*" >> "$FAKES/calls"
%s
"""
JOB = 'name = "it"\nkind = "command"\n[command]\nargv = ["true"]\ncheckpoint_signal = "USR1"\n'


class SlurmStatusTest(SovrenCase):
    def setUp(self):
        super().setUp()
        self.env.update(PATH=f"{self.dir / 'bin'}:{os.environ['PATH']}", FAKES=str(self.dir))
        self.fake("sbatch", 'cat > /dev/null; echo $((40 + $(grep -c sbatch "$FAKES/calls")))')
        self.fake("srun", "echo pmix")
        self.fake("sinfo", "")
        self.fake("scancel", "")
        self.fake("sacct", "echo 'Slurm accounting storage is disabled' >&2; exit 1")
        self.fake("squeue", 'cat "$FAKES/queue"')
        self.queue()

    def fake(self, name, then):
        self.write(f"bin/{name}", FAKE % (name, then)).chmod(0o755)

    def queue(self, *rows):
        """Rows of squeue: id, state, restarts, wait status, reason, nodes."""
        self.write("queue", "".join("|".join(map(str, row)) + "||\n" for row in rows))

    def calls(self, name):
        lines = (self.dir / "calls").read_text(encoding="utf-8").splitlines()
        return [line for line in lines if line.split()[0] == name]

    def submit(self, name, *options):
        file = self.write(f"work/{name}.toml", JOB.replace('"it"', f'"{name}"'))
        return self.sovren("slurm", "submit", file, *options, code=0).stdout.strip()

    def status(self, *words, code=0):
        answer = json.loads(self.sovren("slurm", "status", "--json", *words, code=code).stdout)
        self.assertEqual(answer["schema"], "sovren.site_jobs/1")
        return {job["site_job"]: job for job in answer["jobs"]}

    def test_states_reasons_restarts_and_progress(self):
        waits, runs = self.submit("waits"), self.submit("runs")
        self.queue((waits, "PENDING", 0, 0, "Priority", ""), (runs, "RUNNING", 2, 0, "None", "n[1-2]"))
        folder = self.dir / "work" / "runs.sovren"
        self.write("work/runs.sovren/progress.json", json.dumps(
            {"schema": "sovren.progress/1", "step": 30, "fraction": 0.25, "metrics": {"speed": 2, "train_loss": 1.5},
             "sealed_step": 20, "attempt": 3, "at": 1764200000000}))
        jobs = self.status()
        self.assertEqual(len(self.calls("squeue")), 1)  # for both
        self.assertEqual((jobs[waits]["state"], jobs[waits]["reason"]), ("PENDING", "Priority"))
        self.assertIsNone(jobs[waits]["progress"])
        self.assertEqual((jobs[runs]["state"], jobs[runs]["restarts"], jobs[runs]["nodes"], jobs[runs]["dir"]),
                         ("RUNNING", 2, "n[1-2]", str(folder)))
        self.assertEqual((jobs[runs]["progress"]["step"], jobs[runs]["progress"]["metrics"]["train_loss"]), (30, 1.5))
        table = self.sovren("slurm", "status", code=0).stdout
        self.assertRegex(table, rf"{waits} +waits +PENDING +0 +Priority +/")
        self.assertRegex(table, rf"{runs} +runs +RUNNING +2 +25 % +30 +train_loss 1.5 +n\[1-2\] +/")

    def test_what_has_ended_is_shown_when_asked_for(self):
        good, bad = self.submit("good"), self.submit("bad")
        self.queue((good, "COMPLETED", 0, 0, "None", "n1"), (bad, "FAILED", 0, 768, "NonZeroExitCode", "n1"))
        self.assertEqual(self.status(), {})
        jobs = self.status("--all")
        self.assertEqual((jobs[good]["state"], jobs[good]["exit_code"]), ("COMPLETED", 0))
        self.assertEqual((jobs[bad]["state"], jobs[bad]["exit_code"], jobs[bad]["why"]), ("FAILED", 3, "NonZeroExitCode"))
        self.assertEqual(list(self.status(bad)), [bad])
        self.assertEqual(len(self.calls("squeue")), 1)  # all had ended then
        self.assertIn("no job '7'", self.sovren("slurm", "status", "7", code=4).stderr)

    def test_an_array_is_a_line_and_each_element_a_row(self):
        job = self.submit("array", "--array", "0-4")
        self.queue((f"{job}_0", "COMPLETED", 0, 0, "None", "n1"), (f"{job}_1", "RUNNING", 1, 0, "None", "n1"),
                   (f"{job}_[2-4%2]", "PENDING", 0, 0, "JobArrayTaskLimit", ""))
        jobs = self.status()
        self.assertEqual(sorted(jobs), [f"{job}_{i}" for i in range(1, 5)])
        self.assertEqual((jobs[f"{job}_4"]["array_job"], jobs[f"{job}_4"]["element"], jobs[f"{job}_4"]["reason"]),
                         (job, 4, "JobArrayTaskLimit"))
        table = self.sovren("slurm", "status", "--all", code=0).stdout
        self.assertRegex(table, rf"{job}_\[0-4\] +array +RUNNING +1 +1/5 +1 done, 1 running, 3 waiting")
        self.assertEqual(len(self.sovren("slurm", "status", "--all", "-r", code=0).stdout.splitlines()), 6)

    def test_a_site_that_does_not_answer(self):
        job = self.submit("it")
        self.queue((job, "RUNNING", 0, 0, "None", "n1"))
        self.status()
        self.fake("squeue", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
        done = self.sovren("slurm", "status", code=5)
        self.assertIn("Unable to contact slurm controller", done.stderr)
        self.assertRegex(done.stdout, rf"{job} +it +RUNNING")  # as last seen
        answer = json.loads(self.sovren("slurm", "status", "--json", code=5).stdout)
        self.assertFalse(answer["answered"])
        (self.dir / "bin" / "squeue").unlink()
        self.env["PATH"] = f"{self.dir / 'bin'}:/nowhere"
        self.assertIn("'squeue' is not on PATH", self.sovren("slurm", "status", code=5).stderr)

    def test_wait_follows_a_job_to_the_end_of_its_continuation(self):
        first, other = self.submit("it"), self.submit("other")
        ledger = (self.dir / "home" / "slurm" / "jobs.jsonl").read_text(encoding="utf-8")
        nonce = [json.loads(line) for line in ledger.splitlines()][1]["nonce"]
        row = f"{first}|FAILED|0|{85 << 8}|NonZeroExitCode|n1|sovren:{nonce}|\n"
        self.write("queue", row + f"90|RUNNING|0|0|None|n1|sovren:{nonce}|\n{other}|FAILED|0|256||n1||\n")
        self.assertIn("90 is RUNNING", self.sovren("slurm", "wait", first, "--timeout", "100ms", code=124).stderr)
        self.write("queue", row + f"90|COMPLETED|0|0|None|n1|sovren:{nonce}|\n")
        self.sovren("slurm", "wait", first, code=0)
        done = self.sovren("slurm", "wait", "90", other, "--json", code=1)
        jobs = {job["site_job"]: job for job in json.loads(done.stdout)["jobs"]}
        self.assertEqual((jobs["90"]["submissions"], jobs["90"]["restarts"]), ([first, "90"], 1))
        self.assertIn(f"site job {other} is FAILED", done.stderr)
        self.sovren("slurm", "wait", code=2)

    def test_cancel_names_the_newest_ids(self):
        job, array = self.submit("it"), self.submit("array", "--array", "0-9")
        self.queue((job, "RUNNING", 0, 0, "None", "n1"), (f"{array}_[0-9]", "PENDING", 0, 0, "None", ""))
        self.sovren("slurm", "cancel", job, array, code=0)
        self.sovren("slurm", "cancel", f"{array}_3", code=0)
        self.assertEqual(self.calls("scancel"), [f"scancel {job} {array}", f"scancel {array}_3"])
        self.queue((job, "CANCELLED", 0, 15, "None", "n1"), (f"{array}_[0-9]", "PENDING", 0, 0, "None", ""))
        self.assertIn("nothing to cancel", self.sovren("slurm", "cancel", job, code=0).stderr)
        self.fake("scancel", "echo 'scancel: error: Kill job error on job id 42: Access denied' >&2; exit 1")
        self.assertIn("Access denied", self.sovren("slurm", "cancel", array, code=3).stderr)
        self.assertIn("no job 'x'", self.sovren("slurm", "cancel", "x", code=4).stderr)

    def test_history_shows_the_chain_of_allocations(self):
        self.assertIn("no scheduler is reached", self.sovren("history", code=5).stderr)  # no site job either
        job, array = self.submit("it"), self.submit("array", "--array", "0-1")
        begin = {"schema": "sovren.allocation/1", "event": "begin", "nodes": 2, "ranks": 4, "launcher": "srun"}
        lines = []
        for restart, (start, end, code) in enumerate([("10:00:00", "10:01:00", 85), ("10:02:00", None, None),
                                                      ("10:05:00", "10:05:30", 0)]):
            named = {"site_job": job, "restart": restart}
            lines.append({**begin, **named, "began_at": f"2026-11-26T{start}Z", "step": restart * 10 - 1})
            if end:
                lines.append({"schema": "sovren.allocation/1", "event": "end", **named, "exit_code": code,
                              "ended_at": f"2026-11-26T{end}Z", "sealed_step": restart * 10 + 9})
        lines.append({**begin, "site_job": "7", "restart": 0, "began_at": "2025-01-01T00:00:00Z", "step": -1})
        self.write("work/it.sovren/allocations.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
        self.write("work/it.sovren/report.json", json.dumps({"checkpoints": {"sealed": 3}, "digest": "d1"}))
        self.queue((job, "COMPLETED", 2, 0, "None", "n1"), (f"{array}_0", "COMPLETED", 0, 0, "None", "n1"),
                   (f"{array}_1", "RUNNING", 0, 0, "None", "n1"))
        done = self.sovren("history", "--json", code=0)
        self.assertIn("only jobs of the Slurm site", done.stderr)
        answer = json.loads(done.stdout)
        self.assertEqual(answer["schema"], "sovren.history/1")
        jobs = {record["id"]: record for record in answer["jobs"]}
        self.assertEqual(sorted(jobs), [job, f"{array}_0"])
        record = jobs[job]
        self.assertEqual((record["where"], record["state"], record["attempts"], record["restarts"], record["run_s"]),
                         ("slurm", "COMPLETED", 3, 2, 90))
        self.assertEqual((record["digest"], record["checkpoints"]), ("d1", {"sealed": 3}))
        self.assertEqual([(one["restart"], one["exit_code"], one["sealed_step"]) for one in record["allocations"]],
                         [(0, 85, 9), (1, None, None), (2, 0, 29)])
        table = self.sovren("history", code=0).stdout
        self.assertRegex(table, rf"{job} +it +\S+ +COMPLETED +slurm +3 ")
        self.assertRegex(table, rf" {job}\.0 +checkpoint 9 +1 min")
        self.assertRegex(table, rf" {job}\.1 +cut off")
        self.assertRegex(table, rf" {job}\.2 +exit 0")
        self.assertEqual(len(json.loads(self.sovren("history", "--json", "--limit", "1", code=0).stdout)["jobs"]), 1)
        for none in (["--user", "nobody"], ["--until", "2020-01-01"], ["--since", "2100-01-01"]):
            self.assertEqual(json.loads(self.sovren("history", "--json", *none, code=0).stdout)["jobs"], [], none)
        self.sovren("history", "--connect", str(self.dir / "none.sock"), code=5)


class HistoryOfBothTest(QueueCase):
    def test_history_has_both_in_one_order(self):
        self.serve()
        jobs = [self.submit_command("true") for _ in range(2)]
        for job in jobs:
            self.sovren("cancel", job, code=0)
        self.assertEqual([record["where"] for record in self.json("history")["jobs"]], ["local"] * 2)
        lines = []
        for site_job, ended_at in (("5", 1_000), ("6", 9_999_999_999_000)):
            lines += [{"record": "asked", "at": 1, "nonce": site_job, "name": "old", "dir": "/none", "user": "ada"},
                      {"record": "submitted", "at": 2, "nonce": site_job, "site_job": site_job},
                      {"record": "ended", "at": ended_at, "site_job": site_job, "state": "FAILED", "exit_code": 3}]
        self.write("home/slurm/jobs.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
        both = self.json("history")["jobs"]
        self.assertEqual([record["where"] for record in both], ["slurm", "local", "local", "slurm"])
        self.assertEqual((both[0]["id"], both[0]["exit_code"], both[3]["id"]), ("6", 3, "5"))
        self.assertEqual([record["id"] for record in self.json("history", "--limit", "2")["jobs"]], ["6", int(jobs[1])])
        self.assertEqual(len(self.json("history", "--connect", self.socket)["jobs"]), 2)


if __name__ == "__main__":
    unittest.main()
