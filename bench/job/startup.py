#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long does the command line take to answer, against the smallest program there is?

Runs `sovren --help` and /bin/true in turns, as often as each other, and prints the medians, their ratio and JSON.
    bench/job/startup.py build/release/bin/sovren
"""
import json
import statistics
import subprocess
import sys
import time

ROUNDS = 101


def once_ms(argv):
    began = time.perf_counter()
    subprocess.run(argv, stdout=subprocess.DEVNULL, check=True)
    return 1000 * (time.perf_counter() - began)


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else "build/release/bin/sovren"
    ours, floor = [], []
    for _ in range(ROUNDS):  # in turns, so that both see the same load
        ours.append(once_ms([program, "--help"]))
        floor.append(once_ms(["/bin/true"]))
    result = {"bench": "startup", "help_ms": statistics.median(ours), "true_ms": statistics.median(floor)}
    result["ratio"] = result["help_ms"] / result["true_ms"]
    print(f"sovren --help {result['help_ms']:.1f} ms   /bin/true {result['true_ms']:.1f} ms   ratio {result['ratio']:.1f}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
