"""Time and memory of `mirnet restore` on one large photograph, runtime by runtime.

    python benchmarks/restore.py [--megapixels 12] [--runtime mnn ...] [--eager-tile 2048]

The photograph is scikit-image's `coffee`, enlarged, with noise, as a JPEG. Each run is a process of
its own: reading, restoring and writing together. The last row is the same network in plain PyTorch
eager, in tiles as large as memory allows (`--eager-tile`), without overlap.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import process
import pyvips

EAGER = """
import sys, numpy as np, pyvips, torch
from mirnet.weights import catalog, checkpoint
source, target, side = sys.argv[1], sys.argv[2], int(sys.argv[3])
path = next(p for p in catalog.find("denoise").files() if p.suffix == ".safetensors")
network = checkpoint.read(path).network()
picture = torch.from_numpy(pyvips.Image.new_from_file(source).numpy()).permute(2, 0, 1)[None] / 255
out = torch.empty_like(picture)
with torch.inference_mode():
    for top in range(0, picture.shape[2], side):
        for left in range(0, picture.shape[3], side):
            tile = picture[:, :, top : top + side, left : left + side]
            out[:, :, top : top + side, left : left + side] = network(tile).clamp(0, 1)
pixels = (out[0].permute(1, 2, 0) * 255).round().byte().numpy()
pyvips.Image.new_from_array(pixels).write_to_file(target)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--runtime", nargs="*", default=["mnn", "onnx", "pytorch"])
    parser.add_argument("--eager-tile", type=int, default=2048, help="0 leaves the row out")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "photograph.jpg", Path(folder) / "restored.jpg"
        pixels = photograph(source, arguments.megapixels)
        print(f"{pixels / 1e6:.1f} megapixels")
        print(f"{'':32}  seconds  us/pixel   MP/s  peak MB")
        for runtime in arguments.runtime:
            command = [sys.executable, "-m", "mirnet", "restore", str(source), "-o", str(target)]
            cost = process.run([*command, "--overwrite", "--runtime", runtime])
            report(f"mirnet restore --runtime {runtime}", cost, pixels)
        if arguments.eager_tile:
            side = str(arguments.eager_tile)
            cost = process.run([sys.executable, "-c", EAGER, str(source), str(target), side])
            report(f"PyTorch eager, tiles of {side}", cost, pixels)


def report(name: str, cost: process.Cost, pixels: int) -> None:
    print(
        f"{name:32}  {cost.seconds:7.1f}  {cost.seconds / pixels * 1e6:8.2f}  "
        f"{pixels / cost.seconds / 1e6:5.2f}  {cost.peak_mb:7.0f}",
        flush=True,
    )


def photograph(path: Path, megapixels: float) -> int:
    """Write a noisy 4:3 photograph with sides that are multiples of 4; return its pixels."""
    from skimage import data

    height = round((megapixels * 1e6 * 3 / 4) ** 0.5 / 4) * 4
    width = round(height * 4 / 3 / 4) * 4
    image = pyvips.Image.new_from_array(np.ascontiguousarray(data.coffee()))
    image = image.resize(width / image.width, vscale=height / image.height)
    noise = pyvips.Image.gaussnoise(width, height, sigma=12, seed=1)
    (image + noise).cast("uchar").copy(interpretation="srgb").jpegsave(str(path), Q=92)
    return height * width


if __name__ == "__main__":
    main()
