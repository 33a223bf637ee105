# SPDX-License-Identifier: Apache-2.0
"""sovren run, as a user sees it: results, reports, ranks, arrays, runs after runs."""
import json
import math
import os
import shutil
import subprocess
import unittest
import xml.etree.ElementTree as ElementTree

from sovren_case import SOURCE, SovrenCase


class Run(SovrenCase):
    def test_leaves_what_the_contract_names(self):
        self.generate()
        report = self.report("data.toml")
        self.assertEqual(report["state"], "COMPLETED")
        self.assertEqual(report["attempts"], 1)
        self.assertRegex(report["digest"], r"^[0-9a-f]{64}$")
        for key in ("queue", "run", "checkpoint", "restore"):
            self.assertGreaterEqual(report["seconds"][key], 0)
        self.assertEqual(report["ranks"], 1)
        self.assertEqual(report["backend"], "cpu")
        self.assertGreater(report["steps"], 0)
        self.assertGreater(report["metrics"]["causal_tests"], 0)
        job = self.job_dir()
        self.assertEqual(report, json.loads((job / "report.json").read_text()))
        for name in ("job.toml", "result/graph.json", "result/result.h5", "result/graph.svg", "logs/rank-0000.log"):
            self.assertTrue((job / name).exists(), name)

    def test_writes_the_graph_as_the_contract_says(self):
        self.generate()
        self.report("data.toml")
        graph = json.loads((self.job_dir() / "result/graph.json").read_text())
        self.assertEqual(graph["variables"], [f"x{i}" for i in range(10)])
        self.assertGreater(len(graph["links"]), 0)
        for link in graph["links"]:
            self.assertLessEqual({"source", "target", "lag", "value", "p_value", "q_value", "type", "confidence"}, set(link))
            self.assertIn(link["source"], graph["variables"])
            self.assertTrue(math.isfinite(link["value"]) and 0 <= link["p_value"] <= 1)
        self.assertIsInstance(graph["chains"], list)
        self.assertIsInstance(graph["chain_depth"], int)
        self.assertGreater(graph["scores"]["precision"], 0.7)

    def test_writes_pictures_and_graphs_that_other_programs_read(self):
        self.generate()
        self.report("data.toml")
        result = self.job_dir() / "result"
        links = json.loads((result / "graph.json").read_text())["links"]
        for name in ("graph.svg", "heatmap.svg"):
            self.assertTrue(ElementTree.parse(result / name).getroot().tag.endswith("}svg"), name)
        space = {"g": "http://graphml.graphdrawing.org/xmlns"}
        edges = ElementTree.parse(result / "graph.graphml").findall("g:graph/g:edge", space)
        data = [{item.get("key"): item.text for item in edge.findall("g:data", space)} for edge in edges]
        self.assertEqual([(int(edge["lag"]), float(edge["value"]), edge["type"]) for edge in data],
                         [(link["lag"], link["value"], link["type"]) for link in links])
        page = (result / "report.html").read_text()
        for link in links:
            self.assertIn(f'{link["value"]:+.3f}', page)
        for outside in ("http:", "https:", "src="):
            self.assertNotIn(outside, page)
        if shutil.which("dot"):
            picture = subprocess.run(["dot", "-Tsvg", result / "graph.dot"], capture_output=True, check=True).stdout
            self.assertEqual(picture.count(b'class="edge"'), sum(link["source"] != link["target"] for link in links))

    def test_any_number_of_ranks_gives_the_same_bits(self):
        self.generate(variables=20)
        digests = {}
        for ranks in (1, 2, 3, 4):
            report = self.report("data.toml", "--ranks", ranks, "--dir", f"r{ranks}")
            self.assertEqual(report["ranks"], ranks)
            digests[ranks] = (report["digest"], (self.dir / f"r{ranks}/result/result.h5").read_bytes())
        self.assertEqual(len(set(digests.values())), 1, {r: d for r, (d, _) in digests.items()})

    def test_after_a_completed_run_the_same_command_runs_again(self):
        self.generate()
        first, second = self.report("data.toml"), self.report("data.toml")
        self.assertEqual((second["state"], second["attempts"]), ("COMPLETED", 1))
        self.assertEqual(first["digest"], second["digest"])

    def test_works_with_relative_paths_from_anywhere(self):
        self.generate()
        elsewhere = self.dir / "elsewhere"
        elsewhere.mkdir()
        self.sovren("run", "../data.toml", cwd=elsewhere, code=0)
        self.assertTrue((self.job_dir() / "result/graph.json").exists())

    def test_reads_the_job_from_standard_input(self):
        text = self.generate().read_text()
        self.sovren("run", "-", stdin=text, code=0)
        self.assertTrue((self.job_dir() / "result/graph.json").exists())

    def test_a_folder_with_blanks_and_letters_of_the_world_is_fine(self):
        folder = self.dir / "été 2 µ"
        folder.mkdir()
        self.generate()
        for name in ("data.csv", "data.toml", "data.truth.csv"):
            shutil.move(self.dir / name, folder / name)
        self.sovren("run", folder / "data.toml", "--ranks", 2, code=0)
        self.assertTrue((folder / "data.sovren/result/graph.json").exists())

    def test_dry_run_prints_all_defaults_and_changes_nothing(self):
        self.generate()
        before = self.files()
        done = self.sovren("run", "data.toml", "--dry-run", "--set", "resources.ranks=2",
                           "--set", "causal_analysis.alpha=0.01",
                           code=0)
        self.assertEqual(self.files(), before)
        self.assertIn("ranks = 2", done.stdout)
        self.assertIn("alpha = 0.01", done.stdout)
        again = self.write("again.toml", done.stdout)
        self.assertEqual(self.sovren("run", again, "--dry-run", code=0).stdout, done.stdout)

    def test_an_array_runs_every_element(self):
        self.generate(name="a")
        self.generate(name="b", seed=2)
        self.job(data="${which}.csv", extra='[array]\nwhich = ["a", "b"]\n')
        done = self.sovren("run", "job.toml", "--json", code=0)
        reports = json.loads(done.stdout)
        self.assertEqual([r["state"] for r in reports["jobs"]], ["COMPLETED"] * 2)
        self.assertEqual(len({r["digest"] for r in reports["jobs"]}), 2)

    def test_quiet_prints_no_progress_and_json_only_the_report(self):
        self.generate()
        done = self.sovren("run", "data.toml", "--quiet", "--json", code=0)
        self.assertEqual(done.stderr, "")
        json.loads(done.stdout)

    def test_the_example_runs_on_real_data(self):
        for example in sorted((SOURCE / "examples/causal").glob("*.toml")):
            if "synthetic" in example.name:
                continue
            with self.subTest(example=example.name):
                report = self.report(example, "--dir", self.dir / example.stem)
                self.assertEqual(report["state"], "COMPLETED")
                graph = json.loads((self.dir / example.stem / "result/graph.json").read_text())
                self.assertGreater(len(graph["links"]), 0)

    def test_threads_of_a_rank_give_the_same_bits(self):
        self.generate(variables=20)
        one = self.report("data.toml", "--dir", "one")
        two = self.report("data.toml", "--dir", "two", "--set", "resources.cpus_per_rank=2")
        self.assertEqual(one["digest"], two["digest"])

    def test_runs_from_another_folder_and_without_home(self):
        self.generate()
        env = {k: v for k, v in self.env.items() if k not in ("HOME", "SOVREN_HOME", "XDG_STATE_HOME")}
        self.sovren("run", "data.toml", env=env, cwd=os.sep, code=2)  # relative to /, so it is not there
        self.sovren("run", self.dir / "data.toml", env=env, cwd=os.sep, code=0)


if __name__ == "__main__":
    unittest.main()
