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

    def kill_causal(self, ranks, seed, *settings, variables=50, length=1000):
        self.generate(variables=variables, length=length, max_lag=5)
        self.kill_and_resume("data.toml", ranks, seed, *settings)

    def kill_and_resume(self, job, ranks, seed, *settings):
        """ranks: each command has one of these."""
        sets = [word for setting in settings for word in ("--set", setting)]
        want = self.report(job, *sets, "--dir", "undisturbed")["digest"]
        words = [job, "--json", *sets, "--set", 'checkpoint.interval="1 steps"',
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
        self.kill_causal([1], 1)

    def test_two_ranks(self):
        self.kill_causal([2], 2)

    def test_levels_and_replicates_on_changing_ranks(self):
        self.kill_causal([1, 2, 4], 3, 'causal_analysis.method="pcmci-plus"', "causal_analysis.bootstrap=20",
                         variables=16, length=500)

    def test_training_on_changing_ranks(self):
        self.training("data", steps=150, width=48, heads=3, dropout=0.1, batch=16, micro_batch=1, eval_every=10,
                      eval_batches=6, sample_every=50)
        self.kill_and_resume("data.toml", [1, 2, 4], 4)

    def test_rendering_on_changing_ranks(self):
        self.rendering("data", width=256, height=256, samples=96, noise_threshold=0.002, aovs=["normal", "depth"])
        self.kill_and_resume("data.toml", [1, 2, 4], 5)

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
