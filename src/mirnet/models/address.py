"""Addresses of shared models: `hf://owner/name[@revision][/file]`."""

import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from mirnet.errors import WeightsError

SCHEME = "hf://"

SUFFIXES = (
    *(".mnn", ".onnx", ".xml", ".pdiparams"),
    *(".safetensors", ".pth", ".pt", ".ckpt", ".pdparams"),
)
"""Suffixes of the model files that a runtime opens; no other file is pulled by name."""
BESIDE = {".xml": ".bin", ".pdiparams": ".json"}
"""Suffixes of the second file that some models consist of."""

KINDS = ("models", "datasets", "spaces", "kernels", "buckets")
"""What the hub puts before an owner to tell what an address is of."""
LONGEST = 96
"""Characters of owner and name together, by the hub's rules."""
WORD = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")
REVISION = re.compile(r"refs/pr/\d+|[A-Za-z0-9_][A-Za-z0-9_.-]*")
SHAPE = re.compile(
    r"(?P<repository>[^/@]+/[^/@]+)(@(?P<revision>refs/pr/\d+|[^/@]+))?(/(?P<file>.+))?"
)

EXPECTED = f"expected {SCHEME}owner/name, and if needed @revision and /file"


@dataclass(frozen=True)
class Address:
    """Where a shared model is."""

    repository: str
    """Owner and name, `owner/name`."""
    revision: str | None = None
    """Branch, tag or commit; None for the main branch."""
    file: str | None = None
    """Path inside the repository; None if the address names none."""

    def __str__(self) -> str:
        revision = f"@{self.revision}" if self.revision else ""
        return f"{SCHEME}{self.repository}{revision}{f'/{self.file}' if self.file else ''}"

    def of(self, file: str) -> "Address":
        """The address of a file of the same repository and revision."""
        return replace(self, file=file)


def is_address(name: str) -> bool:
    """Whether a model's name is meant as an address, a valid one or not.

    >>> is_address("hf://owner/name"), is_address("denoise")
    (True, False)
    """
    return name.startswith(SCHEME)


def parse(text: str) -> Address:
    """The parts of an address.

    Raises:
        WeightsError: if it is none, or its file is outside of the repository or has a suffix that
            no runtime opens.

    >>> parse("hf://owner/name@v2/models/denoise.onnx").file
    'models/denoise.onnx'
    """
    found = SHAPE.fullmatch(text.removeprefix(SCHEME)) if is_address(text) else None
    if found is None:
        raise WeightsError(f"{text!r} is no address of a model: {EXPECTED}")
    repository, revision, file = found["repository"], found["revision"], found["file"]
    owner, name = repository.split("/")
    if owner in KINDS:
        raise WeightsError(f"{text!r}: only models are shared here, not {owner}: {EXPECTED}")
    valid = all(WORD.fullmatch(word) for word in (owner, name)) and len(repository) <= LONGEST
    if not valid or ".." in repository or "--" in repository or name.endswith(".git"):
        raise WeightsError(f"{text!r}: no repository can be called {repository!r}: {EXPECTED}")
    if revision and (not REVISION.fullmatch(revision) or ".." in revision):
        raise WeightsError(f"{text!r}: no revision can be called {revision!r}: {EXPECTED}")
    if file is not None and not is_inside(file):
        raise WeightsError(f"{text!r}: {file!r} is no path inside a repository: {EXPECTED}")
    if file is not None and not is_model(file):
        raise WeightsError(f"{text!r}: mirnet opens {' '.join(SUFFIXES)}, not this file")
    return Address(repository, revision, file)


def is_inside(file: str) -> bool:
    """Whether a path of a repository stays inside it, on every system.

    >>> is_inside("models/denoise.onnx"), is_inside("../x.onnx"), is_inside("C:x.onnx")
    (True, False, False)
    """
    parts = file.split("/")
    return file.isprintable() and not any(
        part in ("", ".", "..") or "\\" in part or ":" in part for part in parts
    )


def is_model(file: str) -> bool:
    """Whether a runtime opens files of this suffix.

    >>> is_model("denoise.ONNX"), is_model("denoise.bin"), is_model("run.py")
    (True, False, False)
    """
    return PurePosixPath(file).suffix.lower() in SUFFIXES


def beside(file: str) -> str | None:
    """The second file of a model of two, None for models of one.

    >>> beside("denoise.xml"), beside("denoise.onnx")
    ('denoise.bin', None)
    """
    path = PurePosixPath(file)
    suffix = BESIDE.get(path.suffix.lower())
    return str(path.with_suffix(suffix)) if suffix else None
