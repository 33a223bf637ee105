# SPDX-License-Identifier: Apache-2.0
"""Damage at rest, for each job kind: what was done to the newest set is seen, named and put aside; the set before it is
restored, and the job ends with the bits of the undisturbed run. Prints the table of what happened."""
import hashlib
import json
import os
import re
import shutil
import unittest

from fault_case import KINDS, FaultCase

OLDER, NEWEST = "gen-000001", "gen-000002"


def flip(path, offset, mask=4):
    data = bytearray(path.read_bytes())
    data[offset] ^= mask
    path.write_bytes(data)


def slab_middle(folder, shard):
    """In the middle of the largest run of data in a shard."""
    manifest = json.loads((folder / "MANIFEST.json").read_text())
    slabs = [slab for array in manifest["arrays"] for slab in array["slabs"] if slab["shard"] == shard]
    largest = max(slabs, key=lambda slab: slab["bytes"])
    return largest["offset"] + largest["bytes"] // 2


def swap(one, other):
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)


def link_in_place(path):
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


def zero_4_kib(path):
    data = path.read_bytes()
    path.write_bytes(data[:-4096] + bytes(min(4096, len(data))))


def with_digest(text):
    """The manifest with its digest made right again: only its content is wrong."""
    body = text[:text.index('"digest": "')]
    return f'{body}"digest": "{hashlib.sha256(body.encode()).hexdigest()}"\n}}\n'


def flip_value(folder, key):
    """One bit of the first value that this key has in the manifest."""
    path = folder / "MANIFEST.json"
    found = re.search(rf'"{key}": (?:"|\[\s*"?|\{{\s*")?', path.read_text())
    flip(path, found.end(), 1)


def forge(folder, pattern, value):
    path = folder / "MANIFEST.json"
    text, count = re.subn(pattern, value, path.read_text(), count=1)
    assert count == 1, pattern
    path.write_text(with_digest(text))


# name, what is done to the folder of the newest set (and the older one), what the outcome must say
SHARD_ROWS = (
    ("superblock flipped", lambda s, o: flip(s / "shard-00000.h5", 9), "CRC-32C"),
    ("HDF5 header flipped", lambda s, o: flip(s / "shard-00000.h5", 120), "CRC-32C"),
    ("data flipped, shard 0", lambda s, o: flip(s / "shard-00000.h5", slab_middle(s, 0)), "CRC-32C"),
    ("data flipped, shard 1", lambda s, o: flip(s / "shard-00001.h5", slab_middle(s, 1)), "CRC-32C"),
    ("last byte flipped", lambda s, o: flip(s / "shard-00001.h5", -1, 0x80), "CRC-32C"),
    ("last 4 KiB zeroed", lambda s, o: zero_4_kib(s / "shard-00001.h5"), "CRC-32C"),
    ("one byte short", lambda s, o: os.truncate(s / "shard-00001.h5", (s / "shard-00001.h5").stat().st_size - 1),
     "bytes instead of"),
    ("cut to nothing", lambda s, o: os.truncate(s / "shard-00001.h5", 0), "0 bytes instead of"),
    ("shard missing", lambda s, o: (s / "shard-00001.h5").unlink(), "shard-00001.h5 is missing"),
    ("shards swapped", lambda s, o: swap(s / "shard-00000.h5", s / "shard-00001.h5"), "shard-0000"),
    ("stale shard of the older set", lambda s, o: shutil.copy(o / "shard-00000.h5", s), "shard-00000.h5"),
    ("one shard too many", lambda s, o: shutil.copy(s / "shard-00000.h5", s / "shard-00002.h5"), "not in the manifest"),
    ("link in a shard's place", lambda s, o: link_in_place(s / "shard-00000.h5"), "not a regular file"),
)
FIELDS = ("schema", "min_reader", "job", "attempt", "step", "kind", "facts", "sealed_at", "file", "bytes", "sha256",
          "crc32c", "name", "dtype", "shape", "path", "first", "count", "offset", "digest")
MANIFEST_ROWS = (
    *((f"manifest: {key} flipped", lambda s, o, key=key: flip_value(s, key), "MANIFEST.json") for key in FIELDS),
    ("manifest missing", lambda s, o: (s / "MANIFEST.json").unlink(), "MANIFEST.json"),
    ("manifest empty", lambda s, o: os.truncate(s / "MANIFEST.json", 0), "MANIFEST.json"),
    ("manifest of the older set", lambda s, o: shutil.copy(o / "MANIFEST.json", s), "of step 1"),
    ("link in the manifest's place", lambda s, o: link_in_place(s / "MANIFEST.json"), "MANIFEST.json"),
    ("forged shard size, digest right", lambda s, o: forge(s, r'("bytes": )(\d+)', r"\g<1>1\2"), "bytes instead of"),
    ("forged offset, digest right", lambda s, o: forge(s, r'("offset": )(\d+)', r"\g<1>9\g<2>00000"), "its shard"),
    ("forged rows, digest right", lambda s, o: forge(s, r'("first": )0', r"\g<1>1"), "MANIFEST.json: "),
)


class Damage(FaultCase):
    def damaged_newest(self, rows, kinds=KINDS):
        for kind in kinds:
            for fault, damage, why in rows:
                with self.subTest(fault=fault, kind=kind):
                    digest = self.job_of(kind)
                    damage(self.sets_dir / NEWEST, self.sets_dir / OLDER)
                    self.sovren("checkpoints", "verify", self.sets_dir / NEWEST, code=74)
                    said = self.ends_undisturbed(digest)
                    note = (self.sets_dir / "quarantine" / NEWEST / "WHY.txt").read_text().strip()
                    self.assertIn(why, note)
                    self.assertIn(f"warning: checkpoint {NEWEST} is not used: {note} (moved to quarantine)", said)
                    self.assertEqual(self.resumed_at(said), 1)
                    self.note(fault, kind, f"seen: {note}; in quarantine; resumed at step 1; same digest")

    def test_shards(self):
        self.damaged_newest(SHARD_ROWS)

    def test_manifests(self):
        self.damaged_newest(MANIFEST_ROWS)

    def test_shard_of_another_job(self):
        for kind, other in zip(KINDS, KINDS[1:] + KINDS[:1]):
            self.job_of(other)
            foreign = (self.sets_dir / NEWEST / "shard-00000.h5").read_bytes()
            self.damaged_newest([("shard of another job", lambda s, o, foreign=foreign:
                                  (s / "shard-00000.h5").write_bytes(foreign), "shard-00000.h5")], [kind])

    def test_a_set_of_another_job_is_refused(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                self.job_of(kind)
                before = self.files(self.sets_dir)
                seed = {"causal-analysis": "causal_analysis.max_lag=1", "model-training": "model_training.seed=4",
                        "rendering": "rendering.max_depth=3"}[kind]
                done = self.run_job("--set", seed, code=3)
                self.assertIn("holds checkpoints of another job; it differs in", done.stderr)
                self.assertIn(f"{seed.split('=')[0]}: ", done.stderr)
                self.assertIn("--fresh", done.stderr)
                self.assertEqual([p for p in self.files(self.sets_dir) if p not in before], [])
                self.note("sets of another job", kind, "exit 3, the facts that differ are named; nothing is touched")

    def test_a_file_that_is_no_shard_harms_nothing(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                digest = self.job_of(kind)
                (self.sets_dir / NEWEST / ".nfs0000").write_text("left by a file system")
                self.assertEqual(self.resumed_at(self.ends_undisturbed(digest)), 2)
                self.note("foreign file in a set", kind, "ignored; resumed at step 2; same digest")

    def test_a_manifest_of_a_newer_version(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                digest = self.job_of(kind)
                text = (self.sets_dir / NEWEST / "MANIFEST.json").read_text()
                forge(self.sets_dir / NEWEST, r'("min_reader": )\d+', r"\g<1>999")
                done = self.run_job(code=3)
                self.assertIn("newer", done.stderr)
                self.assertEqual([p.name for p in self.sets("job")], [OLDER, NEWEST], "nothing is put aside")
                (self.sets_dir / NEWEST / "MANIFEST.json").write_text(text)  # as the newer Sovren would read it
                self.assertEqual(self.resumed_at(self.ends_undisturbed(digest)), 2)
                self.note("manifest of a newer version", kind, "exit 3, says that it is of a newer Sovren; set untouched")

    def test_all_generations_bad(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                digest = self.job_of(kind)
                flip(self.sets_dir / NEWEST / "shard-00000.h5", 9)
                (self.sets_dir / OLDER / "MANIFEST.json").unlink()
                before = self.files(self.sets_dir)
                for _ in range(2):  # again: a second try must not start over either
                    done = self.run_job(code=74)
                    self.assertIn("all 2 checkpoint sets", done.stderr)
                    self.assertIn(f"{NEWEST}: shard-00000.h5 is damaged", done.stderr)
                    self.assertIn(f"{OLDER}: MANIFEST.json", done.stderr)
                    self.assertIn("--fresh starts over", done.stderr)
                self.assertEqual(self.files(self.sets_dir), before, "evidence stays")
                said = self.ends_undisturbed(digest, "--fresh")
                self.assertIsNone(self.resumed_at(said))
                self.note("all generations bad", kind, "exit 74, each set's damage and --fresh are named, twice; "
                          "sets stay; --fresh: same digest")


if __name__ == "__main__":
    unittest.main()
