"""Jobs on a real Ray cluster of several nodes on this machine, some of which are killed."""

import os
import signal
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest

from mirnet.cluster import engine, job, manifest, run
from mirnet.cluster.child import Brief
from mirnet.cluster.engine import Demand
from mirnet.cluster.places import open_place
from mirnet.cluster.plan import Slice
from mirnet.cluster.verify import Verification, verify
from mirnet.errors import DataError, InferenceError

pytest.importorskip("ray", reason='needs Ray: pip install "mirnet[cluster]"')
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own


@pytest.fixture(scope="module")
def cluster():
    """Two nodes of one CPU each, and a head without any; this process is connected."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    from ray.cluster_utils import Cluster

    running = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(2):
        running.add_node(num_cpus=1)
    ray.init(address=running.address, log_to_driver=False, logging_level="ERROR")
    yield running
    ray.shutdown()
    running.shutdown()


@pytest.fixture(scope="module")
def many(tmp_path_factory, save):
    """A folder with a hundred and fifty pictures, and the bytes of their results."""
    from mirnet import api
    from mirnet.restoration import folder

    top = tmp_path_factory.mktemp("many")
    first = save(top / "in" / "0.png", 8, 8)
    for number in range(1, 150):
        (top / "in" / f"{number}.png").write_bytes(first.read_bytes())
    with api.load("denoise-print", strength=0.0, runtime="mnn", threads=1) as restorer:
        (route,) = folder.plan([first], top / "alone")
        list(folder.run([route], restorer))
    return top / "in", (top / "alone" / "0.png").read_bytes()


@contextmanager
def starting(source, target, settings):
    begin, end = open_place(str(source)), open_place(str(target))
    entered = job.enter(end, begin, settings)
    brief = Brief(begin.url, end.url, settings, threads=1)
    with run.start(begin, end, entered, run.Selection()) as started:
        yield started, brief


def finish(source, target, settings, cut=lambda count: None):
    """Do the job, and call `cut` with the pictures that are done after each slice."""
    done = 0
    with starting(source, target, settings) as (started, brief):
        for summary in engine.run(started, brief, Demand(seconds=120.0)):
            done += summary.done
            assert not summary.failed
            cut(done)
    return done


def check(target, content, count=150):
    """All results are there once, whole, and as the manifest says."""
    place = open_place(str(target))
    found = Verification()
    assert list(verify(place, job.existing(place), verification=found)) == []
    assert found.checked == count
    assert {place.read(entry.name) for entry in place.list()} == {content}


def actors():
    """The processes of workers of this cluster, whose nodes are children of this process."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if (process.cmdline() or [""])[0].startswith("ray::Actor"):
                found.append(process)
    return found


def once(action, after=20):
    """A function that calls another once, when so many pictures are done."""
    waiting = [action]

    def cut(done):
        if waiting and done >= after:
            waiting.pop()()

    return cut


def test_a_job_gives_what_restore_gives_and_its_second_run_does_nothing(
    cluster, many, tmp_path, settings
):
    source, content = many

    assert finish(source, tmp_path / "out", settings) == 150
    check(tmp_path / "out", content)
    assert finish(source, tmp_path / "out", settings) == 0


def test_killed_workers_cost_nothing_but_time(cluster, many, tmp_path, settings):
    source, content = many
    ours = {process.pid for process in actors()}

    def kill_a_child_and_a_worker():
        alive = [process for process in actors() if process.pid not in ours]
        for child in alive[0].children():
            child.send_signal(signal.SIGKILL)
        alive[-1].send_signal(signal.SIGKILL)

    assert finish(source, tmp_path / "out", settings, once(kill_a_child_and_a_worker)) == 150
    check(tmp_path / "out", content)


def test_a_killed_node_costs_nothing_but_time(cluster, many, tmp_path, settings):
    source, content = many
    extra = cluster.add_node(num_cpus=1)

    def kill_it():
        with suppress(Exception):  # it dies, whatever its end is called
            cluster.remove_node(extra, allow_graceful=False)

    assert finish(source, tmp_path / "out", settings, once(kill_it)) == 150
    check(tmp_path / "out", content)


def test_what_no_worker_can_do_ends_the_job_in_one_line(cluster, many, tmp_path, settings):
    source, _ = many
    wrong = replace(settings, sha256="0" * 64)

    with pytest.raises(InferenceError, match="other weights than where the job began") as error:
        finish(source, tmp_path / "out", wrong)
    assert "\n" not in str(error.value)


def test_workers_that_do_not_see_the_job_end_it(cluster, many, tmp_path, settings):
    source, _ = many
    with starting(source, tmp_path / "out", settings) as (started, brief):
        (tmp_path / "out" / ".mirnet" / "job.json").unlink()
        with pytest.raises(DataError, match="does not see the job"):
            list(engine.run(started, brief, Demand()))


def test_a_picture_that_kills_its_workers_is_given_up(many, tmp_path, settings):
    """The pictures of a slice on which two workers died run alone, two deaths each."""
    source, _ = many
    with starting(source, tmp_path / "out", settings) as (started, _):
        part = next(part for part in started.slices() if len(part.tasks) > 1)
        returned = deque()
        engine._take_back(started, part, returned)
        assert [(each.deaths, each.tasks) for each in returned] == [(1, part.tasks)]

        engine._take_back(started, returned.popleft(), returned)
        assert [each.tasks for each in returned] == [(task,) for task in part.tasks]

        alone = returned.popleft()
        engine._take_back(started, alone, returned)
        summary = engine._take_back(started, returned.pop(), returned)
        assert summary.failed == {"crashed": 1}
        row = manifest.read(started.target, part.bucket)[alone.tasks[0].path]
        assert (row.status, row.reason) == ("failed", "crashed")


def test_what_a_worker_did_before_it_died_counts(many, tmp_path, settings):
    source, _ = many
    with starting(source, tmp_path / "out", settings) as (started, brief):
        part = next(part for part in started.slices() if len(part.tasks) > 1)
        with run.Worker(brief, 60.0) as worker:
            worker.work(Slice(part.bucket, part.tasks[:1]))
        returned = deque()
        summary = engine._take_back(started, part, returned)

        assert summary.done == 1
        assert returned[0].tasks == part.tasks[1:]


def test_room_is_counted_node_by_node():
    """A worker does not span nodes, and dead ones hold none."""
    node = {"Alive": True, "Resources": {"CPU": 3.0, "GPU": 1.0}}
    ray = SimpleNamespace(nodes=lambda: [node, node, {"Alive": False, "Resources": {"CPU": 9.0}}])

    assert engine._room(ray, Demand(cpus=1.0)) == 6
    assert engine._room(ray, Demand(cpus=2.0)) == 2
    assert engine._room(ray, Demand(cpus=1.0, workers=4)) == 4
    assert engine._room(ray, Demand(cpus=0.5, gpus=0.5)) == 4
    assert engine._room(ray, Demand(cpus=4.0)) == 0
    assert engine._room(ray, Demand(cpus=0.0, gpus=1.0)) == 2
