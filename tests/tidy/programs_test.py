# SPDX-License-Identifier: Apache-2.0
"""What the two programs may not be linked to (DESIGN 2): `sovren` starts on any machine in 10 ms,
`sovren-rank` brings no database and no web server to a compute node.

Arguments: the bin folder. --self-test: a forbidden library is found in a list that holds one."""

import os
import re
import subprocess
import sys

import tree

MPI = r"libmpi|libopen-(rte|pal)|libpmix"
CUDA = r"|libcud|libcublas|libnccl|libnvidia"  # also sovren-rank starts where there is none
FORBIDDEN = {
    "sovren": MPI + r"|libhdf5|libopenblas|libblas|liblapack" + CUDA,
    "sovren-rank": r"libsqlite|libboost|libcpp-httplib|libmicrohttpd|libnghttp2_asio" + CUDA,
}


def forbidden_in(program, libraries):
    return [library for library in libraries if re.match(FORBIDDEN[program], library)]


def libraries_of(path):
    """All shared libraries that the program loads at start, direct or not."""
    listed = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
    return [os.path.basename(line.split()[0]) for line in listed.splitlines() if line.strip()]


def self_test():
    wrong = [("sovren", "libmpi.so.40"), ("sovren", "libhdf5_serial.so.103"),
             ("sovren", "libcudart.so.12"), ("sovren", "libopenblas.so.0"),
             ("sovren-rank", "libsqlite3.so.0"), ("sovren-rank", "libcublas.so.13"),
             ("sovren-rank", "libboost_program_options.so.1.74.0")]
    right = [("sovren", "libsqlite3.so.0"), ("sovren-rank", "libmpi.so.40")]
    findings = [f"not found: {p}: {l}" for p, l in wrong if not forbidden_in(p, [l])]
    findings += [f"false alarm: {p}: {l}" for p, l in right if forbidden_in(p, [l])]
    tree.finish(findings, len(wrong) + len(right), "planted libraries")


if __name__ == "__main__":
    if sys.argv[1] == "--self-test":
        self_test()
    findings = []
    for program in FORBIDDEN:
        libraries = libraries_of(os.path.join(sys.argv[1], program))
        findings += [f"{program} loads {l}" for l in forbidden_in(program, libraries)]
    tree.finish(findings, len(FORBIDDEN), "programs' libraries")
