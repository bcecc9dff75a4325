"""Damaged files and files that want to run code."""

import copy
import os
import pickle
import re
import struct
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mirnet.errors import WeightsError
from mirnet.models import pdparams
from mirnet.models.checkpoint import read, write
from mirnet.models.mirnetv2.network import Configuration

SUFFIXES = [".safetensors", ".pth", ".pdparams"]
PLACES = st.integers(0, 3000) | st.integers(-8000, -1)
"""Near the start and the end of a file, where the formats keep what they are."""


@pytest.fixture
def bomb(tmp_path):
    """An object that makes a folder when it is unpickled without care, and that folder."""
    folder = tmp_path / "executed"

    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(folder),)

    return Bomb(), folder


def test_the_bomb_works(bomb):
    """The twin of the tests below: without care the code does run."""
    pickle.loads(pickle.dumps(bomb[0]))

    assert bomb[1].is_dir()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("suffix", [".pdparams", ".pth", ".safetensors"])
def test_pickle_that_runs_code_is_refused(bomb, protocol, suffix, tmp_path):
    path = tmp_path / f"m{suffix}"
    path.write_bytes(pickle.dumps({"state_dict": {"conv_in.weight": bomb[0]}}, protocol))

    with pytest.raises(WeightsError, match=r"refused, nothing was run: .* `(posix|nt)\.mkdir`"):
        read(path)

    assert not bomb[1].exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_torch_file_that_runs_code_is_refused(bomb, zipped, tmp_path):
    path = tmp_path / "m.pth"
    content = {"params": {"conv_in.weight": bomb[0]}, "x": torch.zeros(1)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)

    with pytest.raises(WeightsError, match=r"refused, nothing was run: .* `(posix|nt)\.mkdir`"):
        read(path)

    assert not bomb[1].exists()


def test_text_pickle_is_not_even_looked_at(bomb, tmp_path):
    path = tmp_path / "m.pdparams"
    path.write_bytes(pickle.dumps(bomb[0], protocol=0))

    with pytest.raises(WeightsError, match="is not a weights file; it starts with"):
        read(path)

    assert not bomb[1].exists()


@pytest.mark.parametrize(
    "name",
    [
        "builtins.eval",
        "builtins.getattr",
        "os.system",
        "numpy.load",
        "numpy.core.multiarray.fromfile",
        "mirnet.models.pdparams.load",
        "collections.namedtuple",
        "copyreg._reconstructor",
    ],
)
def test_names_outside_the_short_list_are_refused(name, tmp_path):
    module, attribute = name.rsplit(".", 1)
    path = tmp_path / "m.pdparams"
    path.write_bytes(b"\x80\x02c" + f"{module}\n{attribute}\n.".encode())

    with pytest.raises(WeightsError, match=f"asks for `{name}`"):
        read(path)


def test_a_pickle_cannot_ask_for_gigabytes(tmp_path):
    """`r` and four bytes ask to remember a value under a number, here the 4,294,967,295th."""
    path = tmp_path / "m.pdparams"
    path.write_bytes(b"\x80\x02}r\xff\xff\xff\xff.")

    with pytest.raises(WeightsError, match="not MIRNetV2 weights: no tensor"):
        read(path)


def test_dotted_names_do_not_reach_through_the_short_list(tmp_path):
    """Protocol 4 lets `numpy` and `ndarray.fromfile` name an attribute of what is allowed."""
    path = tmp_path / "m.pdparams"
    path.write_bytes(b"\x80\x04\x8c\x05numpy\x8c\x10ndarray.__init__\x93.")

    with pytest.raises(WeightsError, match=r"asks for `numpy\.ndarray\.__init__`"):
        read(path)


def test_numpy_never_sees_a_crafted_type(tmp_path):
    """A type may be changed after an array was made of it, to one that holds addresses."""
    array = np.zeros(1, np.dtype("V8"))
    (tmp_path / "m").write_bytes(pickle.dumps([array, array.dtype], 2))

    with (tmp_path / "m").open("rb") as file:
        first, second = pdparams.load(file)

    assert isinstance(first, pdparams.StoredArray)
    assert isinstance(second, pdparams.StoredType)
    with pytest.raises(WeightsError, match="has type V8"):
        first.array()


def test_objects_in_an_array_are_not_made_numbers(weights, save_as_paddle):
    objects = {name: np.array([{}, []], dtype=object) for name in weights.tensors}

    with pytest.raises(WeightsError, match=r"tensor `.*` has type O8, where float32"):
        read(save_as_paddle(objects, 2))


@pytest.mark.parametrize(
    "fields",
    [
        {"data": "text"},
        {"data": b"123"},
        {"shape": (10**12,)},
        {"shape": None},
        {"shape": "ab"},
    ],
)
def test_arrays_that_contradict_themselves_are_damaged(weights, fields, save_as_paddle):
    stored = StoredFields(np.ones((8, 3, 3, 3), np.float32), fields)
    arrays = {name: tensor.numpy() for name, tensor in weights.tensors.items()}

    with pytest.raises(WeightsError, match=r"tensor `head\.weight` (is damaged|is .*, where)"):
        read(save_as_paddle(arrays | {"head.weight": stored}, 4))


class StoredFields:
    """Pickles as an array of which some fields have been altered."""

    def __init__(self, array, fields):
        make, arguments, (version, shape, kind, is_fortran, data) = array.__reduce__()
        fields = {"shape": shape, "kind": kind, "is_fortran": is_fortran, "data": data} | fields
        self.reduced = make, arguments, (version, *fields.values())

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kept", [0, 1, 7, 9, 40, 0.3, 0.9, -1])
def test_truncated_files_are_refused(weights, suffix, kept, tmp_path):
    path = tmp_path / f"m{suffix}"
    write(weights, path)
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])

    with pytest.raises(
        WeightsError, match=r"is empty|is truncated|is not a weights file"
    ) as caught:
        read(path)

    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_whatever_is_damaged_reading_says_so_or_succeeds(weights, suffix, tmp_path):
    path = tmp_path / f"m{suffix}"
    write(weights, path)
    intact = path.read_bytes()

    @settings(max_examples=40, deadline=None)  # a shared machine keeps no deadlines
    @given(st.lists(st.tuples(PLACES, st.integers(0, 255)), min_size=1, max_size=6))
    def read_altered(changes):
        altered = bytearray(intact)
        for place, value in changes:
            altered[place % len(altered)] = value
        path.write_bytes(altered)
        try:
            read(path)
        except WeightsError as error:
            assert str(error).startswith(f"{path}: ")

    read_altered()


def test_missing_file(tmp_path):
    with pytest.raises(WeightsError, match=r"cannot be read \(No such file or directory\): check"):
        read(tmp_path / "m.pth")


def test_folder(tmp_path):
    with pytest.raises(WeightsError, match=r"is a folder: expected \.safetensors, \.pth"):
        read(tmp_path)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n", b"<html>", b"\0" * 100])
def test_files_of_another_kind(content, tmp_path):
    path = tmp_path / "m.pth"
    path.write_bytes(content)

    with pytest.raises(WeightsError, match=r"is not a weights file; it starts with b.*: expected"):
        read(path)


def test_safetensors_header_longer_than_the_file(tmp_path):
    path = tmp_path / "m.safetensors"
    path.write_bytes(struct.pack("<Q", 10_000) + b'{"a":')

    with pytest.raises(WeightsError, match="is truncated or damaged"):
        read(path)


def test_flipped_tensor_in_a_torch_file(weights, tmp_path):
    path = tmp_path / "m.pth"
    write(weights, path)
    with zipfile.ZipFile(path) as archive:
        member = next(each for each in archive.infolist() if "/data/" in each.filename)
        content = archive.read(member)
    data = bytearray(path.read_bytes())
    data[data.index(content) + len(content) // 2] ^= 1
    path.write_bytes(data)

    with pytest.raises(WeightsError, match="Bad CRC-32"):
        read(path)


def test_torch_file_without_checksums(weights, tmp_path):
    path = tmp_path / "m.pth"
    torch.serialization.set_crc32_options(False)
    try:
        write(weights, path)
    finally:
        torch.serialization.set_crc32_options(True)

    assert read(path).configuration == weights.configuration


def test_zip_that_is_not_from_torch(tmp_path):
    path = tmp_path / "m.pth"
    path.write_bytes(b"PK\x03\x04" + b"\0" * 100)

    with pytest.raises(WeightsError, match="is truncated or damaged"):
        read(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX")
def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe.ckpt")

    with pytest.raises(WeightsError, match=r"pipe\.ckpt: is a pipe or a device"):
        read(tmp_path / "pipe.ckpt")


MEMORY = """
import sys, torch
from resource import RUSAGE_SELF, getrusage
from mirnet.errors import WeightsError
from mirnet.models.checkpoint import read

before = getrusage(RUSAGE_SELF).ru_maxrss
try:
    read(sys.argv[1])
except WeightsError as error:
    print(error)
print((getrusage(RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
MOST_MB = 150


@pytest.fixture
def refusal_and_megabytes(python):
    """A function that tells how a file is refused, and by how much memory grows on it."""

    def measure(path):
        pytest.importorskip("resource")
        done = python(MEMORY, path)
        assert done.returncode == 0, done.stderr
        refusal, grown = done.stdout.splitlines()
        assert refusal.startswith(f"{path}: ")
        return refusal, int(grown)

    return measure


CALL = b"\x80\x02cbuiltins\n%b\n%b\x85R."
NUMBER = b"J" + struct.pack("<i", 200_000_000)
COPIES = (
    b"\x80\x02cbuiltins\nlist\nq\x00]("
    + 100_000 * b"K\x00"
    + b"eq\x010"
    + 2000 * b"h\x00h\x01\x85R"
    + b"."
)
TEXTS = (
    b"\x80\x02c_codecs\nencode\nq\x00X"
    + struct.pack("<I", 10**7)
    + 10**7 * b"a"
    + b"q\x010"
    + 300 * b"h\x00h\x01X\x06\x00\x00\x00latin1\x86R"
    + b"."
)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (CALL % (b"list", b"cbuiltins\nbytes\n" + NUMBER + b"\x85R"), "a container of a number"),
        (CALL % (b"bytes", NUMBER), "a container of a number"),
        (CALL % (b"bytearray", NUMBER), "asks for `builtins.bytearray`"),
        (CALL % (b"list", b"cbuiltins\nrange\n" + NUMBER + b"\x85R"), "for `builtins.range`"),
        (CALL % (b"list", b"B" + struct.pack("<I", 9) + 9 * b"x"), "of a number or of text"),
        (COPIES, "more containers that copy each other than weights need"),
        (TEXTS.replace(b"latin1", b"utf-32"), "text encoded as 'utf-32'"),
        (TEXTS, "more text than weights need"),
        (b"\x80\x02" + 5_000_000 * b"}" + b".", "more operations than weights need"),
    ],
    ids=["list", "bytes", "bytearray", "range", "text", "copies", "utf-32", "texts", "dicts"],
)
def test_a_small_pickle_cannot_fill_memory(refusal_and_megabytes, tmp_path, content, said):
    path = tmp_path / "m.pdparams"
    path.write_bytes(content)

    refusal, grown = refusal_and_megabytes(path)

    assert re.search(said, refusal)
    assert grown < MOST_MB


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (CALL % (b"bytearray", NUMBER), "a container of a number"),
        (COPIES.replace(b"list", b"set"), "more containers that copy each other"),
        (
            COPIES.replace(b"cbuiltins\nlist", b"ctorch\nFloatTensor"),
            "more containers that copy each other",
        ),
    ],
    ids=["bytearray", "sets", "tensors"],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_nor_can_one_in_a_torch_file(refusal_and_megabytes, tmp_path, content, said, zipped):
    path, whole = tmp_path / "m.pth", tmp_path / "whole.pth"
    torch.save({}, whole, _use_new_zipfile_serialization=zipped)
    if zipped:
        with zipfile.ZipFile(whole) as source, zipfile.ZipFile(path, "w") as target:
            for name in source.namelist():
                is_pickle = name.endswith("data.pkl")
                target.writestr(name, content if is_pickle else source.read(name))
    else:
        data = whole.read_bytes()
        path.write_bytes(data[: data.rindex(b"\x80\x02}")] + content)

    refusal, grown = refusal_and_megabytes(path)

    assert said in refusal
    assert grown < MOST_MB


def test_a_zip_bomb_is_not_unpacked(refusal_and_megabytes, tmp_path):
    path = tmp_path / "m.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("m/data.pkl", b"\x80\x02" + 600_000_000 * b"0")
    assert path.stat().st_size < 10_000_000

    refusal, grown = refusal_and_megabytes(path)

    assert "refused: it is compressed, which PyTorch's files are not" in refusal
    assert grown < MOST_MB


def test_members_that_lie_over_each_other_are_refused(tmp_path):
    path = tmp_path / "m.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/data.pkl", 5000 * b"0")
        (member,) = archive.infolist()
        for number in range(3):
            twin = copy.copy(member)
            twin.filename = f"m/data/{number}"
            archive.filelist.append(twin)

    with pytest.raises(WeightsError, match="more content than the file is long"):
        read(path)


def test_tensors_larger_than_their_file_are_not_copied(refusal_and_megabytes, tmp_path):
    """A view may repeat one number as often as it likes."""
    path = tmp_path / "m.pth"
    with torch.device("meta"):
        network = Configuration(width=1600, groups=(1,), blocks_per_group=1).network()
    number = torch.zeros(1)
    torch.save({name: number.expand(t.shape) for name, t in network.state_dict().items()}, path)
    assert path.stat().st_size < 100_000

    refusal, grown = refusal_and_megabytes(path)

    assert "its tensors take more than 1024 MiB" in refusal
    assert grown < MOST_MB
