#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What do checkpoints at the automatic interval cost a job of each kind?

    bench/checkpoint/overhead.py [BUILD] [--pairs N] [--size X] [--kinds KIND ...]       BUILD: build/release

`sovren run` on one rank with interval = "auto" and with "off", in turns, N pairs for each kind: whole runs' CPU seconds
(of all processes) and run time, as the median over the pairs of auto/off; sets sealed; the share of the run time that the
job stood still; the slowdown it measured itself; and the overheads of report.json, expected and actual. --size scales
the work. CPU seconds do not see waiting, and run time sees what else the machine does: its load is printed with them.
Prints a table and, last, a line of JSON.
"""
import argparse
import json
import os
import pathlib
import random
import resource
import statistics
import subprocess
import tempfile

HEAD = 'schema = 1\nname = "job"\n'


def causal(build, folder, size):
    """Replicates of the bootstrap: many small steps, a small state."""
    subprocess.run([build / "bin/sovren", "generate", "causal", "--variables", "40", "--length", "2000",
                    "--max-lag", "5", "--seed", "1", "--output", folder / "data.csv"], check=True, stdout=subprocess.DEVNULL)
    return ('kind = "causal-analysis"\n[causal_analysis]\ndata = "data.csv"\nmax_lag = 5\n'
            f'bootstrap = {int(200 * size)}\n')


def training(_, folder, size):
    """Three million parameters: 38 MB with the optimizer's moments."""
    letters = random.Random(1)
    (folder / "text.txt").write_bytes(bytes(letters.randrange(32, 127) for _ in range(1 << 18)))
    return ('kind = "model-training"\n[model_training]\ndata = "text.txt"\nlayers = 4\nwidth = 256\nheads = 4\n'
            f'context = 128\nbatch = 8\nsteps = {int(60 * size)}\nexport = "none"\n')


def rendering(build, folder, size):
    """A film of 512 x 512."""
    subprocess.run([build / "bin/sovren", "generate", "scene", "cornell", "--output", folder / "cornell.glb"], check=True,
                   stdout=subprocess.DEVNULL)
    return ('kind = "rendering"\n[rendering]\nscene = "cornell.glb"\nwidth = 512\nheight = 512\n'
            f'samples = {int(48 * size)}\n')


KINDS = {"causal-analysis": causal, "model-training": training, "rendering": rendering}


def cpu_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(build, folder, interval):
    """CPU seconds of a whole run, and its report."""
    before = cpu_s()
    env = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    subprocess.run([build / "bin/sovren", "run", "job.toml", "--fresh", "--quiet", "--ranks", "1", "--dir", interval,
                    "--set", f'checkpoint.interval="{interval}"'], cwd=folder, env=env, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    used_s = cpu_s() - before
    return used_s, json.loads((folder / interval / "report.json").read_text(encoding="utf-8"))


def measure(build, kind, arguments):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "job.toml").write_text(HEAD + KINDS[kind](build, folder, arguments.size), encoding="utf-8")
        pairs = []
        for number in range(arguments.pairs):
            order = ("off", "auto") if number % 2 == 0 else ("auto", "off")
            pairs.append({interval: run(build, folder, interval) for interval in order})
    cpus = [pair["auto"][0] / pair["off"][0] for pair in pairs]
    walls = [pair["auto"][1]["seconds"]["run"] / pair["off"][1]["seconds"]["run"] for pair in pairs]
    assert len({pair[which][1]["digest"] for pair in pairs for which in pair}) == 1, "checkpoints change no result"
    reports = [pair["auto"][1] for pair in pairs]

    def share(name):
        return statistics.median(report["seconds"][name] / report["seconds"]["run"] for report in reports)

    def of_sets(name):
        return statistics.median(report["checkpoints"][name] for report in reports)

    return {"kind": kind, "pairs": len(pairs), "run_s": statistics.median(r["seconds"]["run"] for r in reports),
            "off_cpu_s": statistics.median(pair["off"][0] for pair in pairs),
            "cpu_ratio": statistics.median(cpus), "cpu_ratios": cpus,
            "wall_ratio": statistics.median(walls), "wall_ratios": walls,
            "sealed": of_sets("sealed"), "set_bytes": reports[0]["bytes"]["checkpoint"], "blocked": share("checkpoint"),
            "slowdown": share("slowdown"), "interval_s": of_sets("interval_s"),
            "expected_overhead": of_sets("expected_overhead"), "actual_overhead": of_sets("actual_overhead")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", default="build/release", type=pathlib.Path)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--size", type=float, default=1)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    arguments = parser.parse_args()
    build, rows = arguments.build.resolve(), []
    print(f"{'auto against off, medians':<26}{'run s':>7}{'CPU':>8}{'wall':>8}{'sets':>6}{'MiB':>7}{'still':>8}{'slower':>8}"
          f"{'every s':>9}{'expected':>10}{'actual':>8}")
    for kind in arguments.kinds:
        row = measure(build, kind, arguments)
        rows.append(row)
        print(f"{kind:<26}{row['run_s']:>7.1f}{row['cpu_ratio'] - 1:>8.2%}{row['wall_ratio'] - 1:>8.2%}{row['sealed']:>6.0f}"
              f"{row['set_bytes'] / 2**20:>7.1f}{row['blocked']:>8.2%}{row['slowdown']:>8.2%}{row['interval_s']:>9.1f}"
              f"{row['expected_overhead']:>10.2%}{row['actual_overhead']:>8.2%}", flush=True)
    load = os.getloadavg()
    print(f"load {load[0]:.1f} over the last minute, {load[2]:.1f} over fifteen, on {os.cpu_count()} cores")
    print(json.dumps({"bench": "checkpoint_overhead", "load": load, "rows": rows}))


if __name__ == "__main__":
    main()
