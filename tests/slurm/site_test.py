# SPDX-License-Identifier: Apache-2.0
"""The Slurm that the other tests stand on: its nodes look like hosts, and it leaves nothing behind."""
import pathlib
import shutil
import signal
import subprocess
import sys
import unittest

from slurm_case import SlurmCase
from slurm_site import SlurmSite, children_of


def descendants_of(process):
    return [each for child in children_of(process) for each in (child, *descendants_of(child))]


def alive(process):
    """Whether a process is there, and no zombie."""
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class SiteTest(SlurmCase):
    def test_nodes_are_hosts_that_share_files_but_no_memory(self):
        hidden = self.dir / "hidden"
        hidden.mkdir()
        (hidden / "file").touch()
        with SlurmSite(nodes=2, gpus=2, hidden={"n2": [hidden]}) as site:
            script = f'touch /dev/shm/$(hostname); echo $(hostname) $(ls /dev/shm) $(ls {hidden}) $CUDA_VISIBLE_DEVICES'
            said = site.output("srun", "--nodes=2", "--gres=gpu:1", "--label", "sh", "-c", script)
            self.assertEqual(sorted(said.splitlines()), ["0: n1 n1 file 0", "1: n2 n2 0"])
            versions = site.output("srun", "--mpi=list")
            self.assertIn("pmix", versions)

    def test_nothing_is_left_after_an_error_in_the_middle(self):
        site = SlurmSite(nodes=2)
        with self.assertRaises(KeyError), site:
            site.sbatch("--output=/dev/null", "--wrap", f"touch {self.dir}/runs; setsid sleep 1000 & sleep 1000")
            site.wait_until((self.dir / "runs").exists, "the job")
            folder, found = site.dir, site.processes()
            self.assertGreaterEqual(len(found), 7)  # keeper, munged, slurmctld, slurmd, the step's
            raise KeyError
        self.assertEqual([process for process in found if alive(process)], [])
        self.assertFalse(folder.exists())

    def test_nothing_runs_on_after_its_test_was_killed(self):
        process = subprocess.Popen([sys.executable, "-B", pathlib.Path(__file__).parent / "slurm_site.py",
                                    "--nodes=1", "--", "sh", "-c", "echo $SLURM_CONF; exec sleep 1000"],
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end, process)
        folder = pathlib.Path(process.stdout.readline().strip()).parent
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        found = descendants_of(process.pid)
        self.assertGreaterEqual(len(found), 8)  # the command; keeper, munged, slurmctld, slurmd and a process before each
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.wait_until(lambda: not any(map(alive, found)))


if __name__ == "__main__":
    unittest.main()
