# SPDX-License-Identifier: Apache-2.0
"""What clang-format does not see: purity of the core, sizes, forbidden words. Pure functions: each
takes a path and its text and returns (line, what is wrong)."""

import re

import tree

COLUMNS_MAX = 100
LINES_MAX = 600
FUNCTION_LINES_MAX = 70
TABLE_LINES_MAX = 100  # a function of a test is often a table of cases
PURE = ("core/base/", "core/model/", "scheduler/policy/")
SCRIPTS = (".py", ".sh")
# Split so that this file does not find itself.
UNFINISHED = re.compile(r"\b(" + "TO" + "DO|FIX" + r"ME|XX" + r"X)\b")
MACHINE_PATH = re.compile(r'(?<![\w.$}])/(?:work|root|Users)/[\w.]')

IMPURE_HEADERS = """chrono condition_variable filesystem fstream future iostream mutex random
    shared_mutex thread unordered_map unordered_set""".split()
IMPURE_CODE = [
    (re.compile(r"::now\s*\(|\b(std::)?(time|clock|clock_gettime)\s*\("), "reads a clock"),
    (re.compile(r"\bgetenv\s*\("), "reads the environment"),
    (re.compile(r"(?<![\w.>])s?rand\s*\("), "draws from a hidden state"),
    (re.compile(r"\bunordered_(multi)?(map|set)\b"), "iterates in hash order"),
    (re.compile(r"\bstd::(thread|jthread|mutex|async|atomic)\b"), "uses threads"),
    (re.compile(r"\b(fopen|ifstream|ofstream|printf|std::cout|std::cerr)\b"), "does I/O"),
]
# A broken claim is told on standard error before the program aborts.
MAY_PRINT = ("core/base/check.cpp",)


def purity(path, text):
    if not path.startswith(PURE) or not path.endswith(tree.CODE):
        return []
    found = [
        (line, f"<{header}> has no place in {'/'.join(path.split('/')[:2])}: it is pure")
        for line, kind, header in tree.includes(text)
        if kind == "angle" and header in IMPURE_HEADERS
    ]
    for number, line in enumerate(tree.without_comments(text).splitlines(), 1):
        for pattern, why in IMPURE_CODE:
            if pattern.search(line) and not (why == "does I/O" and path in MAY_PRINT):
                found.append((number, f"{why}, but {'/'.join(path.split('/')[:2])} is pure"))
    return found


def is_code(path):
    return path.endswith(tree.CODE + SCRIPTS) or path in (".ci/run",)


def sizes(path, text):
    if not is_code(path):
        return []
    lines = text.splitlines()
    limit = COLUMNS_MAX + 25 if path.endswith(".py") else COLUMNS_MAX
    found = [
        (number, f"{len(line)} columns, at most {limit}")
        for number, line in enumerate(lines, 1)
        if len(line) > limit
    ]
    if len(lines) > LINES_MAX:
        found.append((LINES_MAX, f"{len(lines)} lines, at most {LINES_MAX}"))
    return found


def function_lengths(path, text):
    """Relies on clang-format: a function begins in column 1 (or 3 in a class) and ends with a
    brace in that column."""
    if not path.endswith(tree.CODE):
        return []
    found = []
    limit = TABLE_LINES_MAX if path.startswith("tests/") else FUNCTION_LINES_MAX
    lines = text.splitlines()
    for indent in ("", "  "):
        began = None
        for number, line in enumerate(lines, 1):
            body = line[len(indent) :]
            if not line.startswith(indent) or body[:1] in ("", " "):
                continue
            if not body.startswith("}"):
                is_head = "(" in body and not body.startswith(("#", "//")) and body[-1] != ";"
                began = number if is_head else None
                continue
            length = number - began + 1 if began else 0
            if length > limit:
                found.append((began, f"a function of {length} lines, at most {limit}"))
            began = None
    return found


def licence_line(path, text):
    if not is_code(path):
        return []
    if any("SPDX-License-Identifier: Apache-2.0" in line for line in text.splitlines()[:2]):
        return []
    return [(1, "no line SPDX-License-Identifier: Apache-2.0")]


def words(path, text):
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if UNFINISHED.search(line):
            found.append((number, "unfinished work is marked in an issue, not in the source"))
        if MACHINE_PATH.search(line):
            found.append((number, "names a path of one machine"))
    return found


ALL = [purity, sizes, function_lengths, licence_line, words]
