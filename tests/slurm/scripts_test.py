# SPDX-License-Identifier: Apache-2.0
"""A site's scripts, unchanged, on Slurm and on our scheduler: the same files, the same states."""
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "integration"))
from queue_case import QueueCase  # noqa: E402
from slurm_case import SlurmCase  # noqa: E402
from slurm_site import SlurmSite  # noqa: E402
from sovren_case import PATIENCE_S  # noqa: E402

SCRIPTS = pathlib.Path(__file__).parent / "scripts"
FINAL = ("BF", "CA", "CD", "DL", "F", "NF", "OOM", "PR", "TO")
SITE = """schema = 1
[partitions.work]
default = true
nodes = ["n1", "n2"]
"""


class Tool:
    """What a workflow tool does with Slurm's commands, in a folder of its own."""

    def __init__(self, folder, env):
        self.folder, self.env, self.ids = folder, env, {}
        (folder / "log").mkdir(parents=True)
        for script in SCRIPTS.iterdir():
            if script.is_file():
                shutil.copy(script, folder)

    def run(self, *words, **more):
        done = subprocess.run([*map(str, words)], cwd=self.folder, env={**self.env, **more}, capture_output=True,
                              text=True, timeout=PATIENCE_S, check=False)
        if done.returncode != 0:
            raise AssertionError(f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def submit(self, name, *words, **more):
        """Hands a job in; its id is read as submitit, Nextflow and Snakemake read it."""
        said = self.run("sbatch", *words, **more)
        pattern = r"([0-9]+)(;.*)?\n" if "--parsable" in words else r"Submitted batch job ([0-9]+)\n"
        self.ids[name] = re.fullmatch(pattern, said).group(1)
        return self.ids[name]

    def rows(self, form):
        said = self.run("squeue", "--noheader", "--states=all", "--jobs=" + ",".join(self.ids.values()),
                        "--format", form)
        return said.splitlines()

    def wait_until(self, is_so):
        """Until is_so({id: state}), with states in their short form."""
        pause = threading.Event()
        for _ in range(int(PATIENCE_S / 0.2)):
            states = dict(row.split("|") for row in self.rows("%i|%t"))
            if is_so(states):
                return
            pause.wait(0.2)
        raise AssertionError(f"waited in vain: {states}")

    def without_ids(self, text):
        """A row, or a path, with names of jobs in place of their ids."""
        for name, number in self.ids.items():
            text = re.sub(rf"(^|/|rule-){number}(?=[_.|])", rf"\1{name}", text)
        return text

    def files(self):
        """What every file holds, by its path."""
        return {self.without_ids(str(path.relative_to(self.folder))): path.read_text(encoding="utf-8")
                for path in sorted(self.folder.rglob("*")) if path.is_file()}

    def drive(self):
        """Everything; what the queue shows at the end."""
        sweep = self.submit("sweep", "submitit_like.sh")
        self.submit("flow", "nextflow_like.sh")
        self.submit("steps", "several_steps.sh", "a b", "c", GIVEN="so")
        self.submit("rule", "--parsable", "--job-name=rule.7", "--cpus-per-task=2", "--mem=100", "--time=5",
                    "--output=log/rule-%j.log", f"--dependency=afterok:{sweep}", "--wrap",
                    'ls log/*_result.json | wc -l; echo "$SLURM_JOB_NAME"')
        endless = self.submit("endless", "--parsable", "--output=/dev/null", "--wrap", "sleep 1000")
        self.wait_until(lambda states: states[endless] == "R")
        self.run("scancel", endless)
        self.wait_until(lambda states: len(states) == 8 and all(state in FINAL for state in states.values()))
        return sorted(map(self.without_ids, self.rows("%i|%t|%T|%j|%P|%D|%C|%u")))


class Scripts(QueueCase, SlurmCase):
    maxDiff = None

    def test_a_tools_scripts_leave_the_same_on_both(self):
        with SlurmSite(nodes=2) as site:
            theirs = Tool(self.dir / "theirs", {**self.env, "SLURM_CONF": site.env["SLURM_CONF"]})
            expected = theirs.drive()
        self.serve("--config", self.write("site.toml", SITE))
        for node in ("n1", "n2"):
            self.worker(node, "--cpus", 4)
        self.sovren("slurm", "shims", "shims", code=0)
        ours = Tool(self.dir / "ours", {**self.env, "PATH": f"{self.dir / 'shims'}:{self.env['PATH']}"})
        self.assertEqual(ours.drive(), expected)
        files = theirs.files()
        self.assertEqual(ours.files(), files)
        self.assertEqual(len([name for name in files if name.endswith("_result.json")]), 8)
        self.figures.append(f"{len(files)} files of 8 jobs the same on Slurm and on our scheduler")


if __name__ == "__main__":
    unittest.main()
