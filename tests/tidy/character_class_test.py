# SPDX-License-Identifier: Apache-2.0
"""The tables of letters, numbers and spaces against those of Python's unicodedata, for every
character that its version of Unicode has."""

import re
import unicodedata

import tree

SOURCE = "jobs/training/character_class.cpp"


def ranges_of(text, name):
    body = re.search(r"constexpr Range %s\[\] = \{(.*?)\};" % name, text, re.S)[1]
    pairs = re.findall(r"\{0x([0-9A-F]+), 0x([0-9A-F]+)\}", body)
    return {code for first, last in pairs for code in range(int(first, 16), int(last, 16) + 1)}


text = tree.read(SOURCE)
tables = {name: ranges_of(text, name) for name in ("letters", "numbers", "spaces")}
assigned = [c for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co")]
findings = []
for code in assigned:
    category = unicodedata.category(chr(code))
    # White_Space is what str.isspace() says, but for four control characters.
    right = {
        "letters": category[0] == "L",
        "numbers": category[0] == "N",
        "spaces": chr(code).isspace() and code not in range(0x1C, 0x20),
    }
    for name, is_in in right.items():
        if (code in tables[name]) != is_in:
            findings.append(f"{SOURCE}: {name} and U+{code:04X}, {category}")
tree.finish(findings, len(assigned), "characters' classes")
