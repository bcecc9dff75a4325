"""Addresses of shared models: what they mean, and that none leads out of its repository."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirnet import export
from mirnet.errors import WeightsError
from mirnet.models import address, catalog
from mirnet.models.address import Address
from mirnet.runtimes import KINDS


@pytest.mark.parametrize(
    "parts",
    [
        Address("owner/name"),
        Address("Owner-1/na.me_2", "v1.0"),
        Address("owner/name", None, "models/denoise.onnx"),
        Address("owner/name", "refs/pr/12", "denoise.SafeTensors"),
    ],
    ids=str,
)
def test_an_address_is_read_as_it_is_written(parts):
    assert address.parse(str(parts)) == parts


@pytest.mark.parametrize(
    "text",
    [
        *("hf://", "hf://name", "hf:///name", "hf://owner/", "hf://owner/name/", "owner/name"),
        *("hf://../name", "hf://owner/..", "hf://owner/a..b", "hf://owner/a--b", "hf://owner/.a"),
        *("hf://owner/name.git", "hf://owner/na me", "hf://owner/n\nm", f"hf://o/{'n' * 96}"),
        *("hf://datasets/owner/name", "hf://spaces/owner"),
        *("hf://owner/name@", "hf://owner/name@..", "hf://owner/name@a..b", "hf://owner/name@-f"),
        *("hf://owner/name/../x.onnx", "hf://owner/name//x.onnx", "hf://owner/name/./x.onnx"),
        *("hf://owner/name/a\\..\\x.onnx", "hf://owner/name/C:x.onnx", "hf://owner/name/\x1b.onnx"),
        *("hf://owner/name/run.py", "hf://owner/name/model.bin", "hf://owner/name/README.md"),
    ],
)
def test_any_other_is_refused_in_one_line(text):
    with pytest.raises(WeightsError) as caught:
        catalog.file(text if address.is_address(text) else f"hf://{text}/../..")

    assert str(caught.value).isprintable()


@given(st.text(st.sampled_from("ab./\\:@-~ %\x00é"), max_size=30))
def test_no_file_leads_out_of_its_repository(tmp_path_factory, text):
    try:
        parts = address.parse(f"hf://owner/name/{text}.onnx")
    except WeightsError:
        return
    folder = tmp_path_factory.getbasetemp()
    assert (folder / parts.file).resolve().is_relative_to(folder.resolve())
    assert ".." not in parts.file.split("/")


def test_suffixes_are_those_that_runtimes_open():
    assert set(address.SUFFIXES) == {s for kind in KINDS.values() for s in kind.suffixes}


def test_second_files_are_those_that_export_writes(tmp_path):
    for name in ("m.xml", "m.pdiparams", "m.onnx"):
        second = address.beside(name)
        assert [file.name for file in export.files(tmp_path / name)] == (
            [second, name] if second else [name]
        )
