# SPDX-License-Identifier: Apache-2.0
"""The command line itself: help, usage errors, completion, doctor, lint, generate, checkpoints."""
import json
import subprocess
import unittest

from sovren_case import SovrenCase

QUEUE_COMMANDS = ("submit", "jobs", "show", "explain", "logs", "watch", "wait", "top", "cancel", "hold", "release",
                  "requeue", "checkpoint", "preempt", "nodes", "drain", "resume", "partitions", "history")
COMMANDS = QUEUE_COMMANDS + ("serve", "token", "worker", "run", "checkpoints", "generate", "tokenizer", "lint",
                             "doctor", "completion", "version", "help")


class CommandLine(SovrenCase):
    def test_help_is_on_everything_and_goes_to_standard_output(self):
        everything = self.sovren("--help", code=0).stdout
        for command in COMMANDS:
            self.assertIn(command, everything)
            text = self.sovren(command, "--help", code=0).stdout
            self.assertTrue(text.startswith(f"usage: sovren {command}"), text)
            self.assertEqual(self.sovren("help", command, code=0).stdout, text)

    def test_nothing_given_is_a_usage_error(self):
        done = self.sovren(code=2)
        self.assertEqual(done.stdout, "")
        self.assertIn("usage: sovren", done.stderr)

    def test_misspelt_words_get_the_nearest_one(self):
        for words, hint in ((("rnu", "x"), "sovren run"), (("run", "x.toml", "--rank", "4"), "--ranks"),
                            (("run", "x.toml", "--rankss=4"), "--ranks"), (("run", "x.toml", "--backend", "cdua"), "cuda"),
                            (("version", "--jsno"), "--json")):
            done = self.sovren(*words, code=2)
            self.assertIn("did you mean", done.stderr, words)
            self.assertIn(hint, done.stderr, words)
            self.assertEqual(done.stdout, "")

    def test_options_are_not_guessed_from_their_beginning(self):
        self.assertIn("no option", self.sovren("run", "x.toml", "--dry", code=2).stderr)

    def test_a_value_that_looks_like_an_option_is_refused(self):
        self.assertIn("looks like an option", self.sovren("run", "x.toml", "--dir", "--json", code=2).stderr)

    def test_an_option_given_twice_is_refused(self):
        self.assertIn("2 times", self.sovren("run", "x.toml", "--ranks=1", "--ranks=2", code=2).stderr)

    def test_version_says_which_formats_it_knows(self):
        version = json.loads(self.sovren("version", "--json", code=0).stdout)
        self.assertEqual(version["schema"], "sovren.version/1")
        self.assertEqual(self.sovren("--version", code=0).stdout, f"sovren {version['version']}\n")

    def test_without_a_scheduler_every_command_of_the_queue_says_so(self):
        operand = {"submit": ["--command=true"], "jobs": [], "top": [], "nodes": [], "partitions": [], "history": [],
                   "drain": ["n1"], "resume": ["n1"]}
        for command in QUEUE_COMMANDS:
            done = self.sovren(command, *operand.get(command, ["12"]), code=5)
            self.assertIn("sovren serve", done.stderr, command)
            self.assertEqual(done.stdout, "", command)

    def test_wrong_words_for_the_queue_are_refused_before_anything_is_asked(self):
        for words in (("cancel",), ("show", "twelve"), ("show", "1", "2"), ("submit",), ("submit", "--command=a", "b"),
                      ("submit", "--to=moon", "x"), ("jobs", "--limit=0"), ("wait", "1", "--timeout=soon"),
                      ("history", "--since=yesterday"), ("checkpoint", "1", "data.toml"), ("logs", "1", "--rank=-1"),
                      ("jobs", "--connect=http://127.0.0.1")):
            self.sovren(*words, code=2)
        for words in (["submit", "nothing.toml"], ["submit", "nothing.toml", "--to=slurm"]):
            self.assertIn("no job file", self.sovren(*words, code=2).stderr)
        self.write("latin.toml", "x").write_bytes(b'name = "\xe9"\n')
        self.assertIn("UTF-8", self.sovren("submit", "latin.toml", code=2).stderr)

    def test_completion_is_good_shell(self):
        script = self.sovren("completion", "bash", code=0).stdout
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
        probe = script + "\nCOMP_WORDS=(sovren run --back); COMP_CWORD=2; _sovren; echo \"${COMPREPLY[@]}\"\n"
        done = subprocess.run(["bash"], input=probe, text=True, check=True, capture_output=True)
        self.assertEqual(done.stdout.strip(), "--backend")
        for shell in ("zsh", "fish"):
            self.assertIn("--backend" if shell == "zsh" else "-l backend", self.sovren("completion", shell, code=0).stdout)
        self.sovren("completion", "tcsh", code=2)

    def test_the_man_page_is_clean_troff(self):
        page = self.sovren("help", "--man", code=0).stdout
        self.assertTrue(page.startswith(".TH SOVREN 1"))
        for command in COMMANDS:
            self.assertIn(f"sovren {command}", page.replace("\\-", "-"))

    def test_doctor_says_what_is_there(self):
        doctor = json.loads(self.sovren("doctor", "--json", code=0).stdout)
        names = {check["name"] for check in doctor["checks"]}
        self.assertLessEqual({"cores", "memory", "mpi", "hdf5", "cuda", "slurm", "disk", "clock"}, names)
        for check in doctor["checks"]:
            self.assertIn(check["status"], ("ok", "warning", "missing"))
        self.assertIn("cuda", self.sovren("doctor", code=0).stdout)

    def test_lint_reports_every_error_of_a_file_at_once(self):
        self.write("bad.toml", 'schema = 1\nkind = "causal-analisys"\n[resources]\nranks = "four"\nnoeds = 1\n')
        done = self.sovren("lint", "bad.toml", code=2)
        for piece in ("bad.toml:2:8", "causal-analysis", "bad.toml:4:9", "four", "bad.toml:5:1", "did you mean"):
            self.assertIn(piece, done.stderr)
        self.generate()
        self.assertEqual(self.sovren("lint", "data.toml", code=0).stdout, "data.toml: valid\n")
        self.assertIn("causal_analysis", self.sovren("lint", "--schema", code=0).stdout)

    def test_generate_is_the_same_for_the_same_seed(self):
        self.generate(name="a", seed=7)
        self.generate(name="b", seed=7)
        self.generate(name="c", seed=8)
        a, b, c = ((self.dir / f"{n}.csv").read_bytes() for n in "abc")
        self.assertEqual(a, b)
        self.assertNotEqual(a, c)
        rows = a.decode().splitlines()
        self.assertEqual(len(rows), 301)
        self.assertEqual(rows[0].split(","), [f"x{i}" for i in range(10)])
        self.assertTrue((self.dir / "a.truth.csv").read_text().startswith("source,target,lag"))

    def test_generate_refuses_nonsense(self):
        for words in (("--variables", "0"), ("--length", "many"), ("--max-lag", "-1"), ("--output", "x.txt"),
                      ("--variables", "100000", "--length", "100000")):
            before = self.files()
            self.assertIn(self.sovren("generate", "causal", *words).returncode, (2, 3), words)
            self.assertEqual(self.files(), before)
        self.sovren("generate", "weather", code=2)

    def test_checkpoints_are_listed_shown_and_verified(self):
        self.generate()
        self.sovren("run", "data.toml", "--set", 'checkpoint.interval="1 steps"', code=0)
        rows = json.loads(self.sovren("checkpoints", "list", "data.sovren", "--json", code=0).stdout)["checkpoints"]
        self.assertGreater(len(rows), 0)
        self.assertLessEqual(len(rows), 3)
        newest = rows[0]
        self.assertEqual(newest["state"], "sealed")
        self.assertEqual(newest["kind"], "causal-analysis")
        self.assertIn(newest["name"], self.sovren("checkpoints", "list", "data.sovren", code=0).stdout)
        shown = json.loads(self.sovren("checkpoints", "show", newest["path"], "--json", code=0).stdout)
        self.assertEqual(shown["step"], newest["step"])
        self.assertIn("ok", self.sovren("checkpoints", "verify", "data.sovren", code=0).stdout)
        shard = sorted((self.dir / "data.sovren/checkpoints" / newest["name"]).glob("*.h5"))[0]
        damaged = bytearray(shard.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        shard.write_bytes(damaged)
        done = self.sovren("checkpoints", "verify", "data.sovren", code=74)
        self.assertIn(f"{newest['name']}: DAMAGED", done.stdout)
        self.sovren("checkpoints", "list", "nowhere", code=4)
        self.sovren("checkpoints", "lsit", "data.sovren", code=2)


if __name__ == "__main__":
    unittest.main()
