# SPDX-License-Identifier: Apache-2.0
"""The daemon without agents: starting, refusing, stopping, bad requests, who may do what."""
import http.server
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import socket
import socketserver
import sqlite3
import subprocess
import threading
import unittest

from queue_case import QueueCase
from sovren_case import BIN, PATIENCE_S

JOB = 'name = "waiting"\nkind = "command"\n[command]\nargv = ["true"]\n'


class Start(QueueCase):
    def test_it_says_where_it_listens_and_stops_when_told(self):
        daemon = self.serve()
        self.assertEqual(daemon.url, str(self.socket))
        self.assertEqual(self.json("jobs")["jobs"], [])
        self.assertEqual((self.home / "events.db").stat().st_mode & 0o777, 0o600)
        self.stop(daemon)
        self.assertFalse(self.socket.exists())
        log = [json.loads(line) for line in self.log_of("serve").splitlines()]
        self.assertEqual([line["message"] for line in log], ["ready", "stopping", "stopped"])
        self.sovren("jobs", code=5)

    def test_systemd_is_told(self):
        inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(inbox.close)
        inbox.bind(str(self.dir / "notify"))
        inbox.settimeout(PATIENCE_S)
        daemon = self.serve(env={**self.env, "NOTIFY_SOCKET": str(self.dir / "notify")})
        self.assertEqual(inbox.recv(100), b"READY=1")
        self.stop(daemon)
        self.assertEqual(inbox.recv(100), b"STOPPING=1")

    def test_jobs_outlive_the_daemon(self):
        daemon = self.serve()
        first = self.submit_command("true", "--hold")
        self.stop(daemon)
        daemon = self.serve()
        self.assertTrue(self.job_of(first)["is_held"])
        second = self.submit_command("true")
        self.assertGreater(int(second), int(first))
        self.stop(daemon, signal.SIGKILL, -signal.SIGKILL)
        self.serve()
        self.assertEqual([j["id"] for j in self.json("jobs")["jobs"]], [int(first), int(second)])

    def test_a_second_daemon_on_one_state_directory_is_refused(self):
        self.serve()
        done = self.sovren("serve", code=3)
        self.assertIn("storage_busy", done.stderr)
        other = self.sovren("serve", "--socket", self.dir / "other.sock", code=3)
        self.assertRegex(other.stderr, r"by process [0-9]+")
        self.sovren("jobs", code=0)

    def test_a_socket_path_that_is_too_long_is_refused(self):
        self.assertIn("107 bytes", self.sovren("serve", "--socket", self.dir / ("x" * 120), code=2).stderr)

    def test_what_is_no_socket_is_left_alone(self):
        path = self.write("precious", "data")
        self.sovren("serve", "--socket", path, code=2)
        self.assertEqual(path.read_text(encoding="utf-8"), "data")

    def test_a_damaged_log_is_refused_and_left_as_it_is(self):
        daemon = self.serve()
        for _ in range(50):
            self.submit_command("true")
        self.stop(daemon)
        path = self.home / "events.db"
        good = path.read_bytes()
        path.write_bytes(good[:5000] + bytes(b ^ 0x55 for b in good[5000:9000]) + good[9000:])
        damaged = path.read_bytes()
        self.assertIn("storage_corrupt", self.sovren("serve", code=74).stderr)
        self.assertEqual(path.read_bytes(), damaged)
        path.write_bytes(good[:len(good) // 2])
        self.assertIn("storage_corrupt", self.sovren("serve", code=74).stderr)
        path.write_bytes(good)
        self.serve()
        self.assertEqual(len(self.json("jobs")["jobs"]), 50)

    def test_a_log_of_a_newer_version_is_refused(self):
        self.stop(self.serve())
        with sqlite3.connect(self.home / "events.db") as log:
            tables = {name for (name,) in log.execute("select name from sqlite_master where type = 'table'")}
            self.assertIn("schema", tables)
            column = log.execute("select * from schema").description[0][0]
            log.execute(f"update schema set {column} = 999")
        log.close()
        self.assertIn("newer", self.sovren("serve", code=3).stderr)

    def test_a_wrong_site_file_changes_nothing(self):
        file = self.write("site.toml", "schema = 1\nnodetimeout = \"1s\"\n[policy]\norder = \"fifo\"\n")
        done = self.sovren("serve", "--config", file, code=2)
        self.assertIn("node_timeout", done.stderr)
        self.assertIn("fcfs", done.stderr)
        self.assertFalse(self.home.exists())
        self.sovren("serve", "--config", self.dir / "nothing.toml", code=2)

    def test_the_site_file_is_obeyed(self):
        file = self.write("site.toml", 'schema = 1\n[listen]\nsocket = "here.sock"\nsocket_access = "owner"\n'
                                       '[requests]\narray_elements = 10\n')
        daemon = self.serve("--config", file)
        self.assertEqual(daemon.url, str(self.dir / "here.sock"))
        self.assertEqual((self.dir / "here.sock").stat().st_mode & 0o777, 0o600)
        self.env["SOVREN_CONNECT"] = daemon.url
        self.submit_command("true", "--array", "0-9")
        self.assertIn("10", self.sovren("submit", "--command=true", "--array=0-10", code=3).stderr)


class Tls(QueueCase):
    def setUp(self):
        super().setUp()
        self.pair = self.certificate("cert")

    def test_a_token_is_what_it_takes_and_only_as_long_as_it_stands(self):
        daemon = self.serve("--listen", "127.0.0.1:0", *self.pair)
        token = self.sovren("token", "create", "laptop", "--user", "ada", "--scope", "read,submit", code=0).stdout.strip()
        self.assertNotIn(token, (self.home / "tokens").read_text(encoding="utf-8"))
        env = {**self.env, "SOVREN_CONNECT": daemon.url, "SOVREN_CA_FILE": str(self.dir / "cert.pem"), "SOVREN_TOKEN": token}
        job = self.sovren("submit", "--command=true", env=env, code=0).stdout.strip()
        self.assertEqual(self.job_of(job)["user"], "ada")
        self.sovren("drain", "n1", env=env, code=3)  # not in its scopes
        mine = self.submit_command("true")
        self.assertIn("ada", self.sovren("cancel", mine, env=env, code=3).stderr)
        self.sovren("cancel", job, env=env, code=0)
        self.sovren("jobs", env={**env, "SOVREN_TOKEN": token[:-1] + "x"}, code=3)
        self.sovren("jobs", env={**env, "SOVREN_TOKEN": ""}, code=3)
        self.assertEqual([t["name"] for t in self.json("token", "list")["tokens"]], ["laptop"])
        self.sovren("token", "create", "laptop", code=2)
        self.sovren("token", "revoke", "laptop", code=0)
        self.assertIn("not known", self.sovren("jobs", env=env, code=3).stderr)
        self.sovren("token", "revoke", "laptop", code=4)
        self.assertEqual(self.json("token", "list")["tokens"], [])

    def test_another_certificate_is_not_believed(self):
        daemon = self.serve("--listen", "127.0.0.1:0", *self.pair)
        self.certificate("other")
        env = {**self.env, "SOVREN_CONNECT": daemon.url, "SOVREN_CA_FILE": str(self.dir / "other.pem")}
        self.assertIn("TLS", self.sovren("jobs", env=env, code=5).stderr)

    def test_a_port_in_use_and_wrong_files_are_refused(self):
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        port = taken.getsockname()[1]
        self.assertIn("in use", self.sovren("serve", "--listen", f"127.0.0.1:{port}", *self.pair, code=3).stderr)
        for words in (("--listen", "127.0.0.1:0"), ("--listen", "127.0.0.1:http", *self.pair),
                      ("--listen", "here:0", *self.pair),
                      ("--listen", "127.0.0.1:0", "--certificate", "cert.key", "--key", "cert.pem")):
            self.sovren("serve", *words, code=2)


class Walk(QueueCase):
    def setUp(self):
        super().setUp()
        self.daemon = self.serve()

    def test_a_job_waits_is_explained_held_released_and_cancelled(self):
        job = self.submit(self.write("waiting.toml", JOB))
        row = self.json("jobs")["jobs"][0]
        self.assertEqual((row["id"], row["name"], row["state"], row["attempts"]), (int(job), "waiting", "PENDING", 0))
        self.assertTrue(row["reason"])
        self.assertIn("waiting", self.sovren("jobs", code=0).stdout)
        self.assertIn("waiting", self.sovren("top", code=0).stdout)
        self.assertIn("command", self.sovren("show", job, code=0).stdout)
        why = self.json("explain", job)
        self.assertEqual(why["job"]["id"], int(job))
        self.assertIn("PENDING", self.sovren("explain", job, code=0).stdout)
        self.sovren("hold", job, code=0)
        self.assertEqual(self.job_of(job)["reason"], "JobHeldUser")
        self.assertIn("release", self.sovren("explain", job, code=0).stdout)
        self.sovren("release", job, code=0)
        self.assertNotEqual(self.job_of(job)["reason"], "JobHeldUser")
        self.sovren("wait", job, "--timeout", "0s", code=124)
        self.assertEqual(self.sovren("cancel", job, code=0).stdout, f"{job} CANCELLED\n")
        self.sovren("wait", job, code=1)
        self.sovren("cancel", job, code=3)
        self.assertEqual([j["state"] for j in self.json("history")["jobs"]], ["CANCELLED"])
        self.assertEqual(self.json("history", "--since", "2100-01-01")["jobs"], [])
        self.assertIn("CANCELLED", self.sovren("watch", job, code=1).stdout)

    def test_top_fills_a_terminal_until_q_is_pressed(self):
        self.submit(self.write("waiting.toml", JOB))
        terminal, inside = pty.openpty()
        self.addCleanup(os.close, terminal)
        top = subprocess.Popen([str(BIN / "sovren"), "top"], cwd=self.dir, env=self.env, stdin=inside, stdout=inside,
                               stderr=inside)
        os.close(inside)
        self.addCleanup(top.kill)
        seen = b""
        while b"waiting" not in seen:
            seen += os.read(terminal, 4096)
        os.write(terminal, b"q")
        while b"\x1b[?1049l" not in seen:
            seen += os.read(terminal, 4096)
        self.assertEqual(top.wait(PATIENCE_S), 0)

    def test_an_array_is_one_name_for_its_elements(self):
        job = int(self.submit_command("true", "--array", "0-4%2", "--hold"))
        self.assertEqual([j["id"] for j in self.json("jobs")["jobs"]], list(range(job, job + 5)))
        self.assertEqual(self.job_of(f"{job}_3")["id"], job + 3)
        self.sovren("release", job, code=0)
        self.sovren("cancel", f"{job}_0", code=0)
        self.assertEqual([j["state"] for j in self.json("jobs")["jobs"]], ["CANCELLED"] + 4 * ["PENDING"])
        self.assertIn("4 jobs", self.sovren("cancel", job, code=0).stdout)
        self.assertEqual({j["state"] for j in self.json("jobs")["jobs"]}, {"CANCELLED"})
        self.assertEqual(len(self.json("wait", job, code=1)["jobs"]), 5)

    def test_every_job_is_listed_however_many_there_are(self):
        self.submit_command("true", "--array", "1-2500", "--hold")
        self.assertEqual(len(self.json("jobs")["jobs"]), 2500)
        self.assertEqual(len(self.json("jobs", "--limit", "1200")["jobs"]), 1200)
        self.assertEqual(len(self.sovren("jobs", code=0).stdout.splitlines()), 2)  # an array is one line
        table = self.sovren("jobs", "--expand", code=0)
        self.assertEqual(len(table.stdout.splitlines()), 101)
        self.assertIn("--all", table.stderr)
        self.assertEqual(self.json("jobs", "--state", "RUNNING")["jobs"], [])
        self.assertEqual(self.json("jobs", "--user", "nobody")["jobs"], [])

    def test_several_files_and_standard_input(self):
        files = [self.write(f"{name}.toml", JOB) for name in "ab"]
        ids = self.sovren("submit", *files, code=0).stdout.split()
        self.assertEqual(len(ids), 2)
        piped = self.sovren("submit", "-", "--set", "name=piped", "--after", f"ok:{ids[0]}", code=0, stdin=JOB)
        piped = piped.stdout.strip()
        job = self.job_of(piped)
        self.assertEqual((job["name"], job["reason"]), ("piped", "Dependency"))
        self.sovren("cancel", ids[0], code=0)
        self.sovren("wait", piped, code=1)

    def test_a_script_is_a_job(self):
        script = self.write("sweep.sh", "#!/bin/sh\n#SOVREN --time-limit=5min --hold\necho hello\n")
        job = self.job_of(self.submit(script))
        self.assertEqual((job["name"], job["kind"], job["is_held"]), ("sweep.sh", "command", True))
        self.assertEqual(job["resources"]["time_limit_s"], 300)

    def test_a_dry_run_changes_nothing(self):
        self.assertIn("no node", self.sovren("submit", "--command=true", "--dry-run", code=3).stderr)
        self.assertEqual(self.json("jobs")["jobs"], [])

    def test_wrong_jobs_are_refused_with_all_that_is_wrong(self):
        bad = self.write("bad.toml", 'nmae = "x"\nkind = "command"\n[resources]\nranks = 0\n')
        done = self.sovren("submit", bad, code=2)
        for word in ("bad.toml:1:1", "name", "ranks"):
            self.assertIn(word, done.stderr)
        self.assertIn("100000", self.sovren("submit", "--command=true", "--array=0-100000", code=2).stderr)
        self.sovren("submit", "--command=true", "--after=ok:99999", code=3)
        self.sovren("submit", "--command=true", "--after=perhaps:1", code=2)
        failed = self.submit_command("true")
        self.sovren("cancel", failed, code=0)
        done = self.sovren("submit", "--command=true", f"--after=ok:{failed}")
        if done.returncode == 0:  # it was let in: then it has ended at once
            self.assertEqual(self.job_of(done.stdout.strip())["state"], "CANCELLED")
        else:
            self.assertEqual(done.returncode, 3)
        self.sovren("show", "99999", code=4)
        self.sovren("explain", "99999", code=4)
        self.sovren("logs", "99999", code=4)
        self.sovren("cancel", "99999", failed, code=4)
        self.sovren("drain", "nowhere", code=4)

    def test_the_same_key_makes_one_job(self):
        headers = {"Idempotency-Key": "once", "Content-Type": "application/toml"}
        first = json.loads(self.ask("POST", "/v1/jobs", JOB, headers)[1])
        status, again = self.ask("POST", "/v1/jobs", JOB, headers)
        self.assertEqual((status, json.loads(again)["jobs"]), (200, first["jobs"]))
        self.assertEqual(self.ask("POST", "/v1/jobs", JOB.replace("waiting", "other"), headers)[0], 409)
        self.assertEqual(len(self.json("jobs")["jobs"]), 1)

    def test_metrics_are_as_prometheus_wants_them(self):
        if shutil.which("promtool") is None:
            self.skipTest("promtool is not there")
        self.submit_command("true")
        status, text = self.ask("GET", "/metrics")
        self.assertEqual(status, 200)
        subprocess.run(["promtool", "check", "metrics"], input=text, check=True, capture_output=True, timeout=PATIENCE_S)
        self.assertRegex(text.decode(), r'(?m)^sovren_jobs\{state="PENDING"\} 1$')

    def test_a_walk_with_curl(self):
        if shutil.which("curl") is None:
            self.skipTest("curl is not there")

        def curl(*words):
            done = subprocess.run(["curl", "-sS", "--fail-with-body", "--unix-socket", str(self.socket), *words],
                                  capture_output=True, text=True, timeout=PATIENCE_S, check=False)
            self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
            return done.stdout

        file = self.write("job.toml", JOB)
        url = "http://localhost/v1"
        job = json.loads(curl("-H", "Content-Type: application/toml", "--data-binary", f"@{file}", f"{url}/jobs"))["jobs"][0]
        follower = subprocess.Popen(["curl", "-sSN", "--unix-socket", str(self.socket), f"{url}/jobs/{job}/events"],
                                    stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end, follower)
        self.assertEqual(json.loads(curl(f"{url}/explain/{job}"))["job"]["state"], "PENDING")
        curl("-X", "POST", f"{url}/jobs/{job}/cancel")
        seen = []
        for line in follower.stdout:
            if line.startswith("event: "):
                seen.append(line.split()[1])
            if "job_ended" in line:
                break
        self.assertEqual((seen[0], seen[-1]), ("job_submitted", "job_ended"))


class LostAnswers(QueueCase):
    """Between client and daemon stands somebody who passes requests on and loses the first answers to a POST."""

    def between(self, lost):
        case, posts = self, []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                status, answer = case.ask(self.command, self.path, body, dict(self.headers))
                if self.command == "POST":
                    posts.append(self.headers.get("Idempotency-Key"))
                if self.command == "POST" and len(posts) <= lost:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

            def address_string(self):
                return "client"

        server = socketserver.ThreadingUnixStreamServer(str(self.dir / "between.sock"), Handler)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return posts

    def test_a_submission_whose_answer_is_lost_makes_one_job(self):
        self.serve()
        posts = self.between(lost=3)
        job = self.submit_command("true", "--connect", self.dir / "between.sock")
        self.assertEqual(len(posts), 4)
        self.assertEqual(len(set(posts)), 1)
        self.assertEqual([j["id"] for j in self.json("jobs")["jobs"]], [int(job)])


class BadRequests(QueueCase):
    def setUp(self):
        super().setUp()
        self.daemon = self.serve()

    def still_serves(self):
        self.assertIsNone(self.daemon.poll())
        self.assertEqual(self.ask("GET", "/healthz")[0], 200)

    def test_a_body_of_a_gibibyte_is_refused_before_it_is_read(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(PATIENCE_S)
            client.connect(str(self.socket))
            client.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n")
            self.assertIn(b" 413 ", client.recv(4096))
        self.still_serves()

    def test_a_body_without_end_is_refused(self):
        chunk = b"100000\r\n" + b"x" * (1 << 20) + b"\r\n"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(PATIENCE_S)
            client.connect(str(self.socket))
            client.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            try:
                for _ in range(1024):
                    client.sendall(chunk)
                self.fail("all of it was taken")
            except (BrokenPipeError, ConnectionResetError):
                pass
        self.still_serves()

    def test_a_hundred_thousand_nested_arrays_are_refused(self):
        status, answer = self.ask("POST", "/v1/jobs", "[" * 100_000 + "]" * 100_000, {"Content-Type": "application/json"})
        self.assertEqual((status, json.loads(answer)["code"]), (400, "data_invalid"))
        deep = JOB + "x = " + "[" * 100_000 + "]" * 100_000
        self.assertIn(self.ask("POST", "/v1/jobs", deep, {"Content-Type": "application/toml"})[0], (400, 422))
        self.still_serves()

    def test_an_event_client_that_does_not_read_harms_nobody(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(str(self.socket))
            client.sendall(b"GET /v1/events?after=0 HTTP/1.1\r\nHost: x\r\n\r\n")
            for _ in range(3):  # more than a stream holds for one who does not read
                self.submit_command("true", "--array", "1-20000", "--hold")
            self.still_serves()
            self.assertEqual(len(self.json("jobs", "--limit", "10")["jobs"]), 10)
        status = pathlib.Path(f"/proc/{self.daemon.pid}/status").read_text(encoding="ascii")
        self.assertLess(int(re.search(r"VmRSS:\s+(\d+)", status).group(1)), 500_000)  # KiB

    def test_another_users_job_is_refused(self):
        job = self.submit_command("true")
        shutil.chown(self.dir, "nobody")
        os.chmod(self.dir, 0o755)
        os.chmod(self.home, 0o711)
        done = self.as_nobody(BIN / "sovren", "cancel", job)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual(self.job_of(job)["state"], "PENDING")
        theirs = self.as_nobody(BIN / "sovren", "submit", "--command", "true").stdout.strip()
        self.assertEqual(self.job_of(theirs)["user"], "nobody")
        self.assertEqual(self.as_nobody(BIN / "sovren", "cancel", theirs).returncode, 0)
        self.assertEqual(self.as_nobody(BIN / "sovren", "drain", "n1").returncode, 3)
        os.chmod(self.home, 0o700)
        done = self.as_nobody(BIN / "sovren", "jobs")
        self.assertEqual(done.returncode, 3, done.stderr)

    def test_a_full_disk_refuses_jobs_and_the_daemon_lives(self):
        self.stop(self.daemon)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(self.home)],
                                 capture_output=True, check=False)
        if mounted.returncode != 0:
            self.skipTest("no small file system can be mounted")
        self.addCleanup(subprocess.run, ["umount", "-l", str(self.home)], check=False)
        self.daemon = self.serve()
        codes, accepted = set(), []
        for i in range(400):  # each another job: equal ones are stored once
            done = self.sovren("submit", f"--command=true {i} " + "x" * 20_000)
            codes.add(done.returncode)
            if done.returncode != 0:
                break
            accepted.append(int(done.stdout))
        self.assertEqual(codes, {0, 74})
        self.assertIn("storage_io", done.stderr)
        self.assertEqual([j["id"] for j in self.json("jobs")["jobs"]], accepted)
        self.still_serves()
        self.stop(self.daemon, signal.SIGKILL, -signal.SIGKILL)
        subprocess.run(["mount", "-o", "remount,size=64m", str(self.home)], check=True)
        self.daemon = self.serve()
        self.assertEqual([j["id"] for j in self.json("jobs")["jobs"]], accepted)
        self.submit_command("true")


if __name__ == "__main__":
    unittest.main()
