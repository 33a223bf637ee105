# SPDX-License-Identifier: Apache-2.0
"""sovren tokenizer: trained, texts made shards of and back, and what is wrong."""
import json
import struct
import subprocess
import unittest

from sovren_case import BIN, SovrenCase

TEXT = "the cat sat on the mat, and the cat's hat sat on the cat\n" * 40 + "caf\u00e9 \u4f60\u597d 2026\n"


class Tokenizer(SovrenCase):
    def setUp(self):
        super().setUp()
        self.text = self.write("a.txt", TEXT)

    def refused(self, *words, code=2):
        done = self.sovren("tokenizer", *words, code=code)
        self.assertEqual(done.stdout, "")
        return done.stderr

    def shard(self, name):
        """The header and the tokens of a shard."""
        content = (self.dir / name).read_bytes()
        header = struct.unpack("<256i", content[:1024])
        return header, struct.unpack(f"<{(len(content) - 1024) // 2}H", content[1024:])

    def test_a_trained_tokenizer_encodes_and_decodes(self):
        made = json.loads(self.sovren("tokenizer", "train", "--vocab", 270, "--output", "out/merges.txt", "a.txt",
                                      "--json", code=0).stdout)
        self.assertEqual(made["schema"], "sovren.tokenizer/1")
        self.assertEqual((made["vocab"], made["bytes"]), (270, len(TEXT.encode())))
        lines = (self.dir / "out/merges.txt").read_text(encoding="utf-8").splitlines()
        self.assertEqual(lines[0], "#version: 0.2")
        self.assertEqual(len(lines), 1 + 270 - 257)
        self.assertEqual(lines[1], "a t")  # the most frequent pair
        self.sovren("tokenizer", "encode", "--tokenizer", "out/merges.txt", "--output", "a.bin", "a.txt", code=0)
        header, tokens = self.shard("a.bin")
        self.assertEqual(header[:3], (20240520, 1, made["tokens"]))
        self.assertEqual(len(tokens), made["tokens"])
        self.assertLess(max(tokens), 269)
        self.assertEqual(self.sovren("tokenizer", "decode", "--tokenizer", "out/merges.txt", "a.bin", code=0).stdout, TEXT)

    def test_training_twice_gives_the_same_bytes(self):
        outputs = []
        for name in ("one.txt", "two.txt"):
            self.sovren("tokenizer", "train", "--vocab", 300, "--output", name, "a.txt", code=0)
            outputs.append((self.dir / name).read_bytes())
        self.assertEqual(*outputs)

    def test_bytes_that_are_no_text_come_back(self):
        content = bytes(range(256)) * 3 + b"\xff\xfe\xc3 the\xe4\xbd"
        (self.dir / "b.dat").write_bytes(content)
        self.sovren("tokenizer", "train", "--vocab", 290, "--output", "m.txt", "a.txt", code=0)
        for tokenizer in ("byte", "m.txt"):
            self.sovren("tokenizer", "encode", "--tokenizer", tokenizer, "--output", "b.bin", "b.dat", code=0)
            done = subprocess.run([str(BIN / "sovren"), "tokenizer", "decode", "--tokenizer", tokenizer, "b.bin"],
                                  cwd=self.dir, env=self.env, capture_output=True, timeout=60, check=True)
            self.assertEqual(done.stdout, content)

    def test_an_end_of_text_stands_between_files(self):
        self.write("x.txt", "x")
        self.write("m.txt", "#version: 0.2\na b\n")
        self.sovren("tokenizer", "encode", "--tokenizer", "m.txt", "--output", "x.bin", "x.txt", "x.txt", code=0)
        self.assertEqual(self.shard("x.bin")[1], (87, 257, 87))

    def test_a_text_with_few_pairs_gives_fewer_tokens_and_says_so(self):
        self.write("x.txt", "abcd")
        done = self.sovren("tokenizer", "train", "--vocab", 300, "--output", "m.txt", "x.txt", code=0)
        self.assertIn("only 257 of 300 tokens", done.stderr)
        self.assertIn("vocab   257\n", done.stdout)

    def test_wrong_words_are_usage_errors(self):
        self.assertIn("not 'teach'", self.refused("teach", "a.txt"))
        self.assertIn("--output is missing", self.refused("train", "a.txt"))
        self.assertIn("--tokenizer is missing", self.refused("encode", "--output", "a.bin", "a.txt"))
        self.assertIn("takes no --vocab", self.refused("decode", "--vocab", 300, "--tokenizer", "byte", "a.txt"))
        self.assertIn("257 to 1048576", self.refused("train", "--vocab", 256, "--output", "m.txt", "a.txt"))
        self.assertIn("does not end in .bin", self.refused("encode", "--tokenizer", "byte", "--output", "m", "a.txt"))
        self.assertIn("is to be read", self.refused("train", "--output", "./a.txt", "a.txt"))
        self.assertEqual(self.text.read_text(encoding="utf-8"), TEXT)

    def test_wrong_files_are_named_and_nothing_is_written(self):
        self.write("empty.txt", "")
        self.write("bad.txt", "#version: 0.2\na b\nno merge here\n")
        self.write("not.bin", "x" * 2000)
        self.assertIn("did you mean 'a.txt'?", self.refused("train", "--output", "new/m.txt", "b.txt"))
        self.assertIn("empty.txt: the file is empty", self.refused("train", "--output", "new/m.txt", "a.txt", "empty.txt"))
        self.assertIn("bad.txt:3: ", self.refused("encode", "--tokenizer", "bad.txt", "--output", "new/a.bin", "a.txt"))
        self.assertIn("is no token shard", self.refused("decode", "--tokenizer", "byte", "not.bin"))
        self.sovren("tokenizer", "train", "--vocab", 300, "--output", "m.txt", "a.txt", code=0)
        self.sovren("tokenizer", "encode", "--tokenizer", "m.txt", "--output", "m.bin", "a.txt", code=0)
        self.assertIn("beyond the vocabulary of 256", self.refused("decode", "--tokenizer", "byte", "m.bin"))
        self.assertFalse((self.dir / "new").exists())


if __name__ == "__main__":
    unittest.main()
