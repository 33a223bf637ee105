# SPDX-License-Identifier: Apache-2.0
"""A GPT-2 in PyTorch's own operations, as nanoGPT writes it: what a step costs there on one thread.

    training_torch.py LAYERS WIDTH HEADS VOCAB BATCH TOKENS [SECONDS]     prints a line of JSON
The least process CPU time of forward, backward, clipping and AdamW, in at least SECONDS (10) of steps and 5 of them.
"""
import json
import math
import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.projection = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, mask):
        batch, tokens, width = x.shape
        q, k, v = (part.view(batch, tokens, self.heads, -1).transpose(1, 2)
                   for part in self.qkv(self.ln_1(x)).split(width, -1))
        scores = (q @ k.transpose(-2, -1)) * (1 / math.sqrt(k.shape[-1]))
        scores = scores.masked_fill(mask[:tokens, :tokens], -math.inf)
        y = (F.softmax(scores, -1) @ v).transpose(1, 2).contiguous().view(batch, tokens, width)
        x = x + self.projection(y)
        return x + self.down(F.gelu(self.up(self.ln_2(x)), approximate="tanh"))


class Gpt2(nn.Module):
    def __init__(self, layers, width, heads, vocab, context):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocab, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.register_buffer("mask", torch.ones(context, context, dtype=torch.bool).triu(1))

    def forward(self, inputs, targets):
        x = self.tokens(inputs) + self.positions.weight[:inputs.shape[1]]
        for block in self.blocks:
            x = block(x, self.mask)
        logits = F.linear(self.norm(x), self.tokens.weight)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def measure(layers, width, heads, vocab, batch, tokens, seconds):
    torch.set_num_threads(1)
    torch.manual_seed(1)
    model = Gpt2(layers, width, heads, vocab, tokens)
    decay = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.1}, {"params": others, "weight_decay": 0}],
                                  lr=1e-3, betas=(0.9, 0.95))
    inputs = torch.randint(vocab, (batch, tokens))
    targets = inputs.roll(-1, 1)
    least, spent, steps = math.inf, 0.0, 0
    while steps < 5 or spent < seconds:
        began = time.process_time()
        loss = model(inputs, targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        took = time.process_time() - began
        least, spent, steps = min(least, took), spent + took, steps + 1
    return {"bench": "training_torch", "version": torch.__version__, "steps": steps, "step_ms": 1e3 * least,
            "mean_ms": 1e3 * spent / steps, "parameters": sum(p.numel() for p in model.parameters())}


if __name__ == "__main__":
    if len(sys.argv) not in (7, 8):
        sys.exit(__doc__)
    sizes = [int(word) for word in sys.argv[1:7]]
    print(json.dumps(measure(*sizes, float(sys.argv[7]) if len(sys.argv) == 8 else 10)))
