# SPDX-License-Identifier: Apache-2.0
"""A daemon and an agent: jobs from submit to their end, and what goes wrong on the way."""
import json
import os
import signal
import subprocess
import unittest

from queue_case import QueueCase
from sovren_case import BIN, PATIENCE_S


class OneNode(QueueCase):
    def setUp(self):
        super().setUp()
        self.daemon = self.serve()
        self.agent = self.worker("n1", "--cpus", 2)

    def held_open(self, name="gate"):
        """A job that runs until its file is there, with a checkpoint whenever one is asked for."""
        return self.submit_command(f"while [ ! -e {self.dir}/{name} ]; do sleep 0.05; done")

    def open_gate(self, name="gate"):
        (self.dir / name).touch()

    def test_a_job_runs_and_tells_how_it_went(self):
        job = self.submit_command("echo hello; echo world >&2; exit 0")
        self.sovren("wait", job, code=0)
        shown = self.job_of(job)
        self.assertEqual((shown["state"], shown["attempts"], shown["nodes"]), ("COMPLETED", 1, [{"node": "n1", "ranks": 1}]))
        log = self.sovren("logs", job, code=0).stdout
        self.assertIn("hello\n", log)
        self.assertIn("world\n", log)
        self.assertIn("COMPLETED", self.sovren("jobs", code=0).stdout)
        record = self.json("history")["jobs"][0]
        self.assertEqual((record["id"], record["state"], record["attempts"]), (int(job), "COMPLETED", 1))
        self.assertEqual(self.json("explain", job)["job"]["state"], "COMPLETED")

    def test_a_job_that_fails_says_why(self):
        job = self.submit_command("exit 7")
        self.assertIn(f"job {job} is FAILED", self.sovren("wait", job, code=1).stderr)
        shown = self.job_of(job)
        self.assertEqual((shown["state"], shown["exit_code"]), ("FAILED", 7))
        self.assertIn("7", shown["why"])
        self.sovren("requeue", job, code=0)
        self.sovren("wait", job, code=1)
        self.assertEqual(self.job_of(job)["attempts"], 2)

    def test_jobs_wait_for_room_and_for_each_other(self):
        first, second = self.held_open(), self.held_open()
        third = self.submit_command("true")
        after = self.submit_command("true", "--after", f"ok:{first}")
        self.wait_for_state(second, "RUNNING")
        self.assertEqual(self.job_of(third)["state"], "PENDING")
        why = self.json("explain", third)
        self.assertEqual((why["reason"], why["position"]), ("Resources", 1))
        self.assertEqual([n["node"] for n in why["nodes"]], ["n1"])
        self.assertEqual(self.job_of(after)["reason"], "Dependency")
        self.assertEqual(self.node("n1"), "ALLOCATED")
        self.sovren("wait", first, "--timeout", "0s", code=124)
        self.open_gate()
        self.sovren("wait", first, second, third, after, code=0)
        self.assertEqual(self.node("n1"), "IDLE")

    def test_a_running_job_is_cancelled(self):
        job = self.held_open()
        self.wait_for_state(job, "RUNNING")
        self.sovren("cancel", job, code=0)
        self.sovren("wait", job, code=1)
        self.assertEqual(self.job_of(job)["state"], "CANCELLED")
        self.wait_until(lambda: self.node("n1") == "IDLE")

    def test_logs_and_events_are_followed_to_the_end(self):
        job = self.submit_command(f"echo begun; while [ ! -e {self.dir}/gate ]; do sleep 0.05; done; echo over")
        following = self.background("logs", job, "-f", name="logs")
        watching = self.background("watch", job, "--json", name="watch")
        self.assertEqual(following.stdout.readline(), "begun\n")
        self.open_gate()
        out, _ = following.communicate(timeout=PATIENCE_S)
        self.assertEqual((out, following.returncode), ("over\n", 0))
        events, _ = watching.communicate(timeout=PATIENCE_S)
        self.assertEqual(watching.returncode, 0)
        self.assertIn("COMPLETED", [json.loads(line).get("state") for line in events.splitlines()])

    def test_a_drained_node_gets_nothing_until_it_is_resumed(self):
        self.sovren("drain", "n1", "--reason", "new disk", code=0)
        self.assertIn("new disk", self.sovren("nodes", code=0).stdout)
        job = self.submit_command("true")
        self.assertEqual(self.job_of(job)["state"], "PENDING")
        self.assertEqual(self.node("n1"), "DRAINED")
        self.sovren("resume", "n1", code=0)
        self.sovren("wait", job, code=0)

    def test_an_array_runs_each_element_once(self):
        job = self.submit_command('echo "$SLURM_ARRAY_TASK_ID" >> seen', "--array", "0-19%2")
        self.sovren("wait", job, code=0)
        seen = (self.dir / "seen").read_text(encoding="utf-8").split()
        self.assertEqual(sorted(map(int, seen)), list(range(20)))

    def test_what_can_never_run_is_refused_with_what_would(self):
        done = self.sovren("submit", "--command=true", "--ranks=64", code=3)
        self.assertIn("2", done.stderr)
        self.sovren("submit", "--command=true", "--set", "labels.region=moon", code=3)
        self.sovren("submit", "--command=true", "--ranks=64", "--dry-run", code=3)
        self.sovren("submit", "--command=true", "--dry-run", code=0)
        self.assertEqual(self.json("jobs")["jobs"], [])

    def test_a_job_runs_on_while_the_daemon_is_killed_and_is_taken_up_again(self):
        job = self.held_open()
        self.wait_for_state(job, "RUNNING")
        watching = self.background("watch", job, name="watch")
        self.assertIn("job_submitted", watching.stdout.readline())
        self.stop(self.daemon, signal.SIGKILL, -signal.SIGKILL)
        self.daemon = self.serve()
        self.assertEqual(self.job_of(job)["state"], "RUNNING")
        self.open_gate()
        seen, _ = watching.communicate(timeout=PATIENCE_S)
        self.assertEqual(watching.returncode, 0)
        self.assertEqual(seen.count("job_ended"), 1)
        self.assertEqual(self.job_of(job)["attempts"], 1)

    def test_a_job_whose_agent_is_killed_starts_again_on_another(self):
        job = self.held_open()
        self.wait_for_state(job, "RUNNING")
        self.stop(self.agent, signal.SIGKILL, -signal.SIGKILL)
        self.worker("n1", "--cpus", 2)
        self.wait_until(lambda: self.job_of(job)["attempts"] == 2)
        self.open_gate()
        self.sovren("wait", job, code=0)

    def test_each_job_runs_as_its_user_and_is_theirs_alone(self):
        os.chmod(self.dir, 0o755)
        os.chmod(self.home, 0o711)
        mine = self.submit_command("id -un")
        theirs = self.as_nobody(BIN / "sovren", "submit", "--command", "id -un").stdout.strip()
        self.sovren("wait", mine, theirs, code=0)
        self.assertEqual(self.sovren("logs", theirs, code=0).stdout, "nobody\n")
        self.assertEqual(self.as_nobody(BIN / "sovren", "logs", theirs).stdout, "nobody\n")
        refused = self.as_nobody(BIN / "sovren", "logs", mine)
        self.assertEqual((refused.returncode, refused.stdout), (3, ""))
        self.assertEqual(self.as_nobody(BIN / "sovren", "requeue", mine).returncode, 3)

    def test_checkpoints_are_made_when_asked_for(self):
        file = self.write("saver.toml", f"""
name = "saver"
kind = "command"
[command]
checkpoint_signal = "USR1"
script = '''
trap 'echo saved > "$SOVREN_CHECKPOINT_DIR/state"; exit 85' USR1
[ -e "$SOVREN_CHECKPOINT_DIR/state" ] && exit 0
echo ready
while true; do sleep 0.05; done
'''
""")
        job = self.submit(file)
        self.wait_until(lambda: "ready" in self.sovren("logs", job).stdout)
        self.sovren("preempt", job, code=0)
        self.sovren("wait", job, code=0)
        shown = self.job_of(job)
        self.assertEqual((shown["state"], shown["attempts"], shown["failures"]), ("COMPLETED", 2, 0))

    def test_a_causal_job_gives_the_result_of_an_embedded_run(self):
        file = self.generate(variables=6, length=200, max_lag=2)
        report = self.report(file)
        job = self.submit(file, "--ranks", 2)
        self.sovren("wait", job, code=0)
        shown = self.job_of(job)
        self.assertEqual(shown["digest"], report["digest"])
        self.assertGreaterEqual(shown["checkpoints"]["sealed"], 0)

    def test_metrics_count_what_has_run(self):
        self.sovren("wait", self.submit_command("true"), code=0)
        status, text = self.ask("GET", "/metrics")
        self.assertEqual(status, 200)
        self.assertRegex(text.decode(), r'(?m)^sovren_nodes\{state="IDLE"\} 1$')
        self.assertRegex(text.decode(), r"(?m)^sovren_cpus 2$")

    def test_completion_knows_the_jobs(self):
        job = self.submit_command("true", "--hold")
        script = self.sovren("completion", "bash", code=0).stdout
        probe = script + '\nCOMP_WORDS=(sovren cancel ""); COMP_CWORD=2; _sovren; echo "${COMPREPLY[@]}"\n'
        env = {**self.env, "PATH": f"{BIN}:{self.env['PATH']}"}
        done = subprocess.run(["bash"], input=probe, text=True, check=True, capture_output=True, env=env, cwd=self.dir)
        self.assertIn(job, done.stdout.split())


class OverTheNetwork(QueueCase):
    def test_an_agent_and_a_client_with_tokens_as_the_guide_has_them(self):
        daemon = self.serve("--listen", "127.0.0.1:0", *self.certificate("cert"))
        token = self.sovren("token", "create", "nodes", "--scope", "node", code=0).stdout
        file = self.write("node.token", token)
        self.worker("n1", "--connect", daemon.url, "--certificate", "cert.pem", "--token-file", file,
                    "--label", "region=moon")
        token = self.sovren("token", "create", "laptop", "--scope", "read,submit", code=0).stdout.strip()
        self.env.update(SOVREN_CONNECT=daemon.url, SOVREN_CERTIFICATE="cert.pem", SOVREN_TOKEN=token)
        job = self.submit_command("echo far", "--set", "labels.region=moon")
        self.sovren("wait", job, code=0)
        self.assertEqual(self.sovren("logs", job, code=0).stdout, "far\n")
        self.sovren("drain", "n1", code=3)
        self.env["SOVREN_TOKEN"] = file.read_text(encoding="utf-8").strip()
        self.sovren("submit", "--command=true", code=3)


if __name__ == "__main__":
    unittest.main()
