# SPDX-License-Identifier: Apache-2.0
"""Checkpoints in the nodes' memory and on their disks: a killed job goes on from the newest that is left."""
import hashlib
import os
import pathlib
import shutil
import unittest

from fault_case import KINDS, FaultCase

MEMORY = pathlib.Path("/dev/shm")


class Levels(FaultCase):
    """Jobs that seal in their directory now and then, and at a level as often as they can."""
    SHARED = ("--set", 'checkpoint.interval="20 steps"')
    IN_MEMORY = (*SHARED, "--set", 'checkpoint.memory_interval="1 steps"')

    def write_job(self, kind):
        """A job of a second, so that several sets are sealed meanwhile."""
        if kind == "model-training":
            self.training(steps=150, width=48, batch=16, eval_every=50)
        elif kind == "rendering":
            self.rendering(width=128, height=128, samples=128, noise_threshold=0.0005)
        else:
            made = self.generate(variables=50, length=1000, max_lag=5)
            self.write("job.toml", made.read_text().replace('name = "data"', 'name = "job"'))

    def on_disk(self):
        return (*self.SHARED, "--set", f'checkpoint.local="{self.dir}/disk"', "--set", 'checkpoint.local_interval="1 steps"')

    def setUp(self):
        super().setUp()
        self.sets_dir.mkdir(parents=True)
        path = hashlib.sha256(str(self.sets_dir.resolve()).encode()).hexdigest()[:16]
        self.pattern = f"sovren-checkpoints-{os.geteuid()}/{path}-*"
        self.addCleanup(lambda: [shutil.rmtree(folder) for folder in MEMORY.glob(self.pattern)])

    def level_steps(self, base=MEMORY):
        return sorted(int(p.name[4:]) for p in base.glob(f"{self.pattern}/gen-??????"))

    def shared_steps(self):
        return sorted(int(p.name[4:]) for p in self.sets("job"))

    def write_and_kill(self, kind, words, nth, base=MEMORY):
        """The digest of the undisturbed run; another is killed when it has sealed that many sets at the level."""
        self.write_job(kind)
        digest = self.report("job.toml", "--dir", "undisturbed")["digest"]
        faults = f"rename {base}/{self.pattern}/gen-?????? {nth} after-kill"
        self.run_job(*words, code=1, faults=faults)
        self.assertNotEqual(self.fired(), [], "it was killed")
        return digest

    def test_a_killed_job_goes_on_from_memory(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                for folder in MEMORY.glob(self.pattern):
                    shutil.rmtree(folder)
                shutil.rmtree(self.dir / "job.sovren")
                self.sets_dir.mkdir(parents=True)
                digest = self.write_and_kill(kind, self.IN_MEMORY, 1)
                newest = self.level_steps()[-1]
                self.assertGreater(newest, max(self.shared_steps(), default=0))
                said = self.ends_undisturbed(digest, *self.IN_MEMORY)
                self.assertEqual(self.resumed_at(said), newest)
                self.assertEqual(list(MEMORY.glob(self.pattern)), [], "an end takes them away")

    def test_ranks_of_one_node_go_on_as_others(self):
        digest = self.write_and_kill("model-training", (*self.IN_MEMORY, "--ranks", 4), 5)
        newest = self.level_steps()[-1]
        said = self.ends_undisturbed(digest, *self.IN_MEMORY, "--ranks", 2)
        self.assertEqual(self.resumed_at(said), newest)

    def test_with_the_memory_lost_the_job_directory_serves(self):
        digest = self.write_and_kill("model-training", self.IN_MEMORY, 12)
        for folder in MEMORY.glob(self.pattern):
            shutil.rmtree(folder)
        newest = self.shared_steps()[-1:] or [None]
        self.assertEqual([self.resumed_at(self.ends_undisturbed(digest, *self.IN_MEMORY))], newest)

    def test_a_damaged_set_in_memory_is_named_and_the_one_before_serves(self):
        digest = self.write_and_kill("model-training", self.IN_MEMORY, 6)
        *_, before, newest = self.level_steps()
        before = max(before, *self.shared_steps(), 0)
        shard = next(MEMORY.glob(f"{self.pattern}/gen-{newest:06}/shard-00000.h5"))
        data = bytearray(shard.read_bytes())
        data[len(data) // 2] ^= 1
        shard.write_bytes(data)
        said = self.ends_undisturbed(digest, *self.IN_MEMORY)
        self.assertIn(f"checkpoint memory/gen-{newest:06} is not used: shard-00000.h5 is whole on no node", said)
        self.assertEqual(self.resumed_at(said), before)

    def test_the_nodes_disk(self):
        words = (*self.on_disk(), "--ranks", 2)
        digest = self.write_and_kill("model-training", words, 5, self.dir / "disk")
        newest = self.level_steps(self.dir / "disk")[-1]
        self.assertEqual(self.resumed_at(self.ends_undisturbed(digest, *words)), newest)
        self.assertEqual(list((self.dir / "disk").glob(self.pattern)), [])

    def test_a_level_on_a_full_disk_is_given_up_with_one_warning(self):
        self.write_job("model-training")
        digest = self.report("job.toml", "--dir", "undisturbed")["digest"]
        done = self.run_job(*self.on_disk(), code=0,
                            faults=f"open {self.dir}/disk/{self.pattern}/gen-*/shard-* 3+ ENOSPC")
        self.assertIn(digest, done.stdout)
        self.assertEqual(done.stderr.count("no more checkpoints at the level local"), 1, done.stderr)

    def test_a_directory_made_anew_does_not_take_the_sets_of_the_one_before(self):
        digest = self.write_and_kill("model-training", self.IN_MEMORY, 4)
        self.assertNotEqual(self.level_steps(), [])
        shutil.rmtree(self.dir / "job.sovren")
        self.assertIsNone(self.resumed_at(self.ends_undisturbed(digest, *self.IN_MEMORY)))

    def test_fresh_takes_none(self):
        digest = self.write_and_kill("model-training", self.IN_MEMORY, 4)
        self.assertIsNone(self.resumed_at(self.ends_undisturbed(digest, *self.IN_MEMORY, "--fresh")))


if __name__ == "__main__":
    unittest.main()
