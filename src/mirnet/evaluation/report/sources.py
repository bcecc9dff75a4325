"""The files that pages contain: scripts and styles."""

from pathlib import Path

FOLDER = Path(__file__).parent


def content(name: str) -> str:
    """A file of the page, without the line that points developer tools to a source map."""
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("//# sourceMappingURL="))
