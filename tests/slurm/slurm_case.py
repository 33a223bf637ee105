# SPDX-License-Identifier: Apache-2.0
"""What the tests on a real Slurm share."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "integration"))
from slurm_site import why_not  # noqa: E402
from sovren_case import SovrenCase  # noqa: E402


class SlurmCase(SovrenCase):
    @classmethod
    def setUpClass(cls):
        reason = why_not()
        if reason:
            raise unittest.SkipTest(reason)
