# SPDX-License-Identifier: Apache-2.0
"""Three nodes on one machine: network namespaces on a bridge, an agent in each, a daemon beside them."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "integration"))
from queue_case import QueueCase  # noqa: E402
from sovren_case import BIN, processes_of  # noqa: E402

NODES = ("n1", "n2", "n3")
NODE_TIMEOUT_S = 4


def run(*words):
    return subprocess.run([*map(str, words)], capture_output=True, text=True, check=False)


def why_not():
    """Why there can be no such network here; None if there can."""
    if os.geteuid() != 0:
        return "needs root, for network namespaces"
    for program in ("ip", "openssl", "mpirun", "unshare"):
        if shutil.which(program) is None:
            return f"needs {program}"
    name = f"sv{os.getpid()}"
    made = run("ip", "netns", "add", name)
    if made.returncode != 0:
        return "no network namespace may be made here: " + made.stderr.strip()
    run("ip", "netns", "del", name)
    return None


class Network:
    """A bridge with the daemon's address, and a namespace for each node, joined by a cable."""

    def __init__(self):
        self.tag = f"sv{os.getpid() % 100000}"
        self.bridge = self.tag + "b"
        self.net = f"10.213.{os.getpid() % 250}"
        self.subnet = self.net + ".0/24"
        self.address = self.net + ".254"

    def up(self):
        commands = [f"ip link add {self.bridge} type bridge", f"ip link set {self.bridge} up",
                    f"ip addr add {self.address}/24 dev {self.bridge}"]
        for number, node in enumerate(NODES, 1):
            space = self.space(node)
            commands += [f"ip netns add {space}",
                         f"ip link add {self.cable(node)} type veth peer name eth0 netns {space}",
                         f"ip link set {self.cable(node)} master {self.bridge} up",
                         f"ip -n {space} addr add {self.net}.{number}/24 dev eth0",
                         f"ip -n {space} link set eth0 up", f"ip -n {space} link set lo up"]
        for command in commands:
            done = run(*command.split())
            if done.returncode != 0:
                raise RuntimeError(f"{command}: {done.stderr}")

    def down(self):
        for node in NODES:  # the cable by hand: the kernel takes it down some time after its namespace
            run("ip", "link", "del", self.cable(node))
            run("ip", "netns", "del", self.space(node))
        run("ip", "link", "del", self.bridge)

    def space(self, node):
        return self.tag + node

    def cable(self, node):
        return self.tag + "c" + node

    def cut(self, node):
        run("ip", "link", "set", self.cable(node), "down")

    def mend(self, node):
        run("ip", "link", "set", self.cable(node), "up")


class ClusterCase(QueueCase):
    digest = None

    @classmethod
    def setUpClass(cls):
        reason = why_not()
        if reason:
            raise unittest.SkipTest(reason)

    def setUp(self):
        super().setUp()
        self.network = Network()
        self.addCleanup(self.network.down)
        self.network.up()
        self.certificate, key = self.dir / "cert.pem", self.dir / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-days", "2", "-subj", "/CN=sovren", "-keyout", key, "-out", self.certificate],
                       check=True, capture_output=True)
        self.site = self.write("site.toml", f'schema = 1\nnode_timeout = "{NODE_TIMEOUT_S}s"\n')
        self.port = 0
        self.key = key
        self.daemon = self.serve_cluster()
        token = self.json("token", "create", "agents", "--scope", "node")["token"]
        self.token = self.write("token", token + "\n")
        self.token.chmod(0o600)
        self.agents = {node: self.agent(node) for node in NODES}
        for node in NODES:
            self.wait_until(lambda node=node: self.node(node) == "IDLE", self.agents[node])

    def serve_cluster(self):
        """The daemon; again on the same port after a restart, so that agents find it."""
        daemon = self.serve("--config", self.site, "--listen", f"{self.network.address}:{self.port}",
                            "--certificate", self.certificate, "--key", self.key)
        self.port = int(daemon.url.rsplit(":", 1)[1])
        return daemon

    def agent(self, node):
        log = open(self.dir / f"{node}.log", "a", encoding="utf-8")
        self.addCleanup(log.close)
        # A host's name and shared memory of its own, as a node has: MPI names its segments by the host.
        words = ["ip", "netns", "exec", self.network.space(node), "unshare", "--uts", "--mount", "sh", "-c",
                 'hostname "$0" && mount -t tmpfs shm /dev/shm && exec "$@"', node,
                 BIN / "sovren", "worker", "--node", node,
                 "--connect", f"https://{self.network.address}:{self.port}", "--cpus", "2",
                 "--subnet", self.network.subnet, "--token-file", self.token, "--certificate", self.certificate]
        process = subprocess.Popen([*map(str, words)], cwd=self.dir, env=self.env, stdout=subprocess.PIPE, stderr=log,
                                   text=True, start_new_session=True)
        self.addCleanup(self.end, process)
        return process

    def expected(self):
        """The digest of the one-rank embedded run of data.toml, made once."""
        if ClusterCase.digest is None:
            ClusterCase.digest = self.report("data.toml", "--dir", "alone", "--set",
                                             'checkpoint.interval="off"')["digest"]
        return ClusterCase.digest

    def submit_wide(self):
        """data.toml on six ranks, two on each node."""
        return self.submit("data.toml", "--set", "resources.ranks=6", "--set", "resources.nodes=3",
                           "--set", 'checkpoint.interval="1 steps"')

    def sealed(self, job):
        return len(list((self.home / "jobs" / job / "checkpoints").glob("gen-*[0-9]")))

    def wait_until_sealed(self, job):
        """In mid-run: it has begun, and there is something to go on from."""
        self.wait_until(lambda: self.job_of(job)["state"] == "RUNNING" and self.sealed(job) > 0)

    def wait_until_done(self, job):
        self.wait_until(lambda: self.job_of(job)["state"] not in ("PENDING", "RUNNING"))
        return self.job_of(job)

    def check_done(self, job, digest):
        ended = self.wait_until_done(job)
        self.assertEqual((ended["state"], ended["digest"]), ("COMPLETED", digest), ended)
        return ended

    def ranks(self):
        return [p for p in processes_of(str(self.home)) if self.is_rank(p)]

    @staticmethod
    def is_rank(pid):
        try:
            return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].endswith(b"sovren-rank")
        except OSError:
            return False

    def kill(self, process, how=signal.SIGKILL):
        process.send_signal(how)
        if how == signal.SIGKILL:
            process.communicate()
