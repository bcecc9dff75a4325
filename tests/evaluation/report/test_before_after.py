"""The page of `mirnet restore --compare`: what it shows, and that it moves in a real browser."""

from base64 import b64decode

import numpy as np
import pytest
import pyvips

from mirnet.errors import DataError, ImageError
from mirnet.evaluation.report.before_after import DETAIL, MOST, OVERVIEW, views, writing


def decoded(url):
    head, _, code = url.partition(",")
    assert head == "data:image/jpeg;base64"
    return pyvips.Image.new_from_buffer(b64decode(code), "")


@pytest.fixture(scope="module")
def large(tmp_path_factory, save):
    """A grey picture, and one in which two parts differ."""
    folder = tmp_path_factory.mktemp("large")
    before = np.full((600, 2 * OVERVIEW + 100, 3), 100, np.uint8)
    after = before.copy()
    after[: DETAIL // 2, DETAIL : 2 * DETAIL] = 180  # the second part of the first row
    after[DETAIL:] = 250  # the second row, which is too low to be shown
    return save(folder / "before.png", pixels=before), save(folder / "after.png", pixels=after)


def test_a_small_picture_is_shown_once_and_whole(tmp_path, save, load):
    rows, columns = np.mgrid[:50, :70]
    smooth = np.stack([4 * rows, 3 * columns, 2 * rows], axis=2).astype(np.uint8)
    before = save(tmp_path / "a.png", pixels=smooth)
    after = save(tmp_path / "b.png", pixels=255 - smooth)
    (view,) = views(before, after)

    assert (view.label, view.height, view.width, view.is_detail) == ("whole picture", 50, 70, False)
    for url, path in ((view.before, before), (view.after, after)):
        assert np.abs(decoded(url).numpy().astype(int) - load(path)).mean() < 1.5


def test_of_a_large_picture_parts_are_shown_at_full_resolution(large):
    whole, *details = views(*large)

    assert whole.label == "whole picture, at 1/3 of its size"
    assert (whole.height, whole.width) == (200, 1100)
    labels = ["where most was removed", "in between", "where least was removed"]
    assert [view.label for view in details] == labels
    most, _, least = details
    assert (most.height, most.width) == (DETAIL, DETAIL)
    shown = decoded(most.after).numpy()
    assert abs(shown[100].mean() - 180) < 1
    assert abs(shown[400].mean() - 100) < 1
    assert decoded(least.after).avg() == decoded(least.before).avg() == 100


def test_the_profile_comes_along_and_nothing_else(tmp_path, save):
    image = pyvips.Image.new_from_file(str(save(tmp_path / "a.png")))
    wide = image.icc_transform("p3", input_profile="srgb")
    wide.set_type(pyvips.GValue.gstr_type, "png-comment-0-Secret", "at home")
    wide.write_to_file(str(tmp_path / "wide.png"))
    (view,) = views(tmp_path / "wide.png", tmp_path / "wide.png")

    shown = decoded(view.before)
    assert shown.get("icc-profile-data") == wide.get("icc-profile-data")
    assert b"at home" not in b64decode(view.before.partition(",")[2])


def test_results_of_another_size_are_refused(tmp_path, save):
    with pytest.raises(DataError, match=r"b.png has 56x40 pixels, .*a.png 30x20"):
        views(save(tmp_path / "a.png", 20, 30), save(tmp_path / "b.png"))


def test_of_many_pictures_some_at_regular_intervals_are_shown(tmp_path, save):
    path = save(tmp_path / "a.png", 8, 8)
    total = 2 * MOST + 1
    with writing(tmp_path / "page.html", total, "") as page:
        for number in range(total):
            if number == 2:
                page.skip()
            else:
                page.show(path, path)

    text = (tmp_path / "page.html").read_text()
    assert text.count("<article>") == MOST - 1
    assert f"{MOST} of {total} pictures, at regular intervals" in text


def test_after_an_error_there_is_no_page(tmp_path):
    with pytest.raises(KeyboardInterrupt), writing(tmp_path / "page.html", 1, ""):
        raise KeyboardInterrupt

    assert list(tmp_path.iterdir()) == []


def test_another_name_is_refused(tmp_path):
    with pytest.raises(ImageError, match=r"let it end in \.html"), writing(tmp_path / "a", 1, ""):
        pass


def test_a_name_never_becomes_markup(tmp_path, save, hostile):
    path = save(tmp_path / "a.png", 8, 8).rename(tmp_path / f"{hostile}.png")
    with writing(tmp_path / "page.html", 1, hostile) as page:
        page.show(path, path)

    text = (tmp_path / "page.html").read_text()
    assert "<img src=x" not in text
    assert text.count("<img ") == 2


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_moves_in_a_browser_and_asks_for_nothing(chromium, tmp_path, large, width, scheme):
    with writing(tmp_path / "page.html", 1, "denoise, strength 1") as writer:
        writer.show(*large)
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    messages, requests = [], []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto((tmp_path / "page.html").as_uri())

    sliders = page.locator("img-comparison-slider")
    assert sliders.count() == 4
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    slider = sliders.nth(1)
    slider.focus()
    page.keyboard.down("ArrowLeft")
    page.wait_for_function("document.querySelectorAll('img-comparison-slider')[1].value < 50")
    page.keyboard.up("ArrowLeft")
    assert int(slider.get_attribute("aria-valuenow")) < 50
    page.locator("#size").select_option("1")
    assert slider.locator("img").first.bounding_box()["width"] == DETAIL
    context.close()
    assert messages == []
    assert [url for url in requests if not url.startswith("data:")] == [
        (tmp_path / "page.html").as_uri()
    ]
