#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# As Nextflow writes .command.run: options with equal signs and without, a trap, the exit code in a
# file.
#SBATCH -J nf-count_(2)
#SBATCH -o .command.log
#SBATCH --no-requeue
#SBATCH --signal B:USR2@30
#SBATCH -c 2
#SBATCH -t 00:05:00
#SBATCH --mem 200M
NXF_CHDIR=${SLURM_SUBMIT_DIR}
on_exit() {
  local exit_status=${nxf_main_ret:=$?}
  printf -- "$exit_status" > .exitcode
  exit "$exit_status"
}
on_term() { set +e; exit 143; }
trap on_exit EXIT
trap on_term TERM INT USR2
cd "$NXF_CHDIR"
echo "$SLURM_JOB_NAME on $SLURM_CPUS_PER_TASK cpus, $SLURM_JOB_CPUS_PER_NODE per node," \
  "$SLURM_MEM_PER_NODE MB"
echo "to the log" >&2
printf 'a\nb\nb\n' | sort | uniq -c > counts.txt
