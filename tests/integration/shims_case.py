# SPDX-License-Identifier: Apache-2.0
"""What the tests of Slurm's names of commands share: a daemon, an agent, and the links on the PATH."""
import os
import subprocess

from queue_case import QueueCase
from sovren_case import PATIENCE_S


class ShimsCase(QueueCase):
    def setUp(self):
        super().setUp()
        made = self.sovren("slurm", "shims", self.dir / "shims", code=0).stdout
        self.assertEqual(made, f"export PATH={self.dir}/shims:$PATH\n")
        self.env["PATH"] = f"{self.dir}/shims:{os.environ['PATH']}"
        for name in [name for name in self.env if name.startswith(("SLURM_", "SBATCH_", "SQUEUE_", "SINFO_"))]:
            del self.env[name]
        self.daemon = self.serve()
        self.worker("n1", "--cpus", 2)

    def slurm(self, *words, code=0, stdin=None):
        """Runs one of Slurm's programs; what it printed. Nothing on standard error, unless it fails."""
        done = self.called(*words, stdin=stdin)
        self.assertEqual(done.returncode, code, f"{words}\nstdout: {done.stdout}\nstderr: {done.stderr}")
        if code == 0:
            self.assertEqual(done.stderr, "", words)
        return done.stdout

    def called(self, *words, stdin=None):
        return subprocess.run([str(self.dir / "shims" / words[0]), *map(str, words[1:])], cwd=self.dir, env=self.env,
                              input=stdin, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    def open_gate(self, name="gate"):
        (self.dir / name).touch()

    def at_gate(self, name="gate"):
        """A line of shell that waits until the gate is open."""
        return f"while [ ! -e {self.dir}/{name} ]; do sleep 0.05; done"
