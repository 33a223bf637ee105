# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments of sovren, mpirun and ranks; the same command again; at last the same bits."""
import unittest

from kill_case import KillCase
from sovren_case import processes_of


class Kill(KillCase):
    def kill_causal(self, ranks, seed, *settings, variables=50, length=1000):
        self.generate(variables=variables, length=length, max_lag=5)
        self.kill_and_resume("data.toml", ranks, seed, *settings)

    def test_one_rank(self):
        self.kill_causal([1], 1)

    def test_two_ranks(self):
        self.kill_causal([2], 2)

    def test_levels_and_replicates_on_changing_ranks(self):
        self.kill_causal([1, 2, 3, 4], 3, 'causal_analysis.method="pcmci-plus"', "causal_analysis.bootstrap=20",
                         variables=16, length=500)

    def test_training_on_changing_ranks(self):
        self.training("data", steps=150, width=48, heads=3, dropout=0.1, batch=16, micro_batch=1, eval_every=10,
                      eval_batches=6, sample_every=50)
        self.kill_and_resume("data.toml", [1, 2, 3, 4], 4)

    def test_rendering_on_changing_ranks(self):
        self.rendering("data", width=128, height=128, samples=64, noise_threshold=0.002, aovs=["normal", "depth"])
        self.kill_and_resume("data.toml", [1, 2, 3, 4], 5)

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
