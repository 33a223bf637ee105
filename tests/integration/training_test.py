# SPDX-License-Identifier: Apache-2.0
"""Training a tiny model, as a user sees it: results, any ranks, stops, weights in and out, bad input."""
import collections
import csv
import json
import math
import struct
import tomllib
import unittest
import xml.etree.ElementTree as ElementTree

from sovren_case import SOURCE, SovrenCase

try:
    import h5py
except ImportError:
    h5py = None


def tensors_of(path):
    """name -> (type, shape, first byte) of a safetensors file."""
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    return {name: (of["dtype"], of["shape"], 8 + length + of["data_offsets"][0]) for name, of in header.items()}


class TrainingCase(SovrenCase):
    def result(self, name="job"):
        return self.job_dir(name) / "result"

    def weights_with(self, value):
        """bad.safetensors: weights of which two that multiply each other have this value."""
        self.training(steps=1)
        self.report("job.toml")
        path = self.result() / "model.safetensors"
        data = bytearray(path.read_bytes())
        for name in ("c_fc", "c_proj"):
            at = tensors_of(path)[f"transformer.h.1.mlp.{name}.weight"][2]
            data[at:at + 4] = struct.pack("<f", value)
        (self.dir / "bad.safetensors").write_bytes(data)


class Training(TrainingCase):
    def losses(self, name="job"):
        with open(self.result(name) / "loss.csv", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def test_leaves_what_the_contract_names(self):
        self.training()
        report = self.report("job.toml")
        self.assertEqual((report["state"], report["steps"], report["backend"]), ("COMPLETED", 12, "cpu"))
        self.assertRegex(report["digest"], r"^[0-9a-f]{64}$")
        for metric in ("training_loss", "training_validation_loss", "training_tokens_per_second", "training_parameters"):
            self.assertGreater(report["metrics"][metric], 0, metric)
        self.assertEqual(sorted(path.name for path in self.result().iterdir()),
                         ["loss.csv", "loss.svg", "model.safetensors", "samples.txt"])
        picture = ElementTree.parse(self.result() / "loss.svg").getroot()
        self.assertTrue(picture.tag.endswith("}svg"))
        samples = (self.result() / "samples.txt").read_text(encoding="utf-8")
        self.assertEqual([line for line in samples.splitlines() if line.startswith("===")],
                         ["=== after 6 steps ===", "=== after 12 steps ==="])

    def test_loss_csv_has_the_schedule_the_tokens_and_losses_that_fall(self):
        self.training(steps=40, min_learning_rate=0.0005)
        report = self.report("job.toml")
        rows = self.losses()
        self.assertEqual(list(rows[0]), "step,tokens,train_loss,val_loss,learning_rate,grad_norm,tokens_per_s".split(","))
        self.assertEqual([int(row["step"]) for row in rows], list(range(40)))
        self.assertEqual([int(row["tokens"]) for row in rows], [8 * 32 * (step + 1) for step in range(40)])
        self.assertEqual([step for step, row in enumerate(rows) if row["val_loss"]], list(range(3, 40, 4)))
        for step, row in enumerate(rows):
            cosine = 0.0005 + 0.0025 * (1 + math.cos(math.pi * (step - 2) / 38)) / 2
            self.assertAlmostEqual(float(row["learning_rate"]), 0.0015 * (step + 1) if step < 2 else cosine, delta=1e-12)
            self.assertGreater(float(row["grad_norm"]), 0)
            self.assertGreater(float(row["tokens_per_s"]), 0)
        self.assertAlmostEqual(float(rows[0]["train_loss"]), math.log(256), delta=0.2)  # knows nothing
        self.assertLess(float(rows[-1]["train_loss"]), 3.3)
        self.assertEqual(float(rows[-1]["val_loss"]), report["metrics"]["training_validation_loss"])

    def test_any_number_of_ranks_and_threads_gives_the_same_bits(self):
        self.training(dropout=0.1)
        results = {}
        for ranks, threads in ((1, 1), (2, 1), (4, 1), (3, 1), (1, 2)):
            report = self.report("job.toml", "--ranks", ranks, "--set", f"resources.cpus_per_rank={threads}",
                                 "--dir", f"r{ranks}t{threads}")
            self.assertEqual(report["ranks"], ranks)
            model = (self.dir / f"r{ranks}t{threads}/result/model.safetensors").read_bytes()
            results[ranks, threads] = (report["digest"], model)
        self.assertEqual(len(set(results.values())), 1, {key: digest for key, (digest, _) in results.items()})

    def test_killed_and_resumed_on_other_ranks_gives_the_same_bits(self):
        self.training(steps=60)
        want = self.report("job.toml", "--dir", "undisturbed")
        report = self.killed_twice("job.toml")
        self.assertEqual((report["ranks"], report["digest"]), (1, want["digest"]))
        self.assertEqual(want["checkpoints"]["mtbf_s"], 0, "it sealed nothing")
        seen = report["checkpoints"]
        self.assertLess(seen["mtbf_s"], 86400 / 8, "of a node, 24 h, until this job is killed twice in seconds")
        self.assertGreater(seen["mtbf_s"], 86400 / 10)
        self.assertEqual((seen["interval_s"], seen["expected_overhead"]), (0, 0), "steps decide, not time")
        seconds = report["seconds"]
        spent_s = sum(seconds[name] for name in ("checkpoint", "slowdown", "lost", "restore"))
        self.assertGreater(spent_s, 0)
        self.assertAlmostEqual(seen["actual_overhead"], min(1, spent_s / seconds["run"]), places=6)
        self.assertEqual((self.result() / "samples.txt").read_bytes(),
                         (self.dir / "undisturbed/result/samples.txt").read_bytes())
        drop_rate = [{key: value for key, value in row.items() if key != "tokens_per_s"} for row in self.losses()]
        with open(self.dir / "undisturbed/result/loss.csv", encoding="utf-8") as file:
            self.assertEqual(drop_rate, [{key: value for key, value in row.items() if key != "tokens_per_s"}
                                         for row in csv.DictReader(file)])

    @unittest.skipUnless(h5py, "needs h5py")
    def test_h5py_opens_a_checkpoint(self):
        self.training()
        self.report("job.toml", "--ranks", 2, "--set", 'checkpoint.interval="1 steps"')
        sealed = self.sets("job")[-1]
        arrays = {array["name"]: array for array in json.loads((sealed / "MANIFEST.json").read_text())["arrays"]}
        self.assertEqual(arrays["model/wte.weight"]["shape"], [256, 32])
        rows = 0
        for shard in sorted(sealed.glob("*.h5")):
            with h5py.File(shard) as file:
                rows += sum(file["model"][name].shape[0] for name in file["model"] if name.split("@")[0] == "wte.weight")
        self.assertEqual(rows, 256)
        self.assertEqual(arrays["optimizer/m"]["shape"], arrays["optimizer/v"]["shape"])

    def test_weights_come_out_and_go_in_again(self):
        self.training(steps=60)
        last = self.report("job.toml")["metrics"]["training_validation_loss"]
        tensors = tensors_of(self.result() / "model.safetensors")
        self.assertEqual(tensors["transformer.wte.weight"][:2], ("F32", [256, 32]))
        self.assertEqual(tensors["transformer.h.1.attn.c_attn.weight"][:2], ("F32", [32, 96]))
        self.training("more", init_from="job.sovren/result/model.safetensors", steps=2, learning_rate=1e-6, export="llmc",
                      sample_every=0)
        report = self.report("more.toml")
        self.assertAlmostEqual(report["metrics"]["training_validation_loss"], last, delta=0.01)
        self.assertEqual(sorted(path.name for path in self.result("more").iterdir()), ["loss.csv", "loss.svg", "model.bin"])
        self.training("again", init_from="more.sovren/result/model.bin", steps=2, learning_rate=1e-6, export="none",
                      sample_every=0)
        report = self.report("again.toml")
        self.assertAlmostEqual(report["metrics"]["training_validation_loss"], last, delta=0.01)
        self.assertEqual(sorted(path.name for path in self.result("again").iterdir()), ["loss.csv", "loss.svg"])

    def test_the_example_learns(self):
        example = SOURCE / "examples/training/quick.toml"
        report = self.report(example, "--dir", self.dir / "job.sovren",
                             "--set", "model_training.steps=100")  # a sixth, for sanitizers
        self.assertEqual(report["state"], "COMPLETED")
        # More than how often each letter occurs in these documents, whatever they say today.
        letters = collections.Counter()
        for name in tomllib.loads(example.read_text(encoding="utf-8"))["model_training"]["data"]:
            letters.update((example.parent / name).read_bytes())
        of_single_letters = -sum(n / letters.total() * math.log(n / letters.total()) for n in letters.values())
        self.assertLess(report["metrics"]["training_validation_loss"], of_single_letters - 0.1)

    def test_a_llama_trains_too(self):
        self.training(model="llama", heads=4, kv_heads=2, recompute="block", steps=20)
        self.report("job.toml", "--ranks", 2)
        self.assertIn("model.layers.1.self_attn.k_proj.weight", tensors_of(self.result() / "model.safetensors"))
        rows = self.losses()
        self.assertLess(float(rows[-1]["train_loss"]), float(rows[0]["train_loss"]) - 0.5)

    def test_a_loss_that_is_no_number_stops_the_job_and_says_where(self):
        self.weights_with(3e38)
        self.training("nan", init_from="bad.safetensors")
        done = self.sovren("run", "nan.toml", "--quiet")
        self.assertEqual(done.returncode, 2, done.stderr)
        for piece in ("step 0", "micro-batch 0", "nan", "on_nan"):
            self.assertIn(piece, done.stderr)

    def test_steps_that_are_no_numbers_can_be_skipped(self):
        self.weights_with(3e38)
        self.training("nan", init_from="bad.safetensors", on_nan="skip", steps=3, sample_every=0)
        self.assertEqual(self.report("nan.toml")["metrics"]["training_skipped_steps"], 3)
        self.assertTrue(all(math.isnan(float(row["train_loss"])) for row in self.losses("nan")))
        self.assertIn("3 steps skipped", (self.result("nan") / "loss.svg").read_text())


class BadTraining(TrainingCase):
    """Each says what is wrong and where, ends with its code, and leaves nothing."""

    def test_sizes_that_do_not_go_together(self):
        for keys, says in (({"heads": 5}, ["model_training.heads", "5", "32", "divide"]),
                           ({"heads": 4, "kv_heads": 3}, ["model_training.kv_heads", "divide"]),
                           ({"batch": 6, "micro_batch": 4}, ["model_training.micro_batch", "divide", "6"])):
            with self.subTest(keys=keys):
                self.training(**keys)
                self.refused("run", "job.toml", code=2, says=["job.toml:", *says])

    def test_a_batch_that_the_ranks_cannot_split(self):
        self.training(batch=4, micro_batch=2)
        self.refused("run", "job.toml", "--ranks", 3, code=2,
                     says=["2 micro-batches", "3 ranks cannot split", "micro_batch"])

    def test_a_context_longer_than_the_data(self):
        self.training(eval_every=0)
        self.write("text.txt", "too short")
        self.refused("run", "job.toml", code=2, says=["text.txt", "9 tokens", "33", "model_training.context = 8"])

    def test_a_validation_part_shorter_than_the_context(self):
        self.training()
        self.write("text.txt", "x" * 100)
        self.refused("run", "job.toml", code=2, says=["for validation", "10 tokens"])

    def test_a_token_beyond_the_vocabulary(self):
        header = struct.pack("<256i", 20240520, 1, 200, *[0] * 253)
        (self.dir / "shard.bin").write_bytes(header + struct.pack("<200H", *[7] * 150, 300, *[7] * 49))
        self.training(data="shard.bin", vocab=256)
        self.refused("run", "job.toml", code=2, says=["shard.bin", "300", "150", "256"])

    def test_a_shard_with_a_wrong_magic(self):
        (self.dir / "shard.bin").write_bytes(struct.pack("<256i", 20240521, 1, 200, *[0] * 253) + b"\0" * 400)
        self.training(data="shard.bin", vocab=256)
        self.refused("run", "job.toml", code=2, says=["shard.bin", "20240520"])

    def test_a_shard_that_is_cut_off(self):
        (self.dir / "shard.bin").write_bytes(struct.pack("<256i", 20240520, 1, 200, *[0] * 253) + b"\0" * 100)
        self.training(data="shard.bin", vocab=256)
        self.refused("run", "job.toml", code=2, says=["shard.bin", "200"])

    def test_data_that_are_not_there(self):
        self.training(data="txt.txt")
        self.refused("run", "job.toml", code=2, says=["txt.txt"])

    def test_weights_of_another_shape_are_all_listed(self):
        self.training(steps=1)
        self.report("job.toml")
        self.training("other", width=64, layers=3, init_from="job.sovren/result/model.safetensors")
        self.refused("run", "other.toml", code=2, says=["model.safetensors", "wte", "(256, 32)", "(256, 64)", "h.2."])

    def test_weights_that_are_no_numbers(self):
        self.weights_with(math.nan)
        self.training("other", init_from="bad.safetensors")
        self.refused("run", "other.toml", code=2, says=["bad.safetensors", "transformer.h.1.mlp.c_fc.weight", "no number"])

    def test_more_memory_than_there_is(self):
        self.training(extra='[resources]\nmemory_per_rank = "16MiB"', width=512, heads=8)
        self.refused("run", "job.toml", code=3, says=["needs about", "MiB per rank", "memory_per_rank is 16MiB",
                                                     "micro_batch"])

    def test_an_unknown_key_gets_the_nearest(self):
        self.training(learnig_rate=0.1)
        self.refused("run", "job.toml", code=2, says=["learnig_rate", "learning_rate"])


if __name__ == "__main__":
    unittest.main()
