"""Model cards in Markdown: what they say, and the metadata that a hub reads."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mirnet.errors import WeightsError
from mirnet.models.address import Address
from mirnet.models.facts import Facts

FRONT = re.compile(
    r"\A\ufeff?---[ \t]*\r?\n(?P<yaml>.*?)^---[ \t]*(\r?\n|\Z)", re.DOTALL | re.MULTILINE
)
"""Metadata at the start of a card."""
STATED = re.compile(r"^\| *licen[cs]e *\| *(?P<table>[^|]+?) *\|", re.IGNORECASE | re.MULTILINE)
"""The licence in a card's table, as the bundled models' cards have it."""
YAML_LICENCE = re.compile(r"^license: *['\"]?(?P<id>[\w.+-]+)", re.MULTILINE)

PIPELINE = "image-to-image"
METRICS = {"psnr": r"\bPSNR\b", "ssim": r"\bSSIM\b", "lpips": r"\bLPIPS\b"}
"""Metrics by the hub's names, with what a card calls them."""
DATASETS = {
    "SIDD": r"\bSIDD\b|Smartphone Image Denoising Dataset",
    "DND": r"\bDND\b",
    "PolyU": r"\bPolyU\b",
    "LOL": r"\bLOL\b",
    "MIT-Adobe FiveK": r"\bFiveK\b",
    "RealSR": r"\bRealSR\b",
    "DPDD": r"\bDPDD\b",
    "DIV2K": r"\bDIV2K\b",
}
"""Data sets of this field, with what cards call them; looked for in the section on data."""


@dataclass(frozen=True)
class Card:
    """A card taken apart."""

    front: str
    """Its metadata, YAML; empty if it has none."""
    body: str
    """The Markdown after it."""

    def section(self, title: str) -> str:
        """The text under a heading of the second level; empty if there is none."""
        found = re.search(
            rf"^## +{re.escape(title)}[ \t]*$(?P<text>.*?)(?=^#{{1,2}} |\Z)",
            self.body,
            re.DOTALL | re.MULTILINE | re.IGNORECASE,
        )
        return found["text"].strip() if found else ""

    @property
    def summary(self) -> str:
        """The first paragraph after the title; empty if a table or section comes first."""
        for part in re.split(r"\n\s*\n", self.body.strip()):
            text = re.sub(r"\A# .*(\n|\Z)", "", part).strip()
            if text:
                return "" if text.startswith(("|", "#", "```")) else text
        return ""


def read(text: str) -> Card:
    r"""Take a card apart.

    >>> read("---\nlicense: mit\n---\n# Mine\n\nFor scans.\n").summary
    'For scans.'
    """
    front = FRONT.match(text)
    return Card(front["yaml"] if front else "", text[front.end() :] if front else text)


def licence(text: str) -> str:
    r"""The licence that a card states, in its metadata or in its table; empty if it does not.

    >>> licence("# Mine\n\n| licence | CC0-1.0 |\n")
    'CC0-1.0'
    """
    card = read(text)
    if found := YAML_LICENCE.search(card.front):
        return found["id"]
    found = STATED.search(card.body)
    return found["table"] if found else ""


def write(
    name: str,
    address: Address,
    facts: Facts,
    *,
    network: str = "",
    sha256: str = "",
    text: str = "",
    licence_id: str = "",
) -> str:
    """A card for a hub: metadata, then the text that is given, or one made of the facts.

    Args:
        name: the model file's name.
        address: where it will be.
        facts: what the file declares.
        network: its architecture in words.
        sha256: of the file.
        text: a card; entries of its metadata are kept, and missing ones added.
        licence_id: the licence; overrides what the card states.

    Raises:
        WeightsError: if neither states a licence, or the card's metadata cannot be read.
        ModuleNotFoundError: if PyYAML is missing, which comes with the extra `hub`.
    """
    import yaml

    given = read(text)
    chosen = licence_id or licence(text)
    if not chosen:
        raise WeightsError(f"{name}: under which licence? Give --licence, such as apache-2.0")
    try:
        stated = yaml.safe_load(given.front) or {}
    except yaml.YAMLError as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"the card's metadata is not YAML ({reason})") from error
    if not isinstance(stated, Mapping):
        raise WeightsError("the card's metadata is not YAML with names and values")
    metadata = {**_metadata(name, facts, given), **stated}
    # the hub spells identifiers in lower case
    metadata["license"] = chosen.lower()
    front = yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True)
    body = given.body.strip() or _body(name, address, facts, network, sha256, chosen)
    if str(address) not in body:
        body += f"\n\n{_use(address.of(name))}"
    return f"---\n{front}---\n\n{body.strip()}\n"


def _metadata(name: str, facts: Facts, card: Card) -> dict[str, Any]:
    suffix = name.rpartition(".")[2].lower()
    tags = ["image-restoration", "mirnetv2", suffix, *([facts.task] if facts.task else [])]
    found = {"datasets": _named(DATASETS, card.section("Data"))}
    found["metrics"] = _named(METRICS, card.section("Results"))
    return {
        "license": "",
        "library_name": "mirnet",
        "pipeline_tag": PIPELINE,
        "tags": tags,
        **{key: names for key, names in found.items() if names},
    }


def _named(known: Mapping[str, str], text: str) -> list[str]:
    return [name for name, pattern in known.items() if re.search(pattern, text)]


def _body(name: str, address: Address, facts: Facts, network: str, sha256: str, chosen: str) -> str:
    task = f" for the task `{facts.task}`" if facts.task else ""
    count = f"; {facts.parameters:,} parameters" if facts.parameters else ""
    rows = {
        "network": f"MIRNetV2{f', {network}' if network else ''}{count}",
        "file": f"`{name}`{f', SHA-256 `{sha256}`' if sha256 else ''}",
        "input and output": f"float32, 0..1, b {facts.in_channels} h w; {facts.takes()}; height "
        f"and width multiples of {facts.multiple}",
        "licence": chosen,
    }
    table = "\n".join(f"| {key} | {value} |" for key, value in rows.items())
    title = address.repository.partition("/")[2]
    return (
        f"# {title}\n\nA network for restoring pictures{task}, trained with mirnet.\n\n"
        f"| | |\n|---|---|\n{table}\n\n"
        "## Data\n\nNot stated by its author.\n\n"
        "## Results\n\nNot stated by its author; `mirnet evaluate` measures them."
    )


def _use(address: Address) -> str:
    return (
        "## Use\n\n```sh\n"
        'pip install "mirnet[hub]"\n'
        f"mirnet models pull {address}\n"
        f"mirnet restore photograph.jpg --model {address}\n"
        "```"
    )
