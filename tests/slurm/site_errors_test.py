# SPDX-License-Identifier: Apache-2.0
"""What goes wrong with a job at a site: said clearly, and nothing is lost."""
import unittest

from slurm_case import SiteCase
from sovren_case import BIN


class Refused(SiteCase):
    nodes = 1

    def setUp(self):
        super().setUp()
        self.generate()

    def test_by_the_site_with_its_own_words(self):
        done = self.sovren("slurm", "submit", "data.toml", "--set", 'partition="nowhere"', code=3)
        self.assertIn("invalid partition specified: nowhere", done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(self.site.output("squeue", "--noheader"), "")
        job = self.submit("data.toml", "--hold")  # the folder is still free
        self.assertEqual(self.site.job(job)["Reason"], "JobHeldUser")

    def test_a_second_job_in_the_folder_of_one_that_has_not_ended(self):
        job = self.submit("data.toml", "--hold")
        done = self.sovren("slurm", "submit", "data.toml", code=3)
        self.assertIn(f"site job {job} has the folder", done.stderr)
        self.assertIn("--dir", done.stderr)
        self.submit("data.toml", "--hold", "--dir", "elsewhere")

    def test_where_there_is_no_slurm(self):
        done = self.sovren("slurm", "submit", "data.toml", code=5, env={**self.env, "PATH": str(BIN)})
        self.assertIn("there is no Slurm here: 'sbatch'", done.stderr)
        self.submit("data.toml", "--hold")


if __name__ == "__main__":
    unittest.main()
