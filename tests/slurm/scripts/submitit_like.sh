#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# As submitit writes its batch files: an array, whose elements start their tasks by srun.

# Parameters
#SBATCH --array=0-3%2
#SBATCH --cpus-per-task=1
#SBATCH --error=log/%A_%a_%t_log.err
#SBATCH --job-name=sweep
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=2
#SBATCH --open-mode=append
#SBATCH --output=log/%A_%a_%t_log.out
#SBATCH --signal=USR2@90
#SBATCH --time=5
#SBATCH --wckey=sweep

# command
export TOOL_EXECUTOR=slurm
srun --unbuffered --output log/%A_%a_%t_log.out --error log/%A_%a_%t_log.err python3 -u task.py log
