# SPDX-License-Identifier: Apache-2.0
"""The source tree as the tidy tests see it: its files, their includes, how findings are told."""

import os
import re
import subprocess
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.environ.get("SOVREN_SOURCE", os.path.join(_HERE, "../..")))
CODE = (".h", ".cpp", ".cu", ".c")
SOURCE_FOLDERS = ("core", "scheduler", "workers", "kernels", "jobs", "storage", "slurm", "cli")

_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def files():
    """Paths of all files that belong to the project, relative to its root."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
    )
    if listed.returncode == 0:
        names = listed.stdout.decode().split("\0")
        return sorted(n for n in names if n and os.path.isfile(os.path.join(ROOT, n)))
    found = []  # an unpacked archive without git
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if f != "build" and not f.endswith(".sovren")]
        found += [os.path.relpath(os.path.join(folder, n), ROOT) for n in names]
    return sorted(found)


def code_files():
    return [f for f in files() if f.endswith(CODE)]


def source_files():
    """The code of the two programs, without tests, benchmarks and tools."""
    return [f for f in code_files() if f.split("/")[0] in SOURCE_FOLDERS]


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


def includes(text):
    """(line, "angle" | "quote", path) of each #include."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        match = _INCLUDE.match(line)
        if match:
            found.append((number, "angle" if match[1] == "<" else "quote", match[2]))
    return found


def without_comments(text):
    """The text with comments and string literals blanked, line numbers kept."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S
    )

    def blank(match):
        keep = '""' if match[0][0] in "\"'R" else ""
        return keep + "\n" * match[0].count("\n")

    return pattern.sub(blank, text)


def finish(findings, checked, what):
    """Prints the findings and ends the program: 1 if there are any, or if nothing was looked at."""
    for finding in findings:
        print(finding)
    print(f"{what}: {checked} checked, {len(findings)} wrong")
    sys.exit(1 if findings or checked == 0 else 0)
