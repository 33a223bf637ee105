# SPDX-License-Identifier: Apache-2.0
"""style_rules.py over all files; --self-test: each rule finds a planted violation."""

import sys

import style_rules
import tree

BINARY = (".png", ".npy", ".h5", ".gz", ".ico", ".woff2", ".exr", ".hdr", ".bin", ".glb")
NOT_OURS = ("LICENSE",)


def findings_in(path, text):
    return [f"{path}:{line}: {why}" for rule in style_rules.ALL for line, why in rule(path, text)]


def self_test():
    licence = "// SPDX-License-Identifier: Apache-2.0\n"
    long_function = "int f() {\n" + "  g();\n" * 69 + "}\n"
    longest_function = long_function.replace("  g();\n", "", 1)
    wrong = [
        ("core/base/x.h", "#pragma once\n"),
        ("core/base/x.h", licence + "#include <thread>\n"),
        ("core/model/x.cpp", licence + "auto t = std::chrono::system_clock::now();\n"),
        ("scheduler/policy/x.cpp", licence + "std::unordered_map<int, int> jobs;\n"),
        ("scheduler/policy/x.cpp", licence + "int pick() { return rand() % 3; }\n"),
        ("core/base/x.cpp", licence + 'const char* home = getenv("HOME");\n'),
        ("core/base/x.cpp", licence + 'void f() { std::printf("x"); }\n'),
        ("cli/x.cpp", licence + "int x = 1" + " " * 95 + ";\n"),
        ("cli/x.cpp", licence + "f();\n" * 600),
        ("cli/x.cpp", licence + long_function),
        ("cli/x.cpp", licence + "// TO" + "DO: later\n"),
        ("cli/x.cpp", licence + 'auto p = "/ro' + 'ot/data.csv";\n'),
        ("docs/x.md", "see /wo" + "rk/main\n"),
        ("scripts/x.sh", "#!/bin/sh\necho\n"),
    ]
    right = [
        ("core/base/x.cpp", licence + "// rand() and getenv() are not called here\n"),
        ("core/base/x.cpp", licence + 'const char* text = "std::mutex";\n'),
        ("core/base/check.cpp", licence + "void f() { std::fprintf(stderr, why); }\n"),
        ("storage/file/x.cpp", licence + "#include <mutex>\n"),
        ("cli/x.cpp", licence + longest_function),
        ("scripts/x.sh", "#!/bin/sh\n" + licence.replace("//", "#") + "ls /tmp /usr/local/cuda\n"),
    ]
    missed = [f"not found: {p}: {text[-60:]!r}" for p, text in wrong if not findings_in(p, text)]
    false_alarms = [f for path, text in right for f in findings_in(path, text)]
    tree.finish(missed + false_alarms, len(wrong) + len(right), "planted style faults")


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        self_test()
    names = [n for n in tree.files() if not n.endswith(BINARY) and n not in NOT_OURS]
    findings = [f for name in names for f in findings_in(name, tree.read(name))]
    tree.finish(findings, len(names), "files' style")
