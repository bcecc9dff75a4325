"""Real servers in processes of their own, and pictures as bytes."""

import subprocess
import sys

import numpy as np
import pytest
import pyvips

pytest.importorskip("fastapi", reason="needs the extra serve")

from servers import START, Server


@pytest.fixture(scope="session")
def start(tmp_path_factory):
    """A function that starts a server, which ends with the tests."""
    servers = []

    def begin(*options, **more):
        server = Server(tmp_path_factory.mktemp("server"), *options, **more)
        servers.append(server)
        return server

    yield begin
    for server in servers:
        server.kill()


@pytest.fixture(scope="session")
def shared(start):
    """A server with default limits that several tests share."""
    return start().wait()


@pytest.fixture(scope="session")
def double(tmp_path_factory):
    """The file of a small network of random weights that doubles the size."""
    torch = pytest.importorskip("torch", reason="the model is made here")
    from mirnet.models import checkpoint
    from mirnet.models.mirnetv2.network import Configuration

    torch.manual_seed(3)
    network = Configuration(8, (1,), 1, unshuffle=2, window=48, scale=2).network()
    path = tmp_path_factory.mktemp("model") / "double.safetensors"
    checkpoint.write(checkpoint.Weights.of(network, {"task": "enlarge"}), path)
    return path


@pytest.fixture(scope="session")
def file(picture):
    """A function that makes the bytes of a picture's file."""

    def make(height=48, width=64, kind=".png", dtype=np.uint8, channels=3, seed=0, **options):
        pixels = picture(height, width, channels, dtype, seed)
        image = pyvips.Image.new_from_array(pixels)
        return bytes(image.write_to_buffer(kind, **options))

    return make


@pytest.fixture(scope="session")
def pixels():
    """A function that decodes a file's bytes."""

    def decode(content):
        array = pyvips.Image.new_from_buffer(content, "").numpy()
        return array[..., None] if array.ndim == 2 else array

    return decode


@pytest.fixture(scope="session")
def mirnet(python):
    """A function that runs `mirnet` with the given words to its end."""
    return lambda *words: python(START, *words)


@pytest.fixture
def mirnet_server():
    """A function that starts a server as a photographer does, and returns the printed address."""
    processes = []

    def begin():
        words = ("serve", "--port", "0", "--no-browser")
        command = [sys.executable, "-c", START, *words]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        processes.append(process)
        return process.stdout.readline().strip()

    yield begin
    for process in processes:
        process.terminate()
        assert process.wait(120) == 0
        process.stdout.close()
