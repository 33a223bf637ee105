# SPDX-License-Identifier: Apache-2.0
"""What a task of an array does: says where it is, and keeps a result of its own."""
import json
import os
import pathlib
import sys

NAMES = ("JOB_NAME", "ARRAY_TASK_ID", "ARRAY_TASK_COUNT", "ARRAY_TASK_MIN", "ARRAY_TASK_MAX", "ARRAY_TASK_STEP",
         "JOB_NUM_NODES", "NNODES", "NTASKS", "NTASKS_PER_NODE", "NPROCS", "TASKS_PER_NODE", "CPUS_PER_TASK", "PROCID",
         "LOCALID", "NODEID", "STEP_ID", "STEP_NUM_TASKS", "STEP_NUM_NODES", "STEP_TASKS_PER_NODE", "GTIDS", "JOB_USER",
         "JOB_PARTITION", "RESTART_COUNT")


def main():
    here = {name: os.environ.get(f"SLURM_{name}") for name in NAMES}
    here["executor"] = os.environ["TOOL_EXECUTOR"]
    here["same folder"] = os.environ["SLURM_SUBMIT_DIR"] == os.getcwd()
    here["step is the job's"] = os.environ["SLURM_STEPID"] == os.environ["SLURM_STEP_ID"]
    here["own job"] = os.environ["SLURM_JOB_ID"] == os.environ["SLURM_JOBID"]
    here["on"] = os.environ["SLURMD_NODENAME"] in ("n1", "n2")
    print("task", here["PROCID"], "of", here["NTASKS"])
    print("warning: of task", here["PROCID"], file=sys.stderr)
    number = 7 * int(here["ARRAY_TASK_ID"]) + int(here["PROCID"])
    here["result"] = sum(i * i % (number + 3) for i in range(1000))
    name = f"{os.environ['SLURM_ARRAY_JOB_ID']}_{here['ARRAY_TASK_ID']}_{here['PROCID']}_result.json"
    pathlib.Path(sys.argv[1], name).write_text(json.dumps(here, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
