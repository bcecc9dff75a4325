"""Pictures in, restored pictures out, as clients see it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import pyvips
from servers import TOKEN, ask, until

import mirnet
from mirnet.serve.client import Problem


@pytest.fixture(scope="module")
def restorer():
    with mirnet.load("denoise-print", runtime="mnn", threads=1) as opened:
        yield opened


@pytest.mark.parametrize(
    ("kind", "dtype", "channels"),
    [
        (".png", np.uint8, 3),
        (".png", np.uint16, 1),
        (".tif", np.uint16, 3),
        (".tif", np.float32, 3),
    ],
)
def test_the_result_is_that_of_the_library(shared, restorer, file, pixels, kind, dtype, channels):
    content = file(70, 230, kind, dtype, channels)

    restored = shared.client.restore(content)

    expected = restorer(pixels(content))
    assert np.array_equal(pixels(restored), expected)
    assert not np.array_equal(expected, pixels(content))


def test_metadata_and_format_are_kept(shared, picture):
    image = pyvips.Image.new_from_array(picture(40, 56))
    image = image.icc_transform("p3", input_profile="srgb")
    image.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Make", "A camera")
    content = image.write_to_buffer(".jpg", Q=90)

    restored = pyvips.Image.new_from_buffer(shared.client.restore(content), "")

    assert restored.get("vips-loader").startswith("jpegload")
    assert restored.get("exif-ifd0-Make").startswith("A camera")
    assert restored.get("icc-profile-data") == image.get("icc-profile-data")


def test_a_form_does_as_well_as_a_body(shared, file):
    content = file()
    body = (
        b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\n1\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="../../a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + content + b"\r\n--x--\r\n"
    )
    status, headers, answer = ask(
        shared, "POST", "/v1/restore", body, {"Content-Type": "multipart/form-data; boundary=x"}
    )

    assert status == 200
    assert answer == shared.client.restore(content)
    assert headers["content-disposition"] == "attachment; filename*=UTF-8''a_restored.png"


@pytest.mark.parametrize(
    ("accept", "loader"),
    [("image/webp", "webpload"), ("image/tiff;q=0.2, image/jpeg", "jpegload"), ("*/*", "pngload")],
)
def test_accept_chooses_the_format(shared, file, accept, loader):
    _, _, answer = ask(shared, "POST", "/v1/restore", file(), {"Accept": accept})

    assert pyvips.Image.new_from_buffer(answer, "").get("vips-loader").startswith(loader)


def test_a_job_is_made_where_the_client_prefers_it(shared, file):
    content = file(seed=1)
    status, headers, answer = ask(
        shared, "POST", "/v1/restore?format=png", content, {"Prefer": "respond-async"}
    )

    assert (status, headers["preference-applied"]) == (202, "respond-async")
    job = json.loads(answer)
    assert headers["location"] == f"/v1/jobs/{job['id']}"
    shared.client.wait(job["id"])
    assert shared.client.result(job["id"], format="png") == shared.client.restore(content)


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "bad_request"),
        (b"no picture at all", 415, "unknown_format"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", 415, "unknown_format"),
        (b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", 415, "unknown_format"),
        (b"%PDF-1.4\n%%EOF", 415, "unknown_format"),
    ],
)
def test_what_is_no_picture_is_refused(shared, content, status, code):
    with pytest.raises(Problem) as error:
        shared.client.restore(content)

    assert (error.value.status, error.value.code) == (status, code)
    assert str(shared.data) not in str(error.value)


def test_a_damaged_picture_fails_its_job_alone(shared, file):
    content = file(200, 300)
    with pytest.raises(Problem) as error:
        shared.client.restore(content[: len(content) // 2])

    assert error.value.code == "damaged"
    assert str(error.value).startswith("the picture cannot be read")
    assert shared.client.restore(content)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("strength=1.5", "bad_option"),
        ("strength=nan", "bad_option"),
        ("self_ensemble=9", "bad_option"),
        ("quality=0", "bad_option"),
        ("format=gif", "bad_option"),
        ("model=/etc/passwd", "bad_option"),
        ("model=http://127.0.0.1/x.onnx", "bad_option"),
        ("model=hf://owner/name", "bad_option"),
    ],
)
def test_bad_options_are_named(shared, file, query, code):
    status, headers, answer = ask(shared, "POST", f"/v1/restore?{query}", file())

    problem = json.loads(answer)
    assert (status, problem["status"], problem["code"]) == (422, 422, code)
    assert headers["content-type"] == "application/problem+json"


def test_a_picture_with_alpha_is_no_jpeg(shared, picture):
    rgba = np.dstack([picture(30, 40), np.full((30, 40), 128, np.uint8)])
    content = pyvips.Image.new_from_array(rgba).copy(interpretation="srgb").write_to_buffer(".png")

    restored = pyvips.Image.new_from_buffer(shared.client.restore(content), "").numpy()

    assert (restored[..., 3] == 128).all()
    with pytest.raises(Problem, match="cannot hold this picture"):
        shared.client.restore(content, format="jpeg")
    status, _, _ = ask(shared, "POST", "/v1/restore", content, {"Accept": "image/jpeg"})
    assert status == 406


def test_nothing_of_a_finished_request_stays(shared, file):
    def folders():
        return {path for path in shared.data.iterdir() if path.is_dir()}

    before = folders()  # jobs of other tests

    shared.client.restore(file())

    until(lambda: folders() <= before)


def test_the_example_of_the_documentation_runs(shared, file, tmp_path, python):
    page = Path(__file__).parents[2] / "docs" / "serving.md"
    (example,) = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
    (tmp_path / "tokens.txt").write_text(f"{TOKEN}\n")
    (tmp_path / "night.jpg").write_bytes(file(kind=".jpg"))
    example = example.replace("127.0.0.1:8000", f"127.0.0.1:{shared.port}")

    done = python(f"import os; os.chdir({str(tmp_path)!r})\n{example}")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "done 1.0"
    assert (tmp_path / "clean.jpg").read_bytes() != (tmp_path / "half.jpg").read_bytes()
