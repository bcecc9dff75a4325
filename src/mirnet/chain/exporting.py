"""The link `export`: the trained network in every format that can be written here."""

from pathlib import Path

from mirnet import export
from mirnet.chain.parts import Check, Outcome

LINK = "export"

NAME = "chain"
"""Of the exported files, without suffix."""


def write(model: Path, format: str, folder: Path) -> Outcome:
    """Write one format into a folder of its own, so that all that is in it belongs together.

    Args:
        model: a checkpoint.
        format: one of `export.FORMATS`.
        folder: gets a folder called as the format.

    Raises:
        RuntimeMissingError, ModuleNotFoundError: if the format needs what is not installed.
        WeightsError: as `export.export` does.
    """
    path, difference = export.export(model, format, folder / format, name=NAME)
    size = sum(file.stat().st_size for file in export.files(path))
    check = Check("largest difference", difference, "<=", export.TOLERANCE, form=".1e")
    did = f"wrote {path.name}, {size / 1e6:.2f} MB"
    return Outcome(did, (check,), {"file": f"{path.parent.name}/{path.name}", "bytes": size})
