"""What the cases need, made once: a tiny network in every format, pictures, pairs, a recipe."""

import importlib.util
import json
import multiprocessing
from pathlib import Path

import numpy as np
import pyvips

NETWORK = "[network]\nwidth = 8\ngroups = [1]\nblocks_per_group = 1\n"
RECIPE = (
    NETWORK
    + """
[[stages]]
length = 6
patch = 32
batch = 1

[data]
pairs = "pairs"
real_share = 1

[validation]
pairs = "pairs"
every = 2
"""
)
"""Paths are relative: it is run in a folder that holds the pairs."""

FORMATS = ("safetensors", "pth", "pdparams", "onnx", "mnn", "openvino", "paddle")
"""Formats of `mirnet export`, Paddle's where it is installed; `.ckpt` comes beside them."""

MODEL = "tiny.onnx"
"""The file that pictures are restored with."""


def ready(folder: Path) -> bool:
    """Whether the folder holds everything."""
    return (folder / "made.json").is_file()


def make(folder: Path) -> None:
    """Fill the folder, in a process of its own; nothing if it is full already.

    Raises:
        RuntimeError: if the process failed.
    """
    if ready(folder):
        return
    process = multiprocessing.get_context("spawn").Process(target=_make, args=(folder,))
    process.start()
    process.join()
    if not ready(folder):
        raise RuntimeError("the network to try cases with could not be made")


def weights(folder: Path) -> dict[str, list[Path]]:
    """The tiny network's files by format, the one that is opened first."""
    made: dict[str, list[str]] = json.loads((folder / "made.json").read_text())
    return {format: [folder / name for name in names] for format, names in made.items()}


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A noisy gradient, h w 3, uint8."""
    rows, columns = np.mgrid[:height, :width]
    light = (rows / height + columns / width)[..., None] / 2 * np.array([1, 0.8, 0.6])
    noisy = light + np.random.default_rng(seed).normal(0, 0.05, light.shape)
    levels: np.ndarray = np.rint(np.clip(noisy, 0, 1) * 255).astype(np.uint8)
    return levels


def save(path: Path, height: int, width: int, seed: int = 0) -> None:
    """A noisy gradient as a file; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pyvips.Image.new_from_array(picture(height, width, seed))
    path.write_bytes(image.write_to_buffer(path.suffix))


def pairs(folder: Path, count: int = 2) -> None:
    """Noisy and clean pictures below `folder`, and `little.toml` beside it."""
    for number in range(count):
        for half in ("input", "groundtruth"):
            save(folder / half / f"{number}.png", 48, 64, number)
    (folder.parent / "little.toml").write_text(RECIPE)


def _make(folder: Path) -> None:
    import torch

    from mirnet import export
    from mirnet.models import checkpoint
    from mirnet.models.mirnetv2.network import MIRNetV2

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    network = MIRNetV2(width=8, groups=(1,), blocks_per_group=1).eval()
    source = folder / "source.safetensors"
    checkpoint.write(checkpoint.Weights.of(network, {"task": "denoise"}), source)
    made = {}
    for format in FORMATS:
        if format == "paddle" and not importlib.util.find_spec("paddle"):
            continue
        path, _ = export.export(source, format, folder, name="tiny")
        files = [path, *(each for each in export.files(path) if each != path)]
        made[format] = [each.name for each in files]
    made["ckpt"] = [_train(folder).name]
    (folder / "made.json").write_text(json.dumps(made))


def _train(folder: Path) -> Path:
    """The checkpoint of a short run over the pairs, which are made for it."""
    from mirnet.training import recipe as recipes
    from mirnet.training import start

    pairs(folder / "pairs")
    own = [
        f"{key}={json.dumps(str(folder / 'pairs'))}" for key in ("data.pairs", "validation.pairs")
    ]
    recipe = recipes.load(str(folder / "little.toml"), own)
    start.train(recipe, folder / "run", start.Options(accelerator="cpu"), observe=lambda _: None)
    return (folder / "run" / "last.ckpt").replace(folder / "tiny.ckpt")
