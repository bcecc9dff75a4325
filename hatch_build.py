"""What depends on where the project lives: its addresses, and the links of its page on an index.

Builds that set `MIRNET_REPOSITORY` to the repository's address, as releases do, get project URLs
and a README whose links are absolute, at the tag of the version. Without it, as when installing
from a checkout, there are no URLs and the README is as it is: no address is written down twice.
"""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"(!?)\[((?:[^\[\]]|!\[[^\]]*\]\([^)]*\))*)\]\((?!https?:|#|mailto:)([^)\s]+)\)")
"""A link or picture of Markdown whose address is relative; the text may hold a picture."""


def absolute(text: str, repository: str, version: str) -> str:
    """Markdown whose relative links lead into the repository, at the tag of a version.

    >>> absolute("[a](docs/a.md#b) ![p](p.png) [c](#d) [e](https://e.org)", "https://h.org/r", "1")
    '[a](https://h.org/r/blob/v1/docs/a.md#b) ![p](https://h.org/r/raw/v1/p.png) [c](#d) [e](https://e.org)'
    """

    def lead(match: re.Match[str]) -> str:
        mark, label, address = match.groups()
        kind = "raw" if mark else "blob"
        return f"{mark}[{label}]({repository}/{kind}/v{version}/{address})"

    return LINK.sub(lead, text)


def urls(repository: str, version: str) -> dict[str, str]:
    """The project's addresses by their well-known labels."""
    return {
        "Homepage": repository,
        "Source": repository,
        "Issues": f"{repository}/issues",
        "Documentation": f"{repository}/tree/v{version}/docs",
        "Changelog": f"{repository}/blob/v{version}/CHANGELOG.md",
    }


class CustomMetadataHook(MetadataHookInterface):
    """Called by Hatchling for the fields that `pyproject.toml` lists as dynamic."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in README and URLs."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        if repository := os.environ.get("MIRNET_REPOSITORY", "").rstrip("/"):
            text = absolute(text, repository, metadata["version"])
            metadata["urls"] = urls(repository, metadata["version"])
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
