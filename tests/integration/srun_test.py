# SPDX-License-Identifier: Apache-2.0
"""srun and mpirun inside a script that is started once, on the head of its slots."""
import os
import subprocess
import unittest

from queue_case import QueueCase
from sovren_case import BIN, processes_of


class Srun(QueueCase):
    def batch(self, script, ranks=4, name="job", **keys):
        """A job file whose script is started on the head; what it prints goes to <name>.txt."""
        keys = {"output": f"{name}.txt", "folder": ".", **keys}
        lines = "".join(f'{key} = "{value}"\n' for key, value in keys.items())
        return self.write(f"{name}.toml", f'schema = 1\nname = "{name}"\nkind = "command"\n'
                                          f'[resources]\nranks = {ranks}\noversubscribe = "yes"\n'
                                          f'[command]\nstart = "head"\n{lines}script = \'\'\'#!/bin/bash\n'
                                          f"{script}\n'''\n")

    def printed(self, script, ranks=4, code=0):
        """Runs it on this machine, as a job of its own: the lines, sorted."""
        self.runs = getattr(self, "runs", 0) + 1
        self.report(self.batch(script, ranks, f"job{self.runs}"), code=code)
        return sorted((self.dir / f"job{self.runs}.txt").read_text().splitlines())

    def test_tasks_know_their_numbers(self):
        for how in ("", "--mpi=none "):
            with self.subTest(how=how):
                lines = self.printed(f"srun -n3 {how}sh -c 'echo $SLURM_PROCID/$SLURM_NTASKS $SLURM_LOCALID $SLURM_GTIDS "
                                     "$SLURM_STEP_ID $SLURM_STEP_NODELIST'; "
                                     "srun sh -c 'echo step $SLURM_STEP_ID of $SLURM_NTASKS'")
                self.assertEqual(lines, [f"{i}/3 {i} 0,1,2 0 local" for i in range(3)] + ["step 1 of 4"] * 4)

    def test_the_highest_exit_code_is_its_own(self):
        for how in ("", "--mpi=none "):
            with self.subTest(how=how):
                lines = self.printed(f"srun -Q -n3 {how}sh -c 'exit $((SLURM_PROCID+3))'; echo rc $?; "
                                     f"srun -Q -n2 {how}sh -c 'kill -9 $$'; echo rc $?; "
                                     f"srun -Q -n1 {how}no-such-program 2>/dev/null; echo rc $?; "
                                     f"srun -n2 {how}sh -c 'exit $((4*SLURM_PROCID))'; echo rc $?")
                self.assertEqual(lines, ["rc 137", "rc 2", "rc 4", "rc 5",
                                         "srun: error: local: task 1: Exited with exit code 4"])

    def test_files_and_labels(self):
        lines = self.printed("srun -l -n3 echo x; srun -n2 -o %j-%s-%2t-%x.txt hostname; ls *-*-*.txt; "
                             "printf 'a\\nb\\n' > in; srun -l -n2 -i in cat; srun -n3 -o 2 -l echo only; "
                             "srun -n2 -o /no/where true 2>/dev/null || echo refused")
        self.assertEqual(lines, ["0: a", "0: b", "0: x", "1-1-00-job1.txt", "1-1-01-job1.txt", "1: a", "1: b", "1: x",
                                 "2: only", "2: x", "refused"])

    def test_a_step_waits_for_slots(self):
        """One more than there is room for starts only when another has ended, which it does once the script says go."""
        for one, room in (("srun -n1 --exact", 3), ("srun -n1", 1), ("srun -n3 --mpi=none -o 0", 1)):
            with self.subTest(one=one):
                # The pause gives one that does not wait the time to show it.
                lines = self.printed(f"rm -f go up-*; for i in $(seq {room}); do {one} sh -c 'touch up-'$i'; "
                                     "until [ -e go ]; do sleep 0.01; done' & done; "
                                     f"until [ $(ls up-* 2>/dev/null | wc -l) = {room} ]; do sleep 0.01; done; "
                                     f"{one} sh -c '[ -e go ] && echo waited || echo early' & "
                                     "srun --overlap -n1 echo beside; sleep 0.5; touch go; wait", ranks=3)
                self.assertEqual(lines, ["beside", "waited"])

    def test_many_steps_all_run(self):
        self.assertEqual(self.printed("for i in $(seq 40); do srun -n1 --exclusive echo done & done; wait", ranks=3),
                         ["done"] * 40)

    def test_steps_really_run_at_once(self):
        """Four tasks that each wait for the others' coming."""
        lines = self.printed("for i in 1 2 3 4; do srun -n1 --exact sh -c 'touch up-'$i'; "
                             "until [ $(ls up-* | wc -l) = 4 ]; do sleep 0.01; done; echo met' & done; wait; "
                             "srun --overlap -n1 srun --overlap -n1 echo inner")
        self.assertEqual(lines, ["inner", "met", "met", "met", "met"])

    def test_what_does_not_fit_is_refused(self):
        lines = self.printed("srun -n9 true 2>&1; echo $?; srun -N2 true 2>&1; echo $?; srun --pty true 2>&1; echo $?; "
                             "srun --no-such true 2>&1; srun --ntasks=x true 2>&1; srun 2>&1; true")
        self.assertEqual([line for line in lines if line == "1"], ["1", "1", "1"])
        for words in ("More processors requested than permitted", "Only allocated 1 nodes asked for 2", "--pty is not there",
                      "unrecognized option '--no-such'", 'Invalid numeric value "x" for --ntasks',
                      "No command given to execute"):
            self.assertTrue(any(words in line for line in lines), (words, lines))
        outside = self.run_as("srun", "true")
        self.assertEqual(outside.returncode, 1)
        self.assertIn("submit a script", outside.stderr)

    def run_as(self, name, *words):
        link = self.dir / name
        link.symlink_to(BIN / "sovren")
        return subprocess.run([link, *words], env=self.env, capture_output=True, text=True, timeout=60, check=False)

    def test_signals_reach_the_tasks_once(self):
        for how in ("", "--mpi=none "):
            with self.subTest(how=how):
                lines = self.printed(f"srun -Q -n2 {how}bash -c 'trap \"echo got; exit 5\" USR1; touch ready-$SLURM_PROCID; "
                                     "while :; do sleep 0.02; done' & "
                                     "until [ -e ready-0 -a -e ready-1 ]; do sleep 0.01; done; "
                                     "kill -USR1 $!; wait $!; echo rc $?; rm ready-*")
                # Their sleeps may get it, too, and bash says so.
                self.assertEqual([line for line in lines if line != "User defined signal 1"], ["got", "got", "rc 5"])

    def test_kill_on_bad_exit_and_time(self):
        for how in ("", "--mpi=none "):
            with self.subTest(how=how):
                lines = self.printed(f"srun -Q -K -n2 {how}sh -c '[ $SLURM_PROCID = 1 ] || exit 4; exec sleep 1000'; "
                                     "[ $? != 0 ] && echo over; "
                                     f"srun -Q -t 0:01 {how}-n1 sleep 1000; echo rc $?")
                self.assertEqual(lines, ["over", "rc 143"])

    def test_mpirun_takes_the_slots(self):
        self.assertEqual(self.printed("mpirun sh -c 'echo $OMPI_COMM_WORLD_RANK of $OMPI_COMM_WORLD_SIZE'", ranks=3),
                         ["0 of 3", "1 of 3", "2 of 3"])

    def test_an_array_in_the_queue(self):
        self.serve()
        self.worker("n1", "--cpus", "4")
        job = self.batch("srun -n2 --mpi=none sh -c 'echo $SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT "
                         "$SLURM_ARRAY_TASK_MIN-$SLURM_ARRAY_TASK_MAX:$SLURM_ARRAY_TASK_STEP $SLURMD_NODENAME'",
                         ranks=2, output="%A_%a.txt", error="%A_%a.err")
        first = self.submit(job, "--array", "5-9:2")
        self.sovren("wait", first, code=0)
        for task in (5, 7, 9):
            self.assertEqual((self.dir / f"{first}_{task}.txt").read_text(), f"{task}/3 5-9:2 n1\n" * 2)
            self.assertEqual((self.dir / f"{first}_{task}.err").read_text(), "")

    def test_a_cancelled_job_leaves_no_task(self):
        self.serve()
        agent = self.worker("n1", "--cpus", "4")
        for how in ("", "--mpi=none "):
            job = self.submit(self.batch(f"srun -n2 {how}sh -c 'echo up; exec sleep 1000.{os.getpid()}'", ranks=2))
            log = self.home / "jobs" / job / "logs/rank-0000.log"
            self.wait_until(lambda log=log: log.exists() and log.read_text().count("up") == 2)
            self.sovren("cancel", job, code=0)
            self.wait_for_state(job, "CANCELLED")
            self.wait_until(lambda: not processes_of(f"1000.{os.getpid()}"), agent)
            self.assertEqual(processes_of(f"1000.{os.getpid()}"), [])


if __name__ == "__main__":
    unittest.main()
