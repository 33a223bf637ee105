# SPDX-License-Identifier: Apache-2.0
"""Compares kernels/nn with PyTorch on whole models: logits, losses, gradients, ten steps of AdamW.

  training_parity.py TRAINING_DUMP [CASE]     exit 77: torch or numpy is not there

The truth is PyTorch in float64 from the same float32 weights. What PyTorch itself loses in float32 is
printed beside what ours loses.
"""
import json
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import torch
    import training_model
except ImportError as missing:
    print(f"SKIP: {missing}")
    sys.exit(77)
import safetensors_file

STEPS = 10
GPT2 = dict(layers=2, heads=4, kv_heads=4, width=64, hidden_width=256, context=33, vocab=257, norm="layer",
            positions="learned", activation="gelu", biases=True, tied=True, rope_theta=1e4, norm_epsilon=1e-5,
            file="gpt2")
LLAMA = dict(GPT2, kv_heads=2, hidden_width=176, norm="rms", positions="rotary", activation="swiglu", biases=False,
             tied=False, norm_epsilon=1e-6, file="llama")
# Bounds against float64, relative; of tensors, of their L2 norm. AdamW makes a step of full length of the rounding of a
# gradient that is almost 0: one such element of a matrix is 6e-5 of its norm.
FP32 = dict(logits=1e-5, loss=1e-6, gradient=1e-5, losses=1e-5, after=1e-4)
BF16 = dict(logits=3e-2, loss=1e-2, gradient=1e-1, losses=1e-2, after=1e-2)


def cases():
    """name, shape, batch, tokens."""
    yield "gpt2", GPT2, 1, 33
    yield "gpt2_batch_3", GPT2, 3, 20
    yield "gpt2_two_tokens", GPT2, 2, 2
    yield "gpt2_odd_width", dict(GPT2, heads=3, kv_heads=3, width=42, hidden_width=50, vocab=128), 2, 17
    yield "gpt2_128", dict(GPT2, layers=4, width=128, hidden_width=512, context=100, vocab=300), 2, 100
    yield "gpt2_untied", dict(GPT2, tied=False), 2, 33
    yield "llama", LLAMA, 1, 33
    yield "llama_128", dict(LLAMA, layers=4, width=128, heads=8, kv_heads=1, hidden_width=344, context=70,
                            rope_theta=5e5), 2, 70
    yield "llama_tied_f16", dict(LLAMA, tied=True, kv_heads=4, half=True), 2, 15
    yield "gpt2_rotary", dict(GPT2, positions="rotary", file="own"), 2, 33
    yield "gpt2_no_biases", dict(GPT2, biases=False, file="own"), 2, 33
    yield "gpt2_swiglu_gqa", dict(GPT2, activation="swiglu", kv_heads=2, file="own"), 2, 33
    yield "gpt2_dropout", dict(GPT2, dropout=0.2, recompute="block"), 3, 33
    yield "llama_dropout", dict(LLAMA, dropout=0.1), 2, 21
    yield "gpt2_rms", dict(GPT2, norm="rms", file="own"), 2, 33


def distance(ours, truth):
    """L2 norm of the difference over that of the truth."""
    truth = truth.double()
    return ((ours.double() - truth).norm() / truth.norm().clamp_min(1e-300)).item()


def without_key_bias(shape, name, tensor):
    """Where nothing turns the keys, softmax takes no notice of their bias: its gradient is rounding alone, and AdamW
    makes steps of full length of that."""
    if not name.endswith(("attn.c_attn.bias", "attn.qkv.bias")) or shape["positions"] == "rotary":
        return tensor
    kv = shape["width"] // shape["heads"] * shape["kv_heads"]
    return torch.cat([tensor[:shape["width"]], tensor[shape["width"] + kv:]])


def measure(shape, result, truth):
    """What is compared -> (distance, where)."""
    losses, logits, gradients, after = result
    true_losses, true_logits, true_gradients, true_after = truth
    relative = [abs(a / b - 1) for a, b in zip(losses, true_losses)]

    def worst(mine, others):
        return max((distance(without_key_bias(shape, name, mine[name]), without_key_bias(shape, name, others[name])),
                    name) for name in others)
    return {"logits": (distance(logits, true_logits), "first sequence"), "loss": (relative[0], "step 0"),
            "gradient": worst(gradients, true_gradients),
            "losses": max((error, f"step {step}") for step, error in enumerate(relative)),
            "after": worst(after, true_after)}


def ours(dump, folder, shape, weights, tokens, precision):
    """What training_dump makes of the same files."""
    stored = {key: value for key, value in shape.items() if key not in ("file", "half", "dropout", "recompute")}
    safetensors_file.write(os.path.join(folder, "model.safetensors"),
                           {name: (weight.half() if "half" in shape else weight).numpy()
                            for name, weight in weights.items()},
                           {"format": "pt", "sovren": json.dumps(stored)})
    tokens.numpy().astype("<i4").tofile(os.path.join(folder, "tokens.i32"))
    batch, width = tokens.shape[1:]
    done = subprocess.run([dump, folder, str(batch), str(width - 1), precision, str(shape.get("dropout", 0)),
                           shape.get("recompute", "none"), "2"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"training_dump ended with {done.returncode}: {done.stderr}")
    logits = np.fromfile(os.path.join(folder, "logits.f32"), "<f4").reshape(width - 1, shape["vocab"])
    gradients, _ = safetensors_file.read(os.path.join(folder, "gradient.safetensors"))
    after, _ = safetensors_file.read(os.path.join(folder, "after.safetensors"))
    if set(gradients) != set(weights) or set(after) != set(weights):
        raise RuntimeError(f"other tensors: {sorted(set(after) ^ set(weights))}")

    def tensors(arrays):
        return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
    return [float(line) for line in done.stdout.split()], torch.from_numpy(logits), tensors(gradients), tensors(after)


def run_case(dump, name, shape, batch, tokens):
    """True when all is within its bound."""
    weights = {key: (value.half() if "half" in shape else value).float()
               for key, value in training_model.random_weights(shape, 1).items()}
    generator = torch.Generator().manual_seed(2)
    data = torch.randint(shape["vocab"], (STEPS, batch, tokens + 1), generator=generator)
    truth = training_model.train(shape, weights, data, torch.float64)
    torch_fp32 = measure(shape, training_model.train(shape, weights, data, torch.float32), truth)
    is_good = True
    for precision, bounds in (("fp32", FP32), ("bf16", BF16)):
        with tempfile.TemporaryDirectory() as folder:
            measured = measure(shape, ours(dump, folder, shape, weights, data, precision), truth)
        for what, (error, where) in measured.items():
            verdict = "ok" if error <= bounds[what] else "FAIL"
            is_good = is_good and verdict == "ok"
            print(f"{name:16} {precision} {what:9} {error:.2e} (at most {bounds[what]:.0e}; torch float32 "
                  f"{torch_fp32[what][0]:.2e}) {where} {verdict}", flush=True)
    return is_good


def main():
    torch.set_num_threads(1)
    dump, only = sys.argv[1], sys.argv[2:]
    chosen = [case for case in cases() if not only or case[0] in only]
    bad = [case[0] for case in chosen if not run_case(dump, *case)]
    print(f"{len(chosen)} models, {len(bad)} wrong {bad}")
    return 1 if bad or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
