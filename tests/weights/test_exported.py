"""Facts in files of other formats are those that the formats' own libraries read."""

import json

import pytest

from mirnet.weights import catalog, exported

FACTS = {"task": "denoise", "parameters": 781392, "note": '<ü> & "more"\n'}
BUNDLED = {path.suffix: path for path in catalog.find("denoise").files()}


@pytest.fixture
def onnx_file(tmp_path):
    """A function that writes an ONNX file with entries in its metadata."""
    onnx = pytest.importorskip("onnx")

    def write(entries):
        model = onnx.load(BUNDLED[".onnx"])
        onnx.helper.set_model_props(model, entries)
        onnx.save(model, tmp_path / "model.onnx")
        return tmp_path / "model.onnx"

    return write


def test_of_onnx_the_entry_is_found_among_others(onnx_file):
    path = onnx_file({"author": "me", "mirnet": json.dumps(FACTS), "z": "mirnet"})

    assert exported.facts(path) == FACTS


@pytest.mark.parametrize(
    "entries", [{}, {"author": "mirnet"}, {"mirnet": "no JSON"}, {"mirnet": "[1]"}, {"mirnet": ""}]
)
def test_onnx_files_without_facts_have_none(onnx_file, entries):
    assert exported.facts(onnx_file(entries)) == {}


def test_the_bundled_onnx_file_tells_its_configuration():
    assert exported.facts(BUNDLED[".onnx"])["configuration"]["width"] == 32


def test_of_openvino_the_entry_is_found(tmp_path):
    pytest.importorskip("openvino")
    from mirnet.runtimes.openvino import openvino

    model = openvino.convert_model(BUNDLED[".onnx"])
    model.set_rt_info(json.dumps(FACTS), ["mirnet"])
    openvino.save_model(model, tmp_path / "model.xml")

    assert exported.facts(tmp_path / "model.xml") == FACTS


@pytest.mark.parametrize(
    "text",
    [
        "<net><layers/></net>",
        "<net><rt_info/></net>",
        "<net><rt_info><mirnet/></rt_info></net>",
        "<net><rt_info><mirnet value='1'/></rt_info></net>",
        "<net><rt_info><mirnet value='{}'/></rt_info>",
        "",
        "no XML",
    ],
)
def test_openvino_files_without_facts_have_none(tmp_path, text):
    (tmp_path / "model.xml").write_text(text)

    assert exported.facts(tmp_path / "model.xml") == {}


def test_of_mnn_the_text_is_that_which_mnn_reads():
    MNN = pytest.importorskip("MNN")  # noqa: N806 - its own name
    module = MNN.nn.load_module_from_file(str(BUNDLED[".mnn"]), ["noisy"], ["restored"])

    with BUNDLED[".mnn"].open("rb") as file:
        text = exported.READERS[".mnn"](file)

    assert text.decode() == module.get_info()["bizCode"]
    assert exported.facts(BUNDLED[".mnn"])["parameters"] == 781392


@pytest.mark.parametrize("suffix", exported.READERS)
@pytest.mark.parametrize(
    "content",
    [b"", b"\x00", b"\x00" * 100, b"\xff" * 100, b"nothing of the kind, but long enough to read"],
)
def test_what_is_no_such_file_has_none(tmp_path, suffix, content):
    path = tmp_path / f"model{suffix}"
    path.write_bytes(content)

    assert exported.facts(path) == {}


@pytest.mark.parametrize("suffix", [".onnx", ".mnn"])
def test_a_file_that_is_cut_short_anywhere_has_none_or_its_own(tmp_path, suffix):
    whole = BUNDLED[suffix].read_bytes()
    path = tmp_path / f"model{suffix}"
    for length in (*range(60), len(whole) // 2, len(whole) - 100, len(whole) - 1):
        path.write_bytes(whole[:length])

        assert exported.facts(path) in ({}, exported.facts(BUNDLED[suffix]))


def test_a_text_that_claims_to_be_endless_is_not_believed(tmp_path):
    """A field of 2^60 bytes would be more than there is memory."""
    entry = b"\x0a\x06mirnet\x12" + b"\xff" * 8 + b"\x0f"
    (tmp_path / "model.onnx").write_bytes(b"\x72" + bytes([len(entry)]) + entry)

    assert exported.facts(tmp_path / "model.onnx") == {}
