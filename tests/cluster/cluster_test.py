# SPDX-License-Identifier: Apache-2.0
"""One job over three nodes, whatever dies meanwhile: at last the same bits as alone on one rank."""
import signal
import time
import unittest

from cluster_case import NODES, ClusterCase

CUT_S = 20


class Cluster(ClusterCase):
    def setUp(self):
        super().setUp()
        self.generate(variables=650, length=600, max_lag=4)  # some seconds of work after the first set: mid-run is mid-run
        self.want = self.expected()

    def check_nothing_is_left(self):
        self.wait_until(lambda: not self.ranks())
        self.assertEqual(self.ranks(), [])

    def test_six_ranks_on_three_nodes_give_the_bits_of_one(self):
        job = self.submit_wide()
        ended = self.check_done(job, self.want)
        self.assertEqual((ended["attempts"], ended["ranks"]), (1, 6))
        self.assertEqual([(slot["node"], slot["ranks"]) for slot in ended["nodes"]], [(node, 2) for node in NODES])
        self.check_nothing_is_left()

    def test_a_killed_agent_costs_one_attempt(self):
        for node in ("n2", "n1"):  # which one heads the job is the scheduler's choice: try both roles
            with self.subTest(node=node):
                job = self.submit_wide()
                self.wait_until_sealed(job)
                self.kill(self.agents[node])
                self.wait_until(lambda job=job: self.job_of(job)["state"] == "PENDING")
                self.agents[node] = self.agent(node)
                ended = self.check_done(job, self.want)
                self.assertEqual(ended["attempts"], 2)
                self.check_nothing_is_left()

    def test_a_cut_cable_costs_one_attempt(self):
        job = self.submit_wide()
        self.wait_until_sealed(job)
        self.network.cut("n3")
        cut_at = time.monotonic()
        self.wait_until(lambda: self.job_of(job)["state"] == "PENDING")
        self.assertEqual(self.node("n3"), "DOWN")
        self.wait_until(lambda: time.monotonic() - cut_at > CUT_S)
        self.network.mend("n3")
        ended = self.check_done(job, self.want)
        self.assertEqual(ended["attempts"], 2)
        self.check_nothing_is_left()

    def test_a_killed_scheduler_takes_the_running_attempt_up_again(self):
        job = self.submit_wide()
        self.wait_until_sealed(job)
        before = self.ranks()
        self.kill(self.daemon)
        self.daemon = self.serve_cluster()
        self.assertEqual(self.job_of(job)["state"], "RUNNING")
        self.wait_until(lambda: all(self.node(node) == "ALLOCATED" or self.node(node) == "MIXED" for node in NODES))
        self.assertTrue(set(before) & set(self.ranks()) or self.job_of(job)["state"] == "COMPLETED",
                        "the same processes go on")
        ended = self.check_done(job, self.want)
        self.assertEqual(ended["attempts"], 1)

    def test_a_frozen_agent_is_fenced_when_it_thaws(self):
        job = self.submit_wide()
        self.wait_until_sealed(job)
        self.kill(self.agents["n2"], signal.SIGSTOP)
        self.wait_until(lambda: self.job_of(job)["state"] == "PENDING")
        self.assertEqual(self.node("n2"), "DOWN")
        self.kill(self.agents["n2"], signal.SIGCONT)
        ended = self.check_done(job, self.want)
        self.assertEqual(ended["attempts"], 2)
        self.check_nothing_is_left()


if __name__ == "__main__":
    unittest.main()
