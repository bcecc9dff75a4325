"""Pairs of small and large pictures, to measure models that enlarge on.

    python benchmarks/small_sets.py FOLDER [PHOTOGRAPH ...] [--scale 2]
    mirnet evaluate FOLDER/bicubic FOLDER/jpeg85 --model MODEL --baseline bicubic --baseline lanczos

FOLDER gets two folders of pairs. In `bicubic` the small half is what Pillow's bicubic filter makes
of the large one, as in the papers' test sets. In `jpeg85` it is what people have: the mean of
squares, as programs shrink, saved as JPEG of quality 85 with the chroma at half size.

Without photographs, those of scikit-image are taken.
"""

import argparse
from pathlib import Path

import photographs
from PIL import Image

from mirnet.pictures import codec

QUALITY = 85
SETS = ("bicubic", f"jpeg{QUALITY}")
SIDE = 8
"""Sides of the small halves are multiples of this."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("photographs", nargs="*", type=Path)
    parser.add_argument("--scale", type=int, default=2)
    arguments = parser.parse_args()
    scale = arguments.scale
    for name in SETS:
        for half in ("lr", "hr"):
            (arguments.folder / name / half).mkdir(parents=True)
    read = {path.stem: codec.read(path) for path in arguments.photographs}
    for name, pixels in (read or photographs.whole()).items():
        large = Image.fromarray(pixels)
        width, height = (side // (scale * SIDE) * SIDE for side in large.size)
        large = large.crop((0, 0, width * scale, height * scale))
        name = name.removeprefix("photograph ")
        for kind in SETS:
            large.save(arguments.folder / kind / "hr" / f"{name}.png")
        small = large.resize((width, height), Image.Resampling.BICUBIC)
        small.save(arguments.folder / SETS[0] / "lr" / f"{name}.png")
        target = arguments.folder / SETS[1] / "lr" / f"{name}.jpg"
        large.reduce(scale).save(target, quality=QUALITY, subsampling="4:2:0")
    print("\n".join(str(arguments.folder / name) for name in SETS))


if __name__ == "__main__":
    main()
