"""The unverified content of a weights file of any format.

The first bytes determine how a file is read. No file can run code, nor unpack to many times its
size.
"""

import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import onnx
import safetensors
import torch
from onnx import numpy_helper

from mirnet.errors import WeightsError
from mirnet.models import pdparams
from mirnet.models.facts import KEY
from mirnet.models.mirnetv2 import upstream
from mirnet.models.mirnetv2.network import Configuration

VERSION = 1
"""Metadata key of the JSON stored with the tensors."""

TRAINING_FORMAT = "mirnet-training-1"
"""Marker that `training.checkpoint` writes into its files."""

CONTAINERS = ("params_ema", "params", "state_dict")
"""Keys under which other software stores the tensors, in order of preference."""

LEGACY_PICKLES = 5
"""Pickles at the start of a file from before PyTorch 1.6; its tensors follow."""

CHUNK = 1 << 20
"""Bytes read at a time while checksums are compared."""

EXPECTED = "expected .safetensors, .pth, .pt, .ckpt, .pdparams or .onnx"

HALF = ".half"
"""What the names of tensors end with in ONNX files whose weights are stored in half precision."""


@dataclass(frozen=True)
class Content:
    """Content of a weights file, not yet verified."""

    tensors: Mapping[str, Any]
    facts: dict[str, Any] = field(default_factory=dict)
    configuration: object = None
    """The fields of a `Configuration`, or None if the file does not state them."""


def load(path: Path) -> Content:
    """Load the content of a file in any of the known formats.

    Raises:
        WeightsError: if the format is unknown, or the file is empty, damaged, hostile or of a
            version to come.
        OSError: if it cannot be opened.
    """
    if path.is_dir():
        raise WeightsError(f"is a folder: {EXPECTED}")
    with path.open("rb") as file:
        start = file.read(32)
    if not start:
        raise WeightsError(f"is empty: {EXPECTED}; fetch it again")
    # a safetensors file starts with the length of its header, whose maximum this is
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= 100_000_000:
        return _undamaged(lambda: _read_safetensors(path))
    if start.startswith(b"PK\x03\x04"):
        return _undamaged(lambda: _from_pickled(_read_zip(path)))
    if b"l\xfc\x9cF\xf9 j\xa8P\x19" in start:  # the magic number of torch before 1.6
        return _undamaged(lambda: _from_pickled(_read_legacy(path)))
    if start.startswith(b"\x80"):
        return _undamaged(lambda: _from_pickled(_read_pdparams(path)))
    if start.startswith(b"\x08"):  # the version of the format, which comes first in ONNX files
        return _undamaged(lambda: _read_onnx(path))
    raise WeightsError(f"is not a weights file; it starts with {start[:8]!r}: {EXPECTED}")


def _undamaged(reader: Callable[[], Content]) -> Content:
    """Pass the reader's own errors on, and convert all others, which a damaged file may cause."""
    try:
        return reader()
    except WeightsError:
        raise
    except Exception as error:  # the libraries raise a dozen types for a damaged file
        if wanted := re.search(r"GLOBAL (\S+)", str(error)):
            raise WeightsError(pdparams.refusal(wanted[1])) from error
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise WeightsError(f"is truncated or damaged ({reason[0]}): fetch it again") from error


def _read_safetensors(path: Path) -> Content:
    with safetensors.safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
        return _with_description(tensors, (file.metadata() or {}).get(KEY))


def _read_onnx(path: Path) -> Content:
    """The tensors of a graph that `mirnet.export` wrote: its convolutions' weights have our names.

    The graph itself is left alone: the configuration says what network it is.
    """
    model = onnx.load(path, load_external_data=False)
    stated = {entry.key: entry.value for entry in model.metadata_props}.get(KEY)
    if stated is None:
        raise WeightsError("is an ONNX file that mirnet did not write: it holds no weights of ours")
    facts = json.loads(stated)
    tensors = {}
    for tensor in model.graph.initializer:
        name = tensor.name.removesuffix(HALF)
        if name.endswith(".weight"):  # others are constants of the graph
            if tensor.data_location == onnx.TensorProto.EXTERNAL:
                raise WeightsError(f"`{name}` is in another file: export it anew")
            tensors[name] = torch.from_numpy(numpy_helper.to_array(tensor).copy())
    configuration = facts.pop("configuration", None)
    for name in ("parameters", "multiple"):  # of the configuration
        facts.pop(name, None)
    return Content(tensors, facts, configuration)


def _read_zip(path: Path) -> object:
    """Read what `torch.save` writes, in which nothing is compressed."""
    with zipfile.ZipFile(path) as archive:
        members, size = archive.infolist(), path.stat().st_size
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise WeightsError(
                "refused: it is compressed, which PyTorch's files are not, and may unpack to any "
                "size; write it with torch.save"
            )
        if sum(max(member.file_size, member.compress_size) for member in members) > size:
            raise WeightsError(pdparams.too_large("content than the file is long"))
        for member in members:
            _compare_checksum(archive, member)
            if member.filename.endswith("data.pkl"):
                pdparams.rehearse(io.BytesIO(archive.read(member)))
    return _read_torch(path, mmap=True)


def _compare_checksum(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Read a member to its end, where zipfile compares the checksum; PyTorch does not."""
    if member.CRC == 0:  # left out: torch.serialization.set_crc32_options(False)
        member.CRC = None  # type: ignore[assignment]  # zipfile's own word for no checksum
    with archive.open(member) as content:
        while content.read(CHUNK):
            pass


def _read_legacy(path: Path) -> object:
    with path.open("rb") as file:
        for _ in range(LEGACY_PICKLES):
            pdparams.rehearse(file)
    return _read_torch(path, mmap=False)


def _read_torch(path: Path, *, mmap: bool) -> object:
    # memory-mapped, since only a third of a training checkpoint is needed
    return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)


def _read_pdparams(path: Path) -> object:
    with path.open("rb") as file:
        return pdparams.load(file)


def _from_pickled(content: object) -> Content:
    """The tensors of a dict in any of the known layouts."""
    content = _mapping("the file", content)
    if str(content.get("format", "")).startswith("mirnet-training"):
        return _from_training(content)
    for key in CONTAINERS:
        if key in content:
            return _with_description(_mapping(f"`{key}`", content[key]), content.get(KEY))
    return Content(content)


def _from_training(content: Mapping[str, Any]) -> Content:
    if content["format"] != TRAINING_FORMAT:
        raise WeightsError(
            f"is a training checkpoint {content['format']!r}, where this version of mirnet reads "
            f"{TRAINING_FORMAT}: read it with the version that wrote it"
        )
    key = "network" if content.get("ema") is None else "ema"
    facts = dict(_mapping("`facts`", content.get("facts", {})))
    return Content(_mapping(f"`{key}`", content.get(key)), facts, content.get("configuration"))


def _mapping(name: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise WeightsError(
            f"{name} holds a {type(value).__name__}, where a dict from names to tensors is expected"
        )
    return value


def describe(configuration: Configuration, facts: dict[str, Any]) -> str:
    """The JSON stored with the tensors.

    Raises:
        WeightsError: if a fact is not JSON or has a name that this JSON uses itself.
    """
    own = {"version": VERSION, "configuration": asdict(configuration)}
    if taken := own.keys() & facts.keys():
        raise WeightsError(f"a fact cannot be called {upstream.listed(sorted(taken))}: rename it")
    try:
        return json.dumps(own | facts, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise WeightsError(
            f"the facts do not fit into JSON ({error}): use only finite numbers, text, lists "
            "and dicts"
        ) from error


def _with_description(tensors: Mapping[str, Any], text: object) -> Content:
    """Add what `describe` wrote, if the file has it."""
    if text is None:
        return Content(tensors)
    try:
        described = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        described = None
    if not isinstance(described, dict) or "version" not in described:
        raise WeightsError(f"its metadata `{KEY}` is not what mirnet writes: remove it")
    if (version := described.pop("version")) != VERSION:
        raise WeightsError(
            f"has metadata of version {version!r}, where this mirnet reads {VERSION}: update mirnet"
        )
    return Content(tensors, described, described.pop("configuration", None))
