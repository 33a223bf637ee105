#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What does a step of training cost, beside PyTorch and beside what the processor's matrix products allow?

    bench/job/training_bench.py [BUILD] [--seconds S] [--rounds N] [--no-ranks]       BUILD: build/release

One thread each, process CPU time, the least of all steps of N processes, ours and PyTorch's in turns, so that what
else the machine does falls on both. Floor: the step's floating-point operations at the speed of OpenBLAS's sgemm
(1024 x 768 x 256, its best of our shapes). Then 1 and 2 ranks through `sovren run`: tokens/s of loss.csv. Prints
tables and, last, a line of JSON.
"""
import argparse
import csv
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
# layers, width, heads, vocabulary, batch, tokens of a sequence
CASES = {
    "L4 d128 V256, 8x128": (4, 128, 4, 256, 8, 128),
    "L4 d256 V256, 8x128": (4, 256, 4, 256, 8, 128),
    "L4 d128 V50257, 4x64": (4, 128, 4, 50257, 4, 64),
    "GPT-2 124M, 4x64": (12, 768, 12, 50257, 4, 64),
}
ONE_THREAD = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")


def json_line(argv, env):
    """The last line of JSON that a program prints."""
    done = subprocess.run([str(word) for word in argv], env=env, capture_output=True, text=True, check=True)
    return json.loads([line for line in done.stdout.splitlines() if line.startswith("{")][-1])


def better_blas_core(gemm_bench):
    """What OPENBLAS_CORETYPE should be here: the program says so where OpenBLAS does not know the processor."""
    done = subprocess.run([gemm_bench, "64", "64", "64", "nt"], env=ONE_THREAD, capture_output=True, text=True, check=True)
    return done.stderr.rpartition("OPENBLAS_CORETYPE=")[2].strip()


def speeds(gemm_bench, env):
    """GFLOP/s of OpenBLAS and of the registers."""
    measured = json_line([gemm_bench, 1024, 768, 256, "nt"], env)
    return {"openblas_gflops": measured["openblas_gflops"], "level": measured["level"],
            "register_gflops": measured["fp32_gflops"] / measured["fp32_to_peak"]}


def steps(build, case, seconds, rounds, env):
    """The least of each program, in turns."""
    programs = {"fp32": [build / "bin/training_step_bench", *case, "fp32", case[4], seconds],
                "micro": [build / "bin/training_step_bench", *case, "fp32", 1, seconds],
                "bf16": [build / "bin/training_step_bench", *case, "bf16", case[4], seconds],
                "torch": ["/usr/bin/python3", HERE / "training_torch.py", *case, seconds]}
    least = {}
    for _ in range(rounds):
        for name, argv in programs.items():
            got = json_line(argv, env)
            if name not in least or got["step_ms"] < least[name]["step_ms"]:
                least[name] = got
    return least


def table(build, arguments):
    gemm_bench = build / "bin/gemm_bench"
    core = better_blas_core(gemm_bench)
    env = dict(ONE_THREAD, OPENBLAS_CORETYPE=core) if core else ONE_THREAD  # for PyTorch, too
    rows = []
    print(f"{'CPU ms of a step, one thread':<24}{'GFLOP':>8}{'floor':>8}{'fp32':>9}{'of floor':>9}{'1 seq.':>9}"
          f"{'bf16':>9}{'PyTorch':>9}{'ratio':>7}{'bf16':>7}")
    for name, case in CASES.items():
        speed = speeds(gemm_bench, env)  # anew for each row: clocks change
        got = steps(build, case, arguments.seconds, arguments.rounds, env)
        row = {"case": name, "gflop": got["fp32"]["gflop"], **speed, **{f"{k}_ms": v["step_ms"] for k, v in got.items()}}
        row["floor_ms"] = 1e3 * row["gflop"] / speed["openblas_gflops"]
        row["fp32_to_floor"] = row["fp32_ms"] / row["floor_ms"]
        row["torch_to_fp32"] = row["torch_ms"] / row["fp32_ms"]
        row["torch_to_bf16"] = row["torch_ms"] / row["bf16_ms"]
        rows.append(row)
        print(f"{name:<28}{row['gflop']:8.2f}{row['floor_ms']:8.1f}{row['fp32_ms']:9.1f}{row['fp32_to_floor']:8.2f}x"
              f"{row['micro_ms']:9.1f}{row['bf16_ms']:9.1f}{row['torch_ms']:9.1f}{row['torch_to_fp32']:6.2f}x"
              f"{row['torch_to_bf16']:6.2f}x", flush=True)
    print(f"floor: OpenBLAS sgemm, {row['openblas_gflops']:.0f} GFLOP/s in the last row; registers "
          f"{row['register_gflops']:.0f}; 1 seq.: fp32, micro-batches of one sequence; PyTorch {got['torch']['version']}")
    return rows


def ranks(build, rounds):
    """Tokens/s of 1 and of 2 ranks, L4 d256, in turns: the median step of the faster half of the runs."""
    rates = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as folder:
        letters = random.Random(1)
        pathlib.Path(folder, "text.txt").write_bytes(bytes(letters.randrange(32, 127) for _ in range(1 << 18)))
        pathlib.Path(folder, "job.toml").write_text(
            'schema = 1\nname = "job"\nkind = "model-training"\n[checkpoint]\ninterval = "off"\n[model_training]\n'
            'data = "text.txt"\nlayers = 4\nwidth = 256\nheads = 4\ncontext = 128\nbatch = 8\nsteps = 60\n'
            'export = "none"\n', encoding="utf-8")
        env = dict(ONE_THREAD, SOVREN_HOME=folder)
        for _ in range(rounds):
            for count in rates:
                subprocess.run([str(build / "bin/sovren"), "run", "job.toml", "--quiet", "--ranks", str(count)],
                               cwd=folder, env=env, check=True, stdout=subprocess.DEVNULL)
                with open(pathlib.Path(folder, "job.sovren/result/loss.csv"), encoding="utf-8") as file:
                    steps_of_run = list(csv.DictReader(file))[5:]
                rates[count].append(statistics.median(float(step["tokens_per_s"]) for step in steps_of_run))
    result = {f"ranks_{count}_tokens_per_s": max(got) for count, got in rates.items()}
    result["ranks_2_to_1"] = result["ranks_2_tokens_per_s"] / result["ranks_1_tokens_per_s"]
    print(f"sovren run, L4 d256, 8x128: 1 rank {result['ranks_1_tokens_per_s']:.0f} tokens/s, 2 ranks "
          f"{result['ranks_2_tokens_per_s']:.0f}: {result['ranks_2_to_1']:.2f}x (wall time: an idle machine is needed)")
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", default="build/release", type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=5, help="of steps, in each process")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-ranks", action="store_true")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    result = {"bench": "training", "rows": table(build, arguments)}
    if not arguments.no_ranks:
        result.update(ranks(build, arguments.rounds))
    print(json.dumps(result))


if __name__ == "__main__":
    sys.exit(main())
