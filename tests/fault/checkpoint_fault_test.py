# SPDX-License-Identifier: Apache-2.0
"""Full disks, an fsync that fails once, many failures in a row, clocks that jump: for each job kind. Nothing hangs; the
same command again ends with the bits of the undisturbed run. Prints the table."""
import json
import os
import shutil
import subprocess
import time
import unittest

from fault_case import KINDS, ROW_S, FaultCase

DAY_S = 86400
SHARD = "gen-??????.tmp-*/shard-00000.h5"


class Fault(FaultCase):
    # Disks.

    @unittest.skipIf(os.geteuid() != 0, "mounting a tmpfs needs root")
    def test_a_disk_that_is_full(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                digest = self.job_of(kind)
                before = self.dir / "before"
                (self.dir / "job.sovren").rename(before)
                (self.dir / "job.sovren").mkdir()
                disk = ["mount", "-t", "tmpfs", "-o", "size=32m", "sovren-test", self.dir / "job.sovren"]
                mounted = subprocess.run(disk, capture_output=True, text=True, check=False)
                if mounted.returncode != 0:
                    self.skipTest(f"no tmpfs can be mounted here: {mounted.stderr}")
                try:
                    shutil.copytree(before, self.dir / "job.sovren", dirs_exist_ok=True)
                    self.note("disk fills up (tmpfs)", kind, self.fill_and_make_room(digest))
                finally:
                    subprocess.run(["umount", "-l", self.dir / "job.sovren"], check=True)

    def fill_and_make_room(self, digest):
        """Runs the job with no room, then with more and more of it, until it ends."""
        filler = self.dir / "job.sovren" / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass
        failed = 0
        for room in [0] + [4096 << n for n in range(0, 12)]:
            os.truncate(filler, filler.stat().st_size - room)
            done = self.run_job()
            self.sovren("checkpoints", "verify", "job.sovren", code=0)
            if done.returncode == 0:
                break
            self.assertEqual(done.returncode, 74, done.stderr)
            self.assertRegex(done.stderr, "ENOSPC|full|does not fit")
            failed += 1
        self.assertGreater(failed, 1)
        self.assertEqual(json.loads(done.stdout)["digest"], digest)
        return f"{failed} runs end with exit 74 as room grows, sets stay whole; with enough room: same digest"

    def test_a_file_that_may_not_grow(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                digest = self.job_of(kind)
                done = self.run_job(env=self.rank_through("ulimit -f 4"), code=74)  # 2 KiB: the write is cut short there
                self.assertIn("EFBIG", done.stderr)
                self.assertIn("ulimit -f", done.stderr)
                self.assertEqual(self.resumed_at(self.ends_undisturbed(digest)), 2)
                self.note("write cut short at a limit", kind,
                          "exit 74 (EFBIG), names ulimit; resumed at step 2; same digest")

    def test_fsync_fails_once_and_the_run_repairs_itself(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                digest = self.job_of(kind)
                done = self.run_job("--set", "retry.limit=3", faults=self.rule(f"fsync {SHARD}", "EIO"), code=0)
                self.assertEqual(len(self.fired()), 1)
                self.assertEqual(json.loads(done.stdout)["digest"], digest)
                self.assertIn("(EIO)", done.stderr)
                self.assertIn("attempt 2", done.stderr)
                self.note("fsync fails once, then works", kind,
                          "not believed: the set is given up, attempt 2 resumes; same digest")

    def test_many_failures_in_a_row(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                digest = self.job_of(kind)
                for _ in range(6):  # more than a scheduler lets a node of many have
                    done = self.run_job(faults=self.rule(f"write {SHARD}", "EIO"), code=74)
                    self.assertEqual(self.resumed_at(done.stderr), 2, "a disk's errors are not the fault of the set")
                self.ends_undisturbed(digest)
                self.note("six runs in a row fail", kind, "exit 74 each, all from step 2; the seventh ends; same digest")

    # Clocks.

    def test_a_clock_that_jumps(self):
        for kind in KINDS:
            for sign in (1, -1):
                with self.subTest(kind=kind, sign=sign):
                    digest = self.job_of(kind)
                    for jump_s in (sign * DAY_S, -sign * DAY_S):
                        newest = self.seal_when_the_clock_has_jumped(jump_s)
                    jump = self.rule("mkdir gen-??????.tmp-*", f"jump={sign * DAY_S}")
                    done = self.run_job("--set", "checkpoint.keep_hourly=3", faults=jump, code=0)
                    self.assertEqual(self.resumed_at(done.stderr), int(newest[4:]), "whatever its clock said")
                    self.assertEqual(json.loads(done.stdout)["digest"], digest)
                    self.note(f"clock jumps {sign:+} day, then {-sign:+}", kind,
                              "each set seals, the newest is restored; same digest")

    def seal_when_the_clock_has_jumped(self, jump_s):
        """One set more; its name."""
        before = [p.name for p in self.sets("job")]
        self.run_job(code=1, faults="\n".join([self.rule("read FENCE", f"jump={jump_s}"),
                                               self.rule("rename gen-??????", "after-kill")]))
        new = [p.name for p in self.sets("job") if p.name not in before]
        self.assertEqual(len(new), 1)
        manifest = json.loads((self.sets_dir / new[0] / "MANIFEST.json").read_text())
        self.assertLess(abs(manifest["sealed_at"] - jump_s - time.time()), ROW_S, "the clock did jump")
        return new[0]


if __name__ == "__main__":
    unittest.main()
