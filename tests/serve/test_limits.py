"""Every bound holds: bytes, pixels, jobs, seconds, disk, patience."""

import contextlib
import http.client
import socket
import subprocess
import threading
import time

import numpy as np
import psutil
import pytest
import pyvips
from servers import TOKEN, ask, refused, until

from mirnet.serve.client import Client, Problem


@pytest.fixture(scope="module")
def tight(start):
    """A server with narrow limits."""
    options = ("--max-bytes", 150_000, "--max-megapixels", 1, "--idle-seconds", 1.5)
    jobs = ("--max-jobs", 3, "--max-jobs-per-client", 2, "--max-seconds", 4)
    return start(*options, *jobs).wait()


@pytest.fixture
def slow(tight, file):
    """A job of the other client, which takes a place for a while; cancelled afterwards."""
    other = Client(tight.address, f"{TOKEN}-another")
    job = other.submit(file(700, 1200, ".jpg", Q=40), self_ensemble=8)
    yield job
    with contextlib.suppress(Problem):
        other.cancel(job.id)
    until(lambda: tight.metric("mirnet_running_jobs") == 0)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_refused(tight, chunked):
    before = len(list(tight.data.iterdir()))
    body = bytes(1_000_000)
    pieces = (body[k : k + 10_000] for k in range(0, len(body), 10_000)) if chunked else body

    status, _, content = ask(tight, "POST", "/v1/restore", pieces)

    assert (status, b"too_large" in content) == (413, True)
    assert len(list(tight.data.iterdir())) <= before


def test_a_form_with_a_large_file_is_refused(tight):
    head = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
    given = {"Content-Type": "multipart/form-data; boundary=x"}

    assert refused(ask(tight, "POST", "/v1/restore", head + bytes(160_000), given)) == "too_large"


@pytest.mark.parametrize("kind", [".png", ".tif"])
def test_a_bomb_is_refused_by_its_header(tight, kind):
    side = 30_000
    options = {"compression": "deflate"} if kind == ".tif" else {}
    bomb = pyvips.Image.black(side, side if kind != ".tif" else 3000).write_to_buffer(
        kind, **options
    )
    if len(bomb) > 150_000:  # as many bytes as are taken hold the header
        bomb = bomb[:150_000]
    server = psutil.Process(tight.process.pid)
    before = sum(each.memory_info().rss for each in server.children(recursive=True))

    started = time.monotonic()
    with pytest.raises(Problem) as error:
        tight.client.restore(bytes(bomb))

    assert (error.value.status, error.value.code) == (413, "too_many_pixels")
    assert time.monotonic() - started < 20
    after = sum(each.memory_info().rss for each in server.children(recursive=True))
    assert after - before < 200e6


def test_over_capacity_clients_are_told_when_to_come_back(tight, slow, file):
    impatient = Client(tight.address, TOKEN, patience=0.0)
    jobs = [
        impatient.submit(file(700, 1200, ".jpg", seed=k, Q=40), self_ensemble=8) for k in range(2)
    ]
    for client in (impatient, Client(tight.address, f"{TOKEN}-another", patience=0.0)):
        with pytest.raises(Problem) as error:
            client.restore(file())

        assert (error.value.status, error.value.code) == (429, "queue_full")
        assert 1 <= error.value.retry_after <= 60
    for job in jobs:
        impatient.cancel(job.id)


def test_a_patient_client_comes_back(tight, slow, file):
    jobs = [tight.client.submit(file(500, 900, ".jpg", seed=k, Q=40)) for k in range(2)]

    assert tight.client.restore(file())
    for job in jobs:
        tight.client.cancel(job.id)


def test_a_job_may_take_only_so_long(tight, file):
    job = tight.client.submit(file(800, 1200, ".jpg", Q=40), self_ensemble=8)

    with pytest.raises(Problem) as error:
        tight.client.wait(job.id)

    assert error.value.code == "took_too_long"
    assert tight.client.restore(file())  # and nothing of it stays in the way


def test_a_body_that_stops_coming_is_dropped(tight):
    before = len(list(tight.data.iterdir()))
    with socket.create_connection(("127.0.0.1", tight.port), timeout=30) as connection:
        head = f"Host: localhost:{tight.port}\r\nAuthorization: Bearer {TOKEN}\r\n"
        connection.sendall(
            f"POST /v1/restore HTTP/1.1\r\n{head}Content-Length: 1000\r\n\r\nabc".encode()
        )
        answer = connection.recv(1000)

    assert answer.startswith(b"HTTP/1.1 408")
    until(lambda: len(list(tight.data.iterdir())) <= before, 30)


def test_headers_that_stop_coming_are_dropped(tight):
    with socket.create_connection(("127.0.0.1", tight.port), timeout=30) as connection:
        started = time.monotonic()
        connection.sendall(b"GET / HTTP/1.1\r\nHos")
        with contextlib.suppress(ConnectionError):
            assert connection.recv(1000) == b""
        assert time.monotonic() - started < 15


def test_a_client_that_reads_nothing_is_dropped(start, picture):
    server = start("--idle-seconds", 2).wait()
    noise = np.random.default_rng(0).integers(0, 256, (2500, 3000, 3), np.uint8)
    content = pyvips.Image.new_from_array(noise).write_to_buffer(".tif")
    job = server.client.wait(server.client.submit(content, strength=0.0).id)
    server.client.result(job.id)  # written
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.connect()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    connection.request("GET", f"/v1/jobs/{job.id}/result", headers=headers)

    # what the system has taken by then is a few megabytes of 22
    until(lambda: server.lines("client reads nothing"), 60)

    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        connection.getresponse().read()
    connection.close()
    assert server.client.is_ready()
    server.kill()


def test_results_are_deleted_when_they_are_old_or_too_many(start, file):
    old = start("--keep-hours", 0.001).wait()
    job = old.client.wait(old.client.submit(file()).id)
    until(lambda: not old.client.jobs(), 60)
    with pytest.raises(Problem, match="expired"):
        old.client.result(job.id)
    assert not [path for path in old.data.iterdir() if path.is_dir()]
    old.kill()

    full = start("--keep-gigabytes", 0.003).wait()
    jobs = [full.client.submit(file(500, 500, ".png", seed=k), strength=0.0) for k in range(4)]
    for job in jobs:
        with contextlib.suppress(Problem):
            full.client.wait(job.id)
    until(lambda: 1 <= len(full.client.jobs()) <= 2, 60)
    assert full.client.jobs()[-1].id == jobs[-1].id
    full.kill()


def test_what_a_killed_server_left_is_deleted_at_start(start, file):
    server = start().wait()
    server.client.wait(server.client.submit(file()).id)
    server.kill()
    assert [path for path in server.data.iterdir() if path.is_dir()]
    children = [each for each in psutil.process_iter() if server.process.pid == each.ppid()]
    psutil.wait_procs(children, 30)

    again = start("--data-dir", server.data)
    until(lambda: not [path for path in server.data.iterdir() if path.is_dir()], 30)
    again.kill()


def test_two_servers_do_not_share_a_folder(shared, mirnet):
    answer = mirnet("serve", "--no-browser", "--port", 0, "--data-dir", shared.data)

    assert answer.returncode == 2
    assert "another server uses" in answer.stderr


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 40 MB."""
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", tmp_path], capture_output=True
    )
    if made.returncode:
        pytest.skip("a small disk needs the right to mount one")
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


def test_a_full_disk_is_told_and_harms_nothing(start, small_disk, file):
    options = ("--data-dir", small_disk / "data", "--keep-free-gigabytes", 0)
    server = start(*options).wait()
    filler = small_disk / "filler"
    filler.write_bytes(bytes(30_000_000))
    noise = np.random.default_rng(0).integers(0, 256, (2000, 3000, 3), np.uint8)
    body = bytes(pyvips.Image.new_from_array(noise).write_to_buffer(".tif"))  # 18 MB
    half = file(1200, 2000)  # 3.5 MB, and 7.2 MB of pixels

    with pytest.raises(Problem) as of_body:
        server.client.restore(body)
    with pytest.raises(Problem) as of_pixels:
        server.client.restore(half)

    for error in (of_body, of_pixels):
        assert (error.value.status, error.value.code) == (507, "no_space")
    assert server.client.restore(file())
    assert server.client.is_ready()
    filler.unlink()
    assert server.client.restore(half, strength=0.0)
    assert server.metric("mirnet_workers_died_total", role="file") == 0
    server.kill()


def test_many_clients_get_their_own(shared, file, pixels):
    sent = [file(64, 64 + 8 * k, seed=100 + k) for k in range(12)]
    got = {}

    def one(place):
        got[place] = shared.client.restore(sent[place])

    threads = [threading.Thread(target=one, args=(place,)) for place in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [pixels(got[place]).shape[1] for place in range(12)] == [64 + 8 * k for k in range(12)]
