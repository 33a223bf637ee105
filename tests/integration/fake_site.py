#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sbatch, squeue and scancel of a site that is this machine: a job is a process. By the name it is called.

State: the folder $FAKE_SITE, of each job a folder ID with `name`, `script`, `out`, `pid` and, at its end, `code`.
Files that a test makes there: `refuse` (what sbatch says), `down` (nothing answers), `slots` (jobs that run at once;
without it all do)."""
import os
import pathlib
import signal
import subprocess
import sys

SITE = pathlib.Path(os.environ["FAKE_SITE"])


def jobs():
    return sorted((path for path in SITE.iterdir() if path.name.isdigit()), key=lambda path: int(path.name))


def option(words, name):
    found = [word.split("=", 1)[1] for word in words if word.startswith(f"--{name}=")]
    return found[-1] if found else ""


def state(job):
    if (job / "cancelled").exists():
        return "CANCELLED" if (job / "code").exists() or not (job / "pid").exists() else "COMPLETING"
    if (job / "code").exists():
        return "COMPLETED" if (job / "code").read_text() == "0\n" else "FAILED"
    return "RUNNING" if (job / "pid").exists() else "PENDING"


def start_some():
    """Starts what waits, as far as there are slots. Called by squeue, which comes again and again."""
    slots = int((SITE / "slots").read_text()) if (SITE / "slots").exists() else 10 ** 6
    busy = sum(state(job) in ("RUNNING", "COMPLETING") for job in jobs())
    for job in jobs():
        if busy >= slots:
            return
        if state(job) != "PENDING":
            continue
        out = (job / "out").read_text()
        line = f'echo $$ >"{job}/pid"; trap : TERM; setsid sh "{job}/script" >"{out}" 2>&1 & echo $! >"{job}/child"; ' \
               f'wait $!; while kill -0 $(cat "{job}/child") 2>/dev/null; do wait; done; echo 0 >"{job}/code"'
        subprocess.Popen(["sh", "-c", line], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL, start_new_session=True, cwd="/")
        while not (job / "child").exists():
            pass
        busy += 1


def sbatch(words):
    if (SITE / "refuse").exists():
        print(f"sbatch: error: {(SITE / 'refuse').read_text()}", file=sys.stderr)
        return 1
    number = 1 + max((int(job.name) for job in jobs()), default=100)
    job = SITE / str(number)
    making = SITE / f"making-{os.getpid()}"
    making.mkdir()
    (making / "name").write_text(option(words, "job-name"))
    (making / "out").write_text(option(words, "output"))
    (making / "words").write_text("\n".join(words))
    (making / "script").write_text(sys.stdin.read())
    making.rename(job)
    print(number)
    return 0


def squeue(words):
    start_some()
    names = option(words, "name").split(",")
    for job in jobs():
        name = (job / "name").read_text()
        if name in names:
            print(f"{job.name}|{state(job)}|30:00|{name}|None")
    return 0


def scancel(words):
    for word in words:
        job = SITE / word
        (job / "cancelled").touch()
        if state(job) == "COMPLETING":
            os.kill(int((job / "child").read_text()), signal.SIGTERM)
    return 0


def main():
    program = pathlib.Path(sys.argv[0]).name
    with open(SITE / "calls", "a", encoding="utf-8") as calls:
        calls.write(program + "\n")
    if (SITE / "down").exists():
        print(f"{program}: error: Unable to contact slurm controller (connect failure)", file=sys.stderr)
        return 1
    return {"sbatch": sbatch, "squeue": squeue, "scancel": scancel}[program](sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
