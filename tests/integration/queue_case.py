# SPDX-License-Identifier: Apache-2.0
"""What the tests of a queue share: a daemon and agents in a state directory of their own."""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess

from sovren_case import BIN, PATIENCE_S, SovrenCase


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(str(self.path))


class QueueCase(SovrenCase):
    def setUp(self):
        super().setUp()
        self.home = self.dir / "home"
        self.socket = self.home / "sovren.sock"

    def background(self, *words, name, env=None):
        """Starts sovren; its standard error goes to a file of this name."""
        log = open(self.dir / f"{name}.log", "a", encoding="utf-8")
        self.addCleanup(log.close)
        process = subprocess.Popen([str(BIN / "sovren"), *map(str, words)], cwd=self.dir, env=env or self.env,
                                   stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True)
        self.addCleanup(self.end, process)
        return process

    def log_of(self, name):
        return (self.dir / f"{name}.log").read_text(encoding="utf-8")

    def serve(self, *words, env=None):
        """A daemon that answers; with .url if it listens on TCP."""
        daemon = self.background("serve", *words, name="serve", env=env)
        daemon.url = None
        for _ in range(2 if "--listen" in words else 1):
            line = daemon.stdout.readline()
            self.assertTrue(line.startswith("listening on "), line + self.log_of("serve"))
            daemon.url = line.split()[-1]
        return daemon

    def worker(self, node="n1", *words):
        """An agent, once its node is there."""
        process = self.background("worker", "--node", node, *words, name=node)
        self.wait_until(lambda: self.node(node) not in (None, "DOWN"), process)
        self.assertIsNone(process.poll(), self.log_of(node))
        return process

    def node(self, name):
        found = [n for n in self.json("nodes")["nodes"] if n["name"] == name]
        return found[0]["state"] if found else None

    def stop(self, process, how=signal.SIGTERM, code=0):
        process.send_signal(how)
        process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, code)

    def json(self, *words, code=0):
        return json.loads(self.sovren(*words, "--json", code=code).stdout)

    def submit(self, *words, code=0):
        """The id that is printed, alone."""
        printed = self.sovren("submit", *words, code=code).stdout
        self.assertRegex(printed, r"^[0-9]+\n$")
        return printed.strip()

    def submit_command(self, command, *words):
        return self.submit("--command", command, *words)

    def job_of(self, job):
        return self.json("show", job)["job"]

    def wait_for_state(self, job, state):
        self.wait_until(lambda: self.job_of(job)["state"] == state)

    def certificate(self, name):
        """A self-signed pair, as options of serve."""
        if shutil.which("openssl") is None:
            self.skipTest("openssl is not there")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1",
                        "-keyout", f"{name}.key", "-out", f"{name}.pem"],
                       cwd=self.dir, check=True, capture_output=True)
        return ("--certificate", f"{name}.pem", "--key", f"{name}.key")

    def ask(self, method, target, body=None, headers=None):
        """One request over the socket: status, and the answer as it is."""
        connection = UnixConnection(self.socket)
        try:
            connection.request(method, target, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def as_nobody(self, *words):
        """Runs a program as another user; only root can."""
        if os.geteuid() != 0:
            self.skipTest("only root can become another user")
        return subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *map(str, words)],
                              cwd="/", env=self.env, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
