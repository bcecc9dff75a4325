"""The picture of a run, and the summary at its end."""

import doctest
import json
import math
from pathlib import Path

import pytest

from mirnet.errors import DataError
from mirnet.training import curves, logs, summary


def write(folder, values, **more):
    folder.mkdir(exist_ok=True)
    with logs.open(folder, viewers=[], step=0) as diary:
        for step, value in enumerate(values, 1):
            diary.scalars(50 * step, loss=value, lr=1e-4)
        diary.scalars(50 * len(values), **more)
    return folder


def has_colour(pixels, hexadecimal):
    rgb = [int(hexadecimal[start : start + 2], 16) for start in (1, 3, 5)]
    return bool((pixels[..., :3] == rgb).all(-1).any())


def test_there_is_a_panel_for_each_scalar_that_was_measured(tmp_path, load):
    falling = [1 / step for step in range(1, 200)]
    bare = load(curves.draw(write(tmp_path / "bare", falling)))
    full = load(curves.draw(write(tmp_path / "full", falling, psnr=30.0, ssim_y=0.9)))

    assert bare.shape[1] == full.shape[1] == 1200
    assert full.shape[0] - bare.shape[0] == 2 * 100 * curves.PANEL
    for panel in curves.PANELS:
        assert has_colour(full, panel.colour)
        assert has_colour(bare, panel.colour) == (panel.name in ("loss", "lr"))


def test_a_loss_in_decibels_is_drawn_on_a_straight_axis(tmp_path, load):
    """Turned upside down it gives the same curve: all that differs are the numbers beside it."""
    rising = [30 + 10 * (1 - 0.9**step) for step in range(40)]
    below, above = (
        load(curves.draw(write(tmp_path / name, [sign * value for value in rising])))
        for name, sign in (("below", -1), ("above", 1))
    )

    def heights(picture):
        colour = (picture[40:280, 150:1150, :3] == (31, 95, 168)).all(-1)
        assert colour.any(0).mean() > 0.8
        return colour.argmax(0)[colour.any(0)]

    assert heights(below)[0] < heights(below)[-1] - 100
    assert heights(above)[0] > heights(above)[-1] + 100


def test_borders_of_stages_are_lines_through_all_panels(tmp_path, load):
    folder = write(tmp_path, [1.0, 0.5, 0.25, 0.2, 0.1])
    # libvips remembers pictures by their names
    without = load(curves.draw(folder).rename(tmp_path / "without.png"))
    again = load(curves.draw(folder).rename(tmp_path / "again.png"))
    within = load(curves.draw(folder, borders=[120]).rename(tmp_path / "within.png"))

    changed = (without != within).any(-1)
    columns = changed.any(0).nonzero()[0]
    assert (without == again).all()
    assert 1 <= len(columns) <= 3  # one line, not wider
    assert 440 < columns[0] < 520  # of 1200, about a third of the way from step 50 to 250
    assert changed[:260].any()
    assert changed[260:].any()


@pytest.mark.parametrize("values", [[math.nan, 0.5, math.inf, 0.0, -1.0, 0.1], [0.5], [0.5, 0.5]])
def test_values_that_cannot_be_drawn_are_left_out(tmp_path, load, values):
    assert load(curves.draw(write(tmp_path, values))).shape[1] == 1200


def test_a_table_that_holds_nothing_to_draw_is_said_to(tmp_path):
    with pytest.raises(DataError, match=r"metrics\.csv is missing: a run writes it"):
        curves.draw(tmp_path)
    (tmp_path / "metrics.csv").write_text("step,loss\n1,nan\n")
    with pytest.raises(
        DataError, match=r"metrics\.csv holds no finite values yet: try again later"
    ):
        curves.draw(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.csv"]


def test_drawing_needs_neither_pyplot_nor_a_screen(tmp_path, python):
    write(tmp_path, [0.5, 0.25])
    script = """
import sys
from pathlib import Path
from mirnet.training import curves
curves.draw(Path(sys.argv[1]))
print("matplotlib" in sys.modules, "matplotlib.pyplot" in sys.modules)
"""
    assert python(script, tmp_path).stdout == "True False\n"


def test_a_picture_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = curves.draw(write(tmp_path, [0.5, 0.25]))
    before = path.read_bytes()

    def refuse(*_):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", refuse)
        with pytest.raises(OSError, match="no space left"):
            curves.draw(tmp_path, borders=[60])

    assert path.read_bytes() == before
    assert sorted(item.name for item in tmp_path.iterdir()) == ["curves.png", "metrics.csv"]


WHOLE = summary.RunSummary(
    steps=92000,
    samples=2944000,
    seconds=18732.5,
    processes=8,
    device="NVIDIA H100",
    last=Path("run/last.ckpt"),
    best=Path("run/best.ckpt"),
    best_psnr=39.8049,
    best_step=88000,
    psnr=39.71,
    ssim_y=0.95827,
)


def test_a_summary_is_a_few_aligned_lines():
    assert str(WHOLE).replace("\\", "/").splitlines() == [
        "steps        92,000",
        "samples      2,944,000",
        "time         5:12:12, 157.2 samples/s",
        "devices      8 x NVIDIA H100",
        "PSNR         39.71 dB, best 39.80 dB at step 88,000",
        "SSIM of Y    0.9583",
        "checkpoints  run/last.ckpt",
        "             run/best.ckpt",
    ]


def test_a_summary_leaves_out_what_was_not_measured():
    bare = summary.RunSummary(
        steps=0, samples=0, seconds=0.0, processes=1, device="cpu", last=Path("last.ckpt")
    )
    *lines, last = str(bare).splitlines()
    assert [line.split()[0] for line in lines] == [
        "steps", "samples", "time", "devices", "checkpoints",
    ]  # fmt: skip
    assert last == "             no best.ckpt: it needs validation.pairs"


def test_a_summary_is_read_back_from_its_file(tmp_path):
    path = tmp_path / summary.SUMMARY
    WHOLE.write(path)

    table = json.loads(path.read_text())

    paths = {name: Path(table[name]) for name in ("last", "best")}
    assert summary.RunSummary(**table | paths) == WHOLE


def test_numbers_that_are_not_finite_are_null_in_the_file(tmp_path):
    summary.RunSummary(
        steps=1, samples=1, seconds=1.0, processes=1, device="cpu", last=Path("a"), psnr=math.nan
    ).write(tmp_path / "summary.json")

    assert json.loads((tmp_path / "summary.json").read_text())["psnr"] is None


def test_the_examples_of_the_summary_hold():
    found = doctest.testmod(summary)
    assert (found.failed, found.attempted) == (0, 1)
