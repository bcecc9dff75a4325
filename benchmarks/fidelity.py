"""What a model does to pictures without noise: PSNR of scikit-image's photographs to themselves.

    python benchmarks/fidelity.py [MODEL ...]

The photographs are uncompressed, 8-bit RGB. The last column is the largest shift of a channel's
mean, in levels of 255.
"""

import argparse

import numpy as np
from skimage import data

import mirnet
from mirnet import metrics

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", default=["denoise"])
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    print(f"{'':24}  {'PSNR':>8}  mean shift")
    for model in arguments.models:
        with mirnet.load(model, threads=arguments.threads) as restorer:
            for name in PHOTOGRAPHS:
                clean = np.ascontiguousarray(getattr(data, name)())
                restored = restorer(clean)
                psnr = metrics.psnr(restored, clean, data_range=255)
                shift = np.abs(restored.mean((0, 1)) - clean.mean((0, 1))).max()
                print(f"{f'{model}, {name}':24}  {psnr:5.2f} dB  {shift:10.2f}", flush=True)


if __name__ == "__main__":
    main()
