import shutil

import pytest

from mirnet import runtimes
from mirnet.benchmark.plan import SIZE, plan
from mirnet.errors import (
    ImageError,
    RuntimeMissingError,
    ShapeError,
    TilingError,
    WeightsError,
)
from mirnet.models import catalog
from mirnet.restoration.restorer import default_tile

TILE = default_tile(runtimes.facts("denoise"))


def test_by_default_all_runtimes_are_measured_that_can():
    planned = plan()

    assert list(planned.files) == list(runtimes.files())
    assert set(planned.files) >= {"mnn"}
    assert (planned.height, planned.width) == SIZE
    for name, file in planned.files.items():
        kind = runtimes.KINDS[name]
        assert file.suffix in (*kind.suffixes, *kind.if_asked)
        assert file in catalog.find("denoise").files()


def test_a_file_is_measured_on_those_that_read_it(tmp_path):
    path = tmp_path / "mine.MNN"
    shutil.copy(catalog.find("denoise").weights().with_suffix(".mnn"), path)

    assert plan(str(path)).files == {"mnn": path}
    assert plan(str(path), ["mnn", "pytorch", "auto"]).files == {
        "mnn": path,
        "pytorch": None,
        "auto": None,
    }


@pytest.mark.parametrize(
    ("options", "size"),
    [({}, (TILE, TILE)), ({"tile": 64}, (64, 64)), ({"size": (32, 128)}, (32, 128))],
)
def test_pictures_of_a_batch_are_as_large_as_a_tile_unless_it_is_said(options, size):
    planned = plan(batch=2, **options)

    assert (planned.height, planned.width) == size


@pytest.mark.parametrize("size", [(2 * TILE, 64), (64, 2 * TILE), (62, 64), (64, 63)])
def test_a_batch_that_would_have_to_be_cut_is_refused(size):
    height, width = size
    with pytest.raises(ShapeError, match=f"at most .*{TILE}, got {height}x{width}"):
        plan(batch=2, size=size)

    assert plan(size=size).batch is None


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"model": "denoize"}, WeightsError, "no model 'denoize'"),
        ({"names": ["mnn", "fast"]}, RuntimeMissingError, "no runtime 'fast': choose auto, mnn"),
        ({"names": ["mnn", "mnn"]}, RuntimeMissingError, "the runtime mnn is given twice"),
        ({"device": "abacus"}, RuntimeMissingError, "no device 'abacus': choose auto"),
        ({"format": "bmp"}, ImageError, "no format 'bmp': choose one of jpeg, png, tiff"),
        ({"tile": 30}, TilingError, r"a tile is a multiple of \d+ and at least"),
        ({"tile": 64, "overlap": 40}, TilingError, r"an overlap is a multiple of \d+ from 0"),
    ],
)
def test_what_cannot_be_measured_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        plan(**options)
