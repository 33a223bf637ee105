# SPDX-License-Identifier: Apache-2.0
"""A job longer than its partition's time limit, which is a minute: it takes what it needs, untouched."""
import json
import unittest

from slurm_case import ALL, ResultCase
from sovren_case import SOURCE

NEEDS_S = 250  # a little more than four minutes
ALLOCATIONS_MIN = 5
TRIAL_STEPS = 400
JOB = """schema = 1
name = "long"
kind = "model-training"
partition = "short"
[checkpoint]
interval = "10s"
[model_training]
data = "text.txt"
layers = 2
heads = 2
width = 32
context = 32
batch = 8
steps = {steps}
learning_rate = 0.003
seed = 3
"""


class LongJob(ResultCase):
    name = "long"
    inputs = ("text.txt", "long.toml")

    @classmethod
    def setUpClass(cls):
        if not ALL:
            raise unittest.SkipTest("takes ten minutes: only with SOVREN_TEST_SLURM=all")
        super().setUpClass()

    @classmethod
    def prepare(cls):
        """The job's steps are as many as this machine does in four minutes."""
        (cls.alone / "text.txt").write_text((SOURCE / "docs/job-file.md").read_text(encoding="utf-8"))
        for steps in (TRIAL_STEPS, None):
            steps = steps or int(NEEDS_S / cls.report_of(cls.alone)["seconds"]["run"] * TRIAL_STEPS)
            (cls.alone / "long.toml").write_text(JOB.format(steps=steps))
            cls.run_alone("run", "long.toml", *cls.settings, "--fresh")

    def check_files(self, found, expected):
        self.assertEqual((found / "model.safetensors").read_bytes(), (expected / "model.safetensors").read_bytes())

    def test_a_job_of_four_minutes_on_a_partition_of_one(self):
        job = self.submit_it()
        self.wait_until_ended(job, patience_s=1500)
        self.check_result()
        chain = self.chain()
        self.assertGreaterEqual(len(chain), ALLOCATIONS_MIN)
        self.assertEqual([row["restart"] for row in chain], list(range(len(chain))))
        (shown,) = json.loads(self.sovren("history", "--json", code=0).stdout)["jobs"]
        self.assertEqual([row["restart"] for row in shown["allocations"]], list(range(len(chain))))
        self.figures.append(f"{len(chain)} allocations of at most a minute for a job of "
                            f"{self.report_of(self.alone)['seconds']['run']:.0f} s, bitwise the same")


if __name__ == "__main__":
    unittest.main()
