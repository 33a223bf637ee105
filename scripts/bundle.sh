#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# scripts/bundle.sh DIR: a folder that runs Sovren on any x86-64 Linux host whose glibc is not older
# than this one's; nothing else is needed there, and no root. For GPUs: a driver.
#   DIR/bin       sovren, sovren-rank, mpirun, orted
#   DIR/lib       shared libraries, Open MPI's plug-ins
#   DIR/libexec   Open MPI's own mpirun and orted       DIR/share   its texts
#   DIR/examples  job files and small inputs
# The programs must have been built: cmake --preset release && cmake --build --preset release.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if (($# != 1)); then
  echo "usage: scripts/bundle.sh DIR" >&2
  exit 2
fi
bundle=$1
built=${SOVREN_BIN:-build/release/bin}
limit_mib=62

for program in sovren sovren-rank; do
  if [[ ! -x $built/$program ]]; then
    echo "bundle: $built/$program is not there; build it first:" >&2
    echo "  cmake --preset release && cmake --build --preset release" >&2
    exit 1
  fi
done
if [[ -e $bundle && ! -e $bundle/.sovren-bundle ]]; then
  echo "bundle: $bundle is there and is no bundle; name another folder" >&2
  exit 2
fi
rm -rf "$bundle"
mkdir -p "$bundle"/{bin,lib/openmpi,lib/pmix,libexec,share/openmpi/etc,share/pmix}
touch "$bundle/.sovren-bundle"

# Where this machine keeps Open MPI and PMIx.
ompi_path() { ompi_info --parsable --path "$1" | cut -d: -f3-; }
ompi_plugins=$(ompi_path pkglibdir)
ompi_texts=$(ompi_path pkgdatadir)
ompi_settings=$(ompi_path sysconfdir)
pmix_library=$(ldd "$ompi_plugins"/mca_pmix_ext3x.so | awk '$1 ~ /^libpmix/ { print $3 }')
pmix_home=$(dirname "$(dirname "$(readlink -f "$pmix_library")")")

cp "$built"/sovren "$built"/sovren-rank "$bundle/bin/"
strip --strip-unneeded "$bundle/bin/sovren" "$bundle/bin/sovren-rank"
cp -L "$(command -v orterun)" "$bundle/libexec/mpirun"
cp -L "$(command -v orted)" "$bundle/libexec/orted"
cp -L "$ompi_texts"/help-*.txt "$bundle/share/openmpi/"
cp -L "$ompi_settings"/openmpi-mca-params.conf "$ompi_settings"/openmpi-default-hostfile \
  "$bundle/share/openmpi/etc/"
cp -L "$pmix_home"/lib/pmix/*.so "$bundle/lib/pmix/"
cp -L "$pmix_home"/share/pmix/help-*.txt "$bundle/share/pmix/"
[[ -d examples ]] && cp -r examples "$bundle/"
find "$bundle/examples" -name '*.sovren' -prune -exec rm -rf {} + 2>/dev/null || true
cp LICENSE README.md "$bundle/"

# Plug-ins: shared memory, TCP, Slurm and ssh. Not: those that need a fabric's own libraries (OFI,
# UCX, verbs, PSM), MPI-IO, OpenSHMEM, debuggers.
for plugin in "$ompi_plugins"/mca_*.so; do
  case $(basename "$plugin") in
    *_ofi.so | *_openib.so | *_psm*.so | *_ucx.so | *_monitoring.so | mca_pml_cm.so) ;;
    mca_io_* | mca_fcoll_* | mca_fs_* | mca_fbtl_* | mca_sharedfp_*) ;;
    mca_memheap_* | mca_scoll_* | mca_spml_* | mca_sshmem_* | mca_atomic_*) ;;
    mca_crs_* | mca_compress_* | mca_vprotocol_*) ;;
    *) cp -L "$plugin" "$bundle/lib/openmpi/" ;;
  esac
done

g++ -std=c++20 -O2 -Wall -Wextra -Wno-format-truncation -Werror -Wl,--as-needed \
  packaging/bundle/mpi_here.cpp -o "$bundle/bin/mpirun"
cp "$bundle/bin/mpirun" "$bundle/bin/orted"

# HDF5 on Debian can read from S3, for which it needs libcurl and 20 libraries behind it. Sovren
# reads local files only: a stand-in that refuses takes their place and saves 11 MiB.
hdf5=$(ldd "$built/sovren-rank" | awk '$1 ~ /^libhdf5/ { print $3 }')
if [[ -n $hdf5 && $(patchelf --print-needed "$hdf5") == *libcurl.so.4* ]]; then
  g++ -shared -fPIC -O2 -Wl,-soname,libcurl.so.4 \
    -Wl,--version-script=packaging/bundle/libcurl.map -x c packaging/bundle/libcurl.c \
    -o "$bundle/lib/libcurl.so.4"
fi

# Every library that a program or plug-in of the bundle needs, except glibc's own: those belong to
# the host's loader.
is_of_glibc() {
  case $1 in
    libc.so.* | libm.so.* | libmvec.so.* | libpthread.so.* | libdl.so.* | librt.so.* | \
      libutil.so.* | libresolv.so.* | libnsl.so.* | libanl.so.* | ld-linux*) return 0 ;;
    *) return 1 ;;
  esac
}
add_libraries_of() {
  local name path
  while read -r name path; do
    is_of_glibc "$name" && continue
    [[ -e $bundle/lib/$name ]] && continue
    cp -L "$path" "$bundle/lib/$name"
    add_libraries_of "$bundle/lib/$name"
  done < <(needed_by "$1")
}
# "libz.so.1 /lib/.../libz.so.1" for each library that this file itself names (not what those need).
needed_by() {
  local wanted
  wanted=" $(patchelf --print-needed "$1" | tr '\n' ' ')"
  ldd "$1" | awk '$2 == "=>" && $3 ~ /^\// { print $1, $3 }' | while read -r name path; do
    [[ $wanted == *" $name "* ]] && echo "$name $path"
  done
  return 0
}
programs=("$bundle"/bin/* "$bundle"/libexec/*)
plugins=("$bundle"/lib/openmpi/*.so "$bundle"/lib/pmix/*.so)
for file in "${programs[@]}" "${plugins[@]}"; do add_libraries_of "$file"; done

chmod -R u+w "$bundle"
for file in "${programs[@]}"; do patchelf --set-rpath '$ORIGIN/../lib' "$file"; done
for file in "$bundle"/lib/*.so*; do patchelf --set-rpath '$ORIGIN' "$file"; done
for file in "${plugins[@]}"; do patchelf --set-rpath '$ORIGIN/..' "$file"; done
strip --strip-unneeded "$bundle"/bin/sovren "$bundle"/bin/sovren-rank

size_kib=$(du -sk --apparent-size "$bundle" | cut -f1)
needs=$(objdump -T "$bundle"/bin/* "$bundle"/libexec/* "$bundle"/lib/*.so* 2>/dev/null |
  grep -oE 'GLIBC_2\.[0-9]+' | sort -t. -k2 -n -u | tail -n 1)
echo "bundle: $bundle, $((size_kib / 1024)) MiB, needs ${needs/_/ } or newer"
echo "bundle: try $bundle/bin/sovren version"
if ((size_kib > limit_mib * 1024)); then
  echo "bundle: larger than the $limit_mib MiB it may have" >&2
  exit 1
fi
