# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments of every phase of a job, and what must hold of the run after it."""
import collections
import json
import os
import pathlib
import random
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "integration"))
from sovren_case import PATIENCE_S, SovrenCase, processes_of  # noqa: E402


class Moment:
    """When to kill: once something has come to be, and then some seconds later."""

    def __init__(self, name, has_come, delay_s):
        self.name, self.has_come, self.delay_s = name, has_come, delay_s


class KillCase(SovrenCase):
    KILLS = int(os.environ.get("SOVREN_TEST_KILLS", "20"))
    POLL_S = 0.0002  # a seal of a small state takes some milliseconds
    # How a run seals: any other goes on with it.
    WRITINGS = ((), ("--set", 'checkpoint.mode="sync"'), ("--set", 'checkpoint.digest="crc32c"'))

    def kill_and_resume(self, job, ranks, seed, *settings):
        """Runs the job again and again, each time on one of these numbers of ranks, and kills it at a random moment,
        until it was killed KILLS times; then lets it end. Every run that comes to an end has the digest of the
        undisturbed one, and none began at a step before one that its log says was sealed."""
        sets = [word for setting in settings for word in ("--set", setting)]
        begun = time.monotonic()
        self.want = self.report(job, *sets, "--dir", "undisturbed")["digest"]
        self.span_s = time.monotonic() - begun
        words = [job, "--json", *sets, "--set", 'checkpoint.interval="1 steps"',
                 "--set", "retry.limit=1000", "--set", 'retry.backoff="0s"']
        self.rng = random.Random(seed)
        self.killed = collections.Counter()
        self.completed = self.gave_up = 0
        while self.killed.total() < self.KILLS:
            self.one_run("run", *words, "--ranks", self.rng.choice(ranks), *self.rng.choice(self.WRITINGS))
        report = self.report(*words[:1], *words[2:])
        self.check_end(report)
        self.check_log()
        self.assertEqual(processes_of(str(self.dir)), [], "nothing is left running")

    def one_run(self, *words):
        """One sovren: killed itself, or some of what it started, which it starts again."""
        self.left = self.unfinished_sets()
        process = self.start(*words)
        while self.killed.total() < self.KILLS:
            moment = self.some_moment()
            if not self.wait_for(moment, process):
                break
            whom = self.rng.choice(["sovren", "mpirun", "rank", "rank", "all"])
            if self.kill(whom, process.pid, moment) and whom in ("sovren", "all"):
                process.wait()
                return
        if process.poll() is None and self.killed.total() < self.KILLS:
            self.fail("it neither ended nor could be killed")
        out, _ = process.communicate(timeout=PATIENCE_S)
        said = (self.dir / "stderr.txt").read_text()
        if process.returncode == 1 and said.endswith("[peer_lost]\n"):
            self.gave_up += 1  # as it does when attempt after attempt dies without a new set
            return
        self.assertEqual(process.returncode, 0, said)
        self.check_end(json.loads(out))

    def some_moment(self):
        """Of the launch, a restore, a step, a seal or the making of the result."""
        log, restores = self.changed("logs/rank-0000.log"), self.changed("checkpoints/RESTORES")
        first, later = self.begun_seal(1), self.begun_seal(self.rng.randint(1, 8))
        name, has_come, most_s = self.rng.choice([
            ("any", lambda: True, self.span_s),
            ("start", log, 0.03),
            ("restore", lambda: restores() or first(), 0.003),
            ("restore", lambda: restores() or first(), 0.003),
            ("seal", first, 0.004),
            ("seal", later, 0.004),
            ("step", later, 0.1),
            ("result", self.is_making_result, 0.004)])
        return Moment(name, has_come, self.rng.uniform(0, most_s))

    def changed(self, name):
        before = self.stamp(name)
        return lambda: self.stamp(name) != before

    def begun_seal(self, number):
        """Of those that begin from now on."""
        seen = set()

        def has_come():
            seen.update(self.unfinished_sets() - self.left)
            return len(seen) >= number
        return has_come

    def wait_for(self, moment, process):
        """False: the process ended before. A moment that does not come within a life's time is any moment."""
        until = time.monotonic() + 4 * self.span_s + 1
        while not moment.has_come() and time.monotonic() < until:
            if process.poll() is not None:
                return False
            time.sleep(self.POLL_S)
        time.sleep(moment.delay_s)
        return process.poll() is None

    def stamp(self, name):
        try:
            return (self.job_dir() / name).stat().st_mtime_ns
        except OSError:
            return None

    def unfinished_sets(self):
        """The folder of the set that is being written, or was; as in storage/checkpoint/set_folder."""
        return {name for name in self.names_in("checkpoints")
                if name.startswith("gen-") and ".tmp-" in name and not name.endswith("deleted")}

    def is_making_result(self):
        return any(name.startswith("result.tmp-") for name in self.names_in("."))

    def names_in(self, folder):
        try:
            return os.listdir(self.job_dir() / folder)
        except OSError:
            return []

    def kill(self, whom, sovren_pid, moment):
        """kill -9; counts it by role and phase. False when there is nobody of that role at this moment."""
        targets = [sovren_pid] if whom == "sovren" else self.pids_of(whom, sovren_pid)
        done, phase = 0, self.phase(moment)
        for pid in targets:
            try:
                os.kill(pid, signal.SIGKILL)
                done += 1
            except ProcessLookupError:
                continue
        if done:
            self.killed[whom, phase] += 1
            self.left = self.unfinished_sets()  # by an attempt that is dead or dying
        return done > 0

    def phase(self, moment):
        if self.unfinished_sets() - self.left:
            return "in a seal"
        if self.is_making_result():
            return "making the result"
        return "restoring" if moment.name == "restore" else "starting" if moment.name == "start" else "elsewhere"

    def pids_of(self, whom, sovren_pid):
        """One of the role, or all there are."""
        there = processes_of(str(self.dir))
        if whom == "all":
            return [sovren_pid, *(p for p in there if p != sovren_pid)]
        program = "mpirun" if whom == "mpirun" else "sovren-rank"
        found = sorted(p for p in there if p != sovren_pid and self.program_of(p) == program)
        return [self.rng.choice(found)] if found else []

    def ranks(self):
        return [p for p in processes_of(str(self.dir)) if self.program_of(p) == "sovren-rank"]

    @staticmethod
    def program_of(pid):
        try:
            return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode().rsplit("/", 1)[-1]
        except (OSError, IndexError):
            return ""

    def check_end(self, report):
        self.assertEqual(report["state"], "COMPLETED")
        self.assertEqual(report["digest"], self.want, f"after {dict(self.killed)}")
        self.completed += 1

    def check_log(self):
        """No attempt restored a step before one that was told as sealed, unless it passed over a set that two
        attempts had died of; and no set was damaged."""
        events = self.events()
        sealed = collections.defaultdict(lambda: -1)
        passed_over = set()
        counts = collections.Counter(event["event"] for event in events)
        for event in events:
            if event["event"] == "checkpoint_rejected":
                self.assertIn("and no checkpoint followed", event["why"])
                passed_over.add((event["job"], event["attempt"]))
            elif event["event"] == "checkpoint_sealed":
                sealed[event["job"]] = max(sealed[event["job"]], event["step"])
            elif event["event"] == "checkpoint_restored":
                if (event["job"], event["attempt"]) not in passed_over:
                    self.assertGreaterEqual(event["step"], sealed[event["job"]], events[:event["seq"]][-30:])
                sealed[event["job"]] = event["step"]
        self.assertGreater(counts["checkpoint_restored"], 0)
        print(f"{self.id().rsplit('.', 1)[-1]}: {self.killed.total()} kills: "
              + ", ".join(f"{who} {phase} {n}" for (who, phase), n in sorted(self.killed.items()))
              + f"; {counts['attempt_started']} attempts, {counts['checkpoint_restored']} restores, "
              + f"{counts['checkpoint_sealed']} seals in the log, {len(passed_over)} passed over, "
              + f"{self.gave_up} gave up, {self.completed} runs to the end", file=sys.stderr)
