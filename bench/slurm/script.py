#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long does `sovren slurm script` take, against the smallest program there is? The limit is 20 ms.

Runs it and /bin/true in turns and prints medians of wall and CPU time, and JSON. `alone`: all that it needs is on the
command line. `asks`: how ranks are started and the partition's limit are asked of srun and sinfo (here: of a shell).
    bench/slurm/script.py build/release/bin/sovren
"""
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 101
JOB = 'kind = "causal-analysis"\n[resources]\nranks = 64\nnodes = 8\n[causal_analysis]\ndata = "data.csv"\n'


def once_ms(argv, env):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(argv, env=env, stdout=subprocess.DEVNULL, check=True)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * wall, 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else "build/release/bin/sovren"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "job.toml").write_text(JOB, encoding="utf-8")
        for site_program, says in (("srun", "pmix"), ("sinfo", "work*|n/a|1:00:00")):
            (folder / site_program).write_text(f"#!/bin/sh\necho '{says}'\n", encoding="utf-8")
            (folder / site_program).chmod(0o755)
        env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "SOVREN_HOME": name}
        script = [program, "slurm", "script", str(folder / "job.toml")]
        rows = {"alone": [*script, "--launcher", "srun", "--time-limit", "1h"], "asks": script, "true": ["/bin/true"]}
        times = {row: [] for row in rows}
        for _ in range(ROUNDS):  # in turns, so that all see the same load
            for row, argv in rows.items():
                times[row].append(once_ms(argv, env))
    result = {"bench": "slurm_script", "load": os.getloadavg()[0]}
    for row, samples in times.items():
        wall, cpu = (statistics.median(column) for column in zip(*samples))
        result[row] = {"wall_ms": wall, "cpu_ms": cpu}
        print(f"{row:6} {wall:6.1f} ms wall {cpu:6.1f} ms CPU")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
