"""Clean photographs: read whole, cut anywhere, now and then practised on."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mirnet.camera.scenes import Scenes
from mirnet.errors import DataError
from mirnet.training.samples import photographs


def coordinates(height, width):
    """A picture in which every pixel tells its place."""
    rows, columns = np.mgrid[:height, :width]
    return torch.from_numpy(np.stack([rows, columns, rows * 0], 2).astype(np.uint8))


def test_files_are_read_as_they_are_with_those_of_inner_folders(tmp_path, save):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    save(tmp_path / "b.png", pixels=255 - pixels)
    save(tmp_path / "a" / "x.png", pixels=pixels)
    (tmp_path / "notes.txt").write_text("no picture")

    loaded = photographs.load(tmp_path)

    assert len(loaded) == 2
    assert torch.equal(loaded[0], torch.from_numpy(pixels))
    assert torch.equal(loaded[1], torch.from_numpy(255 - pixels))


def test_any_number_of_photographs_reaches_another_process():
    shapes = [(1 + number % 3, 2 + number % 2, 3) for number in range(300)]
    several = [torch.full(shape, number % 256) for number, shape in enumerate(shapes)]
    together = photographs.Photographs(each.to(torch.uint8) for each in several)

    context = torch.multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_answer, args=(together, queue))
    process.start()  # hands all of them over, for which a tensor each would be too many
    arrived = queue.get()
    process.join()

    expected = [each.numpy() for each in several]
    assert [each.shape for each in arrived] == shapes
    assert all((one == other).all() for one, other in zip(arrived, expected, strict=True))
    assert torch.equal(together[-1], several[-1])
    assert [each.shape for each in together[1:3]] == shapes[1:3]


def _answer(together, queue):
    queue.put([each.numpy() for each in together])


def test_a_missing_or_empty_folder_and_a_grey_photograph_are_refused(tmp_path, save):
    with pytest.raises(DataError, match=r"gone is not a folder of photographs"):
        photographs.load(tmp_path / "gone")
    with pytest.raises(DataError, match="holds no photographs"):
        photographs.load(tmp_path)
    save(tmp_path / "grey.png", pixels=np.zeros((8, 8), np.uint8))
    with pytest.raises(DataError, match=r"grey.png: training needs 8-bit RGB, this is uint8, grey"):
        photographs.load(tmp_path)


@settings(max_examples=10)
@given(height=st.integers(8, 12), width=st.integers(8, 12), seed=st.integers(0, 10**6))
def test_patches_come_from_anywhere_in_the_photograph(height, width, seed):
    rng = np.random.default_rng(seed)
    picture = coordinates(height, width)

    tops, lefts = set(), set()
    for _ in range(400):
        rows, columns, blue = photographs.cut(picture, 8, rng) * 255
        spans = rows.max() - rows.min(), columns.max() - columns.min()
        values = len(rows.unique()), len(columns.unique())
        # neither enlarged nor practised on
        if spans == (7, 7) and values == (8, 8) and not blue.any():
            tops.add(int(rows.min()))
            lefts.add(int(columns.min()))

    assert tops == set(range(height - 7))
    assert lefts == set(range(width - 7))


def test_small_photographs_are_enlarged_rather_than_refused():
    rng = np.random.default_rng(0)

    assert photographs.cut(coordinates(10, 30), 32, rng).shape == (3, 32, 32)


def test_now_and_then_a_patch_is_flat_burnt_or_dark():
    rng = np.random.default_rng(1)
    noise = np.random.default_rng(2).integers(60, 200, (64, 64, 3), dtype=np.uint8)
    picture = torch.from_numpy(noise)

    scenes = torch.stack([photographs.cut(picture, 16, rng) for _ in range(2000)])

    flat = (scenes.amax((2, 3)) - scenes.amin((2, 3)) == 0).all(1)
    burnt = (scenes == 1).flatten(1).float().mean(1) > 0.05
    dark = (scenes.amax((1, 2, 3)) < 0.25) & ~flat
    for kind, share in (
        (flat, Scenes().flat_share),
        (burnt, Scenes().burnt_share),
        (dark, Scenes().dark_share),
    ):
        assert kind.float().mean() == pytest.approx(share, abs=0.018)


def test_how_photographs_are_cut_can_be_said():
    rng = np.random.default_rng(0)
    picture = coordinates(40, 40)
    plain = Scenes(enlarged_share=0.0, flat_share=0.0, burnt_share=0.0, dark_share=0.0)
    dark = Scenes(
        enlarged_share=0.0, flat_share=0.0, burnt_share=0.0, dark_share=1.0, dark=(0.5, 0.5)
    )

    for _ in range(40):
        rows, columns, blue = photographs.cut(picture, 8, rng, plain) * 255
        assert rows.max() - rows.min() == columns.max() - columns.min() == 7
        assert not blue.any()
    assert photographs.cut(picture, 40, rng, dark).max() == pytest.approx(0.5 * 39 / 255)
