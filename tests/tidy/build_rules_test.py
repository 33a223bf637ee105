# SPDX-License-Identifier: Apache-2.0
"""The build and the documents keep their promises: sources are listed by name, nothing is fetched,
scripts parse, links between documents lead somewhere, every error code is documented."""

import os
import re
import subprocess

import tree


def cmake_findings(name, text):
    banned = r"\b(file\s*\(\s*(?:GLOB|DOWNLOAD)\w*|FetchContent\w*|ExternalProject\w*)"
    why = "is not used here: sources are named, nothing is fetched"
    return [f"{name}: {word} {why}" for word in re.findall(banned, text)]


def link_findings(name, text):
    found = []
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path = os.path.normpath(os.path.join(tree.ROOT, os.path.dirname(name), target))
        if not os.path.exists(path):
            found.append(f"{name}: the link to {target} leads nowhere")
    return found


def error_code_findings():
    """Each code of error.h stands in docs/errors.md with the exit codes of error.cpp."""
    body = re.search(r"enum class Code \{(.*?)\};", tree.read("core/base/error.h"), re.S)[1]
    codes = re.findall(r"^\s*(\w+),", body, re.M)
    rows = r'Row\{Code::(\w+), "\w+", (\d+, \d+)\}'
    exits = dict(re.findall(rows, tree.read("core/base/error.cpp")))
    documented = tree.read("docs/errors.md")
    found = [] if codes else ["core/base/error.h: no codes found"]
    for code in codes:
        row = f"| `{code}` | {exits.get(code, '?').replace(', ', ' | ')} |"
        if row not in documented:
            found.append(f"docs/errors.md: has no row beginning {row}")
    return found


def main():
    findings = error_code_findings()
    names = tree.files()
    for name in names:
        if name.endswith(("CMakeLists.txt", ".cmake")):
            findings += cmake_findings(name, tree.read(name))
        elif name.endswith(".md"):
            findings += link_findings(name, tree.read(name))
        elif name.endswith(".sh") or name == ".ci/run":
            path = os.path.join(tree.ROOT, name)
            done = subprocess.run(["bash", "-n", path], capture_output=True, text=True)
            findings += [done.stderr] if done.returncode else []
    tree.finish(findings, len(names), "build files, scripts and documents")


if __name__ == "__main__":
    main()
