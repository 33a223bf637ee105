# SPDX-License-Identifier: Apache-2.0
"""Stopping and resuming: Ctrl-C, SIGTERM, SIGUSR1, sovren checkpoint, time limits."""
import json
import os
import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "integration"))
from sovren_case import SovrenCase, processes_of  # noqa: E402


class Stop(SovrenCase):
    def setUp(self):
        super().setUp()
        job = self.generate(variables=300, length=500, max_lag=4)
        # Many conditions make it last for seconds: it must not be done before it is told to stop.
        job.write_text(job.read_text().replace("pc_alpha = 0.05", "pc_alpha = 0.2"))

    def undisturbed(self):
        return self.report("data.toml", "--dir", "undisturbed")["digest"]

    def start_and_wait_for_work(self, *words):
        """Starts the job and comes back when its ranks are stepping: rank 0 has a log, and there are events."""
        process = self.start("run", "data.toml", "--json", *words)
        self.wait_until(self.stepping, process)
        return process

    def stepping(self):
        log = self.dir / "stderr.txt"
        return (self.job_dir() / "events.db").exists() and "%" in log.read_text()

    def test_ctrl_c_seals_and_the_same_command_resumes(self):
        for ranks in (1, 2):
            with self.subTest(ranks=ranks):
                process = self.start_and_wait_for_work("--ranks", ranks, "--fresh")
                os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole foreground group
                out, _ = process.communicate()
                self.assertEqual(process.returncode, 85, (self.dir / "stderr.txt").read_text())
                report = json.loads(out)
                self.assertEqual(report["state"], "PENDING")
                self.assertTrue(self.sets())
                resumed = self.report("data.toml", "--ranks", ranks)
                self.assertEqual(resumed["state"], "COMPLETED")
                self.assertGreater(resumed["seconds"]["restore"], 0)
                self.assertEqual(resumed["digest"], self.undisturbed())

    def test_sigterm_does_as_ctrl_c(self):
        process = self.start_and_wait_for_work()
        process.terminate()
        process.communicate()
        self.assertEqual(process.returncode, 85)

    def test_comes_back_on_another_number_of_ranks(self):
        process = self.start_and_wait_for_work("--ranks", 2)
        process.terminate()
        process.communicate()
        self.assertEqual(process.returncode, 85)
        report = self.report("data.toml", "--ranks", 3)
        self.assertGreater(report["seconds"]["restore"], 0)
        self.assertEqual(report["ranks"], 3)
        self.assertEqual(report["digest"], self.undisturbed())

    def test_second_ctrl_c_aborts(self):
        process = self.start_and_wait_for_work()
        rank = [p for p in processes_of(str(self.dir)) if p != process.pid]
        for pid in rank:
            os.kill(pid, signal.SIGSTOP)  # so that it cannot seal
        process.send_signal(signal.SIGINT)
        self.wait_until(lambda: "again" in (self.dir / "stderr.txt").read_text(), process)
        process.send_signal(signal.SIGINT)
        process.communicate()
        self.assertEqual(process.returncode, 130)
        self.assertEqual(processes_of(str(self.dir)), [])

    def test_sigusr1_and_sovren_checkpoint_seal_and_go_on(self):
        process = self.start_and_wait_for_work("--set", 'checkpoint.interval="1h"')
        self.assertEqual(self.sets(), [])
        self.sovren("checkpoint", "data.sovren", code=0)
        self.wait_until(self.sets, process)
        self.assertEqual(len(self.sets()), 1)
        out, _ = process.communicate()
        self.assertEqual(process.returncode, 0)
        self.assertEqual(json.loads(out)["state"], "COMPLETED")
        self.sovren("checkpoint", "data.sovren", code=4)

    def test_time_limit_seals_before_it_and_the_next_run_goes_on(self):
        codes, limit_ms = [], 1000
        while len(codes) < 30 and (not codes or codes[-1] == 85):
            codes.append(self.sovren("run", "data.toml", "--time-limit", f"{limit_ms}ms").returncode)
            limit_ms = limit_ms * 5 // 4  # so that a slow machine gets there too
        self.assertEqual(codes[-1], 0, codes)
        self.assertIn(85, codes)
        report = json.loads((self.job_dir() / "report.json").read_text())
        self.assertGreater(report["seconds"]["restore"], 0)
        self.assertEqual(report["digest"], self.undisturbed())


if __name__ == "__main__":
    unittest.main()
