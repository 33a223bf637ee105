# SPDX-License-Identifier: Apache-2.0
"""sovren run --launcher in allocations of a real Slurm: ranks on two nodes by srun --mpi=pmix and by mpirun."""
import json
import os
import pathlib
import shlex
import signal
import unittest

from slurm_case import ResultCase
from sovren_case import BIN


class LauncherTest(ResultCase):
    settings = ("--ranks", "4", "--backend", "cpu", "--set", "retry.backoff=\"10ms\"")

    def script(self, launcher, *words, first="", last=""):
        """A batch script that runs the job and leaves the exit code of sovren run in a file."""
        command = [BIN / "sovren", "run", "--launcher", launcher, *self.settings, "--set", "resources.nodes=2", *words,
                   "data.toml"]
        return self.write(f"{launcher}.sh", f"#!/bin/bash\ncd {self.dir}\n{first}\n{shlex.join(map(str, command))}\n"
                                            f"echo $? >exit.new; mv exit.new exit\n{last}\n")

    def begin(self, launcher, *words, first="", last=""):
        (self.dir / "exit").unlink(missing_ok=True)
        return self.site.sbatch("--nodes=2", "--ntasks=4", "--requeue", "--open-mode=append",
                                f"--output={self.dir}/out.txt", self.script(launcher, *words, first=first, last=last),
                                env={**self.env, **self.site.env, "SOVREN_HOME": self.env["SOVREN_HOME"]})

    def exit_code(self):
        self.wait_until((self.dir / "exit").exists)
        return int((self.dir / "exit").read_text(encoding="utf-8"))

    def said(self):
        return (self.dir / "out.txt").read_text(encoding="utf-8")

    def processes(self, name):
        """Those of the site with this name that live: its first process may be slow to bury the others."""
        found = []
        for process in self.site.processes():
            try:
                words = pathlib.Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
            except OSError:
                continue
            if f"({name})" in words and words.rsplit(")", 1)[1].split()[0] != "Z":
                found.append(process)
        return found

    def node_of(self, process):
        """The host's name that a process sees."""
        return os.readlink(f"/proc/{process}/ns/uts")

    def stop(self):
        (run,) = self.processes("sovren")
        os.kill(run, signal.SIGTERM)

    def check_stop_and_resume(self, launcher):
        self.begin(launcher)
        sealed = self.wait_until_sealed()
        self.assertEqual(len({self.node_of(rank) for rank in self.processes("sovren-rank")}), 2)
        self.stop()
        self.signal_ranks(signal.SIGCONT)
        self.assertEqual(self.exit_code(), 85, self.said())
        self.begin(launcher)
        self.assertEqual(self.exit_code(), 0, self.said())
        self.check_result()
        first, second = self.chain()
        self.assertEqual((first["exit_code"], first["step"], first["nodes"], first["launcher"]), (85, -1, 2, launcher))
        self.assertGreaterEqual(first["sealed_step"], sealed)
        self.assertEqual((second["exit_code"], second["step"]), (0, first["sealed_step"]))

    def test_srun_stops_with_a_checkpoint_and_goes_on_in_the_next_allocation(self):
        self.check_stop_and_resume("srun")

    def test_mpirun_stops_with_a_checkpoint_and_goes_on_in_the_next_allocation(self):
        self.check_stop_and_resume("mpirun")

    def check_killed_rank(self, launcher):
        self.begin(launcher)
        self.wait_until_sealed()
        (run,) = self.processes("sovren")
        elsewhere = [rank for rank in self.processes("sovren-rank") if self.node_of(rank) != self.node_of(run)]
        os.kill(elsewhere[0], signal.SIGKILL)
        self.signal_ranks(signal.SIGCONT)
        self.assertEqual(self.exit_code(), 0, self.said())
        self.check_result()
        self.assertEqual(self.report_of(self.dir)["attempts"], 2)

    def test_srun_repeats_in_the_allocation_what_lost_a_rank(self):
        self.check_killed_rank("srun")

    def test_mpirun_repeats_in_the_allocation_what_lost_a_rank(self):
        self.check_killed_rank("mpirun")

    def check_killed_run(self, launcher):
        """Its ranks go with it, although the allocation stays."""
        self.begin(launcher, last="exec sleep 1000")
        self.wait_until_sealed()
        self.signal_ranks(signal.SIGCONT)
        (run,) = self.processes("sovren")
        os.kill(run, signal.SIGKILL)
        self.assertEqual(self.exit_code(), 128 + signal.SIGKILL, self.said())
        self.wait_until(lambda: not self.processes("sovren-rank"))

    def test_a_killed_run_leaves_no_rank_of_srun(self):
        self.check_killed_run("srun")

    def test_a_killed_run_leaves_no_rank_of_mpirun(self):
        self.check_killed_run("mpirun")

    def test_what_slurm_stops_is_not_started_again_in_the_allocation(self):
        job = self.begin("srun")
        self.wait_until_sealed()
        self.signal_ranks(signal.SIGCONT)
        self.site.output("scancel", "--signal=TERM", job)  # to the steps, not to the script
        self.assertEqual(self.exit_code(), 85, self.said())
        self.assertEqual(self.report_of(self.dir)["state"], "PENDING")

    def test_ranks_that_do_not_know_one_another_touch_nothing(self):
        srun = self.site.output("sh", "-c", "command -v srun")
        self.write("bin/srun", f'#!/bin/sh\nfor w; do shift; [ "$w" = --mpi=pmix ] && w=--mpi=none; set -- "$@" "$w"; done\n'
                               f'exec {srun} "$@"\n').chmod(0o755)
        self.begin("srun", first=f"PATH={self.dir}/bin:$PATH")
        self.assertEqual(self.exit_code(), 3, self.said())
        for words in ("srun --mpi=list", "--launcher mpirun"):
            self.assertIn(words, self.said())
        logs = self.job_dir() / "logs"
        self.assertEqual([path.name for path in logs.iterdir()], ["launch.log"])
        self.assertEqual(self.report_of(self.dir)["attempts"], 1)
        self.assertEqual(self.report_of(self.dir)["error"]["code"], "mismatch")

    def test_a_step_that_slurm_refuses_fails_in_its_own_words(self):
        self.write("bin/srun", "#!/bin/sh\necho 'srun: error: Unable to create step for job 1: no luck' >&2\nexit 1\n"
                   ).chmod(0o755)
        self.begin("srun", "--set", "retry.limit=1", first=f"PATH={self.dir}/bin:$PATH")
        self.assertEqual(self.exit_code(), 3, self.said())
        self.assertIn("Unable to create step for job 1: no luck", self.said())
        report = json.loads((self.job_dir() / "report.json").read_text(encoding="utf-8"))
        self.assertEqual((report["attempts"], report["error"]["code"]), (2, "refused"))


if __name__ == "__main__":
    unittest.main()
