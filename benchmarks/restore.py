"""Time and memory of `mirnet restore` on one large photograph, runtime by runtime.

    python benchmarks/restore.py [--megapixels 12] [--model denoise ...] [--runtime mnn ...]
        [--eager-tile 2048]

The photograph is scikit-image's `coffee`, enlarged, with noise, as a JPEG. Each run is a process of
its own: reading, restoring and writing together. The last row is `denoise` in plain PyTorch
eager on one tile as large as memory allows (`--eager-tile`): a photograph of just that size.
"""

import argparse
import itertools
import sys
import tempfile
from pathlib import Path

import numpy as np
import process
import pyvips

EAGER = """
import sys, numpy as np, pyvips, torch
from mirnet.models import catalog, checkpoint
source, target, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_num_threads(threads)
network = checkpoint.read(catalog.find("denoise").weights()).network()
picture = torch.from_numpy(pyvips.Image.new_from_file(source).numpy()).permute(2, 0, 1)[None] / 255
with torch.inference_mode():
    restored = network(picture).clamp(0, 1)
pixels = (restored[0].permute(1, 2, 0) * 255).round().byte().numpy()
pyvips.Image.new_from_array(pixels).write_to_file(target)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--model", nargs="*", default=["denoise"])
    parser.add_argument("--runtime", nargs="*", default=["mnn", "openvino", "onnx", "pytorch"])
    parser.add_argument("--precision", nargs="*", default=["auto"], help="auto, f32 or both")
    parser.add_argument("--threads", default="2")
    parser.add_argument("--eager-tile", type=int, default=2048, help="0 leaves the row out")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "photograph.jpg", Path(folder) / "restored.jpg"
        height = round((arguments.megapixels * 1e6 * 3 / 4) ** 0.5)
        pixels = photograph(source, height, round(height * 4 / 3))
        print(f"{pixels / 1e6:.1f} megapixels")
        print(f"{'':40}  seconds  us/pixel   MP/s  peak MB")
        for model, runtime, precision in itertools.product(
            arguments.model, arguments.runtime, arguments.precision
        ):
            command = [sys.executable, "-m", "mirnet", "restore", str(source), "-o", str(target)]
            options = ["--overwrite", "--model", model, "--runtime", runtime]
            options += ["--precision", precision, "--threads", arguments.threads]
            cost = process.run([*command, *options])
            report(f"mirnet, {Path(model).stem}, {runtime}, {precision}", cost, pixels)
        if arguments.eager_tile:
            side = arguments.eager_tile
            pixels = photograph(source, side, side)
            cost = process.run(
                [sys.executable, "-c", EAGER, str(source), str(target), arguments.threads]
            )
            report(f"PyTorch eager, {side}x{side} untiled", cost, pixels)


def report(name: str, cost: process.Cost, pixels: int) -> None:
    print(
        f"{name:40}  {cost.seconds:7.1f}  {cost.seconds / pixels * 1e6:8.2f}  "
        f"{pixels / cost.seconds / 1e6:5.2f}  {cost.peak_mb:7.0f}",
        flush=True,
    )


def photograph(path: Path, height: int, width: int) -> int:
    """Write a noisy photograph; return its pixels."""
    from skimage import data

    image = pyvips.Image.new_from_array(np.ascontiguousarray(data.coffee()))
    image = image.resize(width / image.width, vscale=height / image.height)
    noise = pyvips.Image.gaussnoise(width, height, sigma=12, seed=1)
    (image + noise).cast("uchar").copy(interpretation="srgb").jpegsave(str(path), Q=92)
    return height * width


if __name__ == "__main__":
    main()
