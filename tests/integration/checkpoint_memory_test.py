# SPDX-License-Identifier: Apache-2.0
"""The memory that checkpoints take: copies within a limit, or none."""
import contextlib
import json
import os
import pathlib
import re
import unittest

from sovren_case import SovrenCase, processes_of

# Bytes of a pixel's sums: 11 channels of 8.
PIXEL_BYTES = 88


class CheckpointMemory(SovrenCase):
    def job(self, name, side, *lines):
        keys = ['interval = "1 steps"', *lines]
        return self.rendering(name, extra="[checkpoint]\n" + "\n".join(keys), width=side, height=side, samples=64,
                              max_depth=2, denoise=False)

    def test_a_state_beyond_the_limit_is_refused_and_written_without_copies_when_asked(self):
        self.job("small", 256, 'copy_memory = "4MiB"')  # 5.5 MiB
        done = self.sovren("run", "small.toml", "--json")
        report = json.loads(done.stdout)
        self.assertEqual((report["state"], report["attempts"]), ("FAILED", 1))
        said = json.dumps(report) + done.stderr
        self.assertRegex(said, r"a copy of the state takes 6MiB, and copy_memory is 4MiB")
        self.assertIn('or mode = \\"sync\\"', said)
        self.assertEqual(self.sets("small"), [])
        self.job("small", 256, 'mode = "sync"')
        self.assertEqual(self.report("small.toml")["state"], "COMPLETED")
        self.assertNotEqual(self.sets("small"), [])
        self.sovren("checkpoints", "verify", "small.sovren", code=0)

    def test_ranks_share_the_state_out(self):
        self.job("shared", 256, 'copy_memory = "4MiB"')
        self.assertEqual(self.report("shared.toml", "--ranks", 2)["state"], "COMPLETED")

    def test_with_and_without_copies_the_result_is_the_same_also_when_killed_between(self):
        self.job("sync", 64, 'mode = "sync"')
        want = self.report("sync.toml", "--dir", "undisturbed", "--set", 'checkpoint.mode="async"')
        report = self.killed_twice("sync.toml", "sync")
        self.assertEqual(report["digest"], want["digest"])

    @unittest.skipUnless(os.environ.get("SOVREN_TEST_LARGE"), "takes 6 GiB of memory and of disk, and minutes")
    def test_four_gib_under_a_limit_of_one(self):
        side = 7000
        self.assertGreater(side * side * PIXEL_BYTES, 4 << 30)
        self.job("large", side, 'copy_memory = "1GiB"')
        done = self.sovren("run", "large.toml", "--json")
        self.assertIn("copy_memory is 1GiB", done.stdout + done.stderr)
        print(done.stderr)
        self.assertEqual(self.sets("large"), [])
        peaks = {}
        for mode in ("sync", "async"):
            self.job("large", side, f'mode = "{mode}"')
            process = self.start("run", "large.toml", "--dir", mode)
            self.wait_until(lambda mode=mode: any((self.dir / mode / "checkpoints").glob("gen-*[0-9]")), process)
            peaks[mode] = self.peak()
            process.terminate()
            process.wait()
            self.assertNotEqual(list((self.dir / mode / "checkpoints").glob("gen-*[0-9]")), [])
        print({mode: f"{peak / 2**30:.2f} GiB" for mode, peak in peaks.items()})
        self.assertLess(peaks["sync"], 1.2 * side * side * PIXEL_BYTES)
        self.assertGreater(peaks["async"], 1.9 * side * side * PIXEL_BYTES)

    def peak(self):
        """Most resident memory of a process of the test's folder, in bytes."""
        peak = 0
        for process in processes_of(str(self.dir)):
            with contextlib.suppress(OSError):
                found = re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{process}/status").read_text())
                peak = max(peak, int(found[1]) * 1024 if found else 0)
        return peak


if __name__ == "__main__":
    unittest.main()
