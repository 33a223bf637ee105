#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sovren checkpoints over sets and trees of them, and the scrub of sets at rest, by hand and by an agent."""
import json
import os
import shutil
import subprocess
import unittest

from queue_case import QueueCase
from sovren_case import BIN, PATIENCE_S, SOURCE


class CheckpointsTest(QueueCase):
    def sealed_job(self, *more):
        """A finished job; its sets, the oldest first."""
        self.generate()
        self.sovren("run", "data.toml", "--set", 'checkpoint.interval="1 steps"', *more, code=0)
        sets = self.sets()
        self.assertTrue(sets)
        return sets

    def plan(self, plan):
        """From now on jobs do as planned (tests/unit/rank/test_rank.cpp): they count, slowly enough to be sealed."""
        self.generate()
        program = self.dir / "rank"
        program.write_text(f"""#!/bin/sh
before=
for word in "$@"; do
    [ "$before" = --dir ] && cp "{self.dir}/plan" "$word/plan" && exec "{BIN}/rank_test_rank" "$@"
    before=$word
done
exec "{BIN}/sovren-rank" "$@"
""", encoding="utf-8")
        program.chmod(0o755)
        self.env["SOVREN_RANK_PROGRAM"] = str(program)
        (self.dir / "plan").write_text(f"rows 100 {plan}", encoding="utf-8")

    def planned_job(self):
        """Three sets of a finished job, the oldest first."""
        self.plan("steps 400 step_ms 3")
        self.sovren("run", "data.toml", "--set", 'checkpoint.interval="5 steps"', code=0)
        # What the last set replaces stays when the job ends before the set is in the log.
        sets = self.sets()
        self.assertGreaterEqual(len(sets), 3)
        for extra in sets[:-3]:
            shutil.rmtree(extra)
        return sets[-3:]

    def damage(self, folder):
        shard = sorted(folder.glob("*.h5"))[0]
        damaged = bytearray(shard.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        shard.write_bytes(damaged)

    def scrub(self, job_dir, code):
        done = subprocess.run([str(BIN / "sovren-rank"), "--scrub", str(job_dir)], capture_output=True, text=True,
                              timeout=PATIENCE_S, env=self.env, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_show_tells_what_is_in_a_set(self):
        newest = self.sealed_job()[-1]
        shown = self.json("checkpoints", "show", newest)
        self.assertEqual(shown["schema"], "sovren.checkpoint_set/1")
        self.assertGreater(shown["sealed_at"], 1.7e9)
        self.assertFalse(shown["encrypted"])
        self.assertIn("causal_tests", shown["metrics"])
        whole = [a for a in shown["arrays"] if a["dtype"] in ("u8", "i32", "i64") and a["elements"]]
        self.assertTrue(whole)
        for array in whole:
            self.assertIsInstance(array["min"], int)
            self.assertLessEqual(array["min"], array["mean"])
            self.assertLessEqual(array["mean"], array["max"])
            self.assertEqual(array["nan"] + array["inf"], 0)
        text = self.sovren("checkpoints", "show", "data.sovren", code=0).stdout
        names = [array["name"] for array in shown["arrays"]]
        for word in (newest.name, "ago", "causal_tests", "MEAN", "NAN", "of a job with:", *names):
            self.assertIn(word, text)
        quick = self.json("checkpoints", "show", newest, "--quick")
        self.assertNotIn("min", quick["arrays"][0])
        self.damage(newest)
        self.assertIn("not as it was sealed", self.sovren("checkpoints", "show", newest, code=74).stderr)
        self.assertEqual(self.json("checkpoints", "show", newest, "--quick"), quick)

    def test_encrypted_sets_are_shown_with_their_key(self):
        key, other = self.dir / "secret.key", self.dir / "other.key"
        key.write_bytes(bytes(range(32)))  # of the golden set
        other.write_bytes(bytes(32))
        for file in (key, other):
            file.chmod(0o600)
        golden = SOURCE / "tests/golden/checkpoint/2-encrypted/gen-000120"
        self.assertIn("encrypted", self.sovren("checkpoints", "show", golden, code=3).stderr)
        self.sovren("checkpoints", "show", golden, "--key-file", other, code=3)
        self.assertTrue(self.json("checkpoints", "show", golden, "--quick")["encrypted"])
        shown = self.json("checkpoints", "show", golden, "--key-file", key)
        self.assertTrue(any(array["max"] is not None for array in shown["arrays"]))
        self.env["THE_KEY"] = key.read_bytes().hex()
        self.assertEqual(self.json("checkpoints", "show", golden, "--key-env", "THE_KEY"), shown)
        self.sovren("checkpoints", "verify", golden, code=0)
        self.sovren("checkpoints", "verify", golden, "--key-file", key, code=0)
        self.sovren("checkpoints", "verify", golden, "--key-file", other, code=3)

    def test_trees_are_verified_and_listed(self):
        count = len(self.sealed_job())
        for name in ("a/one.sovren", "a/b/two.sovren", "c/three.sovren"):
            shutil.copytree(self.job_dir("data"), self.dir / "tree" / name)
        os.symlink(self.dir / "tree", self.dir / "tree/a/again")
        os.symlink(self.job_dir("data"), self.dir / "tree/link.sovren")
        (self.dir / "tree/a/one.sovren/checkpoints/gen-000009.tmp-1-00000000").mkdir()
        done = self.sovren("checkpoints", "verify", "tree", "--jobs", "3", code=0)
        self.assertIn(f"{3 * count} sets in 3 folders", done.stdout)
        self.assertIn("all are good", done.stdout)
        self.assertEqual(len(self.json("checkpoints", "list", "tree")["checkpoints"]), 3 * count)
        self.assertEqual(len(self.json("checkpoints", "list", "tree/a", "tree/a/b")["checkpoints"]), 2 * count)
        hurt = sorted((self.dir / "tree/a/b/two.sovren/checkpoints").glob("gen-*"))[0]
        self.damage(hurt)
        done = self.sovren("checkpoints", "verify", "tree/a", "tree/c", "data.sovren", code=74)
        self.assertIn(f"{hurt}: DAMAGED", done.stdout)
        self.assertIn(f"{4 * count} sets in 4 folders", done.stdout)
        self.assertIn("1 not good", done.stdout)
        told = self.json("checkpoints", "verify", "tree", "--jobs", "2", code=74)
        self.assertEqual((told["sets"], told["damaged"]), (3 * count, 1))
        self.assertEqual([row["path"] for row in told["checkpoints"] if not row["ok"]], [str(hurt)])
        (self.dir / "empty").mkdir()
        self.sovren("checkpoints", "verify", "empty", code=4)
        self.sovren("checkpoints", "verify", "data.sovren", "empty", code=4)
        self.assertIn("4 folders", self.sovren("checkpoints", "show", ".", code=2).stderr)

    def test_a_scrub_puts_a_damaged_set_aside_and_never_the_last(self):
        oldest, middle, newest = self.planned_job()
        self.assertEqual(self.scrub(self.job_dir("data"), 0), [])
        self.damage(middle)
        told = self.scrub(self.job_dir("data"), 74)
        self.assertEqual([report["set"] for report in told], [middle.name])
        self.assertFalse(middle.exists())
        self.assertIn("damaged", (middle.parent / "quarantine" / middle.name / "WHY.txt").read_text())
        self.damage(oldest)
        self.damage(newest)
        told = self.scrub(self.job_dir("data"), 74)
        self.assertEqual(len(told), 2)
        self.assertTrue(all("left where it is" in report["why"] for report in told))
        self.assertTrue(oldest.exists() and newest.exists())

    def test_a_set_that_kills_its_job_twice_is_passed_over(self):
        """The newest set is whole, but whoever restores it dies, or fails: an older one is used and the job ends well."""
        def run(name, plan, ranks):
            self.plan(plan)
            self.sovren("run", "data.toml", "--dir", name, "--set", 'checkpoint.interval="5 steps"', "--set",
                        'retry.backoff="10ms"', "--set", f"resources.ranks={ranks}", code=0)
            return json.loads((self.dir / name / "report.json").read_text())

        undisturbed = run("calm", "steps 600", 1)
        for name, signal, ranks in (("killed", 9, 1), ("killed_of_two", 9, 2), ("failed", 0, 1)):
            report = run(name, f"steps 600 step_ms 3 poison {signal}", ranks)
            self.assertEqual(report["digest"], undisturbed["digest"], name)
            self.assertEqual((self.dir / name / "tries").read_text(), "xx", name)
            self.assertEqual(report["attempts"], 4, name)
            self.assertTrue(any("restored 2 times" in warning for warning in report["warnings"]), report["warnings"])

    def test_an_agent_scrubs_the_jobs_that_it_had(self):
        self.plan("steps 400 step_ms 3")
        self.serve()
        agent = self.worker("n1", "--scrub-interval", "100ms")
        job = self.submit("data.toml", "--set", 'checkpoint.interval="5 steps"')
        self.wait_for_state(job, "COMPLETED")
        folder = self.dir / self.job_of(job)["dir"] / "checkpoints"
        sets = sorted(p for p in folder.glob("gen-*") if ".tmp" not in p.name)
        self.assertGreater(len(sets), 1)
        self.damage(sets[-1])
        aside = folder / "quarantine" / sets[-1].name
        self.wait_until(lambda: aside.exists() and "found damaged at rest" in self.log_of("n1"), agent)
        self.assertIn(sets[-1].name, self.log_of("n1"))
        self.sovren("checkpoints", "verify", folder, code=0)


if __name__ == "__main__":
    unittest.main()
