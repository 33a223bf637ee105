#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Starts Slurm sites on this machine and runs on them all that Sovren promises of Slurm: one line
# for each promise, with its outcome and figures. Needs root, scripts/install-deps.sh --test, and
# the programs (cmake --preset release && cmake --build --preset release). A quarter of an hour.
#   tests/slurm/run.sh [NAME_test.py...]    SOVREN_BIN names other programs than build/release/bin
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SOVREN_SOURCE=$(cd "$here/../.." && pwd)
export SOVREN_SOURCE SOVREN_BIN=${SOVREN_BIN:-$SOVREN_SOURCE/build/release/bin}
export SOVREN_TEST_SLURM=all  # also the tests that are too long for CI
for program in sovren sovren-rank; do
  if [[ ! -x $SOVREN_BIN/$program ]]; then
    echo "run.sh: $SOVREN_BIN/$program is not there: build it first" >&2
    exit 2
  fi
done
exec /usr/bin/python3 -B "$here/outcomes.py" "$@"
