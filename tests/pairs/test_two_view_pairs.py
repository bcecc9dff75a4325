"""Pairs of a dual-pixel sensor: two views that belong together and a target, or one clear line."""

import numpy as np
import pytest
from dual_pixel import PUBLISHED, scene, views, write

from mirnet.errors import DataError
from mirnet.pairs import packing, pairs, shard, sources
from mirnet.pairs.packed import Packed
from mirnet.pairs.pair_folder import PairFolder
from mirnet.pairs.pairs import Pairs
from mirnet.pictures import codec


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("layout", pairs.VIEWS, ids="-".join)
def test_both_views_and_the_target_are_what_the_files_hold(tmp_path, layout, dtype):
    source = sources.open(write(tmp_path, "ba", layout=layout, dtype=dtype), views=2)

    noisy, clean = source.whole(1)

    assert isinstance(source, Pairs)
    assert (len(source), source.views, source.name(1)) == (2, 2, "b")
    assert noisy.shape == (48, 64, 6)
    assert noisy.dtype == clean.dtype == dtype
    np.testing.assert_array_equal(clean, scene(48, 64, dtype=dtype))
    for view, expected in zip((noisy[..., :3], noisy[..., 3:]), views(clean), strict=True):
        np.testing.assert_array_equal(view, expected)


def test_a_patch_is_the_same_place_of_all_three(tmp_path):
    source = PairFolder(write(tmp_path, "a"))

    noisy, clean = source.crop(0, 16, (0.5, 0.999))

    whole, sharp = source.whole(0)
    np.testing.assert_array_equal(noisy, whole[16:32, -16:])
    np.testing.assert_array_equal(clean, sharp[16:32, -16:])
    for half in (noisy, clean):
        assert half.flags.writeable
        assert half.flags.c_contiguous


SHOTS = [("1P0A0917_L", "1P0A0917_R", "1P0A0916"), ("1P0A0921_L", "1P0A0921_R", "1P0A0919")]


def test_dpdd_is_read_as_it_is_published(tmp_path):
    """Its targets have numbers of their own, and its views end in a letter."""
    write(tmp_path, SHOTS, layout=PUBLISHED)

    source = sources.open(tmp_path / "test", views=2)

    assert [source.name(index) for index in range(2)] == ["1P0A0917", "1P0A0921"]
    for index in range(2):
        np.testing.assert_array_equal(source.whole(index)[1], scene(48, 64, seed=index))
    with pytest.raises(DataError, match=r"of DPDD as published, give .*test$"):
        sources.open(tmp_path, views=2)


def test_cut_up_as_its_authors_do_it_all_three_have_one_name(tmp_path):
    write(tmp_path, ["00000", "00001"], layout=PUBLISHED)

    assert len(sources.open(tmp_path / "test", views=2)) == 2


@pytest.mark.parametrize(
    ("shots", "message"),
    [
        ([*SHOTS, ("1P0A0930_L", "1P0A0930_R", "1P0A0999")], "1P0A0999 is not the picture of 1P0"),
        ([*SHOTS, ("1P0B0922_L", "1P0B0922_R", "1P0C0922")], "1P0C0922 is not the picture of 1P0"),
        ([SHOTS[0], ("1P0A0921_L", "1P0A0923_R", "1P0A0919")], "same name: 1P0A0921, 1P0A0923$"),
    ],
)
def test_shots_that_do_not_belong_together_are_named(tmp_path, shots, message):
    write(tmp_path, shots, layout=PUBLISHED)

    with pytest.raises(DataError, match=message) as caught:
        sources.open(tmp_path / "test", views=2)
    assert "\n" not in str(caught.value)


def test_a_part_of_dpdd_that_is_missing_is_named(tmp_path):
    write(tmp_path, SHOTS, layout=PUBLISHED)
    (tmp_path / "test_c" / "target" / "1P0A0919.png").unlink()
    with pytest.raises(DataError, match="target holds 1 pictures for 2 pairs of views"):
        sources.open(tmp_path / "test", views=2)
    (tmp_path / "test_c" / "target").rename(tmp_path / "target")
    with pytest.raises(
        DataError, match=r"test_c/target is not a folder: pairs of two views lie in"
    ):
        sources.open(tmp_path / "test", views=2)


def test_a_view_without_its_partner_is_named(tmp_path):
    write(tmp_path, "abc")
    (tmp_path / "inputR" / "b.png").unlink()

    with pytest.raises(DataError, match=r"without a partner of the same name: b$"):
        sources.open(tmp_path, views=2)


def test_views_that_differ_in_size_or_depth_are_named(tmp_path, save):
    write(tmp_path, "a", dtype=np.uint8)
    save(tmp_path / "inputR" / "a.png", 48, 62)
    source = PairFolder(tmp_path)
    for ask in (source.check, lambda side: source.crop(0, side, (0.0, 0.0))):
        with pytest.raises(DataError, match=r"inputR/a.png and .*target/a.png differ in size"):
            ask(16)
    write(tmp_path / "deep", "a")
    (tmp_path / "deep" / "inputR" / "a.png").rename(tmp_path / "inputR" / "a.png")
    with pytest.raises(DataError, match=r"inputR/a.png differ in depth: uint8 and uint16$"):
        source.whole(0)


def test_pairs_of_other_views_than_asked_for_are_refused(tmp_path, save):
    write(tmp_path / "two", "a")
    save(tmp_path / "one" / "input" / "a.png")
    save(tmp_path / "one" / "target" / "a.png")

    with pytest.raises(DataError, match="two holds two views of each picture, left and right"):
        sources.open(tmp_path / "two")
    with pytest.raises(DataError, match="one holds one picture for each clean one"):
        sources.open(tmp_path / "one", views=2)
    with pytest.raises(DataError, match="no pairs for enlarging"):
        sources.open(tmp_path / "two", scale=2, views=2)
    write(tmp_path / "one", "a")
    with pytest.raises(DataError, match=r"input/ and target/, but also inputL/, inputR/ and targ"):
        sources.open(tmp_path / "one", views=2)


def test_without_pairs_the_layouts_are_listed(tmp_path):
    with pytest.raises(DataError, match=r"inputL_crops/, inputR_crops/ and target_crops/$"):
        pairs.find(tmp_path, codec.SUFFIXES)


def pack(source, target):
    pairs = PairFolder(source)
    for job in packing.remaining(packing.plan(pairs, target, shard_mb=1)):
        packing.write(pairs, job)


def test_packed_they_are_the_same(tmp_path):
    folder = PairFolder(write(tmp_path / "pairs", "abc", size=(160, 200)))
    assert folder.header(0).bytes == 160 * 200 * 9 * 2
    pack(tmp_path / "pairs", tmp_path / "packed")

    packed = sources.open(tmp_path / "packed", views=2)

    assert isinstance(packed, Packed)
    assert len(shard.find(tmp_path / "packed")) == 3
    np.testing.assert_equal(packed.whole(1), folder.whole(1))
    np.testing.assert_equal(packed.crop(2, 32, (0.3, 0.7)), folder.crop(2, 32, (0.3, 0.7)))
    with pytest.raises(DataError, match="two views of each picture"):
        sources.open(tmp_path / "packed")


def test_as_one_picture_they_are_their_mean():
    left, right = (each.astype(np.float32) / 65535 for each in views(scene(16, 20)))
    both = np.concatenate([left, right], axis=2)

    np.testing.assert_allclose(pairs.as_one(both), (left + right) / 2, rtol=0, atol=1e-7)
    assert pairs.as_one(left) is left
