"""What is found out once and kept between runs, in the user's cache folder; safe to delete."""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from mirnet.system.files import replacing


def file(name: str) -> Path:
    """The file of this name in the cache folder."""
    return platformdirs.user_cache_path("mirnet", appauthor=False) / name


def read(file: Path) -> dict[str, object]:
    """What is remembered in a file; nothing if it is missing or damaged."""
    try:
        known = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def write(file: Path, known: Mapping[str, object]) -> None:
    """Remember this in place of what the file held, if it can be written."""
    with contextlib.suppress(OSError):  # the next run then finds it out again
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as part:
            part.write_text(json.dumps(known, indent=1), encoding="utf-8")
