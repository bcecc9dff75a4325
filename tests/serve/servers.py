"""Real servers in processes of their own, and clients that talk to them."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time

from mirnet.serve.client import Client

TOKEN = "a-token-of-the-tests"
START = "import sys; from mirnet.cli import main; sys.argv[0] = 'mirnet'; main()"
PATIENCE = 120
"""Seconds for whatever a busy machine may need."""


class Server:
    """`mirnet serve` with the given options."""

    def __init__(self, folder, *options, environment=None):
        self.folder = folder
        self.data = folder / "data"
        tokens = folder / "tokens"
        tokens.write_text(f"# two clients\n{TOKEN}\n{TOKEN}-another\n")
        command = ("serve", "--port", "0", "--no-browser", "--token-file", tokens)
        engine = ("--model", "denoise-print", "--runtime", "mnn", "--threads", "1")
        place = ("--data-dir", self.data)
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", START, *map(str, (*command, *engine, *place, *options))],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, **(environment or {})},
            )
        self.address = self.process.stdout.readline().strip().rstrip("/")
        self.port = int(self.address.rpartition(":")[2]) if self.address else 0
        self.client = Client(self.address, TOKEN) if self.address else None

    def wait(self):
        """Until the model is loaded."""
        until(self.client.is_ready)
        return self

    def workers(self, role="restore"):
        """Process numbers of the workers, by the log."""
        return [line["worker"] for line in self.lines("worker ready") if line["role"] == role]

    def lines(self, event=None):
        """What was logged, without a last line that is still being written."""
        whole = self.log.read_text().rpartition("\n")[0]
        lines = [json.loads(line) for line in whole.splitlines() if line[:1] == "{"]
        return [line for line in lines if event in (None, line["event"])]

    def stop(self, number=signal.SIGTERM):
        """End it; returns its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def metric(self, name, **labels):
        """The value of a metric; 0 if it was never counted."""
        text = self.client._call("GET", "/metrics")[1].decode()
        inner = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
        wanted = f"{name}{{{inner}}}" if inner else name
        values = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(wanted)]
        return float(values[0]) if values else 0.0

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def until(condition, patience=PATIENCE):
    """Wait for something; it must come."""
    ended = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < ended, "it did not happen"
        time.sleep(0.02)
    return found


def ask(server, method, target, body=None, headers=()):
    """Status, headers and content of one answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=240)
    given = {"Authorization": f"Bearer {TOKEN}", **dict(headers)}
    connection.request(method, target, body, given)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, {key.lower(): value for key, value in answer.getheaders()}, content


def refused(answer):
    """The word for the problem that an answer of `ask` states."""
    status, _, content = answer
    problem = json.loads(content)
    assert problem["status"] == status
    return problem["code"]
