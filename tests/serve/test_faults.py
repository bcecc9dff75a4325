"""What breaks costs one job at most, and never the service."""

import contextlib
import os
import signal
import socket
import threading
import time

import psutil
import pytest
from servers import TOKEN, until

from mirnet.serve.client import Problem

KILLS = 8


def children(server):
    """The worker processes of a server."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(server.process.pid).children()
    return []


def kill(number):
    with contextlib.suppress(ProcessLookupError):
        os.kill(number, signal.SIGKILL)


@pytest.mark.slow
def test_jobs_survive_a_worker_that_is_killed_again_and_again(start, file):
    server = start().wait()
    jobs = []
    for number in range(KILLS):
        jobs += [server.client.submit(file(300, 400, seed=number)).id]
        worker = until(lambda number=number: server.workers()[number:])[0]
        until(
            lambda: (
                server.metric("mirnet_running_jobs") > 0
                or all(job.is_final for job in server.client.jobs())
            )
        )
        kill(worker)

    states = [server.client.wait(job).state for job in jobs]

    assert states == ["done"] * KILLS
    until(lambda: server.metric("mirnet_workers_died_total", role="restore") >= KILLS)
    assert server.metric("mirnet_workers_died_total", role="restore") == KILLS
    assert server.metric("mirnet_tasks_retried_total", role="restore") >= 1
    assert server.client.restore(file())
    assert server.stop() == 0
    assert not server.data.exists() or len(list(server.data.iterdir())) <= 1


def test_a_job_that_kills_two_workers_fails_alone(start, file):
    server = start().wait()
    job = server.client.submit(file(1500, 2000, ".jpg"))
    until(lambda: server.client.job(job.id).data["tiles_done"] > 0)
    steady = {each.pid for each in children(server)}
    victims = set(server.workers())
    for number in victims:
        kill(number)
    fresh = until(lambda: [each for each in children(server) if each.pid not in steady])
    stop = threading.Event()

    def hunt():
        while not stop.is_set():
            for each in children(server):
                if each.pid not in steady or each.pid in victims:
                    kill(each.pid)
            time.sleep(0.2)

    hunter = threading.Thread(target=hunt)
    hunter.start()
    try:
        with pytest.raises(Problem) as error:
            server.client.wait(job.id)
    finally:
        stop.set()
        hunter.join()

    assert fresh
    assert error.value.code in ("crashed", "internal")  # killed at work, or while it started
    until(server.client.is_ready)
    assert server.client.restore(file())
    server.kill()


def test_processes_that_open_files_may_die_too(start, file):
    server = start().wait()
    # it is ready as soon as each role has one process
    until(lambda: len(server.workers("file")) == 2 and len(server.workers("view")) == 1)
    for number in (*server.workers("file"), *server.workers("view")):
        kill(number)

    assert server.client.restore(file())
    # a death is counted when its place is about to be filled again, a moment after it
    until(lambda: server.metric("mirnet_workers_died_total", role="file") == 2)
    until(lambda: server.metric("mirnet_workers_died_total", role="view") == 1)
    until(lambda: len(server.workers("file")) == 4 and len(server.workers("view")) == 2)
    assert server.client.is_ready()
    assert server.metric("mirnet_workers_died_total", role="file") == 2  # and no more
    server.kill()


def test_a_client_that_is_gone_takes_its_work_along(shared, file):
    content = file(1500, 2000, ".jpg", seed=21)
    before = len(list(shared.data.iterdir()))
    head = f"Host: localhost:{shared.port}\r\nAuthorization: Bearer {TOKEN}\r\n"
    for sent in (content[: len(content) // 2], content):  # in the middle of its body, or waiting
        with socket.create_connection(("127.0.0.1", shared.port)) as connection:
            length = f"Content-Length: {len(content)}\r\n\r\n"
            connection.sendall(f"POST /v1/restore HTTP/1.1\r\n{head}{length}".encode() + sent)
            running = len(sent) < len(content)
            until(lambda running=running: running or shared.metric("mirnet_running_jobs"))
            time.sleep(0.2)

        until(lambda: len(list(shared.data.iterdir())) <= before)
    assert shared.metric("mirnet_running_jobs") == 0
    assert shared.metric("mirnet_queue_jobs") == 0


def test_a_client_that_goes_while_it_is_sent_the_result_harms_nothing(shared, file):
    job = shared.client.wait(shared.client.submit(file(900, 1200, seed=22), strength=0.0).id)
    head = f"Host: localhost:{shared.port}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", shared.port)) as connection:
        connection.sendall(f"GET /v1/jobs/{job.id}/result HTTP/1.1\r\n{head}".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")

    assert len(shared.client.result(job.id)) > 1_000_000


def test_termination_under_load_loses_nothing(start, file):
    server = start("--drain-seconds", 100).wait()
    answers, refusals, stop = [], [], threading.Event()

    def ask(seed):
        while not stop.is_set():
            try:
                answers.append(server.client.restore(file(120, 160, seed=seed)))
            except Problem as problem:
                refusals.append(problem.code)
                return
            except ConnectionError:
                return  # the server has ended

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: len(answers) > 3)
    job = server.client.submit(file(400, 500))
    waiting = []
    fetcher = threading.Thread(
        target=lambda: waiting.append(server.client.result(server.client.wait(job.id).id))
    )
    fetcher.start()
    until(lambda: server.client.job(job.id).state == "running")

    server.process.send_signal(signal.SIGTERM)

    until(lambda: not server.client.is_ready())
    for thread in threads:
        thread.join(100)
    fetcher.join(100)
    stop.set()
    assert server.process.wait(100) == 0
    assert set(refusals) <= {"draining"}
    assert len(waiting) == 1
    assert [line["jobs"] for line in server.lines("stopping")] == [0]
    assert not [path for path in server.data.iterdir() if path.is_dir()]


def test_a_job_that_does_not_end_in_time_is_told_so(start, file):
    server = start("--drain-seconds", 1).wait()
    job = server.client.submit(file(2000, 3000, ".jpg"))
    until(lambda: server.client.job(job.id).state == "running")
    events = []
    follower = threading.Thread(
        target=lambda: events.extend(server.client.events(job.id)), daemon=True
    )
    follower.start()
    until(lambda: events)
    started = time.monotonic()

    assert server.stop() == 0

    assert time.monotonic() - started < 40
    follower.join(10)
    assert events[-1].job.problem["code"] == "draining"
    assert not [path for path in server.data.iterdir() if path.is_dir()]


def test_workers_are_replaced_in_time(start, file):
    server = start("--recycle-jobs", 3).wait()
    for seed in range(5):
        assert server.client.restore(file(seed=seed))

    until(lambda: len(server.workers()) > 1)
    assert server.client.restore(file())
    assert server.metric("mirnet_workers_recycled_total", role="restore") >= 1
    assert server.metric("mirnet_workers_died_total", role="restore") == 0
    until(lambda: server.workers()[0] not in [each.pid for each in children(server)])
    server.kill()
