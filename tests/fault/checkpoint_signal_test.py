# SPDX-License-Identifier: Apache-2.0
"""Signals in every phase, attempts that wake up too late, two runs of one folder, ranks that are lost while all of them
seal: for each job kind. Nothing hangs; the job ends with the bits of the undisturbed run. Prints the table."""
import json
import os
import re
import signal
import subprocess
import unittest

from fault_case import BIN, EVERY, KINDS, ROW_S, FaultCase, processes_of

SHARD, MANIFEST = "gen-??????.tmp-*/shard-0000?.h5", "gen-??????.tmp-*/MANIFEST.json"
PHASES = (  # what a rank does, and a call by which it is known
    ("taking over", "open LOCK"), ("looking at sets", "read gen-??????/MANIFEST.json"),
    ("verifying", "read gen-??????/shard-00000.h5"), ("noting the restore", "fsync RESTORES.tmp-*"),
    ("beginning a seal", "mkdir gen-??????.tmp-*"), ("writing a shard", f"write {SHARD}"),
    ("flushing a shard", f"fsync {SHARD}"), ("writing the manifest", f"write {MANIFEST}"),
    ("naming the set", "rename gen-??????"), ("set is sealed", "unlink RESTORES"))
PEER_DEADLINE_S = 4


class Signals(FaultCase):
    def test_of_a_rank_in_every_phase(self):
        """A rank that is told to stop seals, and is started again; one that is told to seal does."""
        signals = ("term", "usr1", "int")
        for place, kind in enumerate(KINDS):
            for number, (phase, call) in enumerate(PHASES):
                for name in signals if EVERY else [signals[(number + place) % len(signals)]]:
                    with self.subTest(kind=kind, phase=phase, signal=name):
                        digest = self.job_of(kind)
                        done = self.run_job(faults=self.rule(call, name), code=0)
                        self.assertEqual(len(self.fired()), 1)
                        self.note(f"SIG{name.upper()} while {phase}", kind, self.answer(done, name, digest))

    def answer(self, done, name, digest):
        """What a job did when one of its ranks got that signal."""
        report = json.loads(done.stdout)
        self.assertEqual(report["digest"], digest)
        if name == "usr1":
            self.assertEqual(report["attempts"], 1)
        return ("sealed, stopped, started again" if report["attempts"] > 1 else "goes on") + "; same digest"

    def test_of_a_user_while_a_rank_is_in_a_phase(self):
        """SIGTERM to sovren run while its rank stands still there: sealed, exit 85, resumed."""
        for place, kind in enumerate(KINDS):
            for number, (phase, call) in enumerate(PHASES):
                if not EVERY and number % len(KINDS) != place:
                    continue
                with self.subTest(kind=kind, phase=phase):
                    digest = self.job_of(kind)
                    process = self.start_job(env=self.environment(self.rule(call, "stop")))
                    rank = self.stopped_rank(process)
                    process.terminate()
                    self.wait_until(lambda: "then stopping" in (self.dir / "stderr.txt").read_text(), process)
                    os.kill(rank, signal.SIGCONT)
                    code = self.ended(process, phase)
                    newest = self.sets("job")[-1].name
                    if code == 0:  # it was done before it could hear that
                        self.assertEqual(self.report_of()["digest"], digest)
                        outcome = "had ended, exit 0"
                    else:
                        self.assertEqual(code, 85, (self.dir / "stderr.txt").read_text())
                        self.assertEqual(self.resumed_at(self.ends_undisturbed(digest)), int(newest[4:10]))
                        outcome = f"exit 85, resumed from {newest}"
                    self.note(f"SIGTERM to sovren, rank {phase}", kind, f"{outcome}; same digest")

    def report_of(self):
        return json.loads((self.dir / "job.sovren" / "report.json").read_text())

    def test_again_and_again_and_on_one_rank_only(self):
        for kind in KINDS:
            for rank, name, rules in (
                    (0, "SIGUSR1 at every write and fsync", [("write gen*/*", "usr1", "1+"),
                                                             ("fsync gen*/*", "usr1", "1+")]),
                    (1, "SIGUSR1 on one rank of two", [(f"write {SHARD}", "usr1", 1)]),
                    (1, "SIGTERM on one rank of two", [(f"fsync {SHARD}", "term", 1)])):
                with self.subTest(kind=kind, name=name):
                    digest = self.job_of(kind)
                    faults = "\n".join(self.rule(call, action, rank, nth) for call, action, nth in rules)
                    done = self.run_job("--ranks", rank + 1, faults=faults, code=0)
                    self.assertGreater(len(self.fired()), 0)
                    self.note(name, kind, self.answer(done, rules[0][1], digest))

    def test_killed_while_recovering_twice(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                digest = self.job_of(kind)
                self.run_job(faults=self.rule("rename RESTORES", "kill"), code=1)
                self.run_job(faults=self.rule("fsync RESTORES.tmp-*", "kill"), code=1)
                self.assertEqual(self.resumed_at(self.ends_undisturbed(digest)), 2)
                self.note("killed twice while recovering", kind, "the third resumes at step 2; same digest")


class Zombies(FaultCase):
    def rank_of_an_older_attempt(self, faults):
        """A rank as another node may still have it: without sovren, its lock forgotten by the file system."""
        env = {**self.environment(faults), "SOVREN_PEER_DEADLINE_S": str(PEER_DEADLINE_S)}
        rank = subprocess.Popen([self.dir / "faulty-rank", "--dir", self.dir / "job.sovren", "--job", "2", "--attempt", "2",
                                 "--oldest-set-job", "1"], env=env, start_new_session=True, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
        self.addCleanup(rank.wait)
        self.addCleanup(rank.kill)
        self.write("stderr.txt", "")
        self.assertEqual(self.stopped_rank(rank), rank.pid)
        (self.dir / "job.sovren" / "attempt.lock").unlink()
        return rank

    def wake(self, rank):
        """Its exit code."""
        os.kill(rank.pid, signal.SIGCONT)
        try:
            return rank.wait(timeout=ROW_S)
        except subprocess.TimeoutExpired:
            self.fail("HANGS: the zombie")

    def test_one_that_wakes_up_is_fenced(self):
        for kind in KINDS:
            for phase, call in PHASES[4:8]:
                with self.subTest(kind=kind, phase=phase):
                    digest = self.job_of(kind)
                    rank = self.rank_of_an_older_attempt(self.rule(call, "stop"))
                    self.ended_beside(digest)
                    before = [p.name for p in self.sets("job")]
                    result = self.files(self.dir / "job.sovren" / "result")
                    self.assertEqual(self.wake(rank), 78, (self.dir / "job.sovren/logs/rank-0000.log").read_text())
                    self.assertIn("must not write there", (self.dir / "job.sovren/logs/rank-0000.log").read_text())
                    self.assertEqual([p.name for p in self.sets("job")], before, "its set never appears")
                    self.assertEqual(self.files(self.dir / "job.sovren" / "result"), result)
                    self.sovren("checkpoints", "verify", "job.sovren", code=0)
                    self.note(f"zombie stopped while {phase}, wakes after the next attempt", kind,
                              "fenced (exit 78), its set never appears; same digest")

    def ended_beside(self, digest):
        """The next attempt ends while the zombie is there."""
        done = self.run_job(code=0)
        self.assertEqual(json.loads(done.stdout)["digest"], digest)

    def test_one_that_stands_in_the_act_of_sealing_is_waited_for(self):
        for kind in KINDS if EVERY else KINDS[1:2]:  # each waits half a minute for the lock
            with self.subTest(kind=kind):
                digest = self.job_of(kind)
                rank = self.rank_of_an_older_attempt(self.rule("rename gen-??????", "stop"))
                done = self.run_job(code=3)
                self.assertIn("is locked by", done.stderr)
                self.assertIn(self.wake(rank), (0, 78))
                self.ends_undisturbed(digest)
                self.note("zombie stopped while naming the set", kind,
                          "the next attempt waits, then exit 3 says who holds the lock; once it is awake: same digest")

    def test_two_runs_of_one_folder(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                digest = self.job_of(kind)
                process = self.start_job(env=self.environment(self.rule(f"fsync {SHARD}", "stop")))
                rank = self.stopped_rank(process)
                second = self.run_job(code=3)
                self.assertIn(f"pid {process.pid}", second.stderr)
                os.kill(rank, signal.SIGCONT)
                out, _ = process.communicate(timeout=ROW_S)
                self.assertEqual(process.returncode, 0)
                self.assertEqual(json.loads(out)["digest"], digest)
                self.note("two runs of one folder", kind, "the second: exit 3, names the first; the first: same digest")


class LostRanks(FaultCase):
    """On 2, 3 and 4 ranks, for one kind each."""

    def test_one_is_lost_while_all_of_them_seal(self):
        for kind, ranks in zip(KINDS, (2, 3, 4)):
            rows = (("stop", ranks - 1, f"fsync {SHARD}"), ("kill", ranks - 1, f"fsync {SHARD}"),
                    ("stop", 0, f"fsync {MANIFEST}"), ("kill", 0, f"fsync {MANIFEST}"),
                    ("kill", 0, "rename gen-??????"))
            for action, rank, call in rows:
                with self.subTest(kind=kind, ranks=ranks, action=action, rank=rank, call=call):
                    self.lose(kind, ranks, action, rank, call)

    def lose(self, kind, ranks, action, rank, call):
        digest = self.job_of(kind)
        env = {**self.environment(self.rule(call, action, rank)), "SOVREN_PEER_DEADLINE_S": str(PEER_DEADLINE_S)}
        done = self.run_job("--ranks", ranks, env=env, code=1)
        self.assertEqual(len(self.fired()), 1)
        self.assertIn("[peer_lost]", done.stderr)
        self.assertEqual(processes_of(str(self.dir)), [], "nothing is left running")
        self.sovren("checkpoints", "verify", "job.sovren", code=0)
        said = self.ends_undisturbed(digest, "--ranks", ranks)
        self.assertGreaterEqual(self.resumed_at(said), 2)
        self.note(f"SIG{action.upper()} of rank {rank} of {ranks} at {re.sub(r'[?]+', '*', call)}", kind,
                  f"the others end with peer_lost; resumed at step {self.resumed_at(said)}; same digest")


if __name__ == "__main__":
    unittest.main()
