#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what Sovren is built from, on Debian 12 (or a system with the same package names).
#   scripts/install-deps.sh           to build and run
#   scripts/install-deps.sh --test    also what the tests, the sanitizers and the fuzzer use
# Non-interactive; works as root or through sudo; done in a blink when everything is there.
set -euo pipefail

# compiler and build
packages=(g++ cmake ninja-build ccache pkg-config patchelf)
# core: expected, TOML, JSON, SHA-256
packages+=(libexpected-dev libtomlplusplus-dev nlohmann-json3-dev libssl-dev)
# storage: event log, checkpoints
packages+=(libsqlite3-dev libhdf5-dev)
# kernels and ranks
packages+=(libopenblas-serial-dev libopenmpi-dev openmpi-bin)
# scenes and pictures: glTF, OBJ, XML, EXR, PNG, JPEG; rays on the CPU
packages+=(libpugixml-dev libopenexr-dev libpng-dev)
packages+=(libjpeg-dev libembree-dev)
# the agent: topology
packages+=(libhwloc-dev)
# command line, log lines
packages+=(zlib1g-dev libboost-program-options-dev libspdlog-dev)
# HTTP API: asio, beast
packages+=(libboost-dev)
# `cmake --preset release` configures tests and benchmarks too
packages+=(libgtest-dev libgmock-dev libbenchmark-dev)

# file lists and style (tests/tidy), independent answers, system calls seen from outside, drawings
test_packages=(git python3 python3-numpy python3-scipy python3-h5py strace librsvg2-bin)
# PyTorch to compare models with, a text to learn from
test_packages+=(python3-torch bible-kjv bible-kjv-text)
# networks, promtool, HTTP and TLS from outside
test_packages+=(iproute2 prometheus curl openssl)
# a Slurm of the tests' own; setpriv, unshare, nsenter
test_packages+=(slurmctld slurmd slurm-client munge util-linux)
# sources' shape, the fuzzer
test_packages+=(clang-format-14 clang-19 libclang-rt-19-dev)

case "${1-}" in
  "") ;;
  --test) packages+=("${test_packages[@]}") ;;
  *)
    echo "usage: scripts/install-deps.sh [--test]" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "install-deps: this script knows Debian 12's packages only; elsewhere, install the" >&2
  echo "equivalents of: ${packages[*]}" >&2
  exit 1
fi

# Prints the packages of the list that are not installed.
missing_packages() {
  local installed format='${db:Status-Status}=${Package} '
  installed=" $(dpkg-query -W -f "$format" "${packages[@]}" 2>/dev/null || true)"
  for package in "${packages[@]}"; do
    [[ $installed == *" installed=$package "* ]] || printf '%s\n' "$package"
  done
}

mapfile -t missing < <(missing_packages)
if ((${#missing[@]} == 0)); then
  echo "install-deps: all ${#packages[@]} packages are installed"
  exit 0
fi

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "install-deps: not root, and there is no sudo. Ask an administrator for:" >&2
    echo "  apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300
  -o Acquire::Retries=3)
echo "install-deps: installing ${#missing[@]} of ${#packages[@]} packages: ${missing[*]}"
"${apt[@]}" update >/dev/null ||
  echo "install-deps: warning: not all package lists could be read; going on with the rest" >&2
log=$(mktemp)
if ! "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1; then
  tail -n 30 "$log" >&2
  echo "install-deps: apt-get failed; its whole output is in $log" >&2
  exit 1
fi
rm -f "$log"

mapfile -t missing < <(missing_packages)
if ((${#missing[@]} > 0)); then
  echo "install-deps: still missing: ${missing[*]}" >&2
  exit 1
fi
echo "install-deps: done"
