#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real Slurm for tests: munged, slurmctld and a few slurmd on this machine, in a folder of their own.

    python3 tests/slurm/slurm_site.py [--nodes N] [--cpus N] [--gpus N] [--conf LINE]... -- COMMAND...

runs COMMAND with SLURM_CONF set, ends with its exit code, and leaves nothing. Needs root.

All of a site lives in one PID namespace: however a test ends, the kernel ends the site with it. Each node has a
host's name and shared memory of its own, so that MPI takes the nodes for hosts. The network is the loopback."""
import argparse
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "srun", "unshare", "nsenter", "setpriv")
LEASH = ("setpriv", "--pdeathsig", "KILL")  # before a command that is not to outlive this process
PATIENCE_S = 90  # a bound against hangs, not a measure
STARTS = 3  # another process may take a port between our choice and slurmd's use of it

# A requeued job waits as long as its credential lives and a second: 6 s. Less than 5 s is taken for 120.
CONF = """\
ClusterName=sovren-test
SlurmctldHost=control(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
AuthType=auth/munge
CryptoType=crypto/munge
AuthInfo=socket={dir}/munge.socket,cred_expire=5
StateSaveLocation={dir}/state
SlurmdSpoolDir={dir}/spool-%n
SlurmctldPidFile={dir}/control.pid
SlurmdPidFile={dir}/%n.pid
SlurmctldLogFile={dir}/control.log
SlurmdLogFile={dir}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1,batch_sched_delay=0
PriorityType=priority/basic
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={dir}/completed.txt
MailProg=/bin/true
PropagateResourceLimits=NONE
ReturnToService=2
SlurmdTimeout=5
KillWait=2
InactiveLimit=0
"""
PARTITIONS = """\
PartitionName=work Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=short Nodes=ALL MaxTime=1 State=UP
PartitionName=low Nodes=ALL MaxTime=INFINITE PriorityTier=1 State=UP
PartitionName=high Nodes=ALL MaxTime=INFINITE PriorityTier=10 PreemptMode=OFF State=UP
"""


def why_not():
    """Why there can be no such site here; None if there can."""
    if os.geteuid() != 0:
        return "needs root, for slurmd"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"needs {', '.join(missing)} (scripts/install-deps.sh --test)"
    made = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "--uts", "true"], capture_output=True,
                          text=True, check=False)
    return f"no namespace may be made here: {made.stderr.strip()}" if made.returncode else None


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def children_of(process):
    return [int(child) for child in pathlib.Path(f"/proc/{process}/task/{process}/children").read_text().split()]


class SlurmSite:
    """Started by `with`; `env` is an environment in which Slurm's programs talk to it.

    nodes, cpus, gpus: how many, and what each has (the GPUs are device files of nothing). conf: further lines of
    slurm.conf. hidden: folders that a node does not see, {"n2": [folder]}."""

    def __init__(self, nodes=2, cpus=4, gpus=0, conf=(), hidden=None):
        self.nodes = [f"n{i}" for i in range(1, nodes + 1)]
        self.cpus, self.gpus, self.conf = cpus, gpus, list(conf)
        self.hidden = hidden or {}
        self.dir = None
        self.keeper = None
        self.outside = []  # processes on this side of those within

    def __enter__(self):
        try:
            for attempt in range(1, STARTS + 1):
                try:
                    self.start()
                    return self
                except RuntimeError:
                    if attempt == STARTS or "in use" not in self.logs():
                        raise
                    self.close()
        except BaseException:
            self.close()
            raise
        raise AssertionError("not reached")

    def __exit__(self, *_):
        self.close()

    def start(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="slurm-site-", dir="/tmp"))  # short: sockets lie in it
        self.dir.chmod(0o755)  # munged wants its socket reachable
        self.configure()
        # The keeper is the namespace's first process: it reaps, and when it goes all others are killed.
        with open(self.dir / "keeper.log", "wb") as log:
            self.keeper = subprocess.Popen([*LEASH, "unshare", "--pid", "--fork", "--kill-child", "--mount",
                                            "--mount-proc", "sh", "-c", 'mount --bind "$0/hosts" /etc/hosts && '
                                            'trap "" CHLD && : >"$0/kept" && exec sleep infinity', self.dir],
                                           start_new_session=True, stderr=log)
        self.wait_until(lambda: (self.dir / "kept").exists(), "the namespace")
        self.within("munged", "--foreground", f"--key-file={self.dir}/munge.key", f"--socket={self.dir}/munge.socket",
                    f"--pid-file={self.dir}/munged.pid", f"--seed-file={self.dir}/munged.seed",
                    f"--log-file={self.dir}/munged.log", "--num-threads=2", "--force")
        self.wait_until((self.dir / "munge.socket").exists, "munged")
        self.start_control()
        for node in self.nodes:
            self.start_node(node)
        self.wait_until_idle(self.nodes)

    def configure(self):
        ports = free_ports(1 + len(self.nodes))
        lines = [CONF.format(port=ports[0], dir=self.dir), *self.conf]
        gres = ""
        if self.gpus:
            lines.append("GresTypes=gpu")
            gres = f" Gres=gpu:fake:{self.gpus}"
            for number in range(self.gpus):
                os.mknod(self.dir / f"gpu{number}", 0o600 | 0o020000, os.makedev(1, 3))
            (self.dir / "gres.conf").write_text(
                f"NodeName={','.join(self.nodes)} Name=gpu Type=fake File={self.dir}/gpu[0-{self.gpus - 1}]\n")
        lines += [f"NodeName={node} NodeHostname={node} NodeAddr=127.0.0.1 Port={port} CPUs={self.cpus} "
                  f"RealMemory=4000{gres} State=UNKNOWN" for node, port in zip(self.nodes, ports[1:])]
        (self.dir / "slurm.conf").write_text("\n".join([*lines, PARTITIONS]))
        (self.dir / "mpi.conf").write_text(f"PMIxCliTmpDirBase={self.dir}/pmix\n")
        (self.dir / "pmix").mkdir()
        (self.dir / "state").mkdir()
        (self.dir / "hosts").write_text(f"127.0.0.1 localhost control {' '.join(self.nodes)}\n")
        key = self.dir / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        self.env = {name: value for name, value in os.environ.items()
                    if not name.startswith(("SLURM_", "SBATCH_", "SRUN_", "SALLOC_"))}
        self.env["SLURM_CONF"] = str(self.dir / "slurm.conf")

    def first_process(self):
        """The keeper's id on this side: the child of unshare, which setpriv became."""
        return str(children_of(self.keeper.pid)[0])

    def enter(self):
        """The words before a command that is to run in the site's namespaces."""
        return ["nsenter", "--pid", "--mount", "--target", self.first_process()]

    def within(self, *words):
        """Starts a process in the site's namespaces."""
        with open(self.dir / "daemons.log", "ab") as log:
            process = subprocess.Popen([*self.enter(), *map(str, words)], cwd=self.dir, env=self.env,
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.outside.append(process)

    def start_control(self):
        self.within("unshare", "--uts", "sh", "-c", 'hostname control && exec "$@"', "sh", "slurmctld", "-D")
        self.wait_until(lambda: self.command("scontrol", "ping").returncode == 0, "slurmctld")

    def start_node(self, node):
        hide = "".join(f'mount -t tmpfs hidden "{folder}" && ' for folder in self.hidden.get(node, []))
        self.within("unshare", "--uts", "--mount", "sh", "-c",
                    f'hostname {node} && mount -t tmpfs shm /dev/shm && mount -t tmpfs pmix {self.dir}/pmix && '
                    f'{hide} exec "$@"', "sh",
                    "slurmd", "-D", "-N", node)

    def kill(self, name, number=signal.SIGKILL):
        """A signal to the daemon of a node, or to "control". Its job steps are processes of their own."""
        within = (self.dir / f"{name}.pid").read_text().strip()
        subprocess.run([*self.enter(), "kill", f"-{int(number)}", within], check=True)

    def command(self, *words, env=None):
        """Runs one of Slurm's programs, or any other, to its end."""
        return subprocess.run([*map(str, words)], env=env or self.env, cwd=self.dir, capture_output=True, text=True,
                              timeout=PATIENCE_S, check=False)

    def output(self, *words, env=None):
        """As command(); the output of one that must end well."""
        done = self.command(*words, env=env)
        if done.returncode != 0:
            raise RuntimeError(f"{words}: {done.stderr}{done.stdout}")
        return done.stdout.strip()

    def sbatch(self, *words, env=None):
        """Hands a script in; returns the job's id."""
        return self.output("sbatch", "--parsable", *words, env=env).split(";")[0]

    def job(self, job):
        """What scontrol says of a job, {} when it knows none."""
        done = self.command("scontrol", "--oneliner", "show", "job", job)
        return dict(word.split("=", 1) for word in done.stdout.split() if "=" in word) if done.returncode == 0 else {}

    def state(self, job):
        return self.job(job).get("JobState", "")

    def node_state(self, node):
        """In lower case, with a * when slurmctld does not hear of it."""
        return self.output("sinfo", "--noheader", "--partition=work", f"--nodes={node}", "--Format=statelong")

    def wait_until_idle(self, nodes):
        self.wait_until(lambda: all(self.node_state(node) == "idle" for node in nodes), "the nodes")

    def wait_until(self, is_so, what, patience_s=PATIENCE_S):
        pause = threading.Event()
        for _ in range(int(patience_s / 0.05)):
            if is_so():
                return
            if self.keeper.poll() is not None:
                break
            pause.wait(0.05)
        raise RuntimeError(f"waited in vain for {what}\n{self.logs()}")

    def logs(self):
        """The ends of the daemons' logs."""
        found = [path for path in sorted(self.dir.glob("*.log")) if path.name != "daemons.log"]
        return "".join(f"--- {path.name}\n{path.read_text(errors='replace')[-1500:]}\n" for path in found)

    def processes(self):
        """The ids, on this side, of all processes in the site's namespace."""
        space = os.readlink(f"/proc/{self.first_process()}/ns/pid")
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and os.readlink(entry / "ns" / "pid") == space:
                    found.append(int(entry.name))
        return sorted(found)

    def close(self):
        """Ends all of the site. The kernel kills what is in the namespace, before it is gone for those outside."""
        if self.keeper is not None:
            with contextlib.suppress(IndexError, OSError):
                os.kill(int(self.first_process()), signal.SIGKILL)
            self.keeper.kill()
            self.keeper.wait()
        for process in self.outside:
            process.wait()
        self.keeper, self.outside = None, []
        if self.dir is not None:
            shutil.rmtree(self.dir, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description="Runs a command beside a Slurm of its own.")
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--cpus", type=int, default=4)
    parser.add_argument("--gpus", type=int, default=0)
    parser.add_argument("--conf", action="append", default=[], metavar="LINE")
    parser.add_argument("command", nargs="+")
    words = parser.parse_args()
    reason = why_not()
    if reason:
        print(f"slurm_site: {reason}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with SlurmSite(words.nodes, words.cpus, words.gpus, words.conf) as site:
        return subprocess.run([*LEASH, *words.command], env=site.env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
