# SPDX-License-Identifier: Apache-2.0
"""The sweep of checkpoint_sweep_test.py as the kernel sees it: strace makes the system calls of sovren-rank fail, or
kills it there. Prints the table. SOVREN_TEST_FAULTS=all: every fault at every call, instead of one at every third."""
import collections
import re
import shutil
import subprocess
import unittest

from fault_case import EVERY, KINDS, FaultCase

CALLS = ("write", "pwrite64", "fsync", "fdatasync", "rename", "mkdir", "unlink", "rmdir", "openat", "fallocate")
ACTIONS = ("EIO", "kill", "ENOSPC", "EDQUOT")


def why_not():
    """Why strace cannot work here; empty: it can."""
    if shutil.which("strace") is None:
        return "strace is not installed: scripts/install-deps.sh --test"
    tried = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    return tried.stderr.strip()


@unittest.skipIf(why_not(), why_not())
class Strace(FaultCase):
    settings = ("--set", "checkpoint.keep=2", "--set", 'checkpoint.mode="sync"')

    def traced(self, *options):
        """The environment of runs whose ranks are under strace."""
        words = ["strace", "-D", "-f", "-y", "-qq", "-o", f'"{self.dir}/trace"', *options]
        return self.rank_through("", " ".join(["exec", *words]))

    def calls(self):
        """(thread, call, its number in the thread, line) of each call of the run that was traced."""
        counts = collections.Counter()
        for line in (self.dir / "trace").read_text(errors="replace").splitlines():
            found = re.match(r"(\d+) +(\w+)\(", line)
            if found:
                counts[found[1], found[2]] += 1
                yield found[1], found[2], counts[found[1], found[2]], line

    def touches(self, call, line):
        """Whether it changes the checkpoints; the path, without what differs from run to run."""
        path = re.search(re.escape(str(self.sets_dir)) + r'(?:/([^">]*))?', line)
        if not path or (call == "openat" and "O_CREAT" not in line):
            return None
        name = re.sub(r"\.tmp-(?!0-deleted)[0-9a-f-]+", ".tmp-*", path[1] or ".")
        return re.sub(r"gen-\d+", "gen-*", name)

    def points(self, kind):
        """Calls that strace can name: it counts in each thread, so another's call of that number must not come first."""
        self.job_of(kind)
        self.run_job(*self.settings, env=self.traced(f"-etrace={','.join(CALLS)}"), code=0)
        seen, found, times = set(), [], collections.Counter()
        for _, call, number, line in self.calls():
            path = self.touches(call, line)
            if (call, number) not in seen and path:
                times[call, path] += 1
                if times[call, path] <= (3 if path == "." else 1):  # the third flush is that of the new name
                    found.append((call, number, path))
            seen.add((call, number))
        return found

    def test_every_call(self):
        for place, kind in enumerate(KINDS):
            points = self.points(kind)
            self.assertGreater(len(points), 15, "the sweep covers the protocol")
            for index, (call, number, path) in enumerate(points):
                if not EVERY and index % len(KINDS) != place:
                    continue
                for action in ACTIONS if EVERY else [ACTIONS[index // len(KINDS) % len(ACTIONS)]]:
                    with self.subTest(call=call, number=number, action=action, kind=kind):
                        self.one(kind, call, number, path, action)

    def one(self, kind, call, number, path, action):
        digest = self.job_of(kind)
        effect = "signal=KILL" if action == "kill" else f"error={action}"
        done = self.run_job(*self.settings, env=self.traced(
            f"-etrace={','.join(CALLS)}", f"-einject={call}:{effect}:when={number}"))
        hits = [self.touches(name, line) for _, name, n, line in self.calls() if (name, n) == (call, number)]
        name = f"{action} at {call} {number}: {path}"
        if not hits or not hits[0]:
            self.note(name, kind, "another call had this number in this run")
        else:
            if action != "kill" and call not in ("unlink", "rmdir") and path != "gen-*":  # of what goes, or gets old
                self.assertEqual(done.returncode, 74, "a set whose writing failed must not count as sealed")
            self.note(name, kind, self.outcome(done, action, digest, *self.settings))


if __name__ == "__main__":
    unittest.main()
