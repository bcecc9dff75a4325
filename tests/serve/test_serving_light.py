"""Models that judge the light of whole pictures: over HTTP as on the command line, in parts too."""

import numpy as np
import pytest
from servers import until

import mirnet
from mirnet.serve.client import Problem

NAME = "lighting.safetensors"


@pytest.fixture(scope="module")
def lighting(tmp_path_factory):
    """The file of a small network of random weights that changes the light."""
    torch = pytest.importorskip("torch", reason="the model is made here")
    from mirnet.models import checkpoint
    from mirnet.models.mirnetv2.network import Configuration

    torch.manual_seed(5)
    network = Configuration(8, (1,), 1).network()
    with torch.no_grad():
        network.tail.weight.mul_(20)
    path = tmp_path_factory.mktemp("model") / NAME
    checkpoint.write(checkpoint.Weights.of(network, {"task": "brighten"}), path)
    return path


@pytest.fixture(scope="module")
def server(start, lighting):
    return start("--model", lighting, "--runtime", "pytorch").wait()


@pytest.fixture(scope="module")
def expected(lighting):
    """A function that changes pixels as `mirnet restore` does."""

    def lit(array, strength=1.0):
        options = {"runtime": "pytorch", "precision": "f32"}
        with mirnet.load(lighting, strength=strength, **options) as restorer:
            return restorer(array)

    return lit


@pytest.fixture(scope="module")
def content(file):
    """A picture of four tiles."""
    return file(540, 610, seed=4)


def apart(one, other):
    """Differences in levels."""
    return np.abs(one.astype(int) - other.astype(int))


@pytest.mark.parametrize("strength", [1.0, 0.4])
def test_the_file_that_comes_back_is_that_of_the_command_line(
    server, content, pixels, expected, strength
):
    back = pixels(server.client.restore(content, strength=strength, model=NAME))

    assert apart(back, expected(pixels(content), strength)).max() <= 1
    assert apart(back, pixels(content)).mean() > 5  # the light did change


def test_parts_and_strengths_agree_with_the_whole(server, content, pixels, expected):
    job = server.client.submit(content, layers=True, model=NAME)
    server.client.region(job.id, 430, 370, 90, 160)
    until(lambda: server.client.job(job.id).data["region"]["state"] == "done")
    early = pixels(server.client.view(job.id, 430, 370, 90, 160))

    assert server.client.wait(job.id).state == "done"
    whole = pixels(server.client.result(job.id))
    np.testing.assert_array_equal(early, whole[370:530, 430:520])
    for strength in (1.0, 0.4, 0.0):
        wanted = expected(pixels(content), strength)
        result = pixels(server.client.result(job.id, strength=strength))
        view = pixels(server.client.view(job.id, 0, 0, 610, 540, strength=strength))
        assert apart(result, wanted).max() <= 1
        np.testing.assert_array_equal(view, result)
        small = pixels(server.client.view(job.id, 0, 0, 610, 540, strength=strength, scale=0.5))
        means = result.reshape(270, 2, 305, 2, 3).mean((1, 3))
        assert np.abs(small - means).mean() <= 1  # more where values are clipped


def test_models_for_two_views_are_told_where_they_run(start, tmp_path, file):
    pytest.importorskip("torch", reason="the model is made here")
    from mirnet.models import checkpoint
    from mirnet.models.mirnetv2.network import Configuration

    network = Configuration(8, (1,), 1, in_channels=6, residual=False).network()
    path = tmp_path / "views.safetensors"
    checkpoint.write(checkpoint.Weights.of(network, {"task": "deblur"}), path)
    server = start("--model", path, "--runtime", "pytorch").wait()

    with pytest.raises(Problem, match=r"use `mirnet restore` with --left and --right"):
        server.client.restore(file(), model="views.safetensors")

    assert server.client.restore(file())
