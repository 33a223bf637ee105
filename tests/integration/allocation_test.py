# SPDX-License-Identifier: Apache-2.0
"""sovren run --launcher in allocations that are made of Slurm's variables alone, with an srun that starts mpirun."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import unittest

from sovren_case import BIN, PATIENCE_S, SovrenCase

# What srun is asked for, by mpirun: srun [options] PROGRAM ...
SRUN = """#!/bin/sh
for word; do
  case $word in
    --ntasks=*) ranks=${word#--ntasks=} ;;
    --*) ;;
    *) break ;;
  esac
  shift
done
echo "srun -n $ranks" >>"$SRUN_LOG"
exec mpirun --allow-run-as-root -n "$ranks" --oversubscribe --mca plm isolated --mca ras ^slurm "$@"
"""


class AllocationTest(SovrenCase):
    def setUp(self):
        super().setUp()
        self.write("bin/srun", SRUN).chmod(0o755)
        self.env.update(PATH=f"{self.dir}/bin:{self.env['PATH']}", SRUN_LOG=str(self.dir / "srun.log"))
        self.plain_env = dict(self.env)

    def allocate(self, job="70", restart=0, **more):
        """The environment of a batch script in this allocation."""
        more = {name: str(value) for name, value in more.items()}
        self.env = {**self.plain_env, "SLURM_JOB_ID": str(job), "SLURM_RESTART_COUNT": str(restart),
                    "SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_CPUS_PER_NODE": "2(x2)",
                    "SLURM_JOB_NODELIST": "n[1-2]", "SLURMD_NODENAME": "n1", "SLURM_NODEID": "0", **more}

    def chain(self):
        lines = (self.job_dir("job") / "allocations.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def sealing(self, steps):
        """A job that seals after each of its steps."""
        return self.training(steps=steps, eval_every=0, sample_every=0,
                             extra='[checkpoint]\ninterval = "1 steps"\nkeep = 3\n')

    def slow(self):
        """Of thousands of steps: it does not end by itself in a test."""
        return self.sealing(3000)

    def short(self):
        return self.sealing(12)

    def background(self, *words):
        """A run in the allocation of now."""
        with open(self.dir / f"run-{len(list(self.dir.glob('run-*')))}.txt", "w", encoding="utf-8") as log:
            process = subprocess.Popen([str(BIN / "sovren"), "run", *map(str, words)], cwd=self.dir, env=self.env,
                                       stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True)
        process.log = pathlib.Path(log.name)
        self.addCleanup(self.end, process)
        return process

    def ranks(self):
        """The rank programs of this test that live."""
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"sovren-rank\0" in words and str(self.job_dir("job")).encode() in words:
                found.append(int(entry.name))
        return found

    def test_outside_of_an_allocation_is_a_usage_error(self):
        self.refused("run", self.short(), "--launcher", "srun", code=2, says=["SLURM_JOB_ID", "sovren submit --to slurm"])

    def test_on_another_node_than_rank_0_is_a_usage_error(self):
        file = self.short()
        self.allocate(SLURMD_NODENAME="n2")
        self.refused("run", file, "--launcher", "srun", code=2, says=["first node", "n1"])

    def test_srun_starts_the_ranks_and_the_result_is_that_of_a_plain_run(self):
        file = self.short()
        plain = self.report(file, "--ranks", 2, "--dir", "plain")
        self.allocate()
        report = self.report(file, "--ranks", 2, "--launcher", "srun", "--set", "resources.nodes=2")
        self.assertEqual(report["digest"], plain["digest"])
        self.assertEqual((self.dir / "srun.log").read_text(encoding="utf-8"), "srun -n 2\n")
        begin, end = self.chain()
        self.assertEqual((begin["event"], begin["site_job"], begin["ranks"], begin["nodes"], begin["launcher"]),
                         ("begin", "70", 2, 2, "srun"))
        self.assertEqual((end["event"], end["exit_code"]), ("end", 0))
        self.assertEqual(report["allocations"], 1)
        self.assertNotIn("allocations", plain)

    def test_more_cores_than_the_allocation_has_are_refused(self):
        file = self.short()
        self.allocate()
        done = self.sovren("run", file, "--launcher", "mpirun", "--ranks", 5, "--oversubscribe", "no", code=3)
        self.assertIn("4 cores", done.stderr)

    def test_one_element_lies_where_the_whole_array_has_it(self):
        file = self.write("array.toml", 'schema = 1\nname = "job"\nkind = "command"\n[array]\nletter = ["a", "b", "c"]\n'
                                        '[command]\nargv = ["echo", "letter ${letter}"]\n')
        self.sovren("run", file, "--element", 1, code=0)
        self.assertEqual([path.name for path in self.job_dir("job").iterdir()], ["1"])
        self.assertIn("letter b", (self.job_dir("job") / "1" / "logs" / "rank-0000.log").read_text(encoding="utf-8"))
        self.refused("run", file, "--element", 3, code=2, says=["from 0 to 2"])
        one = self.write("one.toml", 'schema = 1\nname = "one"\nkind = "command"\n[command]\nargv = ["true"]\n')
        self.refused("run", one, "--element", 0, code=2, says=["has none"])

    def test_a_newer_allocation_takes_over_from_one_that_still_runs(self):
        file = self.slow()
        self.allocate(restart=0)
        zombie = self.background(file, "--launcher", "srun", "--ranks", 2)
        self.wait_until(lambda: self.sets("job"), zombie)
        # Neither a second run of the same allocation, nor another job, nor a plain run may.
        self.sovren("run", file, "--launcher", "srun", "--ranks", 2, code=3)
        self.allocate(job="71")
        self.sovren("run", file, "--launcher", "srun", "--ranks", 2, code=3)
        self.env = dict(self.plain_env)
        self.sovren("run", file, "--ranks", 2, code=3)
        self.assertIsNone(zombie.poll())
        self.allocate(restart=1)
        newer = self.background(file, "--launcher", "srun", "--ranks", 2)
        self.assertEqual(zombie.wait(PATIENCE_S), 3)
        self.assertIn("site job 70, restart 1", zombie.log.read_text(encoding="utf-8"))
        # So may a submission that continues it.
        self.allocate(job="72", SOVREN_CONTINUES="70")
        last = self.background(file, "--launcher", "srun", "--ranks", 2)
        self.assertEqual(newer.wait(PATIENCE_S), 3)
        self.wait_until(lambda: [row for row in self.chain() if row["site_job"] == "72"], last)
        # An older allocation that comes late finds itself outrun, also when nobody runs any more.
        last.send_signal(signal.SIGTERM)
        self.assertEqual(last.wait(PATIENCE_S), 85)
        for restart in (0, 1):
            self.allocate(restart=restart)
            done = self.sovren("run", file, "--launcher", "srun", "--ranks", 2, code=3)
            self.assertIn("site job 72", done.stderr)
        self.assertEqual(self.ranks(), [])

    def freeze(self, *processes):
        for process in processes:
            os.kill(process, signal.SIGSTOP)

    def check_frozen(self, *, ranks):
        """A run that does not answer, with its ranks or without: the newer one goes on and ends; then the old one wakes."""
        file = self.sealing(200)
        plain = self.report(file, "--dir", "plain")
        self.allocate(restart=0)
        zombie = self.background(file, "--launcher", "srun")
        self.wait_until(lambda: self.sets("job"), zombie)
        self.freeze(zombie.pid, *(self.ranks() if ranks else []))
        self.allocate(restart=1)
        done = self.sovren("run", file, "--launcher", "srun", "--json", code=0)
        self.assertIn("does not answer", done.stderr)
        self.assertEqual(json.loads(done.stdout)["digest"], plain["digest"])
        before = self.result_files()
        for process in (*self.ranks(), zombie.pid):
            os.kill(process, signal.SIGCONT)
        self.assertEqual(zombie.wait(PATIENCE_S), 3, zombie.log.read_text(encoding="utf-8"))
        self.assertEqual(self.ranks(), [])
        self.assertEqual(self.result_files(), before)

    def result_files(self):
        """Names, sizes and ages of what the job has left."""
        found = [self.job_dir("job") / "report.json", *(self.job_dir("job") / "result").iterdir()]
        return sorted((str(path), path.stat().st_ino, path.stat().st_mtime_ns) for path in found)

    def test_a_frozen_run_and_its_ranks_change_nothing_when_they_wake(self):
        self.check_frozen(ranks=True)

    def test_ranks_of_a_frozen_run_are_behind_the_fence(self):
        self.check_frozen(ranks=False)

    def stop_midway(self, file, restart, beyond):
        """Runs it in the next allocation until there is a newer checkpoint; returns its step."""
        self.allocate(restart=restart)
        process = self.background(file, "--launcher", "mpirun")
        self.wait_until(lambda: self.newest() > beyond, process)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE_S), 85)
        return self.newest()

    def newest(self):
        return max([int(path.name[len("gen-"):].split("-")[0]) for path in self.sets("job")], default=-1)

    def test_a_log_that_stayed_behind_on_another_node_holds_nobody_up(self):
        file = self.slow()
        first = self.stop_midway(file, 0, -1)
        log = self.job_dir("job") / "events.db"
        behind = shutil.move(log, self.dir / "events.db")  # the log of the first node
        second = self.stop_midway(file, 1, first)  # a node that has none
        self.assertGreater(second, first)
        # The clocks of nodes differ: what was written on one is no time for another.
        chain = self.job_dir("job") / "allocations.jsonl"
        chain.write_text(chain.read_text(encoding="utf-8").replace('_at":"20', '_at":"21'), encoding="utf-8")
        shutil.move(behind, log)  # back on the first, whose log knows nothing of the second
        third = self.stop_midway(file, 2, second)
        self.assertGreater(third, second)
        begun = [row for row in self.chain() if row["event"] == "begin"]
        self.assertEqual([row["step"] for row in begun], [-1, first, second])


if __name__ == "__main__":
    unittest.main()
