# SPDX-License-Identifier: Apache-2.0
"""Scenes: those that sovren makes, the examples that show them, and files of other programs."""
import json
import unittest

from sovren_case import SOURCE, SovrenCase

EXAMPLES = SOURCE / "examples/rendering"
LARGE = ("portrait", "interior")  # are made first, here with fewer triangles

MITSUBA = """<scene version="3.0.0">
  <default name="radius" value="0.8"/>
  <integrator type="path"><integer name="max_depth" value="4"/></integrator>
  <sensor type="perspective"><float name="fov" value="40"/>
    <transform name="to_world"><lookat origin="0, 1, 5" target="0, 0.5, 0" up="0, 1, 0"/></transform></sensor>
  <shape type="sphere"><float name="radius" value="$radius"/><bsdf type="plastic"/></shape>
  <shape type="ply"><string name="filename" value="floor.ply"/></shape>
  <emitter type="constant"><rgb name="radiance" value="0.5"/></emitter>
</scene>
"""
FLOOR = """ply
format ascii 1.0
element vertex 4
property float x
property float y
property float z
element face 1
property list uchar int vertex_indices
end_header
-5 -0.8 5
5 -0.8 5
5 -0.8 -5
-5 -0.8 -5
4 0 1 2 3
"""
LAMP = """mtllib lamp.mtl
v -1 0 0
v 1 0 0
v 1 2 0
v -1 2 0
usemtl lamp
f 1 2 3 4
"""


class Scenes(SovrenCase):
    def quality(self, name):
        return json.loads((self.job_dir(name) / "result/quality.json").read_text(encoding="utf-8"))

    def test_every_example_renders(self):
        found = sorted(EXAMPLES.glob("*.toml"))
        self.assertGreaterEqual(len(found), 6)
        for example in found:
            with self.subTest(example.stem):
                words = ["--set", "rendering.width=24", "--set", "rendering.height=24", "--set", "rendering.samples=16"]
                if example.stem in LARGE:
                    made = self.dir / f"{example.stem}.glb"
                    self.sovren("generate", "scene", example.stem, "--output", made, "--detail", "0.05", code=0)
                    words += ["--set", f"rendering.scene={made}"]
                if example.stem == "animation":
                    words += ["--set", "array.frame=12"]
                folder = self.dir / f"{example.stem}.sovren"
                report = self.report(example, "--dir", folder, *words)
                self.assertEqual(report["state"], "COMPLETED")
                quality = json.loads((folder / "result/quality.json").read_text(encoding="utf-8"))
                self.assertEqual(quality["bad_samples"], 0)

    def test_the_files_of_the_examples_are_made_by_the_command_that_they_name(self):
        for name in ("cornell.glb", "spheres.glb", "animation.glb", "sky.exr"):
            with self.subTest(name):
                made = self.dir / name
                done = self.sovren("generate", "scene", name.split(".")[0], "--output", made, "--json", code=0)
                told = json.loads(done.stdout)
                self.assertEqual(told["schema"], "sovren.scene/1")
                self.assertEqual(told["bytes"], made.stat().st_size)
                self.assertEqual(made.read_bytes(), (EXAMPLES / name).read_bytes())
                self.assertLessEqual(told["bytes"], 200_000)

    def test_what_cannot_be_made_is_named(self):
        self.refused("generate", "scene", code=2, says=["name is missing"])
        self.refused("generate", "scene", "cornel", code=2, says=["no scene 'cornel'"])
        self.refused("generate", "scene", "cornell", "--detail", "none", code=2, says=["--detail"])
        self.refused("generate", "scene", "cornell", "--detail", "0", code=2, says=["detail"])
        self.refused("generate", "scene", "cornell", "--output", "box.obj", code=2, says=["does not end in .glb"])
        self.refused("generate", "scene", "cornell", "--seed", "1", code=2, says=["--seed"])

    def test_scenes_of_other_programs_render(self):
        self.write("floor.ply", FLOOR)
        self.write("mitsuba.xml", MITSUBA)
        self.write("lamp.obj", LAMP)
        self.write("lamp.mtl", "newmtl lamp\nKd 0 0 0\nKe 0.5 0.5 0.5\n")
        for scene in ("mitsuba.xml", "lamp.obj"):
            name = scene.split(".")[0]
            with self.subTest(scene):
                self.rendering(name, scene=scene, width=16, height=16, samples=16)
                self.report(f"{name}.toml")
                self.assertEqual(self.quality(name)["bad_samples"], 0)

    def test_a_broken_scene_is_refused_with_its_line(self):
        self.write("broken.obj", "v 0 0 0\nf 1 2 3\n")
        self.write("broken.ply", "ply\nformat ascii 2.0\n")
        self.write("broken.xml", "<scene>\n<shape type=\"ply\"/>\n</scene>\n")
        for scene, says in (("broken.obj", "broken.obj:2"), ("broken.ply", "broken.ply:2"),
                            ("broken.xml", "broken.xml:2")):
            with self.subTest(scene):
                self.rendering("job", scene=scene)
                done = self.sovren("run", "job.toml")
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(says, done.stderr)


if __name__ == "__main__":
    unittest.main()
