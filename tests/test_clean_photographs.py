"""The list of clean photographs, and what the example does with a package, without a network."""

import csv
import hashlib
import importlib.util
import io
import struct
import sys
import tarfile
import zlib
from collections import Counter
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import pyvips

EXAMPLE = Path(__file__).parents[1] / "examples" / "clean_photographs.py"
FREE = {
    "CC0-1.0",
    "public-domain",
    "CC-BY-2.0",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC-BY-SA-3.0",
    "CC-BY-SA-4.0",
    "GPL-2.0-or-later",
    "GPL-2.0-or-later AND CC0-1.0",
}


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("clean_photographs", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def original(picture):
    return pyvips.Image.new_from_array(picture(600, 800)).pngsave_buffer()


@pytest.fixture
def photograph(example, original):
    return example.Photograph(
        file="train/sample.jpg",
        category="text",
        source="npm",
        package="sample",
        version="1.0",
        member="package/sample.png",
        author="nobody",
        licence="CC0-1.0",
        sha256=hashlib.sha256(original).hexdigest(),
    )


@pytest.fixture
def registry(example, original, monkeypatch):
    """A registry that has one package; what was asked of it."""
    asked = []

    def download(source, package, version, folder):
        asked.append(package)
        path = folder / "sample.tgz"
        with tarfile.open(path, "w:gz") as archive:
            entry = tarfile.TarInfo("package/sample.png")
            entry.size = len(original)
            archive.addfile(entry, io.BytesIO(original))
        return path

    monkeypatch.setattr(example, "download", download)
    return asked


def resource_file(name, content, compressed):
    """An .rcc with one file in the root, as Qt lays it out (version 1)."""
    held = struct.pack(">I", len(content)) + zlib.compress(content) if compressed else content
    root = struct.pack(">IHII", 0, 2, 1, 1)
    file = struct.pack(">IHHHI", 0, int(compressed), 0, 0, 0)
    names = struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
    blob = struct.pack(">I", len(held)) + held
    tree_at = 20
    blob_at = tree_at + len(root + file)
    header = b"qres" + struct.pack(">4I", 1, tree_at, blob_at, blob_at + len(blob))
    return header + root + file + blob + names


def test_the_list_is_complete(example):
    listed = example.listed()

    assert len(listed) >= 60
    for photograph in listed:
        assert all(getattr(photograph, field.name).strip() for field in fields(photograph))
        assert photograph.file.startswith(("train/", "held_out/"))
        assert photograph.file.endswith(".jpg")
        assert photograph.file.count("/") == 1
        assert photograph.source in {"debian", "npm", "pypi"}
        assert len(bytes.fromhex(photograph.sha256)) == 32


def test_every_listed_licence_is_free(example):
    assert {photograph.licence for photograph in example.listed()} <= FREE


def test_no_photograph_is_listed_twice_or_in_both_halves(example):
    for name in ("file", "sha256"):
        values = Counter(getattr(photograph, name) for photograph in example.listed())
        assert [value for value, times in values.items() if times > 1] == []


def test_what_is_held_out_is_varied(example):
    held = {each.category for each in example.listed() if each.file.startswith("held_out/")}

    assert held >= {"interiors", "people", "fabrics", "text", "night"}


def test_photographs_are_halved_and_told_of(example, photograph, registry, tmp_path):
    example.write(tmp_path, [photograph])
    example.write_manifest(tmp_path, [photograph])

    image = pyvips.Image.new_from_file(str(tmp_path / photograph.file))
    with (tmp_path / "manifest.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)

    assert (image.width, image.height, image.bands) == (400, 300, 3)
    assert row == {name: getattr(photograph, name) for name in example.MANIFEST}


def test_what_is_there_is_kept(example, photograph, registry, tmp_path):
    example.write(tmp_path, [photograph])
    example.write(tmp_path, [photograph])

    assert registry == ["sample"]


def test_another_file_than_the_listed_one_is_refused(
    example, photograph, registry, tmp_path, monkeypatch
):
    monkeypatch.setitem(vars(photograph), "sha256", "0" * 64)

    with pytest.raises(example.CannotTakeError, match="is not the listed one"):
        example.write(tmp_path, [photograph])

    assert not (tmp_path / photograph.file).exists()


def test_small_pictures_are_refused(example, picture):
    small = pyvips.Image.new_from_array(picture(500, 800)).pngsave_buffer()

    with pytest.raises(example.CannotTakeError, match="400 × 250 is too small"):
        example.shrunk(small)


def test_large_pictures_are_shrunk_further(example):
    large = pyvips.Image.new_from_array(np.zeros((2000, 4000, 3), np.uint8)).pngsave_buffer()

    assert example.shrunk(large).width == example.LONGEST


@pytest.mark.parametrize("compressed", [False, True])
def test_resource_files_of_qt_are_read(example, compressed):
    data = resource_file("übung.webp", b"content", compressed)

    assert list(example.resources(data)) == [("/übung.webp", b"content")]


def test_other_files_are_no_resource_files(example):
    with pytest.raises(example.CannotTakeError, match="begins with qres"):
        list(example.resources(b"RIFF" * 8))


def test_a_missing_client_is_named(example, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(example.CannotTakeError, match="npm is not installed"):
        example.download("npm", "sample", "1.0", tmp_path)
