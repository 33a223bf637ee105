# SPDX-License-Identifier: Apache-2.0
"""A job file at a Slurm site: its result is that of sovren run, whatever happens to its allocations."""
import os
import pathlib
import re
import signal
import unittest

from slurm_case import ResultCase


def has_pending_signal(process):
    """Whether SIGUSR1 waits for a process that is held."""
    status = pathlib.Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"^ShdPnd:\s*(\w+)$", status, re.M).group(1), 16) >> (signal.SIGUSR1 - 1) & 1 == 1


class SiteJob(ResultCase):
    def test_four_ranks_on_two_nodes_by_srun(self):
        self.runs_by("srun")

    def test_four_ranks_on_two_nodes_by_mpirun(self):
        self.runs_by("mpirun")

    def runs_by(self, launcher):
        job = self.submit_it("--launcher", launcher)
        self.wait_until_sealed()
        hosts = [os.readlink(f"/proc/{rank}/ns/uts") for rank in self.ranks()]
        self.assertEqual((len(hosts), len(set(hosts))), (4, 2))
        self.signal_ranks(signal.SIGCONT)
        self.wait_until_ended(job)
        self.check_result()
        chain = self.chain()
        self.assertEqual([(row["site_job"], row["restart"], row["nodes"], row["ranks"], row["launcher"],
                           row["exit_code"]) for row in chain], [(job, 0, 2, 4, launcher, 0)])
        self.figures.append("bitwise the embedded run's result")


class Signalled(ResultCase):
    def stop(self, job):
        """The batch script gets USR1, as it does ahead of its time limit: it seals, stops, and comes back."""
        self.site.output("scancel", "--signal=USR1", "--batch", job)
        self.wait_until(lambda: any(event["event"] == "stop_requested" for event in self.events()[self.seen:]))
        self.seen = len(self.events())
        self.signal_ranks(signal.SIGCONT)

    def test_a_signal_ahead_of_the_limit_five_times(self):
        job = self.submit_it()
        self.seen = 0
        for allocation in range(5):
            self.wait_until(lambda: len(self.chain()) > allocation)
            self.wait_until_sealed(beyond=self.chain()[-1]["step"])
            self.stop(job)
        chain = self.ends_after(job, restarts=5)
        self.assertEqual([row["exit_code"] for row in chain], [85] * 5 + [0])

    def test_a_signal_to_the_ranks_by_srun(self):
        self.ranks_signalled("srun")

    def test_a_signal_to_the_ranks_by_mpirun(self):
        self.ranks_signalled("mpirun")

    def ranks_signalled(self, launcher):
        """scancel without --batch tells the steps alone: they seal a checkpoint ahead of its time, and go on."""
        job = self.submit_it("--launcher", launcher, "--set", 'checkpoint.interval="10 steps"')
        self.wait_until_sealed()
        self.site.output("scancel", "--signal=USR1", job)
        self.wait_until(lambda: any(map(has_pending_signal, self.ranks())))
        self.signal_ranks(signal.SIGCONT)
        self.wait_until_ended(job)
        self.check_result()
        steps = [event["step"] for event in self.events() if event["event"] == "checkpoint_sealed"]
        self.assertLess(steps[1], steps[0] + 10)
        self.assertEqual(len(self.chain()), 1)
        self.figures.append("they sealed and went on, bitwise the same")


if __name__ == "__main__":
    unittest.main()
