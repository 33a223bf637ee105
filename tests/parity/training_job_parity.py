# SPDX-License-Identifier: Apache-2.0
"""A whole training job, as a user runs it, against PyTorch in float64: weights in (Hugging Face's
names), sequential data, gradient accumulation on three ranks, clipping, warm-up, cosine, AdamW with
decay of matrices only, loss.csv and weights out. argv: the program sovren."""

import csv
import math
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

import safetensors_file

LAYERS, HEADS, WIDTH, CONTEXT, VOCAB = 3, 4, 64, 32, 256
BATCH, MICRO_BATCH, STEPS, WARMUP = 6, 2, 12, 3
HIGHEST, LOWEST, DECAY, CLIP = 3e-3, 3e-4, 0.1, 0.7
JOB = f"""kind = "model-training"
[model_training]
data = "text"
order = "sequential"
init_from = "start.safetensors"
layers = {LAYERS}
heads = {HEADS}
width = {WIDTH}
context = {CONTEXT}
batch = {BATCH}
micro_batch = {MICRO_BATCH}
steps = {STEPS}
learning_rate = {HIGHEST}
min_learning_rate = {LOWEST}
warmup_steps = {WARMUP}
weight_decay = {DECAY}
grad_clip = {CLIP}
"""


def start_weights():
    weights = {}

    def normal(name, *shape, mean=0.0):
        weights[name] = (mean + 0.08 * torch.randn(*shape)).float()

    def norm(name):
        normal(name + ".weight", WIDTH, mean=1.0)
        normal(name + ".bias", WIDTH)

    def linear(name, inputs, outputs):
        normal(name + ".weight", inputs, outputs)
        normal(name + ".bias", outputs)

    normal("wte.weight", VOCAB, WIDTH)
    normal("wpe.weight", CONTEXT, WIDTH)
    for layer in range(LAYERS):
        norm(f"h.{layer}.ln_1")
        linear(f"h.{layer}.attn.c_attn", WIDTH, 3 * WIDTH)
        linear(f"h.{layer}.attn.c_proj", WIDTH, WIDTH)
        norm(f"h.{layer}.ln_2")
        linear(f"h.{layer}.mlp.c_fc", WIDTH, 4 * WIDTH)
        linear(f"h.{layer}.mlp.c_proj", 4 * WIDTH, WIDTH)
    norm("ln_f")
    return weights


def logits(w, tokens):
    def norm(x, name):
        return F.layer_norm(x, (WIDTH,), w[name + ".weight"], w[name + ".bias"], 1e-5)

    def linear(x, name):
        return x @ w[name + ".weight"] + w[name + ".bias"]

    def heads(x):
        return x.view(-1, CONTEXT, HEADS, WIDTH // HEADS).transpose(1, 2)

    future = torch.triu(torch.ones(CONTEXT, CONTEXT, dtype=torch.bool), 1)
    x = w["wte.weight"][tokens] + w["wpe.weight"]
    for layer in range(LAYERS):
        h = f"h.{layer}."
        q, k, v = map(heads, linear(norm(x, h + "ln_1"), h + "attn.c_attn").split(WIDTH, -1))
        scores = (q @ k.transpose(-1, -2) / math.sqrt(WIDTH // HEADS)).masked_fill(future, -1e30)
        attended = (scores.softmax(-1) @ v).transpose(1, 2).reshape(x.shape)
        x = x + linear(attended, h + "attn.c_proj")
        up = linear(norm(x, h + "ln_2"), h + "mlp.c_fc")
        up = up / 2 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (up + 0.044715 * up**3)))
        x = x + linear(up, h + "mlp.c_proj")
    return norm(x, "ln_f") @ w["wte.weight"].T


def learning_rate(step):
    if step < WARMUP:
        return HIGHEST * (step + 1) / WARMUP
    share = (step - WARMUP) / (STEPS - WARMUP)
    return LOWEST + (HIGHEST - LOWEST) * (1 + math.cos(math.pi * share)) / 2


def train(start, text):
    """The rows of loss.csv as PyTorch has them, and the weights at the end."""
    w = {name: weight.double().requires_grad_() for name, weight in start.items()}
    adamw = torch.optim.AdamW(
        [
            {"params": [x for x in w.values() if x.dim() > 1], "weight_decay": DECAY},
            {"params": [x for x in w.values() if x.dim() == 1], "weight_decay": 0},
        ],
        betas=(0.9, 0.95),
        eps=1e-8,
    )
    tokens = torch.tensor(list(text))
    size = MICRO_BATCH * CONTEXT
    there = (len(text) - 1) // size
    rows = []
    for step in range(STEPS):
        for group in adamw.param_groups:
            group["lr"] = learning_rate(step)
        adamw.zero_grad()
        total = 0
        for part in range(BATCH // MICRO_BATCH):
            first = (step * (BATCH // MICRO_BATCH) + part) % there * size
            inputs = tokens[first : first + size].view(MICRO_BATCH, CONTEXT)
            loss = F.cross_entropy(
                logits(w, inputs).view(-1, VOCAB), tokens[first + 1 : first + size + 1]
            )
            (loss * MICRO_BATCH / BATCH).backward()
            total += loss.item() * MICRO_BATCH / BATCH
        norm = torch.nn.utils.clip_grad_norm_(list(w.values()), CLIP).item()
        adamw.step()
        rows.append((total, norm, learning_rate(step)))
    return rows, w


def main():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    start = start_weights()
    text = "".join(f"{n * n} is the square of {n}. " for n in range(70)).encode()
    with tempfile.TemporaryDirectory() as folder:

        def path(name):
            return os.path.join(folder, name)

        with open(path("text"), "wb") as file:
            file.write(text)
        with open(path("job.toml"), "w", encoding="utf-8") as file:
            file.write(JOB)
        safetensors_file.write(
            path("start.safetensors"),
            {"transformer." + name: weight.numpy() for name, weight in start.items()},
            {},
        )
        run = [sys.argv[1], "run", path("job.toml"), "--ranks", "3", "--dir", path("out"), "--quiet"]
        subprocess.run(run, check=True, timeout=120)
        with open(path("out/result/loss.csv"), encoding="utf-8") as file:
            ours = list(csv.DictReader(file))
        trained, _ = safetensors_file.read(path("out/result/model.safetensors"))
    rows, weights = train(start, text)
    assert len(text) < STEPS * BATCH * CONTEXT, "the data come round"
    wrong = 0
    for step, (row, truth) in enumerate(zip(ours, rows, strict=True)):
        got = [float(row[name]) for name in ("train_loss", "grad_norm", "learning_rate")]
        away = max(abs(a - b) / b for a, b in zip(got, truth))
        is_right = away <= 1e-6 and int(row["tokens"]) == (step + 1) * BATCH * CONTEXT
        wrong += not is_right
        print(f"step {step:2} loss {got[0]:.6f} norm {got[1]:.6f} rate {got[2]:.6f}: {away:.1e}")
    for name, weight in weights.items():
        truth = weight.detach().numpy()
        got = trained["transformer." + name].astype(float)
        if name.endswith("c_attn.bias"):  # the keys' part has no gradient but rounding
            truth = np.delete(truth, slice(WIDTH, 2 * WIDTH))
            got = np.delete(got, slice(WIDTH, 2 * WIDTH))
        away = np.linalg.norm(got - truth) / np.linalg.norm(truth)
        if away > 1e-5:
            wrong += 1
            print(f"{name}: {away:.1e} away")
    print(f"{STEPS} steps, {len(weights)} tensors, {wrong} wrong")
    sys.exit(wrong != 0)


if __name__ == "__main__":
    main()
