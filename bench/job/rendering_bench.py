#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How fast are pictures: beside Cycles, beside rays alone, on two ranks, and what do checkpoints and previews cost?

    bench/job/rendering_bench.py [BUILD] [--samples N] [--rounds N] [--size N]       BUILD: build/release

Cornell box, one thread, 64 bounces: million samples per CPU second, the best of N rounds, ours and Cycles' in turns
(Blender 3.4's, where it is installed: plain diffuse materials in both). Rays alone: the same rays again without shading.
Then `sovren run` on 1 and 2 ranks, with checkpoints every second and without, and the time until the first preview.
Prints tables and, last, a line of JSON.
"""
import argparse
import json
import os
import pathlib
import resource
import shutil
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent


def children_cpu_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def engine(build, scene, arguments, tracer, depth):
    """The last line of JSON of the engine alone."""
    done = subprocess.run([build / "bin/rendering_bench", "--size", str(arguments.size), "--samples", str(arguments.samples),
                           "--depth", str(depth), "--tracer", tracer, scene], capture_output=True, text=True, check=True)
    return json.loads([line for line in done.stdout.splitlines() if line.startswith("{")][-1])


def cycles(scene, arguments, depth, folder):
    """Samples per CPU second of Cycles, start-up subtracted by a picture of one sample."""
    def cpu_s(samples):
        before = children_cpu_s()
        words = ["--", scene, folder / "cycles.exr", str(arguments.size), str(samples), str(depth)]
        subprocess.run(["blender", "-b", "--python-exit-code", "1", "--python", HERE / "cycles_picture.py", *words],
                       capture_output=True, check=True, env=dict(os.environ, PATH="/usr/bin:/bin"))  # its own Python
        return children_cpu_s() - before
    idle = cpu_s(1)
    return (arguments.samples - 1) * arguments.size ** 2 / (cpu_s(arguments.samples) - idle)


def job(build, folder, name, ranks, extra=()):
    """Seconds of a whole run, its report, and when the first preview was there."""
    start = time.monotonic()
    words = ["--fresh", "--quiet", "--ranks", str(ranks), "--dir", folder / name, *extra]
    process = subprocess.Popen([build / "bin/sovren", "run", folder / "job.toml", *words],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    preview, shown_s = folder / name / "preview/image.png", None
    while process.poll() is None:
        if shown_s is None and preview.exists():
            shown_s = time.monotonic() - start
        time.sleep(0.01)
    assert process.returncode == 0, name
    report = json.loads((folder / name / "report.json").read_text(encoding="utf-8"))
    return report["seconds"]["run"], report, shown_s


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", default="build/release", type=pathlib.Path)
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=256)
    arguments = parser.parse_args()
    build, figures = arguments.build.resolve(), {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        scene = folder / "cornell.glb"
        subprocess.run([build / "bin/sovren", "generate", "scene", "cornell", "--output", scene], check=True,
                       stdout=subprocess.DEVNULL)
        best = {}
        for _ in range(arguments.rounds):
            for tracer in ("embree", "bvh"):
                got = engine(build, scene, arguments, tracer, 64)
                if got["samples_per_s"] > best.get(tracer, {"samples_per_s": 0})["samples_per_s"]:
                    best[tracer] = got
            if shutil.which("blender"):
                best["cycles"] = max(best.get("cycles", 0), cycles(scene, arguments, 64, folder))
        print(f"{'Cornell box, one thread':<26}{'Msamples/s':>12}{'Mrays/s':>9}{'rays alone':>12}{'of Cycles':>11}")
        for tracer in ("embree", "bvh"):
            got = best[tracer]
            beside = f"{got['samples_per_s'] / best['cycles']:.2f}" if "cycles" in best else "-"
            print(f"{tracer:<26}{got['samples_per_s'] * 1e-6:>12.3f}{got['rays_per_s'] * 1e-6:>9.2f}"
                  f"{got['raw_share']:>11.0%} {beside:>10}")
        if "cycles" in best:
            print(f"{'Cycles':<26}{best['cycles'] * 1e-6:>12.3f}")
        figures["cornell"] = best
        (folder / "job.toml").write_text('kind = "rendering"\n[checkpoint]\ninterval = "off"\n[rendering]\n'
                                         f'scene = "{scene}"\nwidth = 512\nheight = 512\nsamples = 64\n', encoding="utf-8")
        runs = {"1 rank": [], "2 ranks": [], "1 rank, checkpoints each second": []}
        for _ in range(arguments.rounds):
            runs["1 rank"].append(job(build, folder, "one", 1))
            runs["2 ranks"].append(job(build, folder, "two", 2))
            runs["1 rank, checkpoints each second"].append(
                job(build, folder, "sealed", 1, ["--set", 'checkpoint.interval="1s"']))
        print(f"\n{'sovren run, 512 x 512 x 64':<34}{'seconds':>9}{'preview':>9}{'sets':>6}{'stood still':>13}")
        for name, got in runs.items():
            seconds, report, shown_s = min(got, key=lambda each: each[0])
            figures[name] = {"seconds": seconds, "preview_s": shown_s, "blocked_s": report["seconds"]["checkpoint"]}
            shown = f"{shown_s:.2f}" if shown_s else "-"
            print(f"{name:<34}{seconds:>9.2f}{shown:>9}{report['checkpoints']['sealed']:>6}"
                  f"{report['seconds']['checkpoint']:>13.3f}")
        figures["ranks_speedup"] = figures["1 rank"]["seconds"] / figures["2 ranks"]["seconds"]
        figures["checkpoint_share"] = (figures["1 rank, checkpoints each second"]["blocked_s"] /
                                       figures["1 rank, checkpoints each second"]["seconds"])
        print(f"2 ranks: {figures['ranks_speedup']:.2f} x; checkpoints each second: the job stood still "
              f"{figures['checkpoint_share']:.1%} of the time")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
