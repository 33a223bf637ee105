#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a fresh machine to a first result: installs what is missing, builds Sovren, runs a causal
# analysis of 50 years of the US economy, and shows the graph. A second run takes seconds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# What one checkout has compiled, another need not: the cache sees paths from the checkout's root.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

job=examples/causal/us_macro.toml
log=build/quickstart.log
mkdir -p build

# step TEXT COMMAND...: runs it with its output in the log; shows the log's end if it fails.
step() {
  local text=$1 began=$SECONDS
  shift
  printf '%s ...\n' "$text"
  if ! "$@" >>"$log" 2>&1; then
    tail -n 40 "$log" >&2
    printf 'quickstart: failed: %s\n  the whole output is in %s\n' "$*" "$log" >&2
    exit 1
  fi
  printf '  done in %d s\n' "$((SECONDS - began))"
}

: >"$log"
scripts/install-deps.sh
step "Configuring (build/release)" cmake --preset release
step "Building sovren and sovren-rank (minutes the first time)" \
  cmake --build --preset release --target sovren sovren-rank

echo "Running $job"
build/release/bin/sovren run "$job" --fresh
result=${job%/*}/$(sed -n 's/^name *= *"\(.*\)"$/\1/p' "$job").sovren/result

echo
cat "$result/graph.txt"
cat <<END

The same as a picture   $result/graph.svg   (open it in a browser)
        as data         $result/graph.json, $result/result.h5

What to try next
  build/release/bin/sovren run $job --ranks 2
      the same on two MPI ranks: the same digest
  build/release/bin/sovren generate causal --variables 400 --length 2000 --max-lag 5 --seed 1
      a larger problem with a known answer; docs/guide/kill-and-resume.md interrupts and resumes it
  build/release/bin/sovren doctor
      what this machine has, and what it lacks
END
