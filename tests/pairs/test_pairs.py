"""Pairs are matched by name, in the folders that people have, and what has no partner is named."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirnet.errors import DataError
from mirnet.pairs import pairs

PNG = frozenset({".png", ".jpg"})


def fill(folder, noisy, clean, layout=("input", "groundtruth")):
    for half, names in zip(layout, (noisy, clean), strict=True):
        (folder / half).mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / half / name).touch()


def test_pairs_are_matched_by_stem_and_not_by_order(tmp_path):
    fill(tmp_path, ["b.png", "a.png", "notes.txt"], ["a.jpg", "b.jpg"])

    found = [(pair.noisy.name, pair.clean.name) for pair in pairs.find(tmp_path, PNG)]

    assert found == [("a.png", "a.jpg"), ("b.png", "b.jpg")]


@pytest.mark.parametrize("layout", pairs.LAYOUTS, ids="-".join)
@pytest.mark.parametrize("case", [str.lower, str.upper, str.title])
def test_the_halves_are_found_under_the_names_that_people_have(tmp_path, layout, case):
    layout = tuple(map(case, layout))
    fill(tmp_path, ["a.png"], ["a.png"], layout)

    (found,) = pairs.find(tmp_path, PNG)

    assert found == pairs.Pair(*(tmp_path / half / "a.png" for half in layout))


def test_the_layouts_are_those_that_are_documented():
    assert len(pairs.LAYOUTS) == 7
    assert ("input_crops", "target_crops") in pairs.LAYOUTS


@pytest.mark.parametrize(
    ("present", "message"),
    [
        (("noisy", "clean", "lq", "gt"), "holds noisy/ and clean/, but also lq/ and gt/"),
        (("input", "groundtruth", "target"), "input/ and groundtruth/, but also input/ and target"),
        (("Low", "low", "high"), "holds Low/ and low/: rename one"),
    ],
)
def test_more_than_one_layout_is_not_guessed_between(tmp_path, present, message):
    for half in present:
        fill(tmp_path, ["a.png"], ["a.png"], (half, half))

    with pytest.raises(DataError, match=re.escape(message)):
        pairs.find(tmp_path, PNG)


def test_folders_besides_the_halves_do_not_matter(tmp_path):
    fill(tmp_path, ["a.png"], ["a.png"], ("noisy", "clean"))
    fill(tmp_path, ["b.png"], ["c.png"], ("input", "raw"))
    (tmp_path / "target").touch()

    assert len(pairs.find(tmp_path, PNG)) == 1


def test_hidden_files_are_left_alone(tmp_path):
    fill(tmp_path, ["a.png", "._a.png"], ["a.png", ".b.png"])

    assert len(pairs.find(tmp_path, PNG)) == 1


def test_pictures_without_a_partner_are_named(tmp_path):
    fill(tmp_path, ["a.png", "b.png"], ["b.png", "c.png"])

    with pytest.raises(DataError, match=r"without a partner of the same name: a, c$"):
        pairs.find(tmp_path, PNG)


def test_of_many_without_a_partner_five_are_named(tmp_path):
    fill(tmp_path, [f"{k}.png" for k in range(9)], ["0.png"])

    with pytest.raises(DataError, match=r"1, 2, 3, 4, 5 and 3 more$"):
        pairs.find(tmp_path, PNG)


def test_a_missing_or_empty_half_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone is not a folder: .* input/ and groundtruth/, or "):
        pairs.find(tmp_path / "gone", PNG)
    with pytest.raises(
        DataError, match=r"expected the folders input/ and .*lr/ and hr/, or inputL/"
    ):
        pairs.find(tmp_path, PNG)
    (tmp_path / "Input").mkdir()
    with pytest.raises(DataError, match=r"holds no pairs: .*; of these, Input/ alone is there$"):
        pairs.find(tmp_path, PNG)
    (tmp_path / "Input").rmdir()
    fill(tmp_path, [], ["a.png"])
    with pytest.raises(DataError, match=r"input holds no pictures"):
        pairs.find(tmp_path, PNG)


def test_two_pictures_of_one_stem_are_not_guessed_between(tmp_path):
    fill(tmp_path, ["a.png"], ["a.jpg", "a.png"])

    with pytest.raises(DataError, match=r"groundtruth: a.jpg and a.png have the same stem"):
        pairs.find(tmp_path, PNG)


@given(
    st.integers(1, 10**6),
    st.integers(1, 10**6),
    st.floats(0, 1, exclude_max=True),
    st.floats(0, 1, exclude_max=True),
)
def test_a_window_lies_inside_the_picture_wherever_it_is(height, width, top, left):
    side = min(height, width)
    rows, columns = pairs.window("a", (height, width), side, (top, left))

    for part, length in ((rows, height), (columns, width)):
        assert 0 <= part.start < part.stop <= length
        assert part.stop - part.start == side


def test_every_place_is_reached_and_the_last_too():
    starts = [pairs.window("a", (9, 5), 3, (k / 70, 0.0))[0].start for k in range(70)]

    assert starts == sorted([*range(7)] * 10)


@pytest.mark.parametrize("side", [0, 6])
def test_a_window_that_does_not_fit_is_refused(side):
    with pytest.raises(DataError, match=rf"^a: a patch of {side} does not fit .* of 9x5$"):
        pairs.window("a", (9, 5), side, (0.0, 0.0))


def test_halves_of_realsr_lie_in_one_folder(tmp_path):
    for name in ("Canon_001_HR", "Canon_001_LR2", "Nikon_002_HR", "Nikon_002_LR2"):
        (tmp_path / f"{name}.png").touch()

    found = pairs.find(tmp_path, PNG)

    assert [(pair.noisy.name, pair.clean.name) for pair in found] == [
        ("Canon_001_LR2.png", "Canon_001_HR.png"),
        ("Nikon_002_LR2.png", "Nikon_002_HR.png"),
    ]
    (tmp_path / "Canon_001_LR4.png").touch()
    with pytest.raises(DataError, match="the same half of one pair: give each scale a folder"):
        pairs.find(tmp_path, PNG)
    (tmp_path / "Canon_001_LR4.png").rename(tmp_path / "Sony_003_LR4.png")
    with pytest.raises(DataError, match="without a partner of the same name: Sony_003"):
        pairs.find(tmp_path, PNG)
