"""A little training run: small photographs, a pair, and a network of width 8."""

import numpy as np
import pytest

from mirnet.training import recipe

LITTLE = """
seed = 3
[network]
width = 8
groups = [1]
blocks_per_group = 1
[[stages]]
length = 4
patch = 16
batch = 2
[[stages]]
length = 2
patch = 32
batch = 1
[data]
photographs = "photographs"
[optim]
lr = 1e-3
warmup = 2
clip = 1.0
[validation]
every = 2
"""


@pytest.fixture
def here(tmp_path, monkeypatch, picture, save):
    """An empty folder to be in, with photographs, a real pair and the recipe `little.toml`."""
    for name, seed in (("a", 1), ("b", 2)):
        save(tmp_path / "photographs" / f"{name}.png", pixels=picture(50, 70, seed=seed))
    clean = picture(34, 37, seed=3)
    noise = np.random.default_rng(4).normal(0, 20, clean.shape)
    noisy = np.clip(clean + noise, 0, 255).astype(np.uint8)
    save(tmp_path / "pairs" / "input" / "x.png", pixels=noisy)
    save(tmp_path / "pairs" / "groundtruth" / "x.png", pixels=clean)
    (tmp_path / "little.toml").write_text(LITTLE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def plan(here):
    """A function that reads the little recipe, with changes."""

    def read(*settings):
        return recipe.load("little.toml", settings)

    return read
