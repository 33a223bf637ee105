# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: a folder of their own, the programs, data with a known answer."""
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import unittest

BIN = pathlib.Path(os.environ["SOVREN_BIN"])
SOURCE = pathlib.Path(os.environ["SOVREN_SOURCE"])
SHARED = SOURCE.parent / "shared" / "data"
PATIENCE_S = 240  # a bound against hangs, not a measure


class SovrenCase(unittest.TestCase):
    """A test with an empty folder and an environment in which nothing outside it is touched."""

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="sovren-test-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("SOVREN_", "OMPI_"))}
        self.env.update(SOVREN_HOME=str(self.dir / "home"), TMPDIR=str(self.dir), NO_COLOR="1")

    def sovren(self, *words, code=None, env=None, stdin=None, cwd=None):
        """Runs sovren to its end; checks the exit code when one is named."""
        done = subprocess.run([str(BIN / "sovren"), *map(str, words)], cwd=cwd or self.dir, env=env or self.env,
                              input=stdin, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        if code is not None:
            self.assertEqual(done.returncode, code, f"sovren {words}\nstdout: {done.stdout}\nstderr: {done.stderr}")
        return done

    def start(self, *words):
        """Starts sovren in the background, as the leader of its own process group."""
        log = open(self.dir / "stderr.txt", "w", encoding="utf-8")
        self.addCleanup(log.close)
        process = subprocess.Popen([str(BIN / "sovren"), *map(str, words)], cwd=self.dir, env=self.env,
                                   stdout=subprocess.PIPE,
                                   stderr=log, text=True, start_new_session=True)
        self.addCleanup(self.end, process)
        return process

    def wait_until(self, is_so, process=None):
        """Looks every few milliseconds until is_so(), or the process has ended. Bounded."""
        pause = threading.Event()
        for _ in range(int(PATIENCE_S / 0.005)):
            if is_so() or (process is not None and process.poll() is not None):
                return
            pause.wait(0.005)
        self.fail("waited in vain")

    def sets(self, name="data"):
        """The sealed checkpoint sets of a job, oldest first."""
        folder = self.job_dir(name) / "checkpoints"
        found = folder.glob("gen-*") if folder.exists() else []
        return sorted(p for p in found if ".tmp" not in p.name)

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        if not process.stdout.closed:
            process.communicate()

    def generate(self, variables=10, length=300, max_lag=3, seed=1, name="data"):
        """Synthetic data, its truth and its job file; returns the job file."""
        self.sovren("generate", "causal", "--variables", variables, "--length", length, "--max-lag", max_lag, "--seed", seed,
                    "--output", f"{name}.csv", code=0)
        return self.dir / f"{name}.toml"

    def write(self, name, text):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def job(self, data="data.csv", name="job", extra="", causal=""):
        return self.write(f"{name}.toml", f'schema = 1\nname = "{name}"\nkind = "causal-analysis"\n{extra}\n'
                                          f'[causal_analysis]\ndata = "{data}"\nmax_lag = 2\n{causal}\n')

    def training(self, name="job", extra="", **keys):
        """A job file of a tiny model that reads text.txt, which it writes; keys: of [model_training]."""
        words = "the cat and the dog sat on a mat ; one of them ate fish , another drank milk .".split()
        text = " ".join(words[(i * i + 3 * i // 7) % len(words)] for i in range(1500))
        self.write("text.txt", text)
        settings = {"data": "text.txt", "layers": 2, "heads": 2, "width": 32, "context": 32, "batch": 8, "steps": 12,
                    "learning_rate": 0.003, "warmup_steps": 2, "eval_every": 4, "eval_batches": 3, "sample_every": 6,
                    "sample_tokens": 20, "seed": 3, **keys}
        lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
        return self.write(f"{name}.toml", f'schema = 1\nname = "{name}"\nkind = "model-training"\n{extra}\n'
                                          f"[model_training]\n{lines}")

    def scene(self, name="cornell"):
        """Writes one of the generator's scenes; returns its path."""
        path = self.dir / f"{name}.glb"
        if not path.exists():
            self.sovren("generate", "scene", name, "--output", path.name, code=0)
        return path

    def rendering(self, name="job", extra="", **keys):
        """A job file of a small picture of the Cornell box; keys: of [rendering]."""
        settings = {"scene": self.scene().name, "width": 72, "height": 56, "samples": 24, "max_depth": 3, **keys}
        lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
        return self.write(f"{name}.toml", f'schema = 1\nname = "{name}"\nkind = "rendering"\n{extra}\n'
                                          f"[rendering]\n{lines}")

    def refused(self, *words, code, says):
        """The command ends with this code, says all this, and changes nothing."""
        before = self.files()
        done = self.sovren(*words, code=code)
        for piece in says:
            self.assertIn(piece, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(self.files(), before)
        return done

    def report(self, *words, code=0):
        """Runs a job with --json and returns its report."""
        return json.loads(self.sovren("run", *words, "--json", code=code).stdout)

    def killed_twice(self, file, name="job"):
        """Runs the job on 2 and 4 ranks, kills each run once it has sealed sets, and ends it on one rank: its report."""
        words = [file, "--set", 'checkpoint.interval="1 steps"']
        for ranks in (2, 4):
            process = self.start("run", *words, "--ranks", ranks)
            before = len(self.sets(name))
            self.wait_until(lambda: len(self.sets(name)) > min(before, 2), process)  # keep = 3
            self.end(process)
        self.assertGreater(len(self.sets(name)), 0)
        return self.report(*words)

    def events(self, name="data"):
        """All events of a job's own log, in order."""
        with sqlite3.connect(self.job_dir(name) / "events.db") as log:
            return [json.loads(text) for (text,) in log.execute("SELECT event FROM events ORDER BY seq")]

    def job_dir(self, name="data"):
        return self.dir / f"{name}.sovren"

    def files(self, folder=None):
        """Every path below a folder (the test's own): to show that nothing changed."""
        return sorted(str(p) for p in (folder or self.dir).rglob("*"))


def processes_of(marker):
    """Ids of all processes whose command line or environment names the marker."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            words = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if state != "Z" and marker.encode() in words:
            found.append(int(entry.name))
    return found
