"""What is known of a model, wherever it is: gathered for `show` and `push`."""

from dataclasses import dataclass
from pathlib import Path

from mirnet.errors import WeightsError
from mirnet.models import address, card, catalog, header, hub
from mirnet.models.facts import Facts


@dataclass(frozen=True)
class Described:
    """A model's files, facts and card."""

    name: str
    files: list[Path]
    """All its files; the one that is opened comes first."""
    facts: Facts
    network: str
    """Architecture in words; empty if the file does not tell."""
    licence: str
    """Empty if it is stated nowhere."""
    card: str
    """Text of its card; empty if it has none."""


def describe(model: str) -> Described:
    """Describe a bundled model, a file or a pulled model.

    A file's card is the Markdown file of the same name beside it.

    Raises:
        WeightsError: if there is no such model, or the file is none.
        RuntimeMissingError: if no installed runtime opens the file.
        OSError: if a file cannot be read.
    """
    if bundled := catalog.find(model):
        text = bundled.card().read_text(encoding="utf-8")
        facts = header.read(bundled.weights()).facts
        files = [bundled.weights(), *(f for f in bundled.files() if f != bundled.weights())]
        return Described(bundled.name, files, facts, bundled.network, bundled.licence, text)
    path = catalog.file(model)
    if address.is_address(model):
        place = hub.card_of(address.parse(model))
    else:
        place = path.with_suffix(".md")
    text = ""
    if place and place.is_file():
        text = place.read_text(encoding="utf-8", errors="replace")
    facts, network = _opened(path)
    second = address.beside(path.name)
    files = [path, *([path.with_name(second)] if second else [])]
    return Described(model, files, facts, network, card.licence(text), text)


def _opened(path: Path) -> tuple[Facts, str]:
    """Facts and architecture of a file, by its header alone where that tells."""
    if path.suffix.lower() in (".safetensors", ".onnx"):
        found = _header(path)
        if found and found.network:
            return found.facts, found.network
    from mirnet import runtimes

    return runtimes.facts(path), ""


def _header(path: Path) -> header.Header | None:
    """The file's header; None of ONNX files that others wrote."""
    try:
        return header.read(path)
    except WeightsError:
        if path.suffix.lower() == ".onnx":
            return None
        raise
