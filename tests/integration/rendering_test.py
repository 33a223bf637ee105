# SPDX-License-Identifier: Apache-2.0
"""Pictures, as a user sees them: files, any ranks, stops, layers, scores, bad input."""
import json
import struct
import unittest
import zlib

from sovren_case import SovrenCase


def png_pixels(path):
    """(width, height, rows of bytes) of an 8-bit PNG whose rows this unfilters."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed, header = 8, b"", None
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed += body
        at += length + 12
    width, height, depth, color = header[:4]
    assert depth == 8 and color in (2, 6)
    size = 3 if color == 2 else 4
    raw, rows, before = zlib.decompress(packed), [], bytearray(width * size)
    for y in range(height):
        start = y * (width * size + 1)
        row = bytearray(raw[start + 1:start + 1 + width * size])
        for i in range(len(row)):
            left = row[i - size] if i >= size else 0
            up, corner = before[i], before[i - size] if i >= size else 0
            guess = left + up - corner
            nearest = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
            row[i] = (row[i] + (0, left, up, (left + up) // 2, nearest)[raw[start]]) & 255
        rows.append(row)
        before = row
    return width, height, [[tuple(row[x * size:x * size + size]) for x in range(width)] for row in rows]


def exr_attributes(path):
    """name -> (type, value) of an EXR file's header."""
    data = path.read_bytes()
    assert data[:4] == b"\x76\x2f\x31\x01"
    at, found = 8, {}
    while data[at] != 0:
        name, rest = data[at:].split(b"\0", 2)[:2]
        at += len(name) + len(rest) + 2
        size = struct.unpack("<I", data[at:at + 4])[0]
        found[name.decode()] = (rest.decode(), data[at + 4:at + 4 + size])
        at += 4 + size
    return found


class Rendering(SovrenCase):
    def result(self, name="job"):
        return self.job_dir(name) / "result"

    def test_leaves_what_the_contract_names(self):
        self.rendering()
        report = self.report("job.toml")
        self.assertEqual((report["state"], report["backend"]), ("COMPLETED", "cpu"))
        self.assertRegex(report["digest"], r"^[0-9a-f]{64}$")
        self.assertEqual(sorted(path.name for path in self.result().iterdir()), ["image.exr", "image.png", "quality.json"])
        quality = json.loads((self.result() / "quality.json").read_text(encoding="utf-8"))
        self.assertEqual((quality["schema"], quality["bad_samples"]), ("sovren.quality/1", 0))
        self.assertEqual(quality["samples_per_pixel"], 24)
        self.assertEqual(report["metrics"]["rendering_quality_score"], quality["score"])
        self.assertTrue(0 < quality["noise"] < 0.1 and 50 < quality["score"] < 100, quality)

    def test_shows_the_cornell_box(self):
        self.rendering(width=64, height=64, samples=64, max_depth=6, exposure=2)
        self.report("job.toml")
        width, height, rows = png_pixels(self.result() / "image.png")
        self.assertEqual((width, height), (64, 64))
        red, _, blue = rows[30][5]
        self.assertGreater(red, 2 * blue)  # the left wall is red
        red, green, _ = rows[30][58]
        self.assertGreater(green, 1.5 * red)  # the right one green
        self.assertGreater(min(rows[9][32]), 250)  # the lamp
        self.assertGreater(sum(rows[56][10]), 60)  # the floor is lit
        floor, shadow = rows[60][25], rows[50][38]  # the short block turns its back to the lamp
        self.assertGreater(sum(floor), sum(shadow))

    def test_any_number_of_ranks_and_threads_gives_the_same_bytes(self):
        self.rendering(noise_threshold=0.004, samples=100, aovs=["albedo", "normal", "depth", "variance"])
        results = {}
        for ranks, threads in ((1, 1), (2, 1), (4, 1), (3, 1), (1, 2)):
            report = self.report("job.toml", "--ranks", ranks, "--set", f"resources.cpus_per_rank={threads}",
                                 "--dir", f"r{ranks}t{threads}")
            self.assertEqual(report["ranks"], ranks)
            folder = self.dir / f"r{ranks}t{threads}/result"
            results[ranks, threads] = (report["digest"], *((folder / name).read_bytes()
                                                           for name in ("image.exr", "image.png", "quality.json")))
        self.assertEqual(len(set(results.values())), 1, {key: of[0] for key, of in results.items()})
        quality = json.loads((self.dir / "r1t1/result/quality.json").read_text(encoding="utf-8"))
        self.assertTrue(16 < quality["samples_per_pixel"] < 100, quality)  # some tiles have stopped

    def test_killed_and_resumed_on_other_ranks_gives_the_same_bytes(self):
        self.rendering(width=200, height=160, samples=64)
        want = self.report("job.toml", "--dir", "undisturbed")
        report = self.killed_twice("job.toml")
        self.assertEqual((report["ranks"], report["digest"]), (1, want["digest"]))
        self.assertEqual((self.result() / "image.exr").read_bytes(),
                         (self.dir / "undisturbed/result/image.exr").read_bytes())

    def test_layers_and_facts_stand_in_the_exr(self):
        self.rendering(aovs=["normal", "object_id", "samples"], samples=2, precision="half")
        self.report("job.toml")
        attributes = exr_attributes(self.result() / "image.exr")
        channels = attributes["channels"][1]
        for name in (b"R", b"normal.X", b"object_id", b"samples"):
            self.assertIn(name + b"\0", channels)
        self.assertEqual(attributes["sovren.samples"], ("string", b"2"))
        self.assertRegex(attributes["sovren.scene"][1].decode(), r"^sha256:[0-9a-f]{64}$")

    def test_a_reference_scores_the_picture(self):
        self.rendering("good", samples=256)
        self.report("good.toml")
        reference = "good.sovren/result/image.exr"
        scores = []
        for samples in (1, 16, 256):
            self.rendering(samples=samples, reference=reference)
            self.report("job.toml", "--fresh")
            quality = json.loads((self.result() / "quality.json").read_text(encoding="utf-8"))
            scores.append((quality["score"], quality["psnr"], quality["ssim"], -quality["rel_mse"], -quality["flip"]))
        for worse, better in zip(scores, scores[1:]):
            self.assertTrue(all(a < b for a, b in zip(worse, better)), scores)
        self.assertEqual(scores[-1][0], 100)  # it is the same picture

    def test_the_noise_that_is_estimated_is_there(self):
        self.rendering("good", samples=4096, width=24, height=24)
        self.report("good.toml")
        self.rendering(samples=64, width=24, height=24, reference="good.sovren/result/image.exr", seed=5)
        self.report("job.toml")
        quality = json.loads((self.result() / "quality.json").read_text(encoding="utf-8"))
        # Two halves know less of each other than all samples together do: the estimate is on the safe side.
        self.assertTrue(0.7 < quality["noise"] / quality["rel_mse"] < 5, quality)

    def test_embree_shows_the_same(self):
        self.rendering("own", samples=64)
        self.report("own.toml")
        self.rendering(samples=64, tracer="embree", reference="own.sovren/result/image.exr")
        self.report("job.toml")
        quality = json.loads((self.result() / "quality.json").read_text(encoding="utf-8"))
        self.assertLess(quality["rel_mse"], 1e-5)


class BadInput(SovrenCase):
    def test_what_cannot_be_shown_is_named(self):
        self.scene()
        self.write("dark.gltf", json.dumps({"asset": {"version": "2.0"}, "nodes": [{}], "scenes": [{"nodes": [0]}]}))
        self.write("broken.gltf", "{ \"asset\": ")
        self.write("needs.gltf", json.dumps({"asset": {"version": "2.0"}, "extensionsUsed": ["EXT_magic"],
                                             "extensionsRequired": ["EXT_magic"]}))
        for name, keys, code, says in (
                ("a", {"scene": "none.glb"}, 2, ["none.glb"]),
                ("b", {"scene": "broken.gltf"}, 2, ["broken.gltf"]),
                ("c", {"scene": "needs.gltf"}, 3, ["needs.gltf", "EXT_magic"]),
                ("d", {"scene": "dark.gltf"}, 2, ["dark.gltf", "nothing in the scene shines"]),
                ("e", {"camera": "closup"}, 2, ["camera 'closup'", "did you mean 'closeup'?"]),
                ("f", {"width": 60000, "height": 60000}, 3, ["60000 x 60000"]),
                ("g", {"environment": "sky.exr"}, 2, ["sky.exr"]),
                ("h", {"reference": "cornell.glb"}, 2, ["cornell.glb"])):
            with self.subTest(name):
                self.rendering(name, **keys)
                done = self.sovren("run", f"{name}.toml", code=None)
                for piece in says:
                    self.assertIn(piece, done.stderr)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertFalse((self.job_dir(name) / "result").exists())


if __name__ == "__main__":
    unittest.main()
