"""The manifest: one row per picture, in Parquet files below the target's `.mirnet/manifest`.

Files are only added, each written whole or not at all. Each bucket has a folder. The last row of a
picture counts, and once a bucket is finished, its files are merged into one. Nothing is locked:
whoever merges removes only files whose rows it has written again.
"""

import io
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, get_type_hints

from mirnet.cluster.places import Place
from mirnet.errors import DataError
from mirnet.extras import needs

FOLDER = ".mirnet/manifest"

DONE, FAILED = "done", "failed"
"""The values of `Row.status`."""

ATTEMPTS = 8
"""Attempts to read a bucket whose files others are merging."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is known about a picture."""

    path: str
    """Name in the source."""
    fingerprint: str
    """ETag of the source, or its size and time of modification."""
    output: str
    """Name in the target."""
    status: str
    """`done` or `failed`."""
    reason: str = ""
    """Kind of failure: a key of `hands.REASONS`."""
    error: str = ""
    """What is wrong, in one line."""
    attempt: int = 1
    """Counts the rows of a picture."""
    finished: float = 0.0
    """Seconds since 1970."""
    seconds: float = 0.0
    megapixels: float = 0.0
    sha256: str = ""
    """Digest of the result."""
    bytes: int = 0
    """Size of the result."""
    job: str = ""
    """Identifies the settings; see `Settings.id`."""
    model: str = ""
    """Name or file of the model."""
    weights: str = ""
    """SHA-256 of the model's weights."""
    runtime: str = ""
    """Runtime and precision that were used."""
    tile: int = 0
    """Side of the largest tile that was used."""
    notes: str = ""
    """What changed besides the noise."""
    psnr: float | None = None
    ssim: float | None = None
    """Scores of an evaluated pair by the first model; see `evaluation.scores`."""
    scores: str = ""
    """All figures of an evaluated pair, as JSON."""
    worker: str = ""
    """Machine and process."""
    version: str = ""
    """Version of mirnet."""

    @property
    def order(self) -> tuple[int, float]:
        """Later rows of a picture have a larger one."""
        return self.attempt, self.finished


def write(target: Place, bucket: int, rows: Sequence[Row]) -> None:
    """Add rows to a bucket.

    Raises:
        OSError: if they cannot be written.
    """
    target.write(f"{FOLDER}/{bucket:05d}/{uuid.uuid4().hex}.parquet", _encode(rows))


def read(target: Place, bucket: int) -> dict[str, Row]:
    """The latest row of each picture of a bucket, by path.

    Raises:
        DataError: if a file is damaged.
        OSError: if one cannot be read.
    """
    return _read(target, bucket)[0]


def merge(target: Place, bucket: int) -> None:
    """Merge the files of a bucket into one.

    Raises:
        DataError: if a file is damaged.
        OSError: if one cannot be read or written.
    """
    rows, names = _read(target, bucket)
    if len(names) > 1:
        write(target, bucket, list(rows.values()))
        target.remove(names)


def _read(target: Place, bucket: int) -> tuple[dict[str, Row], list[str]]:
    for _ in range(ATTEMPTS):
        names = sorted(entry.name for entry in target.list(f"{FOLDER}/{bucket:05d}/"))
        rows: dict[str, Row] = {}
        try:
            for name in names:
                for row in _decode(target.read(name), f"{target.url}/{name}"):
                    if row.path not in rows or rows[row.path].order < row.order:
                        rows[row.path] = row
        except FileNotFoundError:
            continue  # merged by another process: read again
        return rows, names
    raise DataError(f"bucket {bucket} of {target.url} is being merged all the time: try again")


def _schema() -> Any:  # noqa: ANN401 - pyarrow has no types
    import pyarrow

    number = pyarrow.float64()
    types = {str: pyarrow.string(), int: pyarrow.int64(), float: number, float | None: number}
    hints = get_type_hints(Row)
    return pyarrow.schema([(field.name, types[hints[field.name]]) for field in fields(Row)])


def _encode(rows: Iterable[Row]) -> bytes:
    with needs("cluster", "the manifest"):
        import pyarrow
        import pyarrow.parquet

    table = pyarrow.Table.from_pylist([asdict(row) for row in rows], schema=_schema())
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _decode(content: bytes, name: str) -> Iterator[Row]:
    with needs("cluster", "the manifest"):
        import pyarrow
        import pyarrow.parquet

    known = [field.name for field in fields(Row)]
    try:
        file = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(content))
        for batch in file.iter_batches(columns=known):
            for row in batch.to_pylist():
                yield Row(**row)
    except (pyarrow.ArrowException, KeyError, TypeError) as error:
        raise DataError(
            f"{name} is damaged ({error}): remove it, and its rows are redone"
        ) from None
