#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# scripts/fuzz.sh [SECONDS]: builds the fuzzers of tests/fuzz with clang and runs them, SECONDS (60)
# in all, from the seeds and from what earlier runs found (build/fuzz/corpus). A crash leaves its
# input in build/fuzz/crashes and ends the run with an error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# What one checkout has compiled, another need not: the cache sees paths from the checkout's root.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

seconds=${1:-60}
fuzzers=(job_file_fuzz batch_file_fuzz event_json_fuzz weights_fuzz tokens_fuzz picture_fuzz
  gltf_fuzz scene_text_fuzz tensor_archive_fuzz manifest_fuzz)

cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --target "${fuzzers[@]}"
for fuzzer in "${fuzzers[@]}"; do
  corpus=build/fuzz/corpus/$fuzzer
  mkdir -p "$corpus" build/fuzz/crashes
  options=(-max_total_time=$((seconds / ${#fuzzers[@]})) -timeout=5 -rss_limit_mb=2048
    -max_len=4096 -verbosity=0 -print_final_stats=1 -artifact_prefix=build/fuzz/crashes/)
  [[ $fuzzer == job_file_fuzz ]] && options+=(-dict=tests/fuzz/toml.dict)
  [[ $fuzzer == batch_file_fuzz ]] && options+=(-dict=tests/fuzz/sbatch.dict)
  [[ $fuzzer == gltf_fuzz ]] && options+=(-dict=tests/fuzz/gltf.dict)
  echo "$fuzzer: $((seconds / ${#fuzzers[@]})) s"
  if ! "build/fuzz/bin/$fuzzer" "${options[@]}" "$corpus" "tests/fuzz/seeds/$fuzzer" \
    >build/fuzz/"$fuzzer".log 2>&1; then
    tail -n 40 build/fuzz/"$fuzzer".log
    echo "$fuzzer: failed; the input is in build/fuzz/crashes, the output in build/fuzz/$fuzzer.log"
    exit 1
  fi
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' build/fuzz/"$fuzzer".log)
  echo "$fuzzer: $runs inputs, no crash"
done
