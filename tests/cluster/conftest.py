"""Jobs on small pictures that are written as they are: strength 0 needs no network."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

pytest.importorskip("pyarrow", reason='needs pyarrow: pip install "mirnet[cluster]"')
pytest.importorskip("obstore", reason='needs obstore: pip install "mirnet[cluster]"')

from mirnet.cluster import child, job, run
from mirnet.cluster import work as working
from mirnet.cluster.child import Brief
from mirnet.cluster.hands import Hands
from mirnet.cluster.job import Settings
from mirnet.cluster.places import open_place

SERVER = "from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"


@pytest.fixture(scope="session")
def s3():
    """Address of an empty bucket, for whoever inherits the environment."""
    pytest.importorskip("moto.server", reason="moto[s3] and flask-cors are not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER.format(port=port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }.items():
            patch.setenv(name, value)
        for _ in range(300):
            try:
                request = urllib.request.Request(f"{address}/pictures", method="PUT")
                urllib.request.urlopen(request, timeout=10).close()
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        yield "s3://pictures"
        server.kill()
        server.wait()


@pytest.fixture(params=["folder", "s3"])
def place(request, tmp_path):
    """An empty folder, then an empty prefix of an object store."""
    if request.param == "folder":
        return open_place(str(tmp_path / "place"))
    return open_place(f"{request.getfixturevalue('s3')}/{os.urandom(8).hex()}", store_seconds=5.0)


@pytest.fixture(scope="session")
def settings():
    """Settings with which a result is the picture itself."""
    digest = job.digest("denoise-print")
    return Settings(model="denoise-print", sha256=digest, strength=0.0, runtime="mnn")


@pytest.fixture
def photos(tmp_path, save):
    """A folder with nine pictures of several kinds, some of them deeper, and other files."""
    for number in range(9):
        suffix = ("png", "jpg", "tif")[number % 3]
        save(tmp_path / "photos" / ("trip" if number % 2 else ".") / f"{number}.{suffix}", 8, 9)
    (tmp_path / "photos" / "notes.txt").write_text("nothing to see")
    (tmp_path / "photos" / ".hidden.png").write_text("nothing to see")
    return tmp_path / "photos"


class Near(Hands):
    """Hands whose child is no process of its own, which would take a second to start."""

    worker_here = None

    def _ask(self, task, *, is_smaller=False):
        if self.worker_here is None:
            self.worker_here = child.Worker(self._brief)
        return self.worker_here.answer(task, is_smaller=is_smaller)

    def _end(self):
        if self.worker_here:
            self.worker_here.__exit__()
            self.worker_here = None


@pytest.fixture
def work(settings, monkeypatch):
    """A function that does a job in this process, and returns its counts."""
    monkeypatch.setattr(working, "Hands", Near)

    def do(source, target, *, settings=settings, overwrite=False, seconds=None, **selection):
        begin, end = open_place(str(source)), open_place(str(target), store_seconds=5.0)
        wanted = run.Selection(**selection)
        entered = job.enter(end, begin, settings, shards=wanted.shards, overwrite=overwrite)
        brief = Brief(begin.url, end.url, settings, threads=1, store_seconds=5.0)
        total = run.Summary()
        with run.start(begin, end, entered, wanted) as started:
            for summary in run.alone(started, brief, seconds):
                total.include(summary)
                total.messages += summary.messages
        return started, total

    return do
