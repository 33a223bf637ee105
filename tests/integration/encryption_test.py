# SPDX-License-Identifier: Apache-2.0
"""Encrypted checkpoints as a user sees them: resumed with their key, refused with another, read by nobody else."""
import json
import unittest

from sovren_case import SOURCE, SovrenCase

KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
OTHER = KEY[::-1]


class Encryption(SovrenCase):
    def setUp(self):
        super().setUp()
        self.training("job", steps=12, dropout=0.1)

    def key_file(self, name="checkpoint.key", text=KEY + "\n", mode=0o600):
        path = self.write(name, text)
        path.chmod(mode)
        return path

    @staticmethod
    def by_file(name="checkpoint.key"):
        return ["--set", f'checkpoint.key_file="{name}"']

    @staticmethod
    def by_variable():
        return ["--set", 'checkpoint.key_env="SOVREN_TEST_KEY"']

    @staticmethod
    def option(name="checkpoint.key"):
        return ["--key-file", name]

    def stop_in_midst(self, *words):
        """Kills the job once it has sealed a set."""
        process = self.start("run", "job.toml", "--set", 'checkpoint.interval="1 steps"', *words)
        self.wait_until(lambda: self.sets("job"), process)
        self.end(process)
        self.assertTrue(self.sets("job"))

    def all_bytes(self, folder):
        return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())

    def test_killed_and_resumed_on_other_ranks_with_the_same_bits(self):
        want = self.report("job.toml", "--dir", "undisturbed")["digest"]
        self.key_file()
        self.stop_in_midst(*self.by_file(), "--ranks", 2)
        for path in self.sets("job"):
            self.assertNotIn(b"\x89HDF", self.all_bytes(path))
        report = self.report("job.toml", *self.by_file(), "--set", 'checkpoint.interval="1 steps"')
        self.assertEqual(report["digest"], want)
        self.assertGreater(report["seconds"]["restore"], 0, "it went on, and did not start over")
        everything = self.all_bytes(self.job_dir("job"))
        self.assertNotIn(KEY.encode(), everything)
        self.assertNotIn(bytes.fromhex(KEY), everything)
        # What needs no key, and what does.
        self.assertIn("sealed", self.sovren("checkpoints", "list", "job.sovren", code=0).stdout)
        self.sovren("checkpoints", "verify", "job.sovren", code=0)

    def test_a_variable_reaches_all_ranks(self):
        self.env["SOVREN_TEST_KEY"] = KEY
        self.stop_in_midst(*self.by_variable(), "--ranks", 2)
        report = self.report("job.toml", *self.by_variable(), "--ranks", 3)
        self.assertGreater(report["seconds"]["restore"], 0)
        self.assertNotIn(KEY.encode(), self.all_bytes(self.job_dir("job")))

    def test_another_key_or_none_ends_the_job_and_touches_nothing(self):
        self.key_file()
        self.key_file("other.key", OTHER)
        self.stop_in_midst(*self.by_file())
        sets = self.sets("job")
        for words, says in ((self.by_file("other.key"), ["another key", "other.key"]), ([], ["encrypted", "no key"])):
            done = self.sovren("run", "job.toml", *words, code=3)
            for piece in says + [sets[-1].name, "key_file"]:
                self.assertIn(piece, done.stderr)
            self.assertEqual(self.sets("job"), sets)
            self.assertFalse((self.job_dir("job") / "checkpoints/quarantine").exists())
        report = self.report("job.toml", *self.by_file())
        self.assertGreater(report["seconds"]["restore"], 0)

    def test_fresh_starts_over_with_a_new_key(self):
        self.key_file()
        self.stop_in_midst(*self.by_file())
        self.key_file("other.key", OTHER)
        report = self.report("job.toml", *self.by_file("other.key"), "--fresh")
        self.assertEqual(report["state"], "COMPLETED")

    def test_keys_that_cannot_be_used_are_refused_before_anything_is_made(self):
        self.refused("run", "job.toml", *self.by_file(), code=2, says=["checkpoint.key", "openssl rand -hex 32"])
        self.key_file(text=KEY[:-1])
        self.refused("run", "job.toml", *self.by_file(), code=2, says=["64 hex digits are wanted, there are 63"])
        self.key_file(mode=0o644)
        self.refused("run", "job.toml", *self.by_file(), code=3, says=["others than you", "chmod 600"])
        self.refused("run", "job.toml", *self.by_variable(), code=2, says=["SOVREN_TEST_KEY", "not set"])
        self.env["SOVREN_TEST_KEY"] = "correct horse"
        done = self.refused("run", "job.toml", *self.by_variable(), code=2, says=["64 hex digits"])
        self.assertNotIn("horse", done.stderr)

    def test_written_synchronously_and_on_the_node(self):
        self.key_file()
        local = self.dir / "node"
        self.stop_in_midst(*self.by_file(), "--set", 'checkpoint.mode="sync"', "--set", f'checkpoint.local="{local}"',
                           "--set", 'checkpoint.local_interval="1 steps"', "--ranks", 2)
        self.assertNotIn(b"\x89HDF", self.all_bytes(local) if local.exists() else b"")
        self.assertNotIn(b"\x89HDF", b"".join(map(self.all_bytes, self.sets("job"))))
        report = self.report("job.toml", *self.by_file(), "--set", 'checkpoint.mode="sync"')
        self.assertGreater(report["seconds"]["restore"], 0)

    def test_the_documents_example_decrypts(self):
        """docs/formats.md tells enough to write a reader: the golden set is the plain one, encrypted with KEY."""
        code = (SOURCE / "docs/formats.md").read_text(encoding="utf-8").split("Decrypting a shard with Python")[1]
        names = {}
        try:
            exec(code.split("```python\n", 1)[1].split("```", 1)[0], names)  # pylint: disable=exec-used
        except ImportError as error:
            self.skipTest(f"python3-cryptography is not there: {error}")
        golden = SOURCE / "tests/golden/checkpoint"
        encrypted, plain = (golden / name / "gen-000120" for name in ("2-encrypted", "1-plain"))
        shards = json.loads((encrypted / "MANIFEST.json").read_bytes())["shards"]
        self.assertGreater(len(shards), 1)
        for index, shard in enumerate(shards):
            decrypted = names["decrypt_shard"](encrypted, index, bytes.fromhex(KEY))
            self.assertEqual(decrypted, (plain / shard["file"]).read_bytes())
            with self.assertRaises(AssertionError):
                names["decrypt_shard"](encrypted, index, bytes.fromhex(OTHER))

    def test_looked_at_with_and_without_the_key(self):
        self.key_file()
        self.stop_in_midst(*self.by_file())
        newest = self.sets("job")[-1]
        self.sovren("checkpoints", "verify", newest, code=0)
        self.sovren("checkpoints", "verify", newest, *self.option(), code=0)
        self.key_file("other.key", OTHER)
        done = self.sovren("checkpoints", "verify", newest, *self.option("other.key"), code=3)
        self.assertIn("another key", done.stdout + done.stderr)
        self.refused("checkpoints", "decrypt", newest, "plain", code=2, says=["--key-file"])
        self.refused("checkpoints", "decrypt", newest, "plain", *self.option("other.key"), code=3, says=["another key"])
        plain = self.dir / "plain" / newest.name
        self.sovren("checkpoints", "decrypt", newest, plain, *self.option(), code=0)
        self.assertTrue((plain / "shard-00000.h5").read_bytes().startswith(b"\x89HDF"))
        self.sovren("checkpoints", "verify", plain, code=0)


if __name__ == "__main__":
    unittest.main()
