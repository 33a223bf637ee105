# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end fault tests share: a job of each kind that stopped half way, faults, the table of outcomes."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "integration"))
from sovren_case import BIN, SovrenCase, processes_of  # noqa: E402

SHIM = os.environ.get("SOVREN_FAULT_SHIM", str(BIN.parent / "lib" / "libfault_shim.so"))
KINDS = ("causal-analysis", "model-training", "rendering")
SETTINGS = ('checkpoint.interval="1 steps"', "checkpoint.keep=3", "retry.limit=0", 'retry.backoff="0s"')
EVERY = os.environ.get("SOVREN_TEST_FAULTS") == "all"
ROW_S = 120  # more than any row needs: over it, the row hangs


def state_of(pid):
    """As in ps: "R", "S", "T"; "gone"."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "gone"


class FaultCase(SovrenCase):
    """A case whose jobs are all called "job", each in a folder of its own.

    A row is one fault in one kind of job: row() runs it in a copy of a job that was killed after two sets."""
    made = {}      # kind -> (folder of the killed job, digest of the undisturbed run, where it ran)
    outcomes = []  # rows of the table

    @classmethod
    def setUpClass(cls):
        cls.made, cls.outcomes = {}, []
        cls.templates = pathlib.Path(tempfile.mkdtemp(prefix="sovren-fault-"))
        cls.addClassCleanup(shutil.rmtree, cls.templates, ignore_errors=True)

    @classmethod
    def tearDownClass(cls):
        if cls.outcomes:
            print(f"\n| fault | kind | outcome |\n|---|---|---|\n" + "\n".join(cls.outcomes), flush=True)

    def setUp(self):
        super().setUp()
        self.sets_dir = self.dir / "job.sovren" / "checkpoints"

    def note(self, fault, kind, outcome):
        self.outcomes.append(f"| {fault} | {kind} | {outcome} |")

    # The job.

    def write_job(self, kind):
        """job.toml of a tiny job of dozens of steps; for rendering, of a few."""
        if kind == "model-training":
            self.training(steps=40)
        elif kind == "rendering":
            self.rendering(width=16, height=16, samples=256, noise_threshold=0.0005, max_depth=2)
        else:
            made = self.generate(variables=24, length=400, max_lag=2)
            self.write("job.toml", made.read_text().replace('name = "data"', 'name = "job"'))

    def job_of(self, kind):
        """Makes self.dir a copy of a job of that kind that was killed twice; returns the digest it must end with."""
        if kind not in self.made:
            self.made[kind] = self.make(kind)
        folder, digest, made_in = self.made[kind]
        shutil.rmtree(self.dir)
        shutil.copytree(folder, self.dir, symlinks=True)
        resolved = self.dir / "job.sovren" / "job.toml"
        resolved.write_text(resolved.read_text().replace(made_in, str(self.dir)))
        return digest

    def make(self, kind):
        shutil.rmtree(self.dir)
        self.dir.mkdir()
        self.write_job(kind)
        digest = json.loads(self.run_job("--dir", "undisturbed", code=0).stdout)["digest"]
        shutil.rmtree(self.dir / "undisturbed")
        # On two ranks, so that a set has two shards.
        for sealed in (1, 2):
            done = self.run_job("--ranks", 2, code=1, faults=f"rename {self.sets_dir}/gen-?????? 1 after-kill")
            self.assertEqual(len(self.sets("job")), sealed, done.stderr)
        folder = self.templates / kind
        shutil.copytree(self.dir, folder, symlinks=True)
        return folder, digest, str(self.dir)

    # Running it.

    def environment(self, faults, log=False):
        """Of a run whose ranks are under the shim: the first attempt only. log: of every call, in calls."""
        if not faults and not log:
            return self.env
        for name in ("fired", "calls"):
            (self.dir / name).unlink(missing_ok=True)
        lines = [f'LD_PRELOAD="{SHIM}" SOVREN_FAULTS="{faults}" SOVREN_FAULT_ONCE="{self.dir}/fired"']
        if log:
            lines.append(f'SOVREN_FAULT_LOG="{self.dir}/calls"')
        return self.rank_through(f'export {" ".join(lines)}')

    def rank_through(self, line, begin="exec"):
        """The environment of runs in which a shell does this line and begins the ranks so."""
        program = self.write("faulty-rank", f'#!/bin/sh\nRANK="{BIN}/sovren-rank"\n'
                                            f'[ "$1" = --check ] && exec "$RANK" "$@"\n{line}\n{begin} "$RANK" "$@"\n')
        program.chmod(0o755)
        return {**self.env, "SOVREN_RANK_PROGRAM": str(program)}

    def command(self, *words):
        settings = [word for setting in SETTINGS for word in ("--set", setting)]
        return [str(BIN / "sovren"), "run", "job.toml", "--json", *settings, *map(str, words)]

    def start_job(self, *words, env=None):
        """Starts the job; what it says is in stderr.txt."""
        log = open(self.dir / "stderr.txt", "w", encoding="utf-8")
        self.addCleanup(log.close)
        process = subprocess.Popen(self.command(*words), cwd=self.dir, env=env or self.env, stdout=subprocess.PIPE,
                                   stderr=log, text=True, start_new_session=True)
        self.addCleanup(self.end, process)
        return process

    def ended(self, process, what):
        """The exit code of a process that must end by itself."""
        try:
            process.communicate(timeout=ROW_S)
        except subprocess.TimeoutExpired:
            self.fail(f"HANGS: {what}")
        return process.returncode

    def rule(self, phase, action, rank="", nth=1):
        """A rule of the shim: phase is a call and its path below checkpoints/."""
        call, pattern = phase.split(" ", 1)
        return f"{call} {self.sets_dir}/{pattern} {nth} {action} {rank}"

    def stopped_rank(self, process):
        """Waits until the shim has stopped a rank; its process id."""
        stopped = []

        def look():
            stopped[:] = [p for p in processes_of(str(self.dir)) if state_of(p) == "T"]
            return self.fired() and stopped
        self.wait_until(look, process)
        self.assertEqual(len(stopped), 1, f"exit {process.poll()}: {(self.dir / 'stderr.txt').read_text()}")
        return stopped[0]

    def run_job(self, *words, code=None, faults="", env=None):
        """Runs the job to its end; a run that does not end is a failure."""
        env = env or self.environment(faults)
        try:
            done = subprocess.run(self.command(*words), cwd=self.dir, env=env, capture_output=True, text=True,
                                  timeout=ROW_S, check=False)
        except subprocess.TimeoutExpired as late:
            self.fail(f"HANGS: {words} under {faults!r}: {late.stderr}")
        if code is not None:
            self.assertEqual(done.returncode, code, f"{words} under {faults!r}\n{done.stdout}\n{done.stderr}")
        return done

    def fired(self):
        """What the shim hit, one line each; empty: nothing."""
        path = self.dir / "fired"
        return path.read_text().splitlines() if path.exists() else []

    def ends_undisturbed(self, digest, *words):
        """The same command again: the same bits as if nothing had happened. Returns its standard error."""
        done = self.run_job(*words, code=0)
        report = json.loads(done.stdout)
        self.assertEqual(report["state"], "COMPLETED")
        self.assertEqual(report["digest"], digest, done.stderr)
        self.assertEqual(processes_of(str(self.dir)), [], "nothing is left running")
        return done.stderr

    def resumed_at(self, stderr):
        """The step that a run resumed at, from what it says; None: it started from the beginning."""
        for line in stderr.splitlines():
            if "resumed at step " in line:
                return int(line.split("resumed at step ")[1].split()[0])
        return None

    def outcome(self, done, action, digest, *words):
        """What became of a run under a fault, checked: an error is named or made no difference, each set that is seen
        is whole, and the same command again goes on from one of them to the undisturbed end."""
        sets = [p.name for p in self.sets("job")]
        self.sovren("checkpoints", "verify", "job.sovren", code=0)
        if "kill" in action:
            self.assertEqual(done.returncode, 1, done.stderr)
            what = "killed"
        elif done.returncode == 0:
            self.assertEqual(json.loads(done.stdout)["digest"], digest)
            warning = re.search(r"warning: (.*)", done.stderr)
            why = ": " + self.below_sets(warning[1]) if warning else ""
            return f"no difference{why}; same digest"
        else:
            self.assertEqual(done.returncode, 74, done.stderr)
            self.assertIn(f"({action})", done.stderr)
            what = "exit 74, " + self.below_sets(re.search(r"error: \S+: (.*)", done.stderr)[1])
        said = self.ends_undisturbed(digest, *words)
        self.assertIn(f"gen-{self.resumed_at(said):06}", sets)
        return f"{what}; resumed at step {self.resumed_at(said)}; same digest"

    def below_sets(self, text):
        """Paths without the folder that they are all in."""
        return text.replace(f"{self.sets_dir}/", "").replace(f"{self.dir}/", "")
