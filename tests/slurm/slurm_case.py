# SPDX-License-Identifier: Apache-2.0
"""What the tests on a real Slurm share: a site, a job with a known answer, the allocations it had."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "integration"))
from slurm_site import SlurmSite, why_not  # noqa: E402
from sovren_case import BIN, SovrenCase  # noqa: E402

ENDED = ("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "TIMEOUT")
ALL = os.environ.get("SOVREN_TEST_SLURM") == "all"  # the whole form of tests that CI runs shortened


class SlurmCase(SovrenCase):
    @classmethod
    def setUpClass(cls):
        reason = why_not()
        if reason:
            raise unittest.SkipTest(reason)

    def setUp(self):
        super().setUp()
        self.figures = []  # for the line that run.sh prints


class SiteCase(SlurmCase):
    """A test with a site of its own."""
    nodes = 2
    conf = ()

    def setUp(self):
        super().setUp()
        self.site = SlurmSite(nodes=self.nodes, conf=self.conf)
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        stack.enter_context(self.site)
        self.env["SLURM_CONF"] = self.site.env["SLURM_CONF"]

    def submit(self, *words):
        """Hands a job file to the site; returns its id there."""
        printed = self.sovren("slurm", "submit", *words, code=0).stdout
        self.assertRegex(printed, r"^[0-9]+\n$")
        return printed.strip()

    def logs(self):
        """What the site and the jobs' scripts said."""
        found = sorted(path for path in self.dir.rglob("logs/*") if path.is_file())
        texts = "".join(f"--- {path.name}\n{path.read_text(errors='replace')[-4000:]}\n" for path in found)
        return texts + self.site.logs()

    def wait_for_job(self, job, is_so, what, patience_s=240):
        """Looks at a job of the site until is_so(what scontrol says of it)."""
        try:
            self.site.wait_until(lambda: is_so(self.site.job(job)), f"{what}: {self.site.job(job)}", patience_s)
        except RuntimeError as error:
            raise AssertionError(f"{error}\n{self.logs()}") from error

    def wait_until_running(self, job, restarts=0):
        self.wait_for_job(job, lambda row: row.get("JobState") == "RUNNING" and int(row["Restarts"]) >= restarts,
                          f"job {job} to run with {restarts} restarts")

    def wait_until_ended(self, job, state="COMPLETED", patience_s=240):
        self.wait_for_job(job, lambda row: row.get("JobState") in ENDED, f"the end of job {job}", patience_s)
        self.assertEqual(self.site.state(job), state, self.logs())

    def wait_until(self, is_so, process=None):
        try:
            super().wait_until(is_so, process)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.logs()}") from error


class ResultCase(SiteCase):
    """Tests that run one job of four ranks at the site, and compare with the embedded run, made once."""
    name = "data"
    settings = ("--ranks", "4", "--backend", "cpu")
    inputs = ("data.csv", "data.truth.csv", "data.toml")
    alone = None  # folder of the inputs, and of the embedded run

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.alone = pathlib.Path(tempfile.mkdtemp(prefix="sovren-alone-"))
        cls.addClassCleanup(shutil.rmtree, cls.alone, ignore_errors=True)
        cls.prepare()

    @classmethod
    def prepare(cls):
        """Makes the inputs, runs the job here: a causal analysis of some seconds and some fifty steps."""
        cls.run_alone("generate", "causal", "--variables", 40, "--length", 800, "--max-lag", 3, "--seed", 1,
                      "--output", "data.csv")
        cls.settings += ("--set", 'checkpoint.interval="1 steps"', "--set", "causal_analysis.bootstrap=400")
        cls.run_alone("run", "data.toml", *cls.settings)

    @classmethod
    def run_alone(cls, *words):
        env = {**os.environ, "SOVREN_HOME": str(cls.alone / "home"), "NO_COLOR": "1"}
        subprocess.run([str(BIN / "sovren"), *map(str, words)], cwd=cls.alone, env=env, check=True,
                       capture_output=True)

    def setUp(self):
        super().setUp()
        for name in self.inputs:
            shutil.copy(self.alone / name, self.dir)

    def submit_it(self, *words):
        """The job, on two nodes of the site."""
        return self.submit(f"{self.name}.toml", *self.settings, "--set", "resources.nodes=2", *words)

    @classmethod
    def report_of(cls, folder):
        return json.loads((folder / f"{cls.name}.sovren" / "report.json").read_text(encoding="utf-8"))

    def check_result(self):
        """It is, bit for bit, that of the embedded run."""
        expected, found = self.report_of(self.alone), self.report_of(self.dir)
        self.assertEqual(found["state"], "COMPLETED", self.logs())
        self.assertEqual((found["digest"], found["ranks"]), (expected["digest"], 4))
        self.check_files(self.job_dir(self.name) / "result", self.alone / f"{self.name}.sovren" / "result")

    def check_files(self, found, expected):
        import h5py  # only here: the other tests do without
        self.assertEqual((found / "graph.json").read_bytes(), (expected / "graph.json").read_bytes())
        with h5py.File(found / "result.h5") as ours, h5py.File(expected / "result.h5") as theirs:
            for name in ("val_matrix", "p_matrix", "q_matrix"):
                self.assertEqual(ours[name][()].tobytes(), theirs[name][()].tobytes())

    def newest_step(self):
        """Of the sealed sets; -1: none."""
        return max([int(path.name[len("gen-"):]) for path in self.sets(self.name)], default=-1)

    def wait_until_sealed(self, beyond=-1):
        """Until there is a newer set; the ranks are then held, so that the job is in mid-run whatever the speed."""
        self.wait_until(lambda: self.newest_step() > beyond)
        self.signal_ranks(signal.SIGSTOP)
        return self.newest_step()

    def ranks(self):
        """The ids of all processes of the site that are ranks."""
        found = []
        for process in self.site.processes():
            with contextlib.suppress(OSError):
                if pathlib.Path(f"/proc/{process}/comm").read_text().strip() == "sovren-rank":
                    found.append(process)
        return found

    def signal_ranks(self, number):
        for rank in self.ranks():
            with contextlib.suppress(ProcessLookupError):
                os.kill(rank, number)

    def chain(self):
        """The allocations that began, each with what was written at its end, if it was."""
        begun, file = [], self.job_dir(self.name) / "allocations.jsonl"
        for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
            row = json.loads(line)
            if row["event"] == "begin":
                begun.append(row)
                continue
            key = ("site_job", "restart")
            next(b for b in reversed(begun) if all(b[k] == row[k] for k in key)).update(row)
        return begun

    def ends_after(self, job, restarts=1):
        """It ends well, each allocation having gone on from the one before; its chain."""
        self.wait_until_ended(job)
        self.check_result()
        chain = self.chain()
        self.assertEqual([row["restart"] for row in chain], list(range(restarts + 1)))
        for before, after in zip(chain, chain[1:]):
            self.assertGreaterEqual(after["step"], max(before["step"], before.get("sealed_step", 0)))
        self.assertGreater(chain[-1]["step"], 0)
        self.figures.append(f"{len(chain)} allocations, bitwise the same")
        return chain
