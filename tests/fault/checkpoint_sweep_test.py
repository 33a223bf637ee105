# SPDX-License-Identifier: Apache-2.0
"""Faults at every system call by which a job touches its checkpoints, for each job kind: errors, short writes, kill -9.

Whatever happens: an error is named (exit 74) or made no difference, every set that can be seen is whole, and the same
command again ends with the bits of the undisturbed run, from a set that was there before. Prints the table.
SOVREN_TEST_FAULTS=all: every fault at every call for every kind, instead of each call once."""
import collections
import re
import unittest

from fault_case import EVERY, KINDS, FaultCase

ERRORS = ("EIO", "ENOSPC", "EDQUOT")
FAULTS = {  # by call: what can happen there
    "open": (*ERRORS, "kill"), "fallocate": (*ERRORS, "kill"), "write": (*ERRORS, "short", "kill"),
    "fsync": (*ERRORS, "kill", "after-kill"), "close": ("EIO", "kill"), "rename": (*ERRORS, "kill", "after-kill"),
    "mkdir": (*ERRORS, "kill"), "unlink": ("EIO", "kill"), "rmdir": ("EIO", "kill"), "read": ("EIO", "short")}
NEEDED = ("open", "fallocate", "write", "fsync", "rename", "mkdir")  # without these there is no set


class Sweep(FaultCase):
    def points(self, kind):
        """(call, pattern of the path, how many-th) up to the second seal, and what only comes after it."""
        self.job_of(kind)
        self.run_job(*self.settings, env=self.environment("", log=True), code=0)
        seals, counts = 0, collections.Counter()
        for line in (self.dir / "calls").read_text().splitlines():
            call, path = line.split(" ", 1)
            if not path.startswith(str(self.sets_dir)):
                continue
            pattern = re.sub(r"gen-\d{6}", "gen-??????", path)
            pattern = re.sub(r"\.tmp-(\d+)-(?!deleted)[0-9a-f]+", r".tmp-*", pattern)
            seals += call == "mkdir" and ".tmp-" in pattern
            if seals < 2 or (call, pattern) not in counts:
                counts[call, pattern] += 1
                # The third flush of checkpoints/ is that of the new name.
                if counts[call, pattern] <= (3 if call == "fsync" else 1 if call in ("close", "read") else 2) or EVERY:
                    yield call, pattern, counts[call, pattern]

    settings = ("--set", "checkpoint.keep=2")  # so that the first seal makes the first set go

    def test_shim(self):
        for place, kind in enumerate(KINDS):
            for number, (call, pattern, nth) in enumerate(list(self.points(kind))):
                actions = FAULTS[call]
                if not EVERY:  # each call once per kind, with another fault in each
                    actions = [actions[(number + place) % len(actions)]]
                for action in actions:
                    name = f"{action} at {call} {nth} of {pattern.removeprefix(str(self.sets_dir))[1:] or '.'}"
                    with self.subTest(fault=name, kind=kind):
                        self.one(kind, name, f"{call} {pattern} {nth} {action}", action)

    def test_on_another_rank(self):
        """What happens to one rank's shard is told to all."""
        shard = f"{self.sets_dir}/gen-??????.tmp-*/shard-00001.h5"
        for place, kind in enumerate(KINDS):
            for number, call in enumerate(("open", "fallocate", "write", "fsync", "close")):
                chosen = (FAULTS[call][(number + place) % len(FAULTS[call])], "EIO")
                for action in [action for action in FAULTS[call] if EVERY or action in chosen]:
                    name = f"{action} at {call} of a shard, on rank 1 of 2"
                    with self.subTest(fault=name, kind=kind):
                        self.one(kind, name, f"{call} {shard} 1 {action} 1", action, "--ranks", 2)

    def one(self, kind, name, faults, action, *words):
        digest = self.job_of(kind)
        done = self.run_job(*self.settings, *words, faults=faults)
        if not self.fired():
            # The first set goes once the agent has noted the second: a short job may end before.
            self.assertIn("-deleted", faults, "every other call is made in every run")
            self.note(name, kind, "not reached in this run")
            return
        if action in ERRORS and faults.split(" ")[0] in NEEDED and "-deleted" not in faults:
            self.assertEqual(done.returncode, 74, "a set whose writing failed must not count as sealed")
            self.assertEqual([p.name for p in self.sets("job")], ["gen-000001", "gen-000002"])
        self.note(name, kind, self.outcome(done, action, digest, *self.settings))


if __name__ == "__main__":
    unittest.main()
