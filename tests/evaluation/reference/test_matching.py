"""Every picture finds its one reference, or all are refused before any is touched."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirnet.errors import DataError
from mirnet.evaluation.reference.matching import match
from mirnet.restoration import folder

STEMS = st.sets(st.text("abc.1", min_size=1, max_size=5).filter(lambda s: s.strip(".")), min_size=1)
SUFFIXES = st.sampled_from([".png", ".JPG", ".tiff", ".webp", ".avif", ".nef"])


def touch(top, *names):
    """Empty files: matching only looks at names."""
    for name in names:
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return top


def matched(top, inputs, reference, output="out", **options):
    """The references of the sources, as names relative to `top`."""
    jobs = folder.plan([top / name for name in inputs], output and top / output, **options)
    found = match(jobs, top / reference)
    assert set(found) == {job.target for job in jobs}
    return {
        job.source.relative_to(top).as_posix(): found[job.target].relative_to(top).as_posix()
        for job in jobs
    }


def test_references_mirror_a_tree_whatever_their_suffix(tmp_path):
    touch(tmp_path, "in/a.jpg", "in/x/a.png", "in/x/y/b.v2.tif")
    touch(tmp_path, "clean/a.png", "clean/x/a.TIFF", "clean/x/y/b.v2.webp", "clean/x/y/other.png")

    assert matched(tmp_path, ["in"], "clean", recursive=True) == {
        "in/a.jpg": "clean/a.png",
        "in/x/a.png": "clean/x/a.TIFF",
        "in/x/y/b.v2.tif": "clean/x/y/b.v2.webp",
    }


@given(stems=STEMS, suffixes=st.tuples(SUFFIXES, SUFFIXES), data=st.data())
def test_each_stem_finds_its_own(tmp_path_factory, stems, suffixes, data):
    top = tmp_path_factory.mktemp("tree")
    visible = {stem for stem in stems if not stem.startswith(".")}
    touch(top / "in", "always.png", *(f"{stem}{suffixes[0]}" for stem in visible))
    touch(top / "clean", "always.png", *(f"{stem}{suffixes[1]}" for stem in visible))
    expected = {f"in/{stem}{suffixes[0]}": f"clean/{stem}{suffixes[1]}" for stem in visible}

    assert matched(top, ["in"], "clean") == {"in/always.png": "clean/always.png"} | expected

    lost = data.draw(st.sampled_from(sorted(visible or {"always"})))
    (top / "clean" / f"{lost}{suffixes[1] if visible else '.png'}").unlink()
    with pytest.raises(DataError, match="holds no reference for"):
        matched(top, ["in"], "clean")


def test_files_that_are_given_are_matched_by_name_alone(tmp_path):
    touch(tmp_path, "in/x/a.jpg", "b.png", "clean/a.png", "clean/b.tif")

    assert matched(tmp_path, ["in/x/a.jpg", "b.png"], "clean", output=None) == {
        "in/x/a.jpg": "clean/a.png",
        "b.png": "clean/b.tif",
    }


def test_one_picture_may_be_given_its_reference_under_any_name(tmp_path):
    touch(tmp_path, "a.jpg", "truth.png", "new.png")
    (tmp_path / "new.png").unlink()

    assert matched(tmp_path, ["a.jpg"], "truth.png") == {"a.jpg": "truth.png"}
    assert matched(tmp_path, ["a.jpg"], "truth.png", output="new.png") == {"a.jpg": "truth.png"}


def test_a_file_of_another_name_than_the_input_still_goes_by_the_input(tmp_path):
    touch(tmp_path, "a.jpg", "clean/a.png", "clean/b.png")

    assert matched(tmp_path, ["a.jpg"], "clean", output="b.png") == {"a.jpg": "clean/a.png"}


def test_several_pictures_may_share_a_reference(tmp_path):
    touch(tmp_path, "dim/a.png", "dark/a.png", "clean/a.png")

    assert matched(tmp_path, ["dim", "dark"], "clean", output=None) == {
        "dim/a.png": "clean/a.png",
        "dark/a.png": "clean/a.png",
    }


def test_only_pictures_of_the_very_stem_are_references(tmp_path):
    touch(
        tmp_path,
        "in/a.png",
        "clean/a.png",
        "clean/a.txt",
        "clean/.a.jpg",
        "clean/a.tif/x",
        "clean/a.b.tif",
    )

    assert matched(tmp_path, ["in"], "clean") == {"in/a.png": "clean/a.png"}


def test_pictures_without_a_reference_are_named_up_to_five(tmp_path):
    touch(tmp_path, *(f"in/{name}.png" for name in "abcdefgh"), "clean/h.png")

    with pytest.raises(DataError) as raised:
        match(folder.plan([tmp_path / "in"], tmp_path / "out"), tmp_path / "clean")

    message = str(raised.value)
    assert [name for name in "abcdefgh" if f"in/{name}.png" in message] == list("abcde")
    assert "e.png and 2 more: put a picture of the same name" in message


def test_a_reference_at_another_place_in_the_tree_does_not_count(tmp_path):
    touch(tmp_path, "in/a.png", "in/x/b.png", "clean/a.png", "clean/b.png", "clean/y/b.png")

    with pytest.raises(DataError, match=r"no reference for \S*in/x/b\.png: put"):
        matched(tmp_path, ["in"], "clean", recursive=True)


def test_several_candidates_are_refused_and_named(tmp_path):
    touch(tmp_path, "in/a.png", "in/b.png", "clean/a.png", "clean/a.jpg", "clean/b.png")

    with pytest.raises(DataError, match=r"several references for \S*a\.png \(a\.jpg, a\.png\): "):
        matched(tmp_path, ["in"], "clean")


@pytest.mark.parametrize(
    ("inputs", "reference", "output", "message"),
    [
        (["in"], "gone", "out", r"gone does not exist"),
        (["in"], "clean/a.png", "out", r"a\.png is the reference of one picture: give a folder"),
        (["in"], "clean", "clean", r"result \S*clean/a\.png would have the name and place"),
        (["in/a.png"], "clean/a.png", "clean/a.png", r"would have the name and place of a ref"),
        (["in/a.png"], "clean/a.png", "clean/a.jpg", r"would have the name and place of a ref"),
        (["in"], "in", "out", r"in/a\.png would be compared with itself"),
        (["in/a.png"], "in/a.png", None, r"in/a\.png would be compared with itself"),
        (["in"], "link", "clean", r"would have the name and place of a reference"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, inputs, reference, output, message):
    touch(tmp_path, "in/a.png", "in/b.png", "clean/a.png", "clean/b.png")
    (tmp_path / "link").symlink_to(tmp_path / "clean")

    with pytest.raises(DataError, match=message):
        matched(tmp_path, inputs, reference, output=output)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_names_that_are_no_text_stay_on_one_line(tmp_path):
    touch(tmp_path, "in/a\nb.png", "clean/c.png")

    with pytest.raises(DataError, match="holds no reference for") as missing:
        matched(tmp_path, ["in"], "clean")
    touch(tmp_path, "clean/a\nb.png", "clean/a\nb.tif")
    with pytest.raises(DataError, match="holds several references for") as several:
        matched(tmp_path, ["in"], "clean")

    assert "\n" not in str(missing.value) + str(several.value)
