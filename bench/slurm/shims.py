#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long do Slurm's commands take against an idle daemon with a few jobs? The limit is 15 ms each.

Starts a daemon of its own, hands it waiting jobs, and runs each command in turns with /bin/true and `sovren jobs`. Prints
medians of wall and CPU time and their ratio to both, and JSON.
    bench/slurm/shims.py build/release/bin/sovren [ROUNDS [JOBS]]
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

COMMANDS = {
    "true": ["/bin/true"],
    "jobs": ["sovren", "jobs"],
    "squeue": ["squeue"],
    "sacct": ["sacct", "-X", "-P"],
    "sinfo": ["sinfo"],
    "scontrol": ["scontrol", "show", "job", "1"],
    "scancel": ["scancel", "99999999"],
    "sbatch": ["sbatch", "--parsable", "--hold", "--wrap", "true"],
}


def once_ms(argv, env):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(argv, env=env, stdout=subprocess.DEVNULL, check=True)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * wall, 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def measure(program, folder, rounds, jobs):
    links = folder / "shims"
    env = {**os.environ, "SOVREN_HOME": str(folder / "home"), "PATH": f"{links}:{os.environ['PATH']}"}
    subprocess.run([program, "slurm", "shims", links], env=env, stdout=subprocess.DEVNULL, check=True)
    (links / "sovren").symlink_to(program)
    daemon = subprocess.Popen([program, "serve"], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        daemon.stdout.readline()  # it listens
        subprocess.run([program, "submit", "--hold", *["--command=true", f"--array=1-{jobs}"]], env=env,
                       stdout=subprocess.DEVNULL, check=True)
        times = {name: [] for name in COMMANDS}
        for _ in range(rounds):  # in turns, so that all see the same load
            for name, argv in COMMANDS.items():
                path = argv[0] if argv[0].startswith("/") else str(links / argv[0])
                times[name].append(once_ms([path, *argv[1:]], env))
        return times
    finally:
        daemon.terminate()
        daemon.communicate()


def main():
    program = str(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build/release/bin/sovren").resolve())
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 51
    jobs = int(sys.argv[3]) if len(sys.argv) > 3 else 10
    with tempfile.TemporaryDirectory() as name:
        times = measure(program, pathlib.Path(name), rounds, jobs)
    medians = {name: [statistics.median(column) for column in zip(*samples)] for name, samples in times.items()}
    result = {"bench": "slurm_shims", "array": jobs, "load": os.getloadavg()[0]}
    for name, (wall, cpu) in medians.items():
        of_true, of_jobs = cpu / medians["true"][1], cpu / medians["jobs"][1]
        result[name] = {"wall_ms": wall, "cpu_ms": cpu, "cpu_of_true": of_true, "cpu_of_jobs": of_jobs}
        print(f"{name:9} {wall:6.1f} ms wall {cpu:6.1f} ms CPU  {of_true:5.1f} x /bin/true  {of_jobs:5.2f} x sovren jobs")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
