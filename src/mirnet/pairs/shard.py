"""One file of packed pairs: its name, its label, and its contents.

A shard is a safetensors file. Its tensors are `noisy/STEM`, h w 3 or for two views h w 6, and
`clean/STEM`, h w 3, uint8 or uint16; its metadata has one key, `mirnet`, with the JSON of a
`Label`.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from safetensors import SafetensorError, safe_open

from mirnet.errors import DataError
from mirnet.shapes import Pixels

FORMAT, VERSION = "mirnet-pairs", 1
KEY = "mirnet"
NAME = re.compile(r"shard-(\d{5,})\.safetensors")
DTYPES = ("U8", "U16")
CHANNELS = (3, 6)
"""Channels of a noisy half: one picture, or two views."""


@runtime_checkable
class Slice(Protocol):
    """A tensor of a mapped file, of which only the requested part is read."""

    def get_shape(self) -> list[int]: ...

    def get_dtype(self) -> str: ...

    def __getitem__(self, place: tuple[slice, slice]) -> Pixels: ...


@runtime_checkable
class Mapped(Protocol):
    """The part of `safetensors.safe_open` that is used; the library has no types."""

    def metadata(self) -> dict[str, str] | None: ...

    def keys(self) -> list[str]: ...

    def get_slice(self, name: str) -> Slice: ...


@dataclass(frozen=True)
class Label:
    """Label stored in a shard."""

    shard: int
    """Number of the shard, from 0."""
    shards: int
    """Number of shards in the set."""
    pairs: int
    """Number of pairs in the whole set."""
    shard_mb: int
    """Maximum size of a shard, in 2^20 bytes."""
    source: str
    """Name of the folder that was packed."""
    set_digest: str
    """Digest of the names, sizes and depths of all pairs, which determine the shards' contents."""
    files_digest: str
    """Digest of the names and lengths of the files in this shard."""

    def metadata(self) -> dict[str, str]:
        """Metadata of the file; a single key, since safetensors writes several in random order."""
        return {KEY: json.dumps({"format": FORMAT, "version": VERSION, **asdict(self)})}


@dataclass(frozen=True)
class Contents:
    """The pairs of a shard, sorted by name."""

    names: Sequence[str]
    sizes: Sequence[tuple[int, int]]
    """Height and width of each pair."""
    views: int = 1
    """Number of noisy pictures of each pair."""


def name(number: int) -> str:
    """Name of a shard's file."""
    return f"shard-{number:05d}.safetensors"


def find(folder: Path) -> dict[int, Path]:
    """The shards of a folder by number; may be empty."""
    found = ((NAME.fullmatch(path.name), path) for path in folder.iterdir())
    numbered = sorted((int(match[1]), path) for match, path in found if match)
    return {number: path for number, path in numbered if path.name == name(number)}


def open_file(path: Path) -> Mapped:
    """Map a shard into memory, without reading its tensors.

    Raises:
        DataError: if the file is missing, cut short or damaged.
    """
    with sound(path):
        file: Mapped = safe_open(path, framework="np")
    return file


@contextmanager
def sound(path: Path) -> Iterator[None]:
    """Convert failures of the library inside the `with` to one-line errors.

    Raises:
        DataError: if the file is missing, cut short or damaged.
    """
    try:
        yield
    except SafetensorError as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"{path} is truncated or damaged ({reason}): copy it again, or remove it and run "
            "`mirnet data pack` again"
        ) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def label(path: Path, file: Mapped) -> Label:
    """Read the label of an open shard.

    Raises:
        DataError: if it is no shard of pairs, or of a version to come.
    """
    text = (file.metadata() or {}).get(KEY)
    try:
        stated = json.loads(text) if text else None
    except ValueError:
        stated = None
    if not isinstance(stated, dict) or stated.pop("format", None) != FORMAT:
        raise DataError(f"{path} holds no pairs written by `mirnet data pack`")
    if (version := stated.pop("version", None)) != VERSION:
        raise DataError(
            f"{path} is of version {version!r}, where this mirnet reads {VERSION}: update mirnet"
        )
    kinds = Label.__annotations__
    if stated.keys() != kinds.keys() or any(type(stated[f]) is not k for f, k in kinds.items()):
        raise DataError(f"{path} does not say what it is: expected {', '.join(kinds)}")
    return Label(**stated)


def contents(path: Path, file: Mapped) -> Contents:
    """The pairs of an open shard, from its header alone.

    Raises:
        DataError: if a half is missing, halves differ in size, some pairs have two views and others
            one, or something else lies there.
    """
    channels: set[int] = set()
    sizes: dict[str, dict[str, tuple[int, int]]] = {"noisy": {}, "clean": {}}
    for key in file.keys():  # noqa: SIM118 - no dict
        half, _, stem = key.partition("/")
        view = file.get_slice(key)
        shape, dtype = view.get_shape(), view.get_dtype()
        if half not in sizes or not stem:
            raise DataError(f"{path} holds `{key}`: expected `noisy/NAME` and `clean/NAME` alone")
        known = CHANNELS if half == "noisy" else CHANNELS[:1]
        if len(shape) != 3 or shape[2] not in known or 0 in shape or dtype not in DTYPES:
            raise DataError(
                f"{path}: `{key}` is {dtype} {shape}: expected height, width, 3 of U8 or U16"
            )
        if half == "noisy":
            channels.add(shape[2])
        sizes[half][stem] = (shape[0], shape[1])
    noisy, clean = sizes.values()
    for half, other, stems in (("noisy", "clean", noisy), ("clean", "noisy", clean)):
        if alone := sorted(stems.keys() - sizes[other].keys()):
            raise DataError(f"{path}: `{half}/{alone[0]}` has no partner `{other}/{alone[0]}`")
    if len(channels) > 1:
        raise DataError(f"{path}: some pairs have two views and others one")
    names = sorted(noisy)
    for stem in names:
        if noisy[stem] != clean[stem]:
            raise DataError(
                f"{path}: the halves of {stem} differ in size: {noisy[stem]} and {clean[stem]}"
            )
    return Contents(names, [noisy[stem] for stem in names], max(channels, default=3) // 3)
