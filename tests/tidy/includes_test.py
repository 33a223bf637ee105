# SPDX-License-Identifier: Apache-2.0
"""Every include goes in the allowed direction, and third-party headers stay with their owner.

--self-test: planted violations must be found, allowed includes must not."""

import os
import sys

import include_rules
import tree


def private_headers():
    """Headers of the two programs that include a third party's header."""
    headers = [f for f in tree.source_files() if f.endswith(".h")]
    return {h for h in headers if include_rules.is_private(tree.includes(tree.read(h)))}


def findings_in(source, text, private):
    """Findings for one file of the two programs."""
    found = []
    for line, kind, target in tree.includes(text):
        if kind == "quote":
            if not os.path.isfile(os.path.join(tree.ROOT, target)):
                why = f'"{target}" is not a path from the root of the project'
            else:
                why = include_rules.check_project_include(source, target)
                why = why or include_rules.check_private_include(source, target, private)
        else:
            why = include_rules.check_foreign_include(source, target)
        if why:
            found.append(f"{source}:{line}: {why}")
    return found


def self_test():
    wrong = [
        ("core/base/x.h", '#include "core/model/event.h"'),
        ("core/model/x.cpp", '#include "core/port/clock.h"'),
        ("core/base/x.cpp", "#include <sqlite3.h>"),
        ("scheduler/policy/policy.cpp", '#include "storage/file/file.h"'),
        ("kernels/causal/x.cpp", '#include "jobs/kind/job_kind.h"'),
        ("storage/log/x.cpp", '#include "storage/checkpoint/checkpoint_set.h"'),
        ("storage/file/x.cpp", '#include "storage/checkpoint/checkpoint_set.h"'),
        ("storage/log/x.cpp", '#include "core/base/units.h"'),  # private in this test
        ("core/base/x.h", '#include "core/base/units.h"'),
        ("jobs/causal/x.cpp", '#include "storage/file/file.h"'),
        ("jobs/causal/x.cpp", "#include <mpi.h>"),
        ("workers/agent/x.cpp", "#include <mpi.h>"),
        ("cli/run.cpp", '#include "jobs/kind/job_kind.h"'),
        ("cli/run.cpp", "#include <hdf5.h>"),
        ("cli/run.cpp", "#include <zlib.h>"),
        ("cli/run.h", '#include "core/text/json.h"'),
        ("workers/rank/main.cpp", '#include "core/port/no_such_header.h"'),
        ("elsewhere/x.cpp", '#include "core/base/error.h"'),
    ]
    right = [
        ("core/port/x.h", '#include "core/model/event.h"'),
        ("jobs/causal/x.cpp", '#include "jobs/kind/job_kind.h"'),
        ("storage/checkpoint/x.cpp", "#include <hdf5.h>"),
        ("storage/checkpoint/x.cpp", '#include "storage/file/file.h"'),
        ("workers/rank/main.cpp", '#include "jobs/kind/job_kind.h"'),
        ("cli/run.cpp", "#include <boost/program_options.hpp>"),
        ("core/base/x.cpp", "#include <sys/stat.h>"),
        ("core/base/x.cpp", '#include "core/base/units.h"'),
    ]
    private = {"core/base/units.h"}
    missed = [f"not found: {s}: {t}" for s, t in wrong if not findings_in(s, t + "\n", private)]
    false_alarms = [f for s, t in right for f in findings_in(s, t + "\n", private)]
    if not include_rules.is_private(tree.includes("#include <sqlite3.h>\n")):
        missed.append("not private: a header that includes <sqlite3.h>")
    tree.finish(missed + false_alarms, len(wrong) + len(right), "planted includes")


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        self_test()
    sources = tree.source_files()
    private = private_headers()
    findings = [f for source in sources for f in findings_in(source, tree.read(source), private)]
    tree.finish(findings, len(sources), "files' includes")
