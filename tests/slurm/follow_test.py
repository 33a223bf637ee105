# SPDX-License-Identifier: Apache-2.0
"""`sovren slurm status` and `wait` of real jobs of a real Slurm: each state that it can be made to show."""
import json
import unittest

from slurm_case import ALL, SiteCase


class FollowCase(SiteCase):
    def follow(self, job, nonce, **more):
        """Writes down a job that was handed in by hand."""
        path = self.dir / "home" / "slurm" / "jobs.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        asked = {"record": "asked", "at": 1, "nonce": nonce, "name": nonce, "dir": f"{self.dir}/{nonce}", "user": "root"}
        with open(path, "a", encoding="utf-8") as ledger:
            for line in ({**asked, **more}, {"record": "submitted", "at": 2, "nonce": nonce, "site_job": job}):
                ledger.write(json.dumps(line) + "\n")
        return job

    def hand_in(self, name, *options, script="sleep 600"):
        file = self.write(f"{name}.sh", f"#!/bin/bash\n{script}\n")
        return self.follow(self.site.sbatch("--output=/dev/null", *options, file), name)

    def jobs(self, code=0):
        answer = json.loads(self.sovren("slurm", "status", "--all", "--json", code=code).stdout)
        self.assertEqual(answer["answered"], code == 0)
        return {job["site_job"]: job for job in answer["jobs"]}

    def wait_for(self, job, **wanted):
        """Looks until the job is so; returns it."""
        seen = {}

        def is_so():
            seen.update(self.jobs()[job])
            return all(seen[key] == value for key, value in wanted.items())
        try:
            self.wait_until(is_so)
        except AssertionError as error:
            raise AssertionError(f"{error}\nwanted {wanted} of {seen}") from error
        return seen


class StatesTest(FollowCase):
    def test_each_state(self):
        late = self.hand_in("late", "--time=1")  # a minute, and up to half a one more: Slurm knows no less
        held = self.hand_in("held", "--hold")
        failed = self.hand_in("failed", script="exit 3")
        killed = self.hand_in("killed", script="kill -9 $$")
        self.wait_for(late, state="RUNNING")
        self.assertEqual(self.wait_for(held, state="PENDING")["reason"], "JobHeldUser")
        self.assertEqual(self.wait_for(failed, state="FAILED")["exit_code"], 3)
        self.assertEqual(self.wait_for(killed, state="FAILED")["exit_code"], 137)
        self.assertIn(f"site job {failed} is FAILED", self.sovren("slurm", "wait", failed, code=1).stderr)

        requeued = self.hand_in("requeued", "--requeue", script=f"until [ -e {self.dir}/go ]; do sleep 0.1; done")
        self.wait_for(requeued, state="RUNNING", restarts=0)
        self.site.output("scontrol", "requeue", requeued)
        self.wait_for(requeued, state="RUNNING", restarts=1)
        (self.dir / "go").touch()
        self.sovren("slurm", "wait", requeued, code=0)
        self.assertEqual(self.jobs()[requeued]["state"], "COMPLETED")

        cancelled = self.hand_in("cancelled")
        self.wait_for(cancelled, state="RUNNING")
        self.sovren("slurm", "cancel", cancelled, held, code=0)
        self.wait_for(cancelled, state="CANCELLED")
        self.wait_for(held, state="CANCELLED")

        lost = self.hand_in("lost", "--no-requeue", "--nodelist=n2")
        self.wait_for(lost, state="RUNNING", nodes="n2")
        self.site.output("scontrol", "update", "NodeName=n2", "State=DOWN", "Reason=test")
        self.wait_for(lost, state="NODE_FAIL")

        self.follow(self.site.sbatch("--output=/dev/null", "--array=0-2%1", "--wrap=exit $SLURM_ARRAY_TASK_ID"), "array",
                    array_tasks=3)
        array = max(job["array_job"] for job in self.jobs().values() if "array_job" in job)
        self.assertEqual([self.wait_for(f"{array}_{i}", state=state)["exit_code"]
                          for i, state in enumerate(("COMPLETED", "FAILED", "FAILED"))], [0, 1, 2])
        if ALL:
            self.assertEqual(self.wait_for(late, state="TIMEOUT")["why"], "TimeLimit")

    def test_the_json_of_this_slurm_says_the_same(self):
        running, failed = self.hand_in("running"), self.hand_in("failed", script="exit 3")
        self.wait_for(failed, state="FAILED")
        self.wait_for(running, state="RUNNING")
        ledger = self.dir / "home" / "slurm" / "jobs.jsonl"
        known = self.jobs()
        kept = [line for line in ledger.read_text(encoding="utf-8").splitlines()
                if json.loads(line).get("record") not in ("seen", "ended")]
        ledger.write_text("\n".join(kept) + "\n", encoding="utf-8")
        squeue = self.site.output("which", "squeue")
        only_json = 'if [[ "$*" != *--json* ]]; then echo "squeue: unrecognized option" >&2; exit 1; fi'
        self.write("bin/squeue", f'#!/bin/bash\n{only_json}\nexec {squeue} "$@"\n').chmod(0o755)
        self.env["PATH"] = f"{self.dir / 'bin'}:{self.env['PATH']}"
        again = self.jobs()
        for job in (running, failed):
            for member in ("state", "nodes", "exit_code", "restarts", "why"):
                self.assertEqual(again[job][member], known[job][member], member)

    def test_slurmctld_goes_and_comes(self):
        job = self.hand_in("running")
        self.wait_for(job, state="RUNNING")
        self.site.kill("control")
        self.site.wait_until(lambda: self.site.command("scontrol", "ping").returncode != 0, "slurmctld to be gone")
        self.assertEqual(self.jobs(code=5)[job]["state"], "RUNNING")
        self.site.start_control()
        self.assertEqual(self.wait_for(job, state="RUNNING")["nodes"], "n1")


class ForgottenTest(FollowCase):
    """What slurmctld has let go of, and there is no accounting."""
    nodes = 1
    conf = ("MinJobAge=2",)

    def test_the_directory_says_how_it_ended(self):
        self.write("job.toml", 'name = "it"\nkind = "command"\n[command]\nargv = ["true"]\n')
        job = self.submit("job.toml")
        bare = self.hand_in("bare", script="true")  # has written nothing
        self.site.wait_until(lambda: not self.site.job(job) and not self.site.job(bare), "slurmctld to forget", 240)
        self.assertEqual((self.jobs()[job]["state"], self.jobs()[bare]["state"]), ("NOT_LISTED", "NOT_LISTED"))
        path = self.dir / "home" / "slurm" / "jobs.jsonl"
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for line in lines:
            if line.get("record") == "seen":
                line["at"] -= 60_000  # patience
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        jobs = self.jobs()
        self.assertEqual((jobs[job]["state"], jobs[job]["exit_code"]), ("COMPLETED", 0))
        self.assertEqual(jobs[bare]["state"], "VANISHED")
        self.sovren("slurm", "wait", job, code=0)
        self.assertIn("does not say that it has run", self.sovren("slurm", "wait", bare, code=1).stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
