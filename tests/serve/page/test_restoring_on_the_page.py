"""Pictures go in and come back restored, as users do it: in a real browser, on a real server."""

import io
import re
import zipfile

import pytest
import pyvips
from browsing import DONE, add, add_and_wait, drop, expect, rows, saved, set_strength, shown


def test_a_folder_goes_the_whole_way(open_page, folder, origin, screenshot):
    page = open_page(1440, 900)
    screenshot(page, "empty_light")
    expect(page.locator("#privacy")).to_have_text("Your pictures never leave this computer")

    drop(page, folder)
    expect(rows(page)).to_have_count(20)
    expect(page).to_have_title(re.compile(r"^\d+ % · \d+ of 20"))
    screenshot(page, "busy_light")
    expect(page).to_have_title("Done · 20 pictures · mirnet")
    expect(rows(page).locator(".state", has_text="Done in")).to_have_count(20)
    expect(rows(page).locator(".thumbnail:visible")).to_have_count(20)
    expect(page.locator(".notice")).to_contain_text("1 file is not a picture")
    assert re.fullmatch(r"0\.01 MP", rows(page).first.locator(".facts").inner_text())

    # look, choose a strength for this one, then for all
    page.locator("#zoom-one").click()
    shown(page, 100)
    set_strength(page, 30)
    shown(page, 30)
    page.locator("#strength-all").click()
    rows(page).nth(1).locator(".open").click()
    expect(page.locator("#strength-value")).to_have_text("30 %")
    shown(page, 30)
    set_strength(page, 80)
    shown(page, 80)
    screenshot(page, "done_light")
    page.emulate_media(color_scheme="dark")
    screenshot(page, "done_dark")

    zipped = saved(page, lambda: page.locator("#download-all").click())
    assert zipped.suggested_filename == "mirnet.zip"
    with zipfile.ZipFile(zipped.path()) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        contents = {name: archive.read(name) for name in names}
    originals = [path for path in folder.rglob("*/*") if path.is_file()]
    wanted = {f"holiday/{path.parent.name}/{path.stem}_restored{path.suffix}" for path in originals}
    assert set(names) == wanted and len(names) == 20
    for path in originals:
        content = contents[f"holiday/{path.parent.name}/{path.stem}_restored{path.suffix}"]
        restored = pyvips.Image.new_from_buffer(content, "")
        original = pyvips.Image.new_from_file(str(path))
        assert (restored.width, restored.height) == (original.width, original.height)
        assert (restored - original).abs().max() > 0

    # each at its own strength: what is packed is what one gets alone
    alone = saved(page, lambda: page.locator("#download").click())
    name = alone.suggested_filename
    assert contents[f"holiday/day one/{name}"] == alone.path().read_bytes()

    assert page.heard.messages == []
    strangers = [url for url in page.heard.requests if not url.startswith((origin, "blob:"))]
    assert strangers == []


@pytest.mark.parametrize(
    ("format", "suffix", "loader"),
    [("jpeg", "jpg", "jpeg"), ("tiff", "tif", "tiff"), ("webp", "webp", "webp")],
)
def test_a_format_can_be_chosen(open_page, save, tmp_path, format, suffix, loader):
    page = open_page()
    add_and_wait(page, save(tmp_path / "one.png"))
    expect(page.locator("#quality")).to_be_hidden()
    page.locator("#format").select_option(format)
    sizes = []
    for quality in ("20", "95") if format != "tiff" else ("",):
        if quality:
            page.locator("#quality").fill(quality)
        download = saved(page, lambda: page.locator("#download").click())
        assert download.suggested_filename == f"one_restored.{suffix}"
        image = pyvips.Image.new_from_file(str(download.path()))
        assert image.get("vips-loader").startswith(loader)
        sizes.append(download.path().stat().st_size)
    assert sizes == sorted(set(sizes))


def test_all_can_be_cancelled_and_cleared(open_page, large, folder):
    page = open_page()
    twin = large.with_name("twin.jpg")
    twin.write_bytes(large.read_bytes())
    add(page, large, twin, *sorted(folder.glob("day one/*"))[:2])
    expect(rows(page).filter(has_text="Done")).to_have_count(2)  # before the large ones
    page.locator("#cancel-all").click()
    expect(page.locator("#confirm-text")).to_have_text("Cancel 2 pictures? What is done stays.")
    page.get_by_role("button", name="Cancel them").click()
    expect(rows(page).filter(has_text="Cancelled")).to_have_count(2)
    expect(page.locator("#cancel-all")).to_be_disabled()
    page.locator("#remove-all").click()
    page.locator("#confirm").get_by_role("button", name="Remove").click()
    expect(page.locator("#welcome")).to_be_visible()
    expect(page).to_have_title("mirnet")


def test_another_model_restores_a_picture_again(open_page, save, tmp_path):
    page = open_page()
    add_and_wait(page, save(tmp_path / "one.png"))
    page.locator("#model").select_option("denoise")
    page.locator("#ensemble").select_option("2")
    page.get_by_role("button", name="Restore this picture with denoise, 2 views").click()
    expect(page.locator("#facts")).to_contain_text("denoise ×2")
    expect(rows(page)).to_have_attribute("data-state", "done")
    expect(page.locator("#card")).to_contain_text("M parameters")


def test_failures_say_why_and_what_to_do(open_page, save, tmp_path, screenshot):
    damaged = tmp_path / "damaged.jpg"
    damaged.write_bytes(b"\xff\xd8\xff\xe0 nothing")
    page = open_page()
    add(page, damaged, save(tmp_path / "good.png"))
    expect(page).to_have_title(DONE)
    row = rows(page).filter(has_text="damaged.jpg")
    expect(row).to_have_attribute("data-state", "failed")
    row.locator(".open").click()
    expect(page.locator(".failure h3")).to_have_text("Failed")
    expect(page.locator(".failure p").first).to_contain_text("damaged")
    expect(page.locator("#divider")).to_be_hidden()
    expect(page.locator("#summary")).to_have_text("1 of 2 done · 1 failed")
    screenshot(page, "failed")
    # mended meanwhile: the page reads the file again
    save(damaged)
    add(page, damaged)
    expect(rows(page).filter(has_text="Done")).to_have_count(2)


def test_files_that_need_an_extra_say_what_to_install(open_page, save, tmp_path, screenshot):
    page = open_page(with_token=False)
    install = 'pip install "mirnet[raw]"'

    def without_raw(route):
        answer = route.fetch()
        facts = answer.json()
        if not facts["missing_extras"]:
            entry = {"suffixes": [".nef"], "extra": "raw", "install": install}
            facts["missing_extras"] = [entry]
            facts["formats_in"].remove(".nef")
        route.fulfill(response=answer, json=facts)

    page.route("**/v1/models", without_raw)
    page.goto(page.test_address)
    page.locator("body[data-ready]").wait_for()
    raw = tmp_path / "DSC_1.NEF"
    raw.write_bytes(b"raw")
    add(page, raw, save(tmp_path / "good.png"))
    notice = page.locator(".notice")
    expect(notice).to_contain_text("1 file (NEF)")
    expect(notice.locator("code")).to_have_text(install)
    expect(rows(page)).to_have_count(1)
    screenshot(page, "needs_extra")


def test_a_server_that_is_away_or_full_loses_nothing(open_page, folder, save, tmp_path, screenshot):
    page = open_page()
    page.context.set_offline(True)
    add(page, save(tmp_path / "one.png"))
    expect(page.locator(".notice")).to_contain_text("mirnet is not answering")
    screenshot(page, "offline")
    page.context.set_offline(False)
    expect(page.locator(".notice")).to_have_count(0)
    expect(rows(page)).to_have_attribute("data-state", "done")

    problem = {"code": "no_space", "title": "x", "status": 507, "detail": "the disk is full"}
    full = [True]
    page.route(
        "**/v1/jobs/*?*",
        lambda route: (
            route.fulfill(status=507, json=problem)
            if full[0] and route.request.method == "PUT"
            else route.continue_()
        ),
    )
    add(page, save(tmp_path / "two.png"))
    expect(page.locator(".notice")).to_contain_text("no room left")
    screenshot(page, "no_space")
    full[0] = False
    page.get_by_role("button", name="Remove what is done").click()
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_have_attribute("data-state", "done")


def test_answers_that_break_off_are_asked_for_again(open_page, save, picture, tmp_path):
    page = open_page()
    broken = []

    def break_off_once(route):
        method = route.request.method
        if method in broken:
            route.continue_()
        else:
            broken.append(method)
            route.fulfill(status=200, content_type="application/json", body='{"jobs": [{"id": ')

    page.route(re.compile(r"/v1/jobs$"), break_off_once)  # the list of jobs
    page.route("**/v1/jobs/*?*keep=layers*", break_off_once)  # a picture that is sent
    add_and_wait(
        page, *(save(tmp_path / f"{n}.png", pixels=picture(300, 400, seed=n)) for n in range(3))
    )

    assert sorted(broken) == ["GET", "PUT"]
    expect(rows(page).and_(page.locator("[data-state=done]"))).to_have_count(3)


def test_results_are_not_pushed_out_by_later_ones(open_page, save, tmp_path):
    """The server deletes the oldest beyond its limit: the page must wait before that."""
    page = open_page(with_token=False)

    def small(route):
        answer = route.fetch()
        facts = answer.json()
        facts["limits"]["results_gigabytes"] = 100e-6  # two pictures of 2240 pixels
        route.fulfill(response=answer, json=facts)

    page.route("**/v1/models", small)
    page.goto(page.test_address)
    page.locator("body[data-ready]").wait_for()
    add_and_wait(page, save(tmp_path / "one.png"), save(tmp_path / "two.png"))
    add(page, save(tmp_path / "three.png"))
    expect(page.locator(".notice")).to_contain_text("no room left")
    expect(rows(page).filter(has_text="Done")).to_have_count(2)
    page.get_by_role("button", name="Remove what is done").click()
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_have_attribute("data-state", "done")


def test_a_reloaded_page_still_has_what_was_done(open_page, folder):
    page = open_page()
    page.set_input_files("#folder", str(folder / "day two"))
    expect(page).to_have_title("Done · 10 pictures · mirnet")
    page.reload()
    expect(rows(page)).to_have_count(10)
    expect(rows(page).locator(".thumbnail:visible")).to_have_count(10)
    zipped = saved(page, lambda: page.locator("#download-all").click())
    names = zipfile.ZipFile(io.BytesIO(zipped.path().read_bytes())).namelist()
    assert all(name.startswith("day two/") for name in names)


def test_without_the_token_it_asks_for_it(open_page, address):
    page = open_page(with_token=False)
    expect(page.locator("#token")).to_be_visible()
    page.locator("#token-value").fill("not the right one, but long enough")
    page.locator("#token").get_by_role("button", name="Open").click()
    expect(page.locator("#token")).to_be_visible()
    page.locator("#token-value").fill(address.partition("token=")[2])
    page.locator("#token").get_by_role("button", name="Open").click()
    page.locator("body[data-ready]").wait_for()
    assert "token" not in page.url
