#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what the tests need, builds everything into build/release and runs all tests.
#   scripts/test.sh [arguments of ctest...]      e.g. scripts/test.sh -L unit
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# What one checkout has compiled, another need not: the cache sees paths from the checkout's root.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

scripts/install-deps.sh --test
cmake --preset release
cmake --build --preset release
ctest --preset release --parallel "$(nproc)" "$@"
