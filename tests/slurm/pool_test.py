# SPDX-License-Identifier: Apache-2.0
"""A pool on a real Slurm: agents come for a queue and go with it; what an agent ran goes on elsewhere when it is gone."""
import unittest

import slurm_case  # noqa: F401  (finds the folder of the next)
from queue_case import QueueCase
from slurm_case import SlurmCase
from slurm_site import SlurmSite
from sovren_case import BIN

SITE_FILE = """\
[pool.render]
max_nodes = 3
scale_on = "queue_seconds > 0.1"
idle_timeout = "2s"
time_limit = "{time_limit}"
cpus = 1
connect = "home/sovren.sock"
program = "{program}"
options = ["--partition=work", "--exclusive"]
"""


class PoolTest(QueueCase, SlurmCase):
    def setUp(self):
        super().setUp()
        self.slurm = self.enterContext(SlurmSite(nodes=3, cpus=2))
        self.env.update(SLURM_CONF=self.slurm.env["SLURM_CONF"])

    def start_daemon(self, time_limit="10min"):
        (self.dir / "site.toml").write_text(SITE_FILE.format(program=BIN / "sovren", time_limit=time_limit))
        return self.serve("--config", self.dir / "site.toml")

    def pool(self):
        return self.json("partitions")["pools"][0]

    def logs(self):
        return self.log_of("serve") + "".join(path.read_text() for path in (self.home / "pools").glob("*/*.log"))

    def test_grows_from_0_to_3_agents_for_30_jobs_and_back_to_0(self):
        self.start_daemon()
        gate = self.dir / "gate"
        first = self.submit_command(f'while [ ! -e "{gate}" ]; do sleep 0.05; done', "--array", "0-29",
                                    "--set", "partition=render")
        self.wait_until(lambda: self.pool()["nodes_up"] == 3)
        self.assertEqual({a["state"] for a in self.pool()["allocations"]}, {"up"}, self.logs())
        names = self.slurm.output("squeue", "--noheader", "--format=%j").split()
        self.assertEqual(sorted(name.rsplit("-", 1)[0] for name in names), [f"sovren-render-{i}" for i in (1, 2, 3)])
        gate.touch()
        self.sovren("wait", first, code=0)
        self.assertEqual({job["state"] for job in self.json("jobs")["jobs"]}, {"COMPLETED"})
        self.wait_until(lambda: not self.pool()["allocations"] and not self.json("nodes")["nodes"])
        self.assertEqual(self.slurm.output("squeue", "--noheader", "--states=PENDING,RUNNING,COMPLETING"), "")
        self.assertNotIn("refused", self.log_of("serve"))

    def test_what_the_site_does_to_an_agent(self):
        self.start_daemon()
        gate = self.dir / "gate"
        job = self.submit_command(f'while [ ! -e "{gate}" ]; do sleep 0.05; done', "--set", "partition=render")
        self.wait_for_state(job, "RUNNING")
        self.slurm.output("scancel", self.pool()["allocations"][0]["site_job"])
        self.wait_until(lambda: self.job_of(job)["attempts"] == 2)
        self.wait_for_state(job, "RUNNING")
        self.assertNotEqual(self.job_of(job)["nodes"][0]["node"], "render-1")
        gate.touch()
        self.sovren("wait", job, code=0)


if __name__ == "__main__":
    unittest.main()
