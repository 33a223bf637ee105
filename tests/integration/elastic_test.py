# SPDX-License-Identifier: Apache-2.0
"""A job of each kind that is stopped again and again and goes on on another number of MPI ranks: the same bits."""
import json
import sys
import unittest

from sovren_case import SovrenCase

CHAIN = (1, 8, 3, 2, 4, 1)  # each number is left once and come to once
SETTINGS = ("--set", 'checkpoint.interval="1 steps"', "--set", 'resources.oversubscribe="yes"')


class Elastic(SovrenCase):
    def newest_step(self):
        return max((int(path.name.split("-")[1]) for path in self.sets()), default=-1)

    def go_through(self, *words):
        want = self.report(*words, "--dir", "undisturbed")
        words = (*words, *SETTINGS)
        steps = [-1]
        for ranks in CHAIN[:-1]:
            process = self.start("run", *words, "--json", "--ranks", ranks)
            self.wait_until(lambda: self.newest_step() > steps[-1], process)
            process.terminate()
            out, _ = process.communicate()
            self.assertEqual(process.returncode, 85, f"on {ranks} ranks, after steps {steps} of {want['steps']}: "
                             + (self.dir / "stderr.txt").read_text())
            stopped = json.loads(out)
            self.assertEqual((stopped["state"], stopped["ranks"]), ("PENDING", ranks))
            self.assertEqual(self.newest_step(), stopped["checkpoints"]["last_step"])
            self.assertGreater(self.newest_step(), steps[-1])
            steps.append(self.newest_step())
            self.sovren("checkpoints", "verify", "data.sovren", code=0)
        report = self.report(*words, "--ranks", CHAIN[-1])
        self.assertEqual(report["state"], "COMPLETED")
        self.assertEqual([event["step"] for event in self.events() if event["event"] == "checkpoint_restored"],
                         steps[1:])
        self.assertEqual(report["digest"], want["digest"], steps)
        print(f"{self.id().rsplit('.', 1)[-1]}: on {CHAIN} ranks, stopped after {steps[1:]} of {report['steps']} steps",
              file=sys.stderr)

    def test_causal_analysis(self):
        job = self.generate(variables=200, length=600, max_lag=3)
        self.go_through(job.name, "--set", 'causal_analysis.method="pcmci-plus"')  # many levels: many steps

    def test_model_training(self):
        # A micro-batch for each of 8 ranks.
        self.training("data", steps=120, dropout=0.1, batch=8, micro_batch=1, eval_every=10, sample_every=40)
        self.go_through("data.toml")

    def test_rendering(self):
        self.rendering("data", width=144, height=144, samples=320, max_depth=2, noise_threshold=0.0005, aovs=["normal"])
        self.go_through("data.toml")


if __name__ == "__main__":
    unittest.main()
