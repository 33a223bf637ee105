# SPDX-License-Identifier: Apache-2.0
"""sovren run of jobs of kind command: any program, its output, its checkpoints."""
import json
import signal
import unittest

from sovren_case import SovrenCase

COUNTS_TO_30 = r"""#!/bin/sh
n=$(cat "$SOVREN_CHECKPOINT_DIR/n" 2>/dev/null || echo 0)
trap 'echo $n > "$SOVREN_CHECKPOINT_DIR/n"; echo "sovren: {\"checkpoint\": $n}"; exit 85' USR1
while [ $n -lt 30 ]; do
  n=$((n + 1)); echo "sovren: {\"step\": $n}"; echo "step $n"; sleep 0.02
done
"""


class Command(SovrenCase):
    def command(self, body, name="job", extra=""):
        return self.write(f"{name}.toml", f'schema = 1\nname = "{name}"\nkind = "command"\n{extra}\n[command]\n{body}\n')

    def log(self, name="job"):
        return (self.job_dir(name) / "logs/rank-0000.log").read_text()

    def test_output_and_metrics_are_kept(self):
        job = self.command("""script = '''
echo "job $SLURM_JOB_ID"
echo 'sovren: {"progress": 0.5, "step": 7, "metrics": {"loss": 0.25}}'
'''""")
        report = self.report(job)
        self.assertEqual(report["state"], "COMPLETED")
        self.assertEqual((report["steps"], report["metrics"]), (7, {"loss": 0.25}))
        self.assertIn("job 1\n", self.log())

    def test_stopped_and_started_again_it_goes_on(self):
        job = self.command(f"checkpoint_signal = 'USR1'\nscript = '''{COUNTS_TO_30}'''")
        process = self.start("run", job)
        self.wait_until(lambda: self.job_dir("job").exists() and (self.job_dir("job") / "logs/rank-0000.log").exists()
                        and "step 3\n" in self.log(), process)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=60), 85)
        report = self.report(job)
        self.assertEqual((report["state"], report["attempts"]), ("COMPLETED", 2))
        steps = [line for line in self.log().splitlines() if line.startswith("step ")]
        self.assertEqual(steps, [f"step {n}" for n in range(1, 31)], "no step is lost, none is done twice")

    def test_a_failing_command_is_not_tried_again(self):
        job = self.command('argv = ["sh", "-c", "echo no such luck; exit 3"]')
        done = self.sovren("run", job, "--json", code=1)
        report = json.loads(done.stdout)
        self.assertEqual((report["state"], report["attempts"]), ("FAILED", 1))
        self.assertEqual(report["error"]["code"], "command_failed")
        self.assertIn("no such luck", report["error"]["what"])

    def test_a_missing_program_is_named(self):
        job = self.command('argv = ["no-such-program"]')
        report = json.loads(self.sovren("run", job, "--json", code=2).stdout)
        self.assertEqual(report["error"]["code"], "input_missing")
        self.assertIn("no-such-program", report["error"]["what"])

    def test_exit_code_75_asks_for_another_try(self):
        job = self.command("""script = '[ $SOVREN_ATTEMPT = 2 ] || exit 75'""", extra='[retry]\nbackoff = "1ms"\n')
        report = self.report(job)
        self.assertEqual((report["state"], report["attempts"]), ("COMPLETED", 2))

    def test_several_ranks_run_under_mpirun(self):
        job = self.command("""argv = ["sh", "-c", "echo rank $SOVREN_RANK of $SOVREN_RANKS"]""",
                           extra="[resources]\nranks = 2\n")
        self.report(job)
        self.assertEqual(sorted(self.log().split("\n")), ["", "rank 0 of 2", "rank 1 of 2"])


if __name__ == "__main__":
    unittest.main()
