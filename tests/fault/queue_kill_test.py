# SPDX-License-Identifier: Apache-2.0
"""Many short jobs through a daemon that is killed -9 again and again: every job that was acknowledged is COMPLETED, once.

SOVREN_QUEUE_JOBS (2,000) and SOVREN_QUEUE_KILL_S (0.5): how many, and how long a daemon lives."""
import collections
import http.client
import json
import os
import pathlib
import signal
import sqlite3
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
from queue_case import QueueCase, UnixConnection  # noqa: E402
from sovren_case import PATIENCE_S  # noqa: E402

JOBS = int(os.environ.get("SOVREN_QUEUE_JOBS", "2000"))
DAEMON_LIVES_S = float(os.environ.get("SOVREN_QUEUE_KILL_S", "0.5"))
CLIENTS = 8
JOB = 'name = "short"\nkind = "command"\n[command]\nargv = ["true"]\n'


class QueueKill(QueueCase):
    def submit_many(self, client, acknowledged):
        """Each job until it has an answer, always under its own key."""
        connection, pause = UnixConnection(self.socket), threading.Event()
        for i in range(client, JOBS, CLIENTS):
            for _ in range(int(PATIENCE_S / 0.02)):
                try:
                    connection.request("POST", "/v1/jobs", body=JOB, headers={
                        "Content-Type": "application/toml", "Idempotency-Key": f"job-{i}"})
                    answer = connection.getresponse()
                    body = answer.read()
                    if answer.status in (200, 201):
                        acknowledged[i] = json.loads(body)["jobs"][0]
                        break
                except (OSError, http.client.HTTPException):
                    connection.close()
                pause.wait(0.02)
        connection.close()

    def completions(self):
        """How often each job has come to its end, as the log has it."""
        ends = collections.Counter()
        log = sqlite3.connect(f"file:{self.home}/events.db?mode=ro", uri=True)
        for (text,) in log.execute("select event from events where event like '%job_ended%'"):
            event = json.loads(text)
            ends[(event["job"], event["state"])] += 1
        log.close()
        return ends

    def test_every_acknowledged_job_is_completed_once(self):
        daemon, kills = self.serve(), 0
        agent = self.worker("n1", "--cpus", 16)
        acknowledged, begun = {}, time.monotonic()
        clients = [threading.Thread(target=self.submit_many, args=(c, acknowledged)) for c in range(CLIENTS)]
        for client in clients:
            client.start()
        pause = threading.Event()
        while any(client.is_alive() for client in clients) or self.json("jobs", "--state", "open", "--limit", 1)["jobs"]:
            pause.wait(DAEMON_LIVES_S)
            self.stop(daemon, signal.SIGKILL, -signal.SIGKILL)
            kills += 1
            daemon = self.serve()
            self.assertLess(time.monotonic() - begun, 4 * PATIENCE_S)
        seconds = time.monotonic() - begun
        self.assertIsNone(agent.poll(), self.log_of("n1"))
        self.assertEqual(len(acknowledged), JOBS)
        self.assertEqual(len(set(acknowledged.values())), JOBS)
        self.assertEqual(self.completions(), {(job, "COMPLETED"): 1 for job in acknowledged.values()})
        self.assertGreater(kills, 0)
        print(f"{JOBS} jobs in {seconds:.1f} s, the daemon killed {kills} times", file=sys.stderr)


if __name__ == "__main__":
    unittest.main()
