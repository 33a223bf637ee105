#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A bundle runs where there is nothing but glibc: a root with the bundle, the loader and glibc's
# libraries, /proc, /sys and /dev; no shell, no /usr, no /etc, no environment.
#   bundle_test.sh BIN        BIN: where sovren and sovren-rank were built
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export SOVREN_BIN=$1

skip() {
  echo "SKIP: $*"
  exit 77
}
((EUID == 0)) || skip "chroot needs root"
unshare --mount true 2>/dev/null || skip "this container may not mount"
command -v patchelf >/dev/null || skip "patchelf is not installed (scripts/install-deps.sh)"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{opt,tmp,proc,sys,dev}
scripts/bundle.sh "$root/opt/sovren"

# glibc as the host of a user would have it, in the same places.
loader=/lib64/ld-linux-x86-64.so.2
libraries=$(dirname "$(ldd /bin/true | awk '$1 == "libc.so.6" { print $3 }')")
mkdir -p "$root$(dirname $loader)" "$root$libraries"
cp -L "$loader" "$root$loader"
for name in libc.so.6 libm.so.6 libmvec.so.1 libpthread.so.0 libdl.so.2 librt.so.1 libutil.so.1 \
  libresolv.so.2; do
  cp -L "$libraries/$name" "$root$libraries/"
done

# Everything that is run in there is in this mount namespace: nothing stays mounted.
inside() {
  unshare --mount bash -euc '
    for folder in proc sys dev; do mount --rbind "/$folder" "$0/$folder"; done
    exec env -i PATH=/nowhere '"$(command -v chroot)"' "$@"' "$root" "$root" "$@"
}
check() {
  printf '%s ... ' "$1"
  shift
  if ! "$@" >"$root.log" 2>&1; then
    echo "failed: $*"
    cat "$root.log"
    exit 1
  fi
  echo ok
}
trap 'rm -rf "$root" "$root.log"' EXIT

jobs=("$root"/opt/sovren/examples/causal/*.toml)
job=examples/causal/${jobs[0]##*/}
run=(inside /opt/sovren/bin/sovren run "/opt/sovren/$job" --quiet)
check "sovren version" inside /opt/sovren/bin/sovren version
check "sovren doctor" inside /opt/sovren/bin/sovren doctor
check "one rank: $job" "${run[@]}" --dir /tmp/one --ranks 1
check "two ranks: $job" "${run[@]}" --dir /tmp/two --ranks 2
check "both made the same graph" \
  cmp "$root/tmp/one/result/graph.json" "$root/tmp/two/result/graph.json"
# Moved elsewhere, it still runs: no path is built in.
mv "$root/opt/sovren" "$root/tmp/moved"
check "moved: two ranks" inside /tmp/moved/bin/sovren run "/tmp/moved/$job" --quiet \
  --dir /tmp/three --ranks 2
