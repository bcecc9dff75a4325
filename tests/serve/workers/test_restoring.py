"""The process that restores, in this one: how pictures and parts of them share it."""

import threading
import time

import numpy as np
import pytest

from mirnet import runtimes
from mirnet.restoration.runtime import Facts
from mirnet.serve.workers import arrays
from mirnet.serve.workers.restoring import Restoring
from mirnet.serve.workers.turnstile import Visitor


class Echo:
    """A runtime that takes a moment, and notes which thread asked."""

    name, facts = "echo", Facts()

    def __init__(self):
        self.asked = []

    def __call__(self, batch):
        self.asked.append(threading.current_thread().name)
        time.sleep(0.005)
        return batch

    def close(self):
        pass


@pytest.fixture
def echo(monkeypatch):
    runtime = Echo()
    monkeypatch.setattr(runtimes, "open", lambda *_, **__: runtime)
    return runtime


def test_a_part_has_three_of_four_turns_beside_its_picture(echo, picture, tmp_path):
    engine = {"model": "denoise", "runtime": "mnn", "device": "cpu", "precision": "auto"}
    role = Restoring({**engine, "threads": 1, "cores": None, "tile": 64, "overlap": 16})
    arrays.create(tmp_path / arrays.ORIGINAL, (700, 700, 3), np.uint8)[...] = picture(700, 700)
    message = {"folder": str(tmp_path), "model": "denoise", "self_ensemble": 1, "layers": True}
    begun = threading.Event()

    def restore():
        role.tasks()["restore"]({**message, "task": 1}, lambda _: begun.set(), Visitor())

    def look():
        task = {**message, "task": 2, "of": 1, "area": [300, 300, 200, 200]}
        role.tasks()["region"](task, lambda _: None, Visitor())

    threads = [threading.Thread(target=work, name=work.__name__) for work in (restore, look)]
    threads[0].start()
    assert begun.wait(30)
    threads[1].start()
    for thread in threads:
        thread.join(60)

    places = [number for number, name in enumerate(echo.asked) if name == "look"]
    assert len(places) >= 16
    meanwhile = echo.asked[places[0] : places[-1] + 1]
    assert meanwhile.count("restore") <= len(meanwhile) / 4 + 1
