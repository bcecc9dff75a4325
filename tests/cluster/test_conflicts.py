"""Several writers of one name in an object store, which answers 409 or 412."""

import http.client
import os
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from mirnet.cluster import job, manifest, stores
from mirnet.cluster.places import open_place
from mirnet.system.hashing import bucket_of

NOT_PASSED = {"connection", "host", "transfer-encoding", "content-length"}


class Crowd(ThreadingHTTPServer):
    """A store in front of another one, where somebody else writes at the same time.

    `conflicts` requests to put a name if absent are answered with `status` each; with `wins`, the
    other writer has put the same content by then.
    """

    def __init__(self, behind):
        super().__init__(("127.0.0.1", 0), Passing)
        self.behind = urlsplit(behind).netloc
        self.status, self.conflicts, self.wins, self.always = 409, 1, False, False
        self.refused, self.written = Counter(), Counter()


class Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def pass_on(self):
        crowd, name = self.server, self.path.partition("?")[0]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        is_conditional = self.headers.get("If-None-Match") == "*" or crowd.always
        if self.command == "PUT" and is_conditional and crowd.refused[name] < crowd.conflicts:
            crowd.refused[name] += 1
            if crowd.wins:
                self.ask(body)
            error = b"<Error><Code>ConditionalRequestConflict</Code></Error>"
            self.answer(crowd.status, {"Content-Type": "application/xml"}, error)
            return
        self.answer(*self.ask(body))

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = pass_on  # noqa: N815 - the library's names

    def ask(self, body):
        headers = {k: v for k, v in self.headers.items() if k.lower() not in NOT_PASSED}
        behind = http.client.HTTPConnection(self.server.behind, timeout=30)
        behind.request(self.command, self.path, body, headers)
        found = behind.getresponse()
        content = found.read()
        if self.command == "PUT" and found.status == 200:
            self.server.written[self.path.partition("?")[0]] += 1
        behind.close()
        return found.status, dict(found.headers), content

    def answer(self, status, headers, content):
        self.send_response_only(status)
        for key, value in headers.items():
            if key.lower() not in NOT_PASSED:
                self.send_header(key, value)
        length = headers.get("Content-Length") if self.command == "HEAD" else len(content)
        self.send_header("Content-Length", str(length or 0))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def crowd(s3, monkeypatch):
    """Such a store; `crowd.url` is an empty prefix of it."""
    monkeypatch.setattr(stores, "CONFLICT_SECONDS", 0.001)
    with Crowd(os.environ["AWS_ENDPOINT_URL"]) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        server.url = f"{s3}/{os.urandom(8).hex()}"
        yield server
        server.shutdown()


def path(url, name):
    """The path of a request for a name."""
    return "/" + url.removeprefix("s3://") + "/" + name


@pytest.mark.parametrize("status", [409, 412])
@pytest.mark.parametrize("wins", [False, True])
def test_a_picture_is_written_exactly_once(photos, work, crowd, status, wins):
    crowd.status, crowd.wins = status, wins

    _, total = work(photos, crowd.url, include=("?.png",))

    place = open_place(crowd.url)
    assert (total.done, total.failed) == (2, {})
    for name in ("0.png", "6.png"):
        row = manifest.read(place, bucket_of(name, job.existing(place).buckets))[name]
        assert crowd.refused[path(crowd.url, name)] == 1
        assert crowd.written[path(crowd.url, name)] == 1
        assert (row.sha256, row.bytes) == place.digest(name)
    assert crowd.written[path(crowd.url, job.JOB)] == 1


def test_a_store_that_never_lets_write_fails_the_picture_until_the_next_run(photos, work, crowd):
    job_path = path(crowd.url, job.JOB)
    crowd.conflicts, crowd.refused[job_path] = stores.CONFLICTS, stores.CONFLICTS

    _, first = work(photos, crowd.url, include=("0.png",))
    _, second = work(photos, crowd.url, include=("0.png",))

    assert (first.done, dict(first.failed)) == (0, {"io": 1})
    assert (second.done, second.failed) == (1, {})
    assert crowd.refused[path(crowd.url, "0.png")] == stores.CONFLICTS
    assert crowd.written[path(crowd.url, "0.png")] == 1


def test_what_replaces_is_not_given_up_for_another_writer(crowd):
    place = open_place(crowd.url)
    crowd.always = True

    assert place.write("a", b"new")
    assert place.read("a") == b"new"
    assert crowd.refused[path(crowd.url, "a")] == 1
