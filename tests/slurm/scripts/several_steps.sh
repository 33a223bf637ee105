#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Steps of several kinds in one job of two tasks, and arguments.
#SBATCH --ntasks=2 --time=0-00:05
#SBATCH --output=steps-%x-%u.out
#SBATCH --export=ALL,COLOUR=red
#SBATCH -J steps
echo "arguments: $# '$1' '$2', colour $COLOUR, from the submitter: ${GIVEN-nothing}"
srun -n 1 sh -c 'echo step $SLURM_STEP_ID: task $SLURM_PROCID of $SLURM_NTASKS'
srun --label sh -c 'echo step $SLURM_STEP_ID: task $SLURM_PROCID of $SLURM_NTASKS' | sort
srun --ntasks=2 --output=step-%s-%t.txt sh -c 'echo $((SLURM_PROCID + 1)) squared'
echo input | srun -n 1 cat
srun sh -c 'exit $((SLURM_PROCID * 3))' 2>/dev/null
echo "the last step ended with $?"
srun --ntasks=1 no-such-program 2>/dev/null || echo "no such program: $?"
exit 5
