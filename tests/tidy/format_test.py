# SPDX-License-Identifier: Apache-2.0
"""Every C++ file is as clang-format 14 (Debian 12) writes it."""

import os
import shutil
import subprocess
import sys

import tree

SKIPPED = 77

if __name__ == "__main__":
    program = shutil.which("clang-format-14")
    if program is None:
        print("SKIP: clang-format-14 is not installed (scripts/install-deps.sh --test)")
        sys.exit(SKIPPED)
    names = tree.code_files()
    done = subprocess.run(
        [program, "--dry-run", "-Werror", "--ferror-limit=1", *names],
        cwd=tree.ROOT, capture_output=True, text=True,
    )
    wrong = sorted({line.split(":")[0] for line in done.stderr.splitlines() if ": error:" in line})
    findings = [f"{name}: run clang-format-14 -i {name}" for name in wrong]
    if done.returncode and not findings:
        findings = [done.stderr]
    tree.finish(findings, len(names), "files' format")
