# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments of sovren, mpirun and ranks; the same command again; at last the same bits."""
import os
import pathlib
import random
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "integration"))
from sovren_case import SovrenCase, processes_of  # noqa: E402


class Kill(SovrenCase):
    KILLS = int(os.environ.get("SOVREN_TEST_KILLS", "20"))

    def kill_and_resume(self, ranks, seed, *settings, variables=50, length=1000):
        """ranks: each command has one of these."""
        self.generate(variables=variables, length=length, max_lag=5)
        sets = [word for setting in settings for word in ("--set", setting)]
        want = self.report("data.toml", *sets, "--dir", "undisturbed")["digest"]
        words = ["data.toml", "--json", *sets, "--set", 'checkpoint.interval="1 steps"',
                 "--set", "retry.limit=50", "--set", 'retry.backoff="0s"']
        rng = random.Random(seed)
        killed = {"sovren": 0, "mpirun": 0, "rank": 0}
        while sum(killed.values()) < self.KILLS:
            chosen = rng.choice(ranks)
            process = self.start("run", *words, "--ranks", chosen)
            try:
                process.wait(timeout=rng.uniform(0.0, 0.6))  # the random moment
                continue
            except subprocess.TimeoutExpired:
                pass
            whom = rng.choice(["sovren", "mpirun", "rank"] if chosen > 1 else ["sovren", "rank"])
            if self.kill_one(whom, process.pid, rng):
                killed[whom] += 1
            if whom == "sovren":
                process.wait()
            elif rng.random() < 0.5:  # half the time the scheduler is left to repair it alone
                process.communicate(timeout=240)
            else:
                self.end(process)
        report = self.report(*words[:1], *words[2:])
        self.assertEqual(report["state"], "COMPLETED")
        self.assertEqual(report["digest"], want, f"after {killed}, seed {seed}")
        self.assertEqual(processes_of(str(self.dir)), [], "nothing is left running")

    def kill_one(self, whom, sovren_pid, rng):
        """kill -9 of one process of that role; False when there is none at this moment."""
        if whom == "sovren":
            targets = [sovren_pid]
        else:
            program = "mpirun" if whom == "mpirun" else "sovren-rank"
            targets = [p for p in processes_of(str(self.dir)) if p != sovren_pid and program in self.program_of(p)]
        if not targets:
            return False
        try:
            os.kill(rng.choice(sorted(targets)), signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def ranks(self):
        return [p for p in processes_of(str(self.dir)) if self.program_of(p) == "sovren-rank"]

    @staticmethod
    def program_of(pid):
        try:
            return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode().rsplit("/", 1)[-1]
        except (OSError, IndexError):
            return ""

    def test_one_rank(self):
        self.kill_and_resume([1], 1)

    def test_two_ranks(self):
        self.kill_and_resume([2], 2)

    def test_levels_and_replicates_on_changing_ranks(self):
        self.kill_and_resume([1, 2, 4], 3, 'causal_analysis.method="pcmci-plus"', "causal_analysis.bootstrap=20",
                             variables=16, length=500)

    def test_no_process_outlives_a_killed_sovren(self):
        self.generate(variables=300, length=500, max_lag=4)
        for ranks in (1, 2):
            with self.subTest(ranks=ranks):
                process = self.start("run", "data.toml", "--ranks", ranks)
                self.wait_until(lambda: len(self.ranks()) >= ranks, process)
                process.kill()
                process.wait()
                self.wait_until(lambda: not processes_of(str(self.dir)))
                self.assertEqual(processes_of(str(self.dir)), [])


if __name__ == "__main__":
    unittest.main()
