"""The manifest: rows are added, the last one counts, merging loses none."""

import io
import threading

import pyarrow.parquet
import pytest

from mirnet.cluster import manifest
from mirnet.cluster.manifest import DONE, FAILED, FOLDER, Row
from mirnet.errors import DataError


def row(path="a.png", **facts):
    return Row(**{"path": path, "fingerprint": "1", "output": path, "status": DONE, **facts})


def files(place):
    return [entry.name for entry in place.list(f"{FOLDER}/00007/")]


def test_rows_come_back_as_they_were_written(place):
    rows = [row("a é.png", seconds=1.5, bytes=1 << 40, notes="CMYK"), row("b.png", status=FAILED)]
    manifest.write(place, 7, rows)

    assert list(manifest.read(place, 7).values()) == rows
    assert manifest.read(place, 8) == {}


def test_the_last_row_of_a_picture_counts_in_whatever_order_files_are_read(place):
    for attempt in (2, 3, 1):
        manifest.write(place, 7, [row(attempt=attempt, finished=10.0 - attempt)])

    assert manifest.read(place, 7)["a.png"].attempt == 3


def test_merging_keeps_the_last_rows_in_one_file(place):
    manifest.write(place, 7, [row("a"), row("b")])
    manifest.write(place, 7, [row("b", attempt=2), row("c")])
    before = manifest.read(place, 7)

    manifest.merge(place, 7)

    assert manifest.read(place, 7) == before
    assert len(files(place)) == 1


def test_others_may_write_read_and_merge_meanwhile(place):
    """Merging in one thread, writing in another: no reader ever misses a row that was written."""
    missing = []

    def merge():
        for _ in range(15):
            manifest.merge(place, 7)

    merging = threading.Thread(target=merge)
    merging.start()
    for number in range(15):
        manifest.write(place, 7, [row(str(number))])
        rows = manifest.read(place, 7)
        missing += [each for each in map(str, range(number + 1)) if each not in rows]
    merging.join()

    assert missing == []
    manifest.merge(place, 7)
    assert len(manifest.read(place, 7)) == 15


def test_a_damaged_file_is_named(place):
    place.write(f"{FOLDER}/00007/x.parquet", b"PAR1 nonsense")

    with pytest.raises(DataError, match=r"x\.parquet is damaged"):
        manifest.read(place, 7)


def test_other_programs_read_it(place):
    manifest.write(place, 7, [row("a.png", megapixels=0.5)])

    table = pyarrow.parquet.read_table(io.BytesIO(place.read(files(place)[0])))

    assert table.column_names[:4] == ["path", "fingerprint", "output", "status"]
    assert table.to_pylist()[0]["megapixels"] == 0.5
