# SPDX-License-Identifier: Apache-2.0
"""A batch script on three nodes: srun and mpirun in it start tasks on all of them."""
import unittest

from cluster_case import ClusterCase

SCRIPT = """#!/bin/bash
srun -Q sh -c 'echo block $SLURM_PROCID $(hostname) $SLURMD_NODENAME $SLURM_NODEID $SLURM_LOCALID $X'
srun -Q -m cyclic sh -c 'echo cyclic $SLURM_PROCID $(hostname)'
srun -Q -n3 --mpi=none sh -c 'exit $((SLURM_PROCID+1))'; echo code $?
srun -Q -w n3 -N1 -n2 sh -c 'echo chosen $(hostname)'
srun -Q -o file-%t-%N.txt hostname; cat file-*
mpirun sh -c 'echo mpirun $OMPI_COMM_WORLD_RANK $(hostname)'
echo job $SLURM_JOB_NODELIST $SLURM_TASKS_PER_NODE
"""
JOB = """schema = 1
name = "steps"
kind = "command"
[resources]
ranks = 6
nodes = 3
[command]
start = "head"
folder = "."
output = "steps.txt"
environment = { X = "a b" }
"""


class SrunOnNodes(ClusterCase):
    def test_steps_use_the_slots_of_all_nodes(self):
        ended = self.wait_until_done(self.submit(self.write("steps.toml", f"{JOB}script = '''{SCRIPT}'''\n")))
        self.assertEqual(ended["state"], "COMPLETED", ended)
        block = [f"block {task} n{task // 2 + 1} n{task // 2 + 1} {task // 2} {task % 2} a b" for task in range(6)]
        cyclic = [f"cyclic {task} n{task % 3 + 1}" for task in range(6)]
        mpirun = [f"mpirun {rank} n{rank // 2 + 1}" for rank in range(6)]
        # mpirun now and then warns that it came too late to set the process group of a daemon's launcher, which has
        # set it itself.
        lines = [line for line in (self.dir / "steps.txt").read_text().splitlines()
                 if "plm:rsh: Warning: setpgid(" not in line]
        self.assertEqual(sorted(lines), sorted([*block, *cyclic, "code 3", *["chosen n3"] * 2, *["n1", "n2", "n3"] * 2,
                                                *mpirun, "job n[1-3] 2(x3)"]))
        self.assertEqual(sorted(p.name for p in self.dir.glob("file-*")),
                         [f"file-{task}-n{task // 2 + 1}.txt" for task in range(6)])
        self.assertEqual([p.name for p in (self.home / "jobs" / "1").glob(".step-*")], [], "nothing of a step is left")


if __name__ == "__main__":
    unittest.main()
