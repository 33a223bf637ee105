# SPDX-License-Identifier: Apache-2.0
"""A job that loses its allocation in mid-run: it goes on in another, to the same result."""
import signal
import unittest

from slurm_case import ResultCase


class AllocationLost(ResultCase):
    def test_requeued_by_an_operator(self):
        job = self.submit_it()
        self.wait_until_sealed()
        self.site.output("scontrol", "requeue", job)
        self.ends_after(job)

    def test_preempted_by_a_higher_partition(self):
        job = self.submit_it("--set", 'partition="low"')
        self.wait_until_sealed()
        gate = self.dir / "gate"
        other = self.site.sbatch("--partition=high", "--nodes=2", "--exclusive", "--output=/dev/null", "--wrap",
                                 f"until [ -e {gate} ]; do sleep 0.1; done")
        self.wait_until_running(other)
        self.assertIn(self.site.state(job), ("PENDING", "PREEMPTED", "REQUEUED"))
        gate.touch()
        self.wait_until_ended(other)
        self.ends_after(job)


class NodeLost(ResultCase):
    nodes = 3

    def test_slurmd_of_the_head_node_killed(self):
        job = self.submit_it()
        self.wait_until_sealed()
        head = self.site.job(job)["BatchHost"]
        self.site.kill(head)
        self.wait_until_running(job, restarts=1)
        self.assertNotIn(head, self.site.job(job)["NodeList"])
        self.signal_ranks(signal.SIGCONT)  # also what the lost node had left running: it must not disturb
        self.ends_after(job)


if __name__ == "__main__":
    unittest.main()
