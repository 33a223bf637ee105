# SPDX-License-Identifier: Apache-2.0
"""Arrays of 24 frames over two agents: each frame once, one line in the list, the pictures in one folder."""
import signal
import unittest

from queue_case import QueueCase

FRAMES = 24
LAMP = "newmtl lamp\nKe 1 1 1\n"
TRIANGLE = "mtllib lamp.mtl\nusemtl lamp\nv -1 -1 0\nv 1 -1 0\nv 0 1 0\nf 1 2 3\n"


class Frames(QueueCase):
    def setUp(self):
        super().setUp()
        self.daemon = self.serve()
        self.agents = {node: self.worker(node, "--cpus", 2) for node in ("n1", "n2")}

    def line_of(self, job, *words):
        """The lines that `sovren jobs` has of the array."""
        lines = self.sovren("jobs", *words, code=0).stdout.splitlines()
        return [line for line in lines if f"{job}_" in line]

    def submit_frames(self):
        """Each frame says where it ran, and waits for a gate."""
        command = f'while [ ! -e {self.dir}/gate ]; do sleep 0.05; done; echo "$SOVREN_ARRAY_TASK $SLURMD_NODENAME" >> seen'
        return self.submit_command(command, "--array", f"1-{FRAMES}")

    def test_each_frame_runs_once_on_one_of_the_nodes(self):
        job = self.submit_frames()
        self.wait_until(lambda: "4 running" in "".join(self.line_of(job)))
        lines = self.line_of(job)
        self.assertEqual(len(lines), 1, lines)
        self.assertIn(f"{job}_[0-{FRAMES - 1}]", lines[0])
        self.assertIn(f"0 done, 4 running, {FRAMES - 4} waiting", lines[0])
        self.assertEqual(len(self.line_of(job, "-r", "--all")), FRAMES)
        self.assertEqual(len(self.json("jobs")["jobs"]), FRAMES, "a document has a row for each")
        (self.dir / "gate").touch()
        self.sovren("wait", job, code=0)
        seen = [line.split() for line in (self.dir / "seen").read_text(encoding="utf-8").splitlines()]
        self.assertEqual(sorted(int(frame) for frame, _ in seen), list(range(1, FRAMES + 1)))
        self.assertEqual({node for _, node in seen}, {"n1", "n2"})
        self.assertIn(f"{FRAMES}/{FRAMES}", self.line_of(job)[0])
        self.assertIn("COMPLETED", self.line_of(job)[0])

    def test_a_killed_agent_leaves_its_frames_to_the_other(self):
        job = self.submit_frames()
        self.wait_until(lambda: "4 running" in "".join(self.line_of(job)))
        self.stop(self.agents["n1"], signal.SIGKILL, -signal.SIGKILL)
        self.worker("n1", "--cpus", 2)
        (self.dir / "gate").touch()
        self.sovren("wait", job, code=0)
        seen = [line.split()[0] for line in (self.dir / "seen").read_text(encoding="utf-8").splitlines()]
        self.assertEqual(sorted(map(int, seen)), list(range(1, FRAMES + 1)))


class Pictures(QueueCase):
    """Rendering jobs: their pictures come together under their numbers."""

    def setUp(self):
        super().setUp()
        self.write("lamp.mtl", LAMP)
        self.write("triangle.obj", TRIANGLE)
        self.file = self.write("turn.toml", 'schema = 1\nname = "turn-${frame}"\nkind = "rendering"\n'
                               '[rendering]\nscene = "triangle.obj"\nwidth = 16\nheight = 16\nsamples = 1\n'
                               f'frame = "${{frame}}"\n[array]\nframe = "1-{FRAMES}"\n')

    def check_sequence(self, folder, result_of):
        names = sorted(path.name for path in folder.iterdir())
        want = sorted(f"turn.{frame:04d}.{kind}" for frame in range(1, FRAMES + 1) for kind in ("exr", "png"))
        self.assertEqual(names, want)
        for frame in range(1, FRAMES + 1):
            for kind in ("exr", "png"):
                picture, result = folder / f"turn.{frame:04d}.{kind}", result_of(frame) / f"image.{kind}"
                self.assertTrue(picture.samefile(result) or picture.read_bytes() == result.read_bytes())

    def test_of_a_queue_with_two_agents(self):
        self.serve()
        for node in ("n1", "n2"):
            self.worker(node, "--cpus", 2)
        job = int(self.submit(self.file))
        self.sovren("wait", job, code=0)
        rows = self.json("jobs")["jobs"]
        self.assertEqual({row["nodes"][0]["node"] for row in rows}, {"n1", "n2"})
        jobs = self.home / "jobs"
        self.check_sequence(jobs / str(job) / "sequence", lambda frame: jobs / str(job + frame - 1) / "result")
        # A frame that is made anew takes its place.
        (jobs / str(job) / "sequence" / "turn.0003.png").write_bytes(b"")
        self.sovren("requeue", job + 2, code=0)
        self.sovren("wait", job, code=0)
        self.check_sequence(jobs / str(job) / "sequence", lambda frame: jobs / str(job + frame - 1) / "result")

    def test_of_an_embedded_run(self):
        self.sovren("run", self.file, code=0)
        folder = self.job_dir("turn-${frame}")
        self.check_sequence(folder / "sequence", lambda frame: folder / str(frame - 1) / "result")


if __name__ == "__main__":
    unittest.main()
