"""Models that enlarge, on the page: before and after at the size of the result."""

import numpy as np
import pytest
import pyvips
from browsing import add_and_wait, expect, set_strength, shown, zoom

from mirnet.pictures import enlarging, pixels


@pytest.fixture(scope="module")
def models(double):
    """A model that enlarges beside a bundled one."""
    return "--model", "denoise-print", "--model", double, "--runtime", "pytorch", "--threads", "1"


def names(page):
    """Models that a picture can be compared with."""
    return page.locator("#compare option").all_inner_texts()[1:]


def test_it_is_chosen_seen_and_saved(open_page, save, picture, tmp_path, canvas, screenshot):
    path = save(tmp_path / "small.png", pixels=picture(60, 90, seed=2))
    page = open_page()
    page.locator("#model").select_option("double.safetensors")
    expect(page.locator("#card")).to_contain_text("2 times as wide and high")

    add_and_wait(page, path)

    expect(page.locator("#facts")).to_contain_text("180 × 120")
    assert zoom(page) == "100 %"  # of the result, all of which is seen
    assert names(page) == []  # others give another size
    set_strength(page, 0)
    shown(page, 0)
    screenshot(page, "enlarged")
    seen = canvas(page)
    original = pyvips.Image.new_from_file(str(path)).numpy()
    larger = enlarging.enlarge(pixels.to_float(original), 2)
    drawn = seen[seen[..., 3] > 0].reshape(120, 180, 4)[..., :3]
    expected = pixels.from_float(larger, np.uint8)
    assert np.abs(drawn.astype(int) - expected).max() <= 1  # sums in another order


def test_another_size_is_seen_anew(open_page, save, picture, tmp_path):
    page = open_page()
    add_and_wait(page, save(tmp_path / "one.png", pixels=picture(600, 900, seed=2)))
    expect(page.locator("#facts")).to_contain_text("900 × 600")
    before = zoom(page)
    assert names(page) == ["denoise", "denoise-tiny"]

    page.locator("#model").select_option("double.safetensors")
    page.locator("#again").click()

    expect(page.locator("#facts")).to_contain_text("1800 × 1200")
    expect(page.locator("#right-label")).to_have_text("After · double.safetensors")
    assert int(zoom(page).split()[0]) == pytest.approx(int(before.split()[0]) / 2, abs=1)
    shown(page, 100)
