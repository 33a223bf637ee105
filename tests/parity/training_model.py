# SPDX-License-Identifier: Apache-2.0
"""A transformer in plain PyTorch operations, from a dict of weights as a file has them."""
import math

import numpy as np
import torch

SEED, FIRST_SEQUENCE = 99, 5  # training_dump.cpp's


def philox(seed, stream, index):
    """Philox4x32-10 (Salmon et al. 2011) of each index: (4, len(index)) 32-bit words."""
    low = np.uint64(0xFFFFFFFF)
    index = index.astype(np.uint64)
    counter = [index & low, index >> np.uint64(32), np.full_like(index, stream), np.zeros_like(index)]
    key = [seed, 0]
    for _ in range(10):
        first, second = counter[0] * np.uint64(0xD2511F53), counter[2] * np.uint64(0xCD9E8D57)
        counter = [(second >> np.uint64(32)) ^ counter[1] ^ np.uint64(key[0]), second & low,
                   (first >> np.uint64(32)) ^ counter[3] ^ np.uint64(key[1]), first & low]
        key = [(key[0] + 0x9E3779B9) % 2 ** 32, (key[1] + 0xBB67AE85) % 2 ** 32]
    return np.stack(counter)


def dropped(shape, stream, x, sequence):
    """x with kernels/nn/dropout.h's dropout; its first index counts sequences, the first of them `sequence`."""
    rate = np.float32(shape.get("dropout", 0))
    if rate == 0:
        return x
    element = np.arange(x.numel(), dtype=np.uint64) + np.uint64(sequence * x[0].numel())
    words = philox(SEED, stream, element // np.uint64(4))
    word = words[(element % np.uint64(4)).astype(int), np.arange(len(element))]
    kept = torch.from_numpy(word >= np.uint64(float(rate) * 2 ** 32)).view(x.shape)
    return torch.where(kept, x / (1 - float(rate)), torch.zeros_like(x))


def names(shape):
    """name -> size of all weights, under the names that files of this shape have."""
    c, v = shape["width"], shape["vocab"]
    kv = c // shape["heads"] * shape["kv_heads"]
    hidden, biases = shape["hidden_width"], shape["biases"]
    sizes = {}
    if shape["file"] == "llama":
        sizes["model.embed_tokens.weight"] = (v, c)
        for layer in range(shape["layers"]):
            h = f"model.layers.{layer}."
            sizes[h + "input_layernorm.weight"] = sizes[h + "post_attention_layernorm.weight"] = (c,)
            sizes[h + "self_attn.q_proj.weight"] = sizes[h + "self_attn.o_proj.weight"] = (c, c)
            sizes[h + "self_attn.k_proj.weight"] = sizes[h + "self_attn.v_proj.weight"] = (kv, c)
            sizes[h + "mlp.gate_proj.weight"] = sizes[h + "mlp.up_proj.weight"] = (hidden, c)
            sizes[h + "mlp.down_proj.weight"] = (c, hidden)
        sizes["model.norm.weight"] = (c,)
    else:
        is_gpt2 = shape["file"] == "gpt2"
        top = "transformer." if is_gpt2 else ""
        sizes[top + "wte.weight"] = (v, c)
        if shape["positions"] == "learned":
            sizes[top + "wpe.weight"] = (shape["context"], c)
        linear = {"attn.c_attn" if is_gpt2 else "attn.qkv": (c + 2 * kv, c),
                  "attn.c_proj" if is_gpt2 else "attn.proj": (c, c),
                  "mlp.c_fc" if is_gpt2 else "mlp.up": (hidden * (2 if shape["activation"] == "swiglu" else 1), c),
                  "mlp.c_proj" if is_gpt2 else "mlp.down": (c, hidden)}
        norms = [f"h.{layer}.ln_{number}" for layer in range(shape["layers"]) for number in (1, 2)] + ["ln_f"]
        for norm in norms:
            sizes[f"{top}{norm}.weight"] = (c,)
            if biases and shape["norm"] == "layer":
                sizes[f"{top}{norm}.bias"] = (c,)
        for layer in range(shape["layers"]):
            for name, (rows, columns) in linear.items():
                sizes[f"{top}h.{layer}.{name}.weight"] = (columns, rows) if is_gpt2 else (rows, columns)
                if biases:
                    sizes[f"{top}h.{layer}.{name}.bias"] = (rows,)
    if not shape["tied"]:
        sizes["lm_head.weight"] = (v, c)
    return sizes


def random_weights(shape, seed):
    """Larger than at the start of a training, so that attention is sharp and nothing is symmetric."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, size in names(shape).items():
        drawn = torch.randn(size, generator=generator, dtype=torch.float64)
        is_norm = len(size) == 1 and name.endswith("weight")
        weights[name] = 1 + 0.2 * drawn if is_norm else drawn * (0.1 if len(size) == 1 else 1 / math.sqrt(shape["width"]))
    return weights


class View:
    """The weights of a file under common names, matrices (out, in)."""

    def __init__(self, shape, weights):
        self.file, self.weights = shape["file"], weights
        self.top = "transformer." if self.file == "gpt2" else ""

    def top_level(self, own, llama):
        return self.weights.get(llama if self.file == "llama" else self.top + own)

    def layer(self, number, own, gpt2, llama):
        if self.file == "llama":
            parts = [self.weights[f"model.layers.{number}.{part}.weight"] for part in llama]
            return torch.cat(parts), None
        name = f"{self.top}h.{number}.{gpt2 if self.file == 'gpt2' else own}"
        weight = self.weights[name + ".weight"]
        is_turned = self.file == "gpt2" and weight.dim() == 2
        return weight.t() if is_turned else weight, self.weights.get(name + ".bias")


def normed(shape, x, weight, bias):
    if shape["norm"] == "layer":
        x = x - x.mean(-1, keepdim=True)
    x = x / torch.sqrt((x * x).mean(-1, keepdim=True) + shape["norm_epsilon"]) * weight
    return x if bias is None else x + bias


def linear(x, weight, bias):
    return x @ weight.t() if bias is None else x @ weight.t() + bias


def rotated(shape, x):
    """x (batch, heads, tokens, head width): pairs (i, i + half) turned by the angle of the position."""
    half = x.shape[-1] // 2
    angle = torch.arange(x.shape[2], dtype=torch.float64)[:, None] * torch.pow(
        torch.tensor(shape["rope_theta"], dtype=torch.float64), -torch.arange(half, dtype=torch.float64) / half)
    cos, sin = torch.cos(angle).to(x.dtype), torch.sin(angle).to(x.dtype)
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


def attended(shape, x, view, layer, sequence):
    batch, tokens, width = x.shape
    head = width // shape["heads"]
    qkv = linear(x, *view.layer(layer, "attn.qkv", "attn.c_attn",
                                ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]))
    kv = shape["kv_heads"] * head
    q, k, v = (part.view(batch, tokens, -1, head).transpose(1, 2) for part in qkv.split([width, kv, kv], -1))
    if shape["positions"] == "rotary":
        q, k = rotated(shape, q), rotated(shape, k)
    k, v = (part.repeat_interleave(shape["heads"] // shape["kv_heads"], 1) for part in (k, v))
    scores = q @ k.transpose(-2, -1) / math.sqrt(head)
    scores = scores.masked_fill(torch.ones(tokens, tokens, dtype=torch.bool).triu(1), -math.inf)
    probabilities = dropped(shape, 1 + 3 * layer, torch.softmax(scores, -1), sequence)
    y = (probabilities @ v).transpose(1, 2).reshape(batch, tokens, width)
    return linear(y, *view.layer(layer, "attn.proj", "attn.c_proj", ["self_attn.o_proj"]))


def fed_forward(shape, x, view, layer):
    up = linear(x, *view.layer(layer, "mlp.up", "mlp.c_fc", ["mlp.gate_proj", "mlp.up_proj"]))
    if shape["activation"] == "swiglu":
        gate, up = up.split(shape["hidden_width"], -1)
        up = gate * torch.sigmoid(gate) * up
    else:
        up = 0.5 * up * (1 + torch.tanh(math.sqrt(2 / math.pi) * (up + 0.044715 * up ** 3)))
    return linear(up, *view.layer(layer, "mlp.down", "mlp.c_proj", ["mlp.down_proj"]))


def logits(shape, weights, inputs, sequence):
    """(batch, tokens, vocab) of inputs (batch, tokens), of which the first has this number in the run."""
    view = View(shape, weights)
    table = view.top_level("wte.weight", "model.embed_tokens.weight")
    x = table[inputs]
    if shape["positions"] == "learned":
        x = x + view.top_level("wpe.weight", "")[:inputs.shape[1]]
    x = dropped(shape, 0, x, sequence)
    for layer in range(shape["layers"]):
        norm_1 = view.layer(layer, "ln_1", "ln_1", ["input_layernorm"])
        y = attended(shape, normed(shape, x, *norm_1), view, layer, sequence)
        x = x + dropped(shape, 2 + 3 * layer, y, sequence)
        norm_2 = view.layer(layer, "ln_2", "ln_2", ["post_attention_layernorm"])
        y = fed_forward(shape, normed(shape, x, *norm_2), view, layer)
        x = x + dropped(shape, 3 + 3 * layer, y, sequence)
    x = normed(shape, x, view.top_level("ln_f.weight", "model.norm.weight"), view.top_level("ln_f.bias", ""))
    return x @ (table if shape["tied"] else weights["lm_head.weight"]).t()


def train(shape, weights, tokens, dtype):
    """Steps of AdamW on tokens (steps, batch, tokens + 1): losses, first logits and gradients, weights after."""
    weights = {name: weight.to(dtype, copy=True).requires_grad_() for name, weight in weights.items()}
    decay = [weight for weight in weights.values() if weight.dim() == 2]
    others = [weight for weight in weights.values() if weight.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.1}, {"params": others, "weight_decay": 0}],
                                  lr=1e-3, betas=(0.9, 0.95), eps=1e-8)
    losses, first_logits, gradients = [], None, None
    for number, step in enumerate(tokens):
        optimizer.zero_grad()
        made = logits(shape, weights, step[:, :-1], FIRST_SEQUENCE + number * len(step))
        loss = torch.nn.functional.cross_entropy(made.flatten(0, 1), step[:, 1:].flatten())
        loss.backward()
        losses.append(loss.item())
        if gradients is None:
            with torch.no_grad():
                first_logits = logits(dict(shape, dropout=0), weights, step[:, :-1], 0)[0]
            gradients = {name: weight.grad.clone() for name, weight in weights.items()}
        optimizer.step()
    return losses, first_logits, gradients, {name: weight.detach() for name, weight in weights.items()}
