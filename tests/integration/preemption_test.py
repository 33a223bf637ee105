# SPDX-License-Identifier: Apache-2.0
"""A long job makes room for short ones and loses nothing: its result is that of an undisturbed run."""
import os
import signal
import unittest

from queue_case import QueueCase
from sovren_case import processes_of

SHORT_JOBS = 50


class Preemption(QueueCase):
    def test_short_jobs_overtake_a_long_one_which_loses_nothing(self):
        self.generate(variables=400, length=1500, max_lag=5)
        settings = ("--set", "checkpoint.interval=\"1s\"", "--ranks", "1")
        undisturbed = self.report("data.toml", *settings, "--dir", self.dir / "alone")
        self.assertEqual(undisturbed["state"], "COMPLETED")

        site = self.write("site.toml", '[policy]\nquantum = "1s"\npreemption_cost = "100ms"\n')
        self.serve("--config", site)
        self.worker("n1", "--cpus", "1")
        long_job = self.submit("data.toml", *settings)
        self.wait_until(lambda: self.job_of(long_job)["state"] == "RUNNING")
        self.wait_until(lambda: self.job_of(long_job)["checkpoints"]["sealed"] >= 1)
        # However fast this machine is, it shall not end before it was asked to make room.
        ranks = processes_of(self.job_of(long_job)["dir"])
        for rank in ranks:
            os.kill(rank, signal.SIGSTOP)
        short = self.write("short.toml", 'kind = "command"\n[resources]\ntime_limit = "1min"\n'
                                         f'[command]\nargv = ["/bin/true"]\n[array]\ni = "1-{SHORT_JOBS}"\n')
        first = int(self.sovren("submit", short, code=0).stdout.split()[0])
        self.wait_until(lambda: self.job_of(long_job)["stop_requested"] == "preempt")
        for rank in ranks:
            os.kill(rank, signal.SIGCONT)
        self.sovren("wait", long_job, code=0)

        job = self.job_of(long_job)
        self.assertGreaterEqual(job["preemptions"], 1, job)
        self.assertGreaterEqual(job["attempts"], 2)
        self.assertEqual(job["failures"], 0)
        self.assertEqual(job["digest"], undisturbed["digest"])
        for number in range(first, first + SHORT_JOBS):
            one = self.job_of(str(number))
            self.assertEqual(one["state"], "COMPLETED")
            self.assertLess(one["ended_at"], job["ended_at"])


if __name__ == "__main__":
    unittest.main()
