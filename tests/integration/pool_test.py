# SPDX-License-Identifier: Apache-2.0
"""A pool whose site is this machine (fake_site.py): it grows for a queue and shrinks to nothing; what stands in its
way is told; it outlives its daemon."""
import contextlib
import os
import pathlib
import signal
import unittest

from queue_case import QueueCase
from sovren_case import BIN

SITE_FILE = """\
[pool.render]
max_nodes = 3
scale_on = "queue_seconds > 0.1"
idle_timeout = "1s"
time_limit = "30min"
cpus = 1
connect = "home/sovren.sock"
program = "{program}"
setup = "export SOVREN_TEST_POOL=yes"
"""


class PoolTest(QueueCase):
    def setUp(self):
        super().setUp()
        self.site = self.dir / "site"
        self.site.mkdir()
        programs = self.dir / "programs"
        programs.mkdir()
        fake = pathlib.Path(__file__).with_name("fake_site.py")
        for name in ("sbatch", "squeue", "scancel"):
            (programs / name).symlink_to(fake)
        self.env.update(FAKE_SITE=str(self.site), PATH=f"{programs}:{self.env['PATH']}")
        (self.dir / "site.toml").write_text(SITE_FILE.format(program=BIN / "sovren"))
        self.addCleanup(self.end_agents)

    def end_agents(self):
        for child in self.site.glob("*/child"):
            if not (child.parent / "code").exists():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(int(child.read_text()), signal.SIGKILL)

    def start_daemon(self):
        return self.serve("--config", self.dir / "site.toml")

    def pool(self):
        return self.json("partitions")["pools"][0]

    def events(self, name):
        return self.log_of("serve").count(f'"{name}"')

    def wait_until_gone(self):
        self.wait_until(lambda: not self.pool()["allocations"] and not self.json("nodes")["nodes"])

    def test_grows_from_0_to_3_agents_for_30_jobs_and_back_to_0(self):
        self.start_daemon()
        self.assertEqual(self.pool()["nodes_up"], 0)
        gate = self.dir / "gate"
        first = int(self.submit_command(f'while [ ! -e "{gate}" ]; do sleep 0.02; done; test $SOVREN_TEST_POOL = yes',
                                        "--array", "0-29", "--set", "partition=render"))
        self.wait_until(lambda: self.pool()["nodes_up"] == 3)
        pool = self.pool()
        self.assertEqual(pool["note"], "max_nodes = 3: it has no more")
        self.assertEqual([a["state"] for a in pool["allocations"]], ["up"] * 3)
        self.assertEqual({n["labels"]["pool"] for n in self.json("nodes")["nodes"]}, {"render"})
        self.wait_until(lambda: sum(job["state"] == "RUNNING" for job in self.json("jobs")["jobs"]) == 3)
        gate.touch()
        self.sovren("wait", first, code=0)
        jobs = self.json("jobs")["jobs"]
        self.assertEqual({job["state"] for job in jobs}, {"COMPLETED"}, jobs)
        self.assertEqual(len(jobs), 30)
        self.wait_until_gone()
        self.assertEqual(self.pool()["note"], "")
        submitted = [path for path in self.site.iterdir() if path.name.isdigit()]
        self.assertEqual(len(submitted), 3, "no allocation too many")

    def test_the_plan_and_explain_say_what_the_pool_does(self):
        (self.site / "slots").write_text("0")
        self.start_daemon()
        self.assertIn("nothing to do", self.sovren("partitions", "--plan", code=0).stdout)
        (self.site / "refuse").write_text("Batch job submission failed: Invalid account")
        job = self.submit_command("true", "--set", "partition=render")
        self.wait_until(lambda: "Invalid account" in self.pool()["note"])
        self.assertRegex(self.pool()["note"], r"^refused by the site: Batch job submission failed: Invalid account; "
                                              r"asks again at 20..-..-..T")
        self.assertIn("pool render does not grow: refused by the site", self.json("explain", job)["why"])
        self.assertIn("Invalid account", self.sovren("partitions", code=0).stdout)
        self.sovren("cancel", job, code=0)
        self.wait_until(lambda: self.pool()["note"] == "")

    def test_outlives_its_daemon(self):
        (self.site / "slots").write_text("0")
        daemon = self.start_daemon()
        gate = self.dir / "gate"
        job = self.submit_command(f'while [ ! -e "{gate}" ]; do sleep 0.02; done', "--time-limit", "20min")
        self.wait_until(lambda: [a["state"] for a in self.pool()["allocations"]] == ["queued"])
        self.assertIn("pool render is growing: 1 node is on the way", self.json("explain", job)["why"])
        self.stop(daemon, signal.SIGKILL, -signal.SIGKILL)
        daemon = self.start_daemon()
        (self.site / "slots").write_text("9")
        self.wait_for_state(job, "RUNNING")
        self.stop(daemon)
        self.start_daemon()
        self.wait_until(lambda: self.pool()["nodes_up"] == 1)
        gate.touch()
        self.sovren("wait", job, code=0)
        self.assertEqual(self.job_of(job)["attempts"], 1)
        self.wait_until_gone()
        self.assertEqual(len([path for path in self.site.iterdir() if path.name.isdigit()]), 1)

    def test_a_site_that_does_not_answer_is_asked_again(self):
        (self.site / "slots").write_text("0")
        self.start_daemon()
        job = self.submit_command("true", "--set", "partition=render")
        self.wait_until(lambda: [a["state"] for a in self.pool()["allocations"]] == ["queued"])
        (self.site / "down").touch()
        self.submit_command("true", "--set", "partition=render")
        self.wait_until(lambda: "does not answer" in self.pool()["note"])
        (self.site / "slots").write_text("9")
        (self.site / "down").unlink()
        self.sovren("wait", job, code=0)

    def test_is_refused_where_agents_could_not_reach_the_daemon(self):
        (self.dir / "bad.toml").write_text("[pool.render]\ncpus = 1\n")
        done = self.sovren("serve", "--config", self.dir / "bad.toml", code=2)
        self.assertIn("pool.render: its agents cannot reach a daemon without [listen] address", done.stderr)
        self.assertIn("connect", done.stderr)


if __name__ == "__main__":
    unittest.main()
