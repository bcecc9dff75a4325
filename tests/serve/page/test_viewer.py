"""Before and after: moved by mouse, touch and keys, and true to the pixel."""

import numpy as np
import pyvips
from browsing import (
    add,
    add_and_wait,
    expect,
    middle_of,
    position,
    rows,
    saved,
    set_strength,
    shown,
    zoom,
)


def test_it_zooms_and_moves_by_mouse_and_wheel(open_page, large):
    page = open_page()
    add(page, large)
    expect(page.locator("#zoom-fit")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#facts")).to_contain_text("2800 × 2000")
    fitted = zoom(page)
    x, y = middle_of(page)
    page.mouse.click(x - 60, y)
    expect(page.locator("#zoom")).to_have_text("100 %")
    page.mouse.move(x - 60, y)
    page.mouse.wheel(0, -400)
    page.wait_for_timeout(100)
    assert int(zoom(page).split()[0]) > 150
    for _ in range(8):
        page.mouse.wheel(0, -400)
    expect(page.locator("#zoom")).to_have_text("400 %")
    page.mouse.click(x - 60, y)
    expect(page.locator("#zoom")).to_have_text(fitted)


def test_both_halves_move_together_and_stay_at_the_edges(
    open_page, save, picture, tmp_path, canvas
):
    """At strength 0, after is before: wherever the view is, no step may show at the divider."""
    page = open_page(width=900, height=600)
    add_and_wait(page, save(tmp_path / "both.png", pixels=picture(500, 700, seed=3)))
    set_strength(page, 0)
    page.locator("#zoom-one").click()
    x, y = middle_of(page)
    page.mouse.move(x - 80, y - 80)
    page.mouse.down()
    page.mouse.move(x - 3000, y - 3000, steps=5)  # far beyond the corner
    page.mouse.up()
    shown(page, 0)
    page.wait_for_timeout(100)
    seen = canvas(page)
    assert seen[..., 3].all()  # no empty space at the edge
    original = pyvips.Image.new_from_file(str(tmp_path / "both.png")).numpy()
    np.testing.assert_array_equal(seen[..., :3], original[-seen.shape[0] :, -seen.shape[1] :])


def test_the_divider_moves_by_mouse_touch_and_keys_and_never_vanishes(open_page, save, tmp_path):
    page = open_page(has_touch=True)
    add_and_wait(page, save(tmp_path / "one.png"))
    box = page.locator("#viewport").bounding_box()
    knob = page.locator(".knob")

    def drag_by_mouse(to):
        at = knob.bounding_box()
        page.mouse.move(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + to * box["width"], at["y"], steps=4)
        page.mouse.up()

    def drag_by_touch(to):
        at = knob.bounding_box()
        y = at["y"] + at["height"] / 2
        session = page.context.new_cdp_session(page)
        for kind, x in (
            ("touchStart", at["x"] + at["width"] / 2),
            ("touchMove", box["x"] + (to + 0.1) * box["width"]),
            ("touchMove", box["x"] + to * box["width"]),
        ):
            points = [{"x": x, "y": y}]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    for drag in (drag_by_mouse, drag_by_touch):
        drag(0.25)
        assert abs(position(page) - 25) <= 1
        for edge, at in ((-0.2, 0), (1.2, 100)):
            drag(edge)
            assert position(page) == at
            lies = knob.bounding_box()
            assert lies["x"] >= box["x"] - 1
            assert lies["x"] + lies["width"] <= box["x"] + box["width"] + 1
            assert knob.is_visible()
    divider = page.locator("#divider")
    divider.press("Home")
    divider.press("ArrowRight")
    assert position(page) == 2
    divider.press("PageUp")
    assert position(page) == 12
    divider.press("End")
    assert position(page) == 100


def test_two_fingers_zoom(open_page, large):
    page = open_page(390, 844, has_touch=True, is_mobile=True, device_scale_factor=2)
    add(page, large)
    expect(page.locator("#facts")).to_contain_text("2800 × 2000")
    fitted = int(zoom(page).split()[0])
    x, y = middle_of(page)
    session = page.context.new_cdp_session(page)
    for kind, apart in (("touchStart", 60), ("touchMove", 90), ("touchMove", 180)):
        points = [{"x": x - apart, "y": y - 60, "id": 0}, {"x": x + apart, "y": y - 60, "id": 1}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.locator("#zoom")).not_to_have_text(f"{fitted} %")
    assert 2.5 * fitted < int(zoom(page).split()[0]) < 3.5 * fitted


def test_a_second_model_beside_the_first(open_page, save, tmp_path, screenshot):
    page = open_page()
    add_and_wait(page, save(tmp_path / "one.png", 90, 120))
    page.locator("#compare").select_option("denoise")
    page.locator("#layout").click()
    expect(page.locator("#left-label")).to_have_text("denoise")
    expect(page.locator("#right-label")).to_have_text("After · denoise-print")
    expect(page.locator("#divider")).to_be_hidden()
    shown(page, 100)
    expect(rows(page)).to_have_count(1)
    screenshot(page, "two_models")
    page.locator("#full").click()
    page.wait_for_function("document.fullscreenElement?.id === 'viewer'")


def test_what_is_downloaded_is_what_was_seen(open_page, save, picture, tmp_path, canvas):
    path = save(tmp_path / "seen.png", pixels=picture(120, 160, seed=9))
    page = open_page()
    add_and_wait(page, path)
    page.locator("#divider").press("Home")  # all of the view is after
    page.locator("#zoom-one").click()
    set_strength(page, 40)
    shown(page, 40)
    page.wait_for_timeout(100)  # a frame
    seen = canvas(page)

    page.locator("#format").select_option("png")
    download = saved(page, lambda: page.locator("#download").click())
    assert download.suggested_filename == "seen_restored.png"
    pixels = pyvips.Image.new_from_file(str(download.path())).numpy()
    top, left = (seen.shape[0] - 120) // 2, (seen.shape[1] - 160) // 2
    corner = np.argwhere(seen[..., 3])[0]
    assert abs(corner - (top, left)).max() <= 1
    part = seen[corner[0] : corner[0] + 120, corner[1] : corner[1] + 160, :3]
    np.testing.assert_array_equal(part, pixels)
    original = pyvips.Image.new_from_file(str(path)).numpy()
    assert np.abs(original.astype(int) - pixels).max() > 3

    # the other half is the original, and so is all of it while the button is held
    page.locator("#divider").press("End")
    page.wait_for_timeout(100)
    before = canvas(page)[corner[0] : corner[0] + 120, corner[1] : corner[1] + 160, :3]
    np.testing.assert_array_equal(before[:, :-2], original[:, :-2])
    page.locator("#divider").press("Home")
    page.keyboard.down("o")
    page.wait_for_timeout(100)
    held = canvas(page)[corner[0] : corner[0] + 120, corner[1] : corner[1] + 160, :3]
    page.keyboard.up("o")
    np.testing.assert_array_equal(held, original)


def test_the_part_in_view_comes_first(open_page, save, picture, tmp_path, screenshot):
    page = open_page(width=900, height=600)
    tiled = np.tile(picture(2000, 2800), (2, 1, 1))  # 408 tiles, of which the part takes about 30
    add(page, save(tmp_path / "large.jpg", pixels=tiled))
    page.locator("#zoom-one").click()
    label = page.locator("#right-label")
    # the order counts, however slow the machine is: the part is there, and the whole is not done
    expect(label).to_have_text("After · denoise-print", timeout=300_000)
    expect(rows(page).locator(".state")).to_contain_text("tile")
    screenshot(page, "part_first")

    rows(page).get_by_role("button", name="Cancel large.jpg").click()
    expect(rows(page).locator(".state")).to_have_text("Cancelled")
    expect(page.locator(".failure")).to_contain_text("Cancelled")
    page.locator(".failure").get_by_role("button", name="Try again").click()
    expect(rows(page).locator(".state")).to_contain_text("tile")
    assert page.heard.messages == []


def test_transparent_parts_show_a_board(open_page, save, picture, tmp_path, canvas):
    page = open_page(width=900, height=600)
    opaque = np.full((500, 700, 1), 255, np.uint8)
    pixels = np.concatenate((picture(500, 700, seed=3), opaque), axis=2)
    pixels[:, 350:, 3] = 0
    add_and_wait(page, save(tmp_path / "clear.png", pixels=pixels))
    set_strength(page, 0)
    page.locator("#zoom-one").click()
    shown(page, 0)
    page.wait_for_timeout(100)
    seen = canvas(page)

    board = (seen[..., :3] == 255).all(2) | (seen[..., :3] == 204).all(2)
    assert seen[..., 3].all()
    right, left = board.all(0), ~board.all(0)
    edge = int(np.argmax(right))
    assert 0 < edge < seen.shape[1] - 8
    assert right[edge:].all()
    assert left[:edge].all()
    assert len(np.unique(seen[:, edge + 1 :, 0])) == 2  # both of its greys, each as it is
