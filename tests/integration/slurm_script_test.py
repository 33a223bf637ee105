# SPDX-License-Identifier: Apache-2.0
"""`sovren slurm script`: what its scripts do in an allocation, run by bash with programs that stand for the site's.

Each fake writes a line about its call into `calls`. What sovren does in the n-th run is told by the file run.N."""
import os
import signal
import subprocess
import unittest

from sovren_case import PATIENCE_S, SovrenCase

FAKE_SOVREN = """#!/bin/bash
n=$(($(cat "$FAKES/runs" 2>/dev/null || echo 0) + 1))
echo $n > "$FAKES/runs"
echo "sovren $*" >> "$FAKES/calls"
. "$FAKES/run.$n"
"""
# What a run leaves behind: the line that its allocation ended with.
SEALED = """echo '{"event":"end","sealed_step":%d}' >> "$FAKES/job.sovren/allocations.jsonl"; exit %d\n"""
FAKE = """#!/bin/bash
echo "%s $*" >> "$FAKES/calls"
%s
"""


class SlurmScriptTest(SovrenCase):
    def setUp(self):
        super().setUp()
        self.job_file = self.write("job.toml", 'kind = "command"\n[command]\nargv = ["true"]\ncheckpoint_signal = "USR1"\n')
        self.program("sovren", FAKE_SOVREN)
        self.fake("scontrol", "exit 0")
        self.fake("sbatch", 'echo "goes on from $SOVREN_CONTINUES, restarts ${SLURM_RESTART_COUNT-none}" >> "$FAKES/calls"; '
                  "echo '77;cluster'")
        self.fake("sleep", "exit 0")
        self.fake("squeue", "echo 'RUNNING None'")

    def program(self, name, text):
        path = self.write(f"bin/{name}", text)
        path.chmod(0o755)

    def fake(self, name, then):
        self.program(name, FAKE % (name, then))

    def script(self, *options):
        text = self.sovren("slurm", "script", self.job_file, "--launcher", "srun", *options, code=0).stdout
        return self.write("slurm_script", text)

    def environment(self, **more):
        return {**self.env, "PATH": f"{self.dir / 'bin'}:{os.environ['PATH']}", "FAKES": str(self.dir),
                "SOVREN_BIN": str(self.dir / "bin"), "SLURM_JOB_ID": "12", "SLURM_RESTART_COUNT": "3", **more}

    def allocation(self, *options, code=None, **more):
        """The script in an allocation, to its end."""
        done = subprocess.run(["bash", self.script(*options)], env=self.environment(**more), capture_output=True,
                              text=True, timeout=PATIENCE_S, check=False)
        if code is not None:
            self.assertEqual(done.returncode, code, done.stderr)
        return done

    def run_does(self, *bodies):
        for n, body in enumerate(bodies, 1):
            self.write(f"run.{n}", body)

    def calls(self):
        path = self.dir / "calls"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def test_scripts_are_bash_and_name_what_they_run(self):
        for options in ((), ("--array", "0-3%2"), ("--continue", "submit"), ("--set", "command.checkpoint_signal=")):
            script = self.script(*options)
            subprocess.run(["bash", "-n", script], check=True)
        self.run_does("exit 0")
        self.allocation("--ranks", "2", "--set", "comment=it's", code=0)
        self.assertEqual(self.calls(), [f"sovren run --launcher srun --dir {self.dir}/job.sovren --set comment=it's "
                                        f"--set resources.ranks=2 {self.job_file}"])

    def test_a_job_that_ended_is_not_brought_back(self):
        for code in (0, 1, 3, 124):
            self.run_does(f"exit {code}")
            (self.dir / "runs").unlink(missing_ok=True)
            self.allocation(code=code)
        self.assertTrue(all(call.startswith("sovren run") for call in self.calls()), self.calls())

    def test_a_checkpointed_job_is_requeued(self):
        self.run_does(SEALED % (5, 85))
        self.allocation(code=0)
        self.assertEqual(self.calls()[1:], ["scontrol requeue 12"])

    def test_where_requeueing_is_refused_it_submits_what_goes_on(self):
        self.fake("scontrol", "echo 'Requested operation is presently disabled' >&2; exit 1")
        self.run_does(SEALED % (5, 85))
        done = self.allocation(code=85)
        self.assertEqual(self.calls()[1:], [
            "scontrol requeue 12",
            f"sbatch --parsable --begin=now --dependency=afterany:12 {self.dir}/slurm_script",
            "goes on from 12, restarts none"])
        self.assertIn("job 12 goes on as job 77\n", done.stdout)

    def test_an_element_of_an_array_goes_on_alone(self):
        self.fake("scontrol", "exit 1")
        self.run_does("exit 85")
        self.allocation("--array", "0-9", code=85, SLURM_ARRAY_JOB_ID="12", SLURM_ARRAY_TASK_ID="7", SLURM_JOB_ID="19")
        self.assertIn("--element 7 ", self.calls()[0])
        self.assertEqual(self.calls()[1:], [
            "scontrol requeue 12_7",
            f"sbatch --parsable --begin=now --dependency=afterany:12_7 --array=7 {self.dir}/slurm_script",
            "goes on from 12_7, restarts none"])

    def test_continue_says_how(self):
        self.run_does("exit 85", "exit 85")
        self.allocation("--continue", "submit", code=85)
        self.assertFalse(any(call.startswith("scontrol") for call in self.calls()))
        self.fake("scontrol", "exit 1")
        done = self.allocation("--continue", "requeue", code=85)
        self.assertEqual(sum(call.startswith("scontrol") for call in self.calls()), 5)
        self.assertEqual(sum(call.startswith("sbatch") for call in self.calls()), 1)
        self.assertIn("job 12 cannot come back", done.stderr)

    def test_a_site_that_is_away_is_asked_again(self):
        self.fake("scontrol", '[ "$(grep -c "^scontrol" "$FAKES/calls")" -ge 3 ]')
        self.fake("sbatch", "exit 1")
        self.run_does("exit 85")
        self.allocation(code=0)
        self.assertEqual([call.split()[0] for call in self.calls()[1:]],
                         ["scontrol", "sbatch", "sleep", "scontrol", "sbatch", "sleep", "scontrol"])

    def test_without_progress_it_stops_coming_back(self):
        self.run_does(*[SEALED % (step, 85) for step in (5, 8, 8, 8, 8)])
        for _ in range(4):
            self.allocation(code=0)
        done = self.allocation(code=1)
        self.assertIn("3 allocations in a row sealed nothing beyond step 8: ask for a longer time limit", done.stderr)
        self.assertEqual(sum(call.startswith("scontrol") for call in self.calls()), 4)

    def test_a_job_that_never_seals_stops_coming_back(self):
        self.run_does(*[SEALED % (-1, 130)] * 4)
        for _ in range(3):
            self.allocation(code=0)
        self.assertIn("nothing beyond step -1", self.allocation(code=1).stderr)

    def signalled(self, *signals, state="RUNNING None"):
        """Signals reach the script once its run waits for them; the run ends with 85 at its first TERM."""
        self.fake("squeue", f"echo '{state}'")
        self.run_does("trap 'echo told >> \"$FAKES/calls\"' TERM\n: > \"$FAKES/waits\"\n"
                      "while [ ! -e \"$FAKES/go\" ]; do /bin/sleep 0.05; done\nexit 85\n")
        script = subprocess.Popen(["bash", self.script()], env=self.environment(), stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.addCleanup(lambda: script.poll() is None and os.killpg(script.pid, signal.SIGKILL))
        self.wait_until((self.dir / "waits").exists, script)
        for number in signals:
            script.send_signal(number)
            self.wait_until(lambda: "told" in self.calls(), script)
        self.write("go", "")
        script.communicate(timeout=PATIENCE_S)
        return script.returncode

    def test_usr1_is_passed_on_as_term_and_the_job_comes_back(self):
        self.assertEqual(self.signalled(signal.SIGUSR1), 0)
        self.assertEqual(self.calls()[1:], ["told", "scontrol requeue 12"])

    def test_a_second_signal_does_not_abort_the_run(self):
        self.assertEqual(self.signalled(signal.SIGUSR1, signal.SIGTERM, signal.SIGUSR1), 0)
        self.assertEqual(self.calls().count("told"), 1)

    def test_a_cancelled_job_stays_so(self):
        self.assertEqual(self.signalled(signal.SIGTERM, state="COMPLETING None"), 85)
        self.assertEqual(self.calls()[1:], ["told", "squeue -h -j 12 -o %T %r"])

    def test_a_job_that_makes_room_for_others_comes_back_however_often(self):
        self.write("job.sovren/allocations.jsonl", '{"event":"end","sealed_step":8}\n' * 9)
        self.assertEqual(self.signalled(signal.SIGTERM, state="RUNNING None"), 0)
        self.assertIn("scontrol requeue 12", self.calls())

    def test_a_job_that_was_too_late_for_its_limit_comes_back(self):
        self.assertEqual(self.signalled(signal.SIGTERM, state="COMPLETING TimeLimit"), 0)
        self.assertIn("scontrol requeue 12", self.calls())

    def test_a_command_that_cannot_checkpoint_does_not_come_back(self):
        self.run_does("exit 85")
        self.allocation("--set", "command.checkpoint_signal=", code=85)
        self.assertEqual(len(self.calls()), 1)
        self.assertNotIn("--signal", self.script("--set", "command.checkpoint_signal=").read_text(encoding="utf-8"))

    def test_what_the_node_does_not_see_is_named(self):
        script = self.script()
        for path in (self.job_file, self.dir / "job.sovren" / "logs"):
            path.rename(self.dir / "away")
            done = subprocess.run(["bash", script], env=self.environment(), capture_output=True, text=True,
                                  timeout=PATIENCE_S, check=False)
            self.assertEqual(done.returncode, 66)
            self.assertIn(f"does not see {path}: it must lie on a shared folder", done.stderr)
            (self.dir / "away").rename(path)
        self.assertEqual(self.calls(), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
