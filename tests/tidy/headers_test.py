# SPDX-License-Identifier: Apache-2.0
"""Every header compiles alone: whoever includes it needs nothing before it.

A header that passed is not compiled again while its text, and that of all it includes from this
project, is unchanged; the digests are kept in the build folder (argument 1)."""

import concurrent.futures
import hashlib
import json
import os
import subprocess
import sys

import tree

FLAGS = "-std=c++20 -Wall -Wno-missing-field-initializers -Werror -fsyntax-only -x c++".split()
# Where the CUDA toolkit is usually; headers that need its own are left out where it is not.
TOOLKIT = "/usr/local/cuda/include"
# Folders of libraries whose headers do not lie in the compiler's own.
LIBRARIES = subprocess.run(
    ["pkg-config", "--cflags-only-I", "OpenEXR"], capture_output=True, text=True, check=True
).stdout.split()
OF_TOOLKIT = ("cublasLt.h", "nccl.h")


def digest(header, seen=None):
    """Of the header's text and that of all project headers it includes, direct or not."""
    seen = seen if seen is not None else set()
    if header in seen or not os.path.isfile(os.path.join(tree.ROOT, header)):
        return ""
    seen.add(header)
    text = tree.read(header)
    parts = [text] + [digest(t, seen) for _, kind, t in tree.includes(text) if kind == "quote"]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def can_compile(header):
    angles = [name for _, kind, name in tree.includes(tree.read(header)) if kind == "angle"]
    return all(os.path.exists(os.path.join(TOOLKIT, a)) for a in angles if a in OF_TOOLKIT)


def compile_alone(header):
    """The compiler's complaint; empty if it has none."""
    program = f'#include "{header}"\n#include "{header}"\n'
    done = subprocess.run(
        ["g++", *FLAGS, "-I", tree.ROOT, "-isystem", TOOLKIT, *LIBRARIES, "-"], input=program, capture_output=True, text=True
    )
    return done.stderr if done.returncode else ""


def main():
    memory = os.path.join(sys.argv[1], "headers_that_compile.json")
    headers = [f for f in tree.source_files() if f.endswith(".h") and can_compile(f)]
    try:
        with open(memory, encoding="utf-8") as file:
            passed = json.load(file)
    except (OSError, ValueError):
        passed = {}
    flags = " ".join(FLAGS)
    now = {h: hashlib.sha256((flags + digest(h)).encode()).hexdigest() for h in headers}
    todo = [h for h in headers if passed.get(h) != now[h]]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = dict(zip(todo, pool.map(compile_alone, todo)))
    good = {h: now[h] for h in headers if not complaints.get(h)}
    with open(memory, "w", encoding="utf-8") as file:
        json.dump(good, file, indent=1)
    findings = [f"{h} does not compile alone:\n{why}" for h, why in complaints.items() if why]
    tree.finish(findings, len(headers), f"headers ({len(todo)} compiled)")


if __name__ == "__main__":
    main()
