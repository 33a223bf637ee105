# SPDX-License-Identifier: Apache-2.0
"""squeue, sacct, scancel, sinfo and scontrol of our own scheduler."""
import getpass
import json
import re
import subprocess
import unittest

from shims_case import ShimsCase

USER = getpass.getuser()
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"


class Listings(ShimsCase):
    def rows(self, *words):
        return self.slurm("squeue", "-h", *words).splitlines()

    def submit_array(self):
        return self.submit_command(self.at_gate(), "--array", "1-9:2%1", "--time-limit", "5min")

    def test_an_array_is_listed_as_slurm_lists_it(self):
        job = self.submit_array()
        self.wait_until(lambda: self.rows("-t", "R", "-o", "%i") == [f"{job}_1"])
        self.wait_until(lambda: self.rows("-t", "PD", "-o", "%i %r") == [f"{job}_[3,5,7,9%1] JobArrayTaskLimit"])
        whole = self.slurm("squeue")
        self.assertEqual(whole.splitlines()[0],
                         "             JOBID PARTITION     NAME     USER ST       TIME  NODES NODELIST(REASON)")
        self.assertRegex(whole, rf"\n +{job}_\[3,5,7,9%1\]   default  command +{USER} PD       0:00      1 "
                         r"\(JobArrayTaskLimit\)\n")
        self.assertRegex(whole, rf"\n +{job}_1   default  command +{USER}  R +\d+:\d\d      1 n1\n")
        self.assertEqual(self.rows("-r", "-o", "%i %t %K %F"),
                         [f"{job}_{task} PD {task} {job}" for task in (3, 5, 7, 9)] + [f"{job}_1 R 1 {job}"])
        self.assertEqual(self.rows("-j", f"{job}_5", "-o", "%i %l"), [f"{job}_5 5:00"])
        self.assertEqual(self.rows("-O", "JobArrayID:12,StateCompact:4,NumCPUs:.3", "-S", "-t"),
                         [f"{job}_1".ljust(12) + "R     1", f"{job}_[3,5,7,9%1]".ljust(12)[:12] + "PD    1"])
        self.assertEqual(self.slurm("scancel", f"{job}_[3-5]"), "")
        self.assertEqual(self.rows("-t", "CA", "-o", "%i"), [f"{job}_3", f"{job}_5"])
        self.slurm("scancel", "--state=PENDING", "--me")
        self.assertEqual(self.rows("-t", "PD"), [])
        self.open_gate()
        self.sovren("wait", job, code=1)  # four of it were cancelled
        done = self.slurm("sacct", "-nP", "-X", "-j", job, "-o", "JobID,JobIDRaw,State,ExitCode,NodeList")
        by = "CANCELLED by \\d+"
        self.assertRegex(done, rf"^{job}_1\|{job}\|COMPLETED\|0:0\|n1\n{job}_3\|\d+\|{by}\|0:0\|None assigned\n")

    def test_jobs_that_have_ended_are_told_by_their_exit_codes(self):
        job = self.submit_command("exit 3", "--set", "retry.limit=0")
        self.sovren("wait", job, code=1)
        self.assertEqual(self.rows(), [])
        self.assertEqual(self.rows("-t", "all", "-o", "%A %t %R"), [f"{job} F (NonZeroExitCode)"])
        told = self.slurm("sacct", "--parsable2", "-j", job, "-o", "jobid,state,exitcode,start,end,elapsed")
        self.assertRegex(told, rf"^JobID\|State\|ExitCode\|Start\|End\|Elapsed\n"
                         rf"{job}\|FAILED\|3:0\|{TIME}\|{TIME}\|00:\d\d:\d\d\n"
                         rf"{job}.batch\|FAILED\|3:0\|{TIME}\|{TIME}\|00:\d\d:\d\d\n$")
        self.assertEqual(self.slurm("sacct", "-n", "-X", "-S", "now-1hours", "-o", "JobID%-6,State%8"),
                         f"{job:6}   FAILED \n")
        self.assertEqual(self.slurm("sacct", "-n", "-X", "-E", "now-1hours", "-S", "now-2hours"), "")
        shown = self.slurm("scontrol", "-o", "show", "job", job)
        self.assertIn(" JobState=FAILED Reason=NonZeroExitCode ", shown)
        self.assertIn(" ExitCode=3:0 ", shown)

    def test_jobs_are_held_and_released(self):
        job = self.submit_command("true", "--hold")
        self.assertEqual(self.rows("-o", "%T %r"), ["PENDING JobHeldUser"])
        self.slurm("scontrol", "release", job)
        self.sovren("wait", job, code=0)
        other = self.submit_command(self.at_gate())
        self.wait_until(lambda: self.rows("-o", "%t") == ["R"])
        self.slurm("scontrol", "requeue", other)
        self.wait_until(lambda: self.rows("-o", "%t", "-j", other) == ["R"]
                        and "Restarts=1" in self.slurm("scontrol", "show", "job", other))
        self.slurm("scancel", other)
        self.wait_until(lambda: self.rows() == [])

    def test_a_document_has_the_members_of_slurms(self):
        job = self.submit_array()
        self.wait_until(lambda: self.rows("-t", "R", "-o", "%i") == [f"{job}_1"])
        document = json.loads(self.slurm("squeue", "--json"))
        self.assertEqual(document["meta"]["Slurm"]["release"], "22.05.8")
        first, rest = sorted(document["jobs"], key=lambda each: each["array_task_id"] is None)
        self.assertEqual((first["array_job_id"], first["array_task_id"], first["job_state"]), (int(job), 1, "RUNNING"))
        self.assertEqual((rest["array_task_string"], rest["job_state"]), ("3,5,7,9%1", "PENDING"))
        self.assertEqual(first["nodes"], "n1")
        self.assertEqual(first["time_limit"], 5)
        self.slurm("scancel", job)

    def test_nodes(self):
        self.assertRegex(self.slurm("sinfo"), r"^PARTITION AVAIL  TIMELIMIT  NODES  STATE NODELIST\n"
                         r"default\*     up   infinite      1   idle n1\n$")
        self.slurm("scontrol", "update", "nodename=n1", "state=drain", "reason=disk")
        self.assertEqual(self.slurm("sinfo", "-h", "-o", "%P %t %C %E"), "default* drain 0/0/2/2 disk\n")
        self.assertIn("State=IDLE+DRAIN", self.slurm("scontrol", "show", "node", "n1"))
        self.slurm("scontrol", "update", "nodename=n1", "state=resume")
        self.assertEqual(self.slurm("sinfo", "-h", "-N", "-o", "%N %T"), "n1 idle\n")
        self.assertEqual(self.slurm("scontrol", "show", "hostnames", "n[1-3,07],m9"), "n1\nn2\nn3\nn07\nm9\n")


class Mistakes(ShimsCase):
    def complaint(self, *words, code=1):
        done = self.called(*words)
        self.assertEqual(done.returncode, code, done)
        return done.stderr

    def test_are_told_as_slurm_tells_them(self):
        self.assertEqual(self.complaint("squeue", "-j", "99"), "slurm_load_jobs error: Invalid job id specified\n")
        self.assertEqual(self.complaint("squeue", "-j", "foo"), "squeue: error: Invalid job id: foo\n")
        self.assertIn("unrecognized option '--foo'", self.complaint("sacct", "--foo"))
        self.assertIn("Invalid field requested", self.complaint("sacct", "-o", "foo"))
        self.assertEqual(self.complaint("scancel"), "scancel: error: No job identification provided\n")
        self.assertEqual(self.complaint("scancel", "foo"), "scancel: error: Invalid job id foo\n")
        self.assertEqual(self.complaint("scancel", "99", code=0), "", "as Slurm: it is not there, and does not run")
        self.assertIn("Unknown job signal: FOO", self.complaint("scancel", "-s", "FOO", "99"))
        self.assertEqual(self.complaint("scontrol", "hold", "99"), "Invalid job id specified for job 99\n")
        self.assertEqual(self.complaint("scontrol", "show", "job", "99"),
                         "slurm_load_jobs error: Invalid job id specified\n")
        self.assertEqual(self.complaint("scontrol", "frobnicate"), "invalid keyword: frobnicate\n")

    def test_signals_are_what_a_job_can_be_asked_for(self):
        job = self.submit_command(self.at_gate())
        self.wait_until(lambda: self.slurm("squeue", "-h", "-o", "%t") == "R\n")
        self.assertRegex(self.complaint("scancel", "-s", "USR1", job), rf"job id {job}: Signal USR1 cannot be sent")
        saver = self.submit_command(f"trap 'exit 85' USR2; touch {self.dir}/ready; {self.at_gate()}",
                                    "--set", "command.checkpoint_signal=USR2")
        self.wait_until((self.dir / "ready").exists)
        self.assertEqual(self.complaint("scancel", "--signal=SIGUSR2", saver, code=0), "")
        self.wait_until(lambda: "Restarts=1" in self.slurm("scontrol", "show", "job", saver))
        self.slurm("scancel", "-u", USER)
        self.wait_until(lambda: self.slurm("squeue", "-h") == "")

    def test_a_scheduler_that_is_not_there(self):
        self.stop(self.daemon)
        for words in (["squeue"], ["sacct"], ["sinfo"], ["scancel", "1"], ["scontrol", "ping"]):
            told = self.complaint(*words)
            self.assertRegex(told, re.compile(r"(unreachable|cannot be reached|no scheduler|answer)", re.I))


class Links(ShimsCase):
    def test_foreign_files_are_left_alone(self):
        folder = self.dir / "own"
        folder.mkdir()
        (folder / "squeue").write_text("mine", encoding="utf-8")
        done = self.sovren("slurm", "shims", folder, code=3)
        self.assertIn("squeue", done.stderr)
        self.assertEqual([path.name for path in folder.iterdir()], ["squeue"])

    def test_the_program_behind_them_is_sovren(self):
        for name in ("squeue", "sinfo", "sacct", "scancel", "scontrol"):
            version = subprocess.run([self.dir / "shims" / name, "--version"], capture_output=True, text=True,
                                     env=self.env, check=True).stdout
            self.assertRegex(version, r"^slurm 22\.05\.8 \(sovren .*\)\n$")


if __name__ == "__main__":
    unittest.main()
