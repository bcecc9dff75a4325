"""Pairs are matched by name, and what has no partner is named."""

import pytest

from mirnet.data import pairs
from mirnet.errors import DataError

PNG = frozenset({".png", ".jpg"})


def fill(folder, noisy, clean):
    for half, names in (("input", noisy), ("groundtruth", clean)):
        (folder / half).mkdir()
        for name in names:
            (folder / half / name).touch()


def test_pairs_are_matched_by_stem_and_not_by_order(tmp_path):
    fill(tmp_path, ["b.png", "a.png", "notes.txt"], ["a.jpg", "b.jpg"])

    found = [(pair.noisy.name, pair.clean.name) for pair in pairs.find(tmp_path, PNG)]

    assert found == [("a.png", "a.jpg"), ("b.png", "b.jpg")]


def test_pictures_without_a_partner_are_named(tmp_path):
    fill(tmp_path, ["a.png", "b.png"], ["b.png", "c.png"])

    with pytest.raises(DataError, match=r"without a partner of the same name: a, c$"):
        pairs.find(tmp_path, PNG)


def test_of_many_without_a_partner_five_are_named(tmp_path):
    fill(tmp_path, [f"{k}.png" for k in range(9)], ["0.png"])

    with pytest.raises(DataError, match=r"1, 2, 3, 4, 5 and 3 more$"):
        pairs.find(tmp_path, PNG)


def test_a_missing_or_empty_half_is_named(tmp_path):
    with pytest.raises(DataError, match=r"input is missing"):
        pairs.find(tmp_path, PNG)
    fill(tmp_path, [], ["a.png"])
    with pytest.raises(DataError, match=r"input holds no pictures"):
        pairs.find(tmp_path, PNG)


def test_two_pictures_of_one_stem_are_not_guessed_between(tmp_path):
    fill(tmp_path, ["a.png"], ["a.jpg", "a.png"])

    with pytest.raises(DataError, match=r"groundtruth: a.jpg and a.png have the same stem"):
        pairs.find(tmp_path, PNG)
