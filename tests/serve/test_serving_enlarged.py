"""Models that enlarge: over HTTP as on the command line, whole and in parts."""

import json

import numpy as np
import pytest
import pyvips

import mirnet
from mirnet.serve.client import Problem


@pytest.fixture(scope="module")
def server(start, double):
    words = ("--runtime", "pytorch", "--max-megapixels", "1")
    return start("--model", double, *words).wait()


@pytest.fixture(scope="module")
def expected(double):
    """A function that enlarges a file's pixels as `mirnet restore` does."""

    def enlarge(array, strength=1.0):
        options = {"runtime": "pytorch", "precision": "f32", "strength": strength}
        with mirnet.load(double, **options) as restorer:
            return restorer(array)

    return enlarge


def test_it_is_offered_beside_the_others(server):
    told = {one["name"]: one for one in server.client.models()["models"]}

    assert list(told) == [*("denoise-print", "double.safetensors", "denoise", "denoise-tiny")]
    assert (told["double.safetensors"]["task"], told["double.safetensors"]["scale"]) == (
        "enlarge",
        2,
    )
    assert told["double.safetensors"]["parameters"] > 1000
    assert told["denoise-print"]["scale"] == 1


@pytest.mark.parametrize(("kind", "dtype"), [(".png", np.uint16), (".webp[lossless]", np.uint8)])
def test_the_file_that_comes_back_is_that_of_the_command_line(
    server, file, pixels, expected, kind, dtype
):
    content = file(61, 83, kind=kind, dtype=dtype)

    back = pixels(server.client.restore(content, model="double.safetensors"))

    assert (back.shape, back.dtype) == ((122, 166, 3), dtype)
    apart = np.abs(back.astype(int) - expected(pixels(content)).astype(int))
    assert apart.max() <= 1


def test_opacity_and_metadata_are_enlarged_with_it(server, picture):
    pixels = picture(40, 52, 4)
    image = pyvips.Image.new_from_array(pixels).copy(xres=4.0, yres=4.0, interpretation="srgb")

    back = server.client.restore(image.pngsave_buffer(), model="double.safetensors")

    result = pyvips.Image.new_from_buffer(back, "")
    assert (result.width, result.height, result.bands) == (104, 80, 4)
    assert result.xres == pytest.approx(8.0, rel=0.01)  # the same size on paper


def test_parts_strengths_and_views_are_of_the_result(server, file, pixels, expected):
    content = file(200, 300, seed=4)
    job = server.client.submit(content, layers=True, model="double.safetensors")
    assert (job.width, job.height, job.data["scale"]) == (600, 400, 2)

    server.client.region(job.id, 500, 350, 100, 50)
    done = server.client.wait(job.id)

    assert done.state == "done"
    whole = pixels(server.client.result(job.id))
    part = pixels(server.client.view(job.id, 500, 350, 100, 50))
    assert whole.shape == (400, 600, 3)
    np.testing.assert_array_equal(part, whole[350:, 500:])
    assert np.abs(whole.astype(int) - expected(pixels(content)).astype(int)).max() <= 1
    before = pixels(server.client.view(job.id, 0, 0, 600, 400, which="before"))
    np.testing.assert_array_equal(before, expected(pixels(content), strength=0.0))
    np.testing.assert_array_equal(pixels(server.client.result(job.id, strength=0.0)), before)
    assert (whole != before).any()


def test_a_result_that_would_be_too_large_is_refused(server, file):
    assert server.client.submit(file(600, 600), model="denoise-print").width == 600

    with pytest.raises(Problem, match=r"the enlarged picture has 1.4 megapixels") as error:
        server.client.submit(file(600, 600), model="double.safetensors")

    assert (error.value.status, error.value.code) == (413, "too_many_pixels")


def test_a_model_that_is_not_offered_is_named_with_those_that_are(server, file):
    with pytest.raises(Problem, match=r"denoise-print, double\.safetensors, denoise, denoise-tiny"):
        server.client.restore(file(), model="enlarge-x9")


def test_two_models_of_one_name_are_refused(mirnet, double, tmp_path):
    other = tmp_path / double.name
    other.write_bytes(double.read_bytes())

    ended = mirnet("serve", "--no-browser", "--port", 0, "--model", double, "--model", other)

    assert (ended.returncode, json.dumps(ended.stderr).count("\\n")) == (2, 1)
    assert "two models are called double.safetensors" in ended.stderr
