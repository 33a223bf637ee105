# SPDX-License-Identifier: Apache-2.0
"""Runs test files beside each other, for they mostly wait: a line for each test as soon as it has ended.

    python3 tests/slurm/outcomes.py [NAME_test.py...]"""
import concurrent.futures
import importlib
import json
import os
import pathlib
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).parent
AT_ONCE = 4


class Outcomes(unittest.TestResult):
    """Prints a line for each test: its outcome, its name as words, its figures, its time."""

    def __init__(self):
        super().__init__()
        self.counts = {"ok": 0, "FAILED": 0, "skipped": 0}

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def line(self, outcome, test, why=""):
        self.counts[outcome] += 1
        words = test.id().rsplit(".", 1)[-1].strip(")").removeprefix("test_").replace("_", " ")
        told = [words, *getattr(test, "figures", []), *([why] if why else [])]
        if test.countTestCases():
            told.append(f"{time.monotonic() - self.began:.0f} s")
        print(f"{outcome:8}{'; '.join(told)}", flush=True)

    def addSuccess(self, test):
        self.line("ok", test)

    def addSkip(self, test, reason):
        self.line("skipped", test, reason)

    def addFailure(self, test, err):
        self.line("FAILED", test)
        print(self._exc_info_to_string(err, test), flush=True)

    addError = addFailure


def run_here(file):
    """The tests of one file; the counts go to the last line."""
    sys.path.insert(0, str(HERE))
    outcomes = Outcomes()
    unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module(pathlib.Path(file).stem)).run(outcomes)
    print(json.dumps(outcomes.counts))


def run(file):
    """The tests of one file, in a process of their own; passes its lines on."""
    words = [sys.executable, "-B", __file__, "--here", file]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        last = ""
        for line in process.stdout:
            if last:
                print(last, end="", flush=True)
            last = line
    try:
        return json.loads(last)
    except ValueError:
        print(f"{last}FAILED  {file}: ended with {process.returncode}", flush=True)
        return {"FAILED": 1}


def main():
    if sys.argv[1:2] == ["--here"]:
        return run_here(sys.argv[2])
    files = sys.argv[1:] or sorted(path.name for path in HERE.glob("*_test.py"))
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores at the start", flush=True)
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(run, files))
    passed, failed, skipped = (sum(counts.get(word, 0) for counts in found) for word in ("ok", "FAILED", "skipped"))
    print(f"{time.monotonic() - began:.0f} s\n{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
