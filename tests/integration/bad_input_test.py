# SPDX-License-Identifier: Apache-2.0
"""Every line of the issue's "Bad input": a clear error, the right exit code, nothing changed."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import unittest

from sovren_case import SovrenCase

GOOD_ROWS = "a,b\n" + "".join(f"{(i * 37) % 17},{(i * 53) % 19}\n" for i in range(60))


class BadInput(SovrenCase):
    def test_missing_job_file(self):
        self.generate()
        self.refused("run", "dta.toml", code=2, says=["there is no job file 'dta.toml'", "did you mean data.toml"])

    def test_missing_data_file(self):
        self.write("measurements.csv", GOOD_ROWS)
        self.job(data="measurement.csv")
        self.refused("run", "job.toml", code=2, says=["measurement.csv", "measurements.csv"])

    def test_ragged_csv(self):
        self.write("data.csv", "a,b\n1,2\n3\n4,5\n")
        self.job()
        self.refused("run", "job.toml", code=2, says=["data.csv:3", "1", "2"])

    def test_text_where_numbers_belong(self):
        self.write("data.csv", "wind,rain\n1,2\n3,heavy\n4,5\n")
        self.job()
        self.refused("run", "job.toml", code=2, says=["data.csv:3", "rain", "heavy"])

    def test_a_binary_file_does_not_reach_the_terminal(self):
        (self.dir / "data.csv").write_bytes(b"a,b\n\x1b[2J\x00\x07,2\n1,2\n")
        self.job()
        done = self.refused("run", "job.toml", code=2, says=["data.csv:2"])
        self.assertFalse([c for c in done.stderr if ord(c) < 32 and c != "\n"])

    def test_constant_column_is_named_and_gets_no_links(self):
        self.write("data.csv", "a,b,c\n" + "".join(f"{(i * 37) % 17},5,{(i * 53) % 19}\n" for i in range(60)))
        self.job()
        done = self.sovren("run", "job.toml", "--json", code=0)
        self.assertIn("'b'", done.stderr)
        self.assertEqual(done.stderr.count("never changes"), 1)
        graph = json.loads((self.job_dir("job") / "result/graph.json").read_text())
        self.assertFalse([link for link in graph["links"] if "b" in (link["source"], link["target"])])
        self.assertNotIn("NaN", (self.job_dir("job") / "result/graph.json").read_text())

    def test_fewer_time_steps_than_conditions(self):
        self.write("data.csv", "a,b\n1,2\n3,5\n2,2\n7,5\n4,1\n")
        self.job()
        self.refused("run", "job.toml", code=2, says=["data.csv", "5", "max_lag"])

    def test_unknown_keys(self):
        self.generate()
        self.job(extra="[resources]\nrank = 2")
        self.refused("run", "job.toml", code=2, says=["job.toml:5:1", "rank", "did you mean", "ranks"])
        self.refused("run", "data.toml", "--set", "resources.rnaks=2", code=2, says=["rnaks", "ranks"])

    def test_ranks_zero(self):
        self.generate()
        self.refused("run", "data.toml", "--ranks", 0, code=2, says=["ranks", "0", "1"])

    def test_more_ranks_than_cores(self):
        self.generate()
        cores = len(os.sched_getaffinity(0))
        self.refused("run", "data.toml", "--ranks", cores + 1, "--oversubscribe", "no", code=3,
                     says=[str(cores + 1), "oversubscribe"])
        self.refused("run", "data.toml", "--ranks", 100 * cores, code=3, says=[str(100 * cores), "oversubscribe"])

    def test_a_kind_that_is_not_known_is_refused(self):
        self.write("scene.toml", 'kind = "rendring"\n')
        self.refused("run", "scene.toml", code=2, says=["scene.toml:1:8", "'rendring'", "did you mean 'rendering'"])

    def test_questions_about_unknown_variables(self):
        self.generate()
        for setting in ("effects=[{cause='x0',effect='x00'}]", "interventions=[{set='x00',to=1.0}]",
                        "required=[{source='x00',target='x1',lag=1}]", "forbidden=[{source='x00',target='x1'}]"):
            self.refused("run", "data.toml", "--set", "causal_analysis." + setting, code=2,
                         says=["causal_analysis." + setting.split("=")[0] + "[0].", "'x00'", "did you mean 'x0"])

    def test_prior_knowledge_in_a_circle(self):
        self.generate()
        circle = "[{source='x0',target='x1',lag=0},{source='x1',target='x0',lag=0}]"
        self.refused("run", "data.toml", "--set", "causal_analysis.required=" + circle, code=2,
                     says=["causal_analysis.required[1]", "circle", "'x1' --> 'x0'"])

    def test_a_discrete_test_on_continuous_data(self):
        self.generate()
        for test in ("chi2", "g2"):
            self.refused("run", "data.toml", "--set", "causal_analysis.test=" + test, code=2,
                         says=["'x0'", "different values", "at most 64", "parcorr"])

    def test_a_variable_without_a_value_in_a_window(self):
        rows = "".join(f"{t % 7},{'' if t < 58 else t}\n" for t in range(60))
        self.write("holes.csv", "a,b\n" + rows)
        self.write("holes.toml", 'kind = "causal-analysis"\n[causal_analysis]\ndata = "holes.csv"\n'
                                 "missing = nan\nmax_lag = 1\n")
        self.refused("run", "holes.toml", code=2, says=["'b'", "no value in the rows", "lag 2"])

    def test_cuda_without_a_device_is_refused_when_asked_for(self):
        if shutil.which("nvidia-smi"):
            self.skipTest("this machine has a GPU")
        self.generate()
        done = self.sovren("run", "data.toml", "--backend", "cuda")
        self.assertIn(done.returncode, (1, 3))
        self.assertIn("cuda", done.stderr.lower())

    def leave_only_checkpoints(self):
        """The folder of a job that was not finished: sealed sets, but neither log nor result. The newest of them."""
        self.generate(variables=250, length=400)
        for job in (1, 2):  # the second, so that a new log must not begin with ids that sets bear
            report = self.report("data.toml", "--set", 'checkpoint.interval="1 steps"')
            self.assertEqual(report["job"], job)
        self.digest = report["digest"]
        for path in [*self.job_dir().glob("events.db*"), self.job_dir() / "report.json"]:
            path.unlink()
        shutil.rmtree(self.job_dir() / "result")
        rows = json.loads(self.sovren("checkpoints", "list", "data.sovren", "--json", code=0).stdout)["checkpoints"]
        self.assertGreater(len(rows), 1)
        return pathlib.Path(rows[0]["path"])

    def test_checkpoint_of_another_spec_is_refused_with_the_difference(self):
        self.leave_only_checkpoints()
        before = self.files(self.job_dir() / "checkpoints")
        done = self.sovren("run", "data.toml", "--set", "causal_analysis.pc_alpha=0.2", code=3)
        for piece in ("causal_analysis.pc_alpha", "0.05", "0.2", "--fresh"):
            self.assertIn(piece, done.stderr)
        self.assertEqual(self.files(self.job_dir() / "checkpoints"), before)
        self.sovren("run", "data.toml", "--set", "causal_analysis.pc_alpha=0.2", "--fresh", code=0)

    def test_corrupt_newest_checkpoint_falls_back_and_says_so(self):
        newest = self.leave_only_checkpoints()
        shard = sorted(newest.glob("*.h5"))[0]
        shard.write_bytes(shard.read_bytes()[:-1])
        done = self.sovren("run", "data.toml", "--json", code=0)
        self.assertIn(newest.name, done.stderr)
        self.assertTrue(any((self.job_dir() / "checkpoints/quarantine").iterdir()))
        report = json.loads(done.stdout)
        self.assertEqual(report["job"], 3)
        self.assertGreater(report["seconds"]["restore"], 0)
        self.assertEqual(report["digest"], self.digest)

    @staticmethod
    def state_of(pid):
        """As ps shows it: T stopped, Z ended."""
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0]

    def test_two_runs_in_one_folder(self):
        self.generate()
        process = self.start("run", "data.toml")
        self.wait_until((self.job_dir() / "LOCK").exists, process)
        os.kill(process.pid, signal.SIGSTOP)
        self.wait_until(lambda: self.state_of(process.pid) in "TZ")
        if not (self.job_dir() / "report.json").exists():  # else it was done before it was stopped
            second = self.sovren("run", "data.toml", code=3)
            self.assertIn(f"pid {process.pid}", second.stderr)
        os.kill(process.pid, signal.SIGCONT)
        process.communicate()
        self.assertEqual(process.returncode, 0)

    @unittest.skipUnless(os.geteuid() == 0, "needs root: mounts a small and a read-only file system")
    def test_full_disk(self):
        self.generate(variables=30)
        disk = self.mount("size=64k")
        done = self.sovren("run", "data.toml", "--dir", disk / "job", code=74)
        self.assertIn("the disk is full", done.stderr)
        self.assertIn("free some space", done.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "needs root: mounts a small and a read-only file system")
    def test_disk_that_fills_up_during_the_run(self):
        self.generate(variables=120, length=600)
        disk = self.mount("size=1200k")
        done = self.sovren("run", "data.toml", "--dir", disk / "job", "--set", 'checkpoint.interval="1 steps"',
                           "--set", "retry.limit=0", code=74)
        self.assertRegex(done.stderr, "No space left|does not fit")
        self.assertNotIn("gen-", str([p for p in (disk / "job/checkpoints").glob("*.tmp*")]))

    @unittest.skipUnless(os.geteuid() == 0, "needs root: mounts a small and a read-only file system")
    def test_read_only_folder(self):
        self.generate()
        disk = self.mount("size=64k")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        done = self.sovren("run", "data.toml", "--dir", disk / "job", code=74)
        self.assertIn("Read-only", done.stderr)
        self.assertIn(str(disk), done.stderr)

    def mount(self, options):
        disk = self.dir / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", str(disk)], check=True)
        return disk


if __name__ == "__main__":
    unittest.main()
