# SPDX-License-Identifier: Apache-2.0
"""sovren generate text: models made by hand whose answer is known, and everything that can be wrong with a file."""
import json
import random
import struct
import subprocess
import unittest

from sovren_case import BIN, PATIENCE_S, SovrenCase, processes_of

WIDTH, CONTEXT = 32, 40
SIZES = {"ln_1": WIDTH, "ln_2": WIDTH, "attn.c_attn": (WIDTH, 3 * WIDTH), "attn.c_proj": (WIDTH, WIDTH),
         "mlp.c_fc": (WIDTH, 4 * WIDTH), "mlp.c_proj": (4 * WIDTH, WIDTH)}


def safetensors(tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, (shape, values) in tensors.items():
        raw = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def counting_model(vocab=257, noise=0.0, **metadata):
    """A GPT-2 of one layer that does nothing, and a head that knows each token's successor: it counts."""
    drawn = random.Random(1)
    rows = [[drawn.choice((-1.0, 1.0)) for _ in range(WIDTH)] for _ in range(vocab)]
    tensors = {"wte.weight": ((vocab, WIDTH), sum(rows, [])), "wpe.weight": ((CONTEXT, WIDTH), [0.0] * CONTEXT * WIDTH)}
    for name, size in SIZES.items():
        shape = size if isinstance(size, tuple) else (size,)
        count = shape[0] * (shape[1] if len(shape) == 2 else 1)
        tensors[f"h.0.{name}.weight"] = (shape, [drawn.gauss(0, noise) for _ in range(count)])
        tensors[f"h.0.{name}.bias"] = ((shape[-1],), [0.0] * shape[-1])
    tensors["ln_f.weight"] = ((WIDTH,), [1.0] * WIDTH)
    tensors["ln_f.bias"] = ((WIDTH,), [0.0] * WIDTH)
    tensors["lm_head.weight"] = ((vocab, WIDTH), sum((rows[(token - 1) % vocab] for token in range(vocab)), []))
    shape = dict(layers=1, heads=2, kv_heads=2, width=WIDTH, hidden_width=4 * WIDTH, context=CONTEXT, vocab=vocab,
                 norm="layer", positions="learned", activation="gelu", biases=True, tied=False, rope_theta=10000.0,
                 norm_epsilon=1e-5, tokenizer="byte")
    shape.update(metadata)
    return safetensors(tensors, {"format": "pt", "sovren": json.dumps(shape)})


def llmc_model(vocab=256):
    """llm.c's file of a tied model of one layer that does nothing: it says the same token again."""
    drawn = random.Random(2)
    table = [drawn.choice((-1.0, 1.0)) for _ in range(vocab * WIDTH)]
    zeros = (CONTEXT + 4 + 3 * WIDTH + 3 + WIDTH + 1 + 4 * WIDTH + 4 + 4 * WIDTH + 1) * WIDTH
    numbers = table + [0.0] * zeros + [1.0] * WIDTH + [0.0] * WIDTH
    words = [20240326, 3, CONTEXT, vocab, 1, 2, WIDTH, vocab] + [0] * 248
    return struct.pack("<256i", *words) + struct.pack(f"<{len(numbers)}f", *numbers)


class GenerateText(SovrenCase):
    def setUp(self):
        super().setUp()
        (self.dir / "counts").write_bytes(counting_model())
        (self.dir / "noisy").write_bytes(counting_model(noise=0.5))

    def text(self, model, *words, code=0):
        """Standard output (bytes) and standard error."""
        done = subprocess.run([str(BIN / "sovren"), "generate", "text", "--model", model, *map(str, words)], cwd=self.dir,
                              env=self.env, capture_output=True, timeout=PATIENCE_S, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout, done.stderr.decode()

    def test_a_model_goes_on_as_it_has_learnt(self):
        self.assertEqual(self.text("counts", "--prompt", "xyza", "--tokens", 6, "--temperature", 0)[0], b"bcdefg\n")
        (self.dir / "llmc.bin").write_bytes(llmc_model())
        self.assertEqual(self.text("llmc.bin", "--prompt", "ab", "--tokens", 3, "--temperature", 0)[0], b"bbb\n")

    def test_a_model_of_hugging_face_has_its_shape_and_its_tokens_beside_it(self):
        content = counting_model(vocab=259)
        (self.dir / "plain").write_bytes(content.replace(b'"sovren"', b'"nobody"'))
        self.assertIn("how many heads", self.text("plain", code=3)[1])
        config = dict(model_type="gpt2", n_layer=1, n_head=2, n_embd=WIDTH, n_positions=CONTEXT, vocab_size=259,
                      tie_word_embeddings=False)
        self.write("config.json", json.dumps(config))
        self.write("merges.txt", "#version: 0.2\na b\nab c\n")  # tokens 256 "ab", 257 "abc", 258 the end
        # In GPT-2's order "A" is token 32, and 255 is the soft hyphen, the last byte of its alphabet.
        self.assertEqual(self.text("plain", "--prompt", "A", "--tokens", 2, "--temperature", 0)[0], b"BC\n")
        self.assertEqual(self.text("plain", "--prompt", "\u00ad", "--tokens", 9, "--temperature", 0)[0], b"ababc\n")

    def test_it_goes_on_beyond_its_context_until_the_text_ends(self):
        said = self.text("counts", "--prompt", "\x01", "--tokens", 10000, "--temperature", 0)[0]
        self.assertEqual(said, bytes(range(2, 256)) + b"\n")

    def test_without_a_prompt_a_new_text_or_line_begins(self):
        self.assertEqual(self.text("counts", "--tokens", 3, "--temperature", 0)[0], b"\0\1\2\n")
        (self.dir / "bytes").write_bytes(counting_model(vocab=256))
        self.assertEqual(self.text("bytes", "--tokens", 2, "--temperature", 0)[0], b"\x0b\x0c\n")

    def test_the_same_seed_says_the_same(self):
        def said(*words):
            return self.text("noisy", "--prompt", "a", "--tokens", 100, "--temperature", 5, *words)[0]
        self.assertEqual(said("--seed", 7), said("--seed", 7))
        self.assertNotEqual(said("--seed", 7), said("--seed", 8))
        self.assertEqual(said("--seed", 7, "--top-k", 1), said("--seed", 8, "--top-k", 1))

    def test_tokens_come_as_they_are_made_and_nothing_is_left_running(self):
        process = self.start("generate", "text", "--model", self.dir / "noisy", "--tokens", 100_000_000, "--temperature", 5,
                             "--top-k", 9)
        self.assertEqual(len(process.stdout.buffer.read(5)), 5)
        ranks = [pid for pid in processes_of("--generate") if self.is_child(pid, process.pid)]
        self.assertEqual(len(ranks), 1)
        process.kill()
        process.wait()
        process.stdout.close()
        self.wait_until(lambda: ranks[0] not in processes_of("--generate"))

    @staticmethod
    def is_child(pid, parent):
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return int(stat.read().rsplit(")", 1)[1].split()[1]) == parent

    def test_a_wrong_file_is_named_with_what_is_wrong(self):
        whole = counting_model()
        bad = {"missing": (None, "no such file"), "empty": (b"", "no whole safetensors file"),
               "cut": (whole[:-1], "ends at byte"),
               "long": (whole + b"x", "last 1 bytes"), "text": (b"I am a poem, not a model", "no whole safetensors file"),
               "llmc": (llmc_model()[:-4], "no whole llm.c model"), "heads": (counting_model(heads=3), "multiples"),
               "layers": (counting_model(layers=2), "h.1.ln_1.weight is missing"),
               "context": (counting_model(context=50), "wpe.weight is (40, 32)")}
        for name, (content, piece) in bad.items():
            if content is not None:
                (self.dir / name).write_bytes(content)
            said, error = self.text(name, code=2)
            self.assertEqual(said, b"")
            self.assertIn(piece, error)
            self.assertIn(name, error)

    def test_options_are_checked(self):
        for words in (("--tokens", "0"), ("--temperature", "warm"), ("--temperature", "-1"), ("--top-k", "-1"),
                      ("--seed", "x"), ("--length", "3"), ("--json",)):
            said, error = self.text("counts", *words, code=2)
            self.assertEqual(said, b"")
            self.assertIn("[usage]", error)
        self.assertIn("--model", self.sovren("generate", "text", code=2).stderr)
        self.assertIn("--prompt", self.sovren("generate", "causal", "--prompt", "x", code=2).stderr)
        self.assertIn("no such file", self.text("counts", "--tokenizer", "none.bpe", code=2)[1])
        (self.dir / "few").write_bytes(counting_model(vocab=100))
        (self.dir / "many").write_bytes(counting_model(vocab=300))
        self.assertIn("say --tokenizer FILE", self.text("many", "--prompt", "y", code=3)[1])
        self.assertEqual(self.text("many", "--prompt", "y", "--tokens", 1, "--temperature", 0, "--tokenizer", "byte")[0],
                         b"z\n")
        self.assertIn("the model has 100", self.text("few", "--prompt", "z", code=2)[1])


if __name__ == "__main__":
    unittest.main()
