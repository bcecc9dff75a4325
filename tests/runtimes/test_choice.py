"""The fastest way to run a model is measured once, by a real process, and remembered."""

import json
import shutil

import pytest

from mirnet import runtimes
from mirnet.models import catalog
from mirnet.runtimes import choice, remembered
from mirnet.runtimes.choice import Way
from mirnet.system import subprocesses

BUNDLED = {path.suffix: path for path in catalog.find("denoise-print").files()}
MNN = Way("mnn", "f32", str(BUNDLED[".mnn"]))
ONNX = Way("onnx", "f32", str(BUNDLED[".onnx"]))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Where it is remembered."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(remembered.platformdirs, "user_cache_path", lambda *_, **__: tmp_path)
    return tmp_path / "runtimes.json"


@pytest.fixture
def no_process(monkeypatch):
    """Nothing can be measured from here on."""

    def refuse(*_, **__):
        raise AssertionError("a process was started")

    return lambda: monkeypatch.setattr(subprocesses, "start", refuse)


def test_a_single_way_is_not_timed(cache, no_process):
    no_process()

    assert choice.fastest([MNN], 1) == MNN
    assert not cache.exists()


def test_what_was_measured_once_is_remembered(cache, no_process):
    pytest.importorskip("onnxruntime")
    found = choice.fastest([MNN, ONNX], 1)

    assert found in (MNN, ONNX)
    assert list(json.loads(cache.read_text()).values()) == [str(found)]
    no_process()
    assert choice.fastest([MNN, ONNX], 1) == found


def test_another_model_and_other_threads_are_measured_anew(cache, tmp_path):
    pytest.importorskip("onnxruntime")
    other = tmp_path / "other.onnx"
    shutil.copy(catalog.find("denoise").files()[1], other)

    choice.fastest([MNN, ONNX], 1)
    choice.fastest([MNN, ONNX], 2)
    choice.fastest([MNN, Way("onnx", "f32", str(other))], 1)

    assert len(json.loads(cache.read_text())) == 3


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff"])
def test_a_damaged_memory_is_made_anew(cache, content):
    pytest.importorskip("onnxruntime")
    cache.write_bytes(content)

    assert choice.fastest([ONNX, MNN], 1) in (MNN, ONNX)
    assert len(json.loads(cache.read_text())) == 1


def test_where_nothing_can_be_remembered_it_is_still_chosen(cache):
    pytest.importorskip("onnxruntime")
    cache.mkdir()  # a folder stands where the file would

    assert choice.fastest([ONNX, MNN], 1) in (MNN, ONNX)


def test_a_way_that_fails_is_not_chosen(cache, tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")

    assert choice.fastest([Way("onnx", "f32", str(broken)), MNN], 1) == MNN


def test_a_process_that_dies_leaves_the_first(cache, monkeypatch):
    monkeypatch.setattr(choice, "START", "import os; os.abort()")

    assert choice.fastest([ONNX, MNN], 1) == ONNX
    assert not cache.exists()


def test_opening_chooses_among_what_is_installed_and_says_what_it_took(cache):
    pytest.importorskip("openvino")
    with_any = runtimes.open("denoise-print", device="cpu", threads=1, precision="auto")
    exact = runtimes.open("denoise-print", device="cpu", threads=1)

    assert with_any.facts.precision in ("bf16", "f32")
    assert exact.facts.precision == "f32"
    with_any.close()
    exact.close()
