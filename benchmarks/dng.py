"""White balance and exposure of DNGs against their RAW files, by programs that did not write them.

    python benchmarks/dng.py RAW... [--model denoise] [--strength 0 1]

Each RAW file becomes a DNG as by `mirnet restore --format dng`. Original and DNG are then developed
in the same way by LibRaw and, where they are installed, dcraw, RawTherapee and darktable. Printed
are the means of the DNG's red, green and blue over the original's, in linear light for LibRaw and
dcraw, and in the program's own rendering (8 bits, default settings) for the others; their exposure
in EV; time and memory of restoring. exiftool, if installed, compares the tags that matter.
"""

import argparse
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rawpy
import tifffile

from mirnet import api
from mirnet.pictures import codec

TAGS = (
    *("AsShotNeutral", "ColorMatrix1", "ColorMatrix2", "BaselineExposure", "Orientation"),
    *("UniqueCameraModel", "Make", "Model", "ExposureTime", "FNumber", "ISO", "DateTimeOriginal"),
)

Means = npt.NDArray[np.float64]
Developer = Callable[[Path, Path], Means]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("raw", type=Path, nargs="+")
    parser.add_argument("--model", default="denoise")
    parser.add_argument("--strength", type=float, nargs="+", default=[0.0, 1.0])
    arguments = parser.parse_args()
    known: dict[str, tuple[str | None, Developer]] = {
        "LibRaw": (None, libraw),
        "dcraw": ("dcraw", dcraw),
        "RawTherapee": ("rawtherapee-cli", rawtherapee),
        "darktable": ("darktable-cli", darktable),
    }
    developers = {
        name: run for name, (tool, run) in known.items() if not tool or shutil.which(tool)
    }
    print("not installed:", ", ".join(sorted(known.keys() - developers.keys())) or "none")
    with tempfile.TemporaryDirectory() as folder:
        for raw in arguments.raw:
            for strength in arguments.strength:
                target = Path(folder) / f"{raw.stem}_{strength:g}.dng"
                with api.load(arguments.model, strength=strength) as restorer:
                    started = time.perf_counter()
                    restorer.file(raw, target)
                    seconds = time.perf_counter() - started
                height, width = codec.size(target)
                print(f"\n{raw.name}, {width}x{height}, strength {strength:g}: {seconds:.1f} s")
                for name, develop in developers.items():
                    try:
                        before, after = (develop(path, Path(folder)) for path in (raw, target))
                    except subprocess.CalledProcessError as error:
                        print(f"  {name:12} failed on {error.cmd}")
                        continue
                    ratios = after / before
                    figures = " ".join(f"{ratio:.4f}" for ratio in ratios)
                    print(f"  {name:12} R G B {figures}  exposure {np.log2(ratios.mean()):+.4f} EV")
                if shutil.which("exiftool"):
                    print(f"  exiftool     {compared(raw, target)}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory {peak:.0f} MB, developing by LibRaw included")


def libraw(path: Path, _: Path) -> Means:
    with rawpy.imread(str(path)) as raw:
        developed = raw.postprocess(
            use_camera_wb=True,
            no_auto_bright=True,
            adjust_maximum_thr=0,
            output_bps=16,
            gamma=(1, 1),
        )
    means: Means = developed.mean((0, 1))
    return means


def dcraw(path: Path, _: Path) -> Means:
    """With the camera's white balance, 16 bits linear, no automatic brightening."""
    import io

    command = ["dcraw", "-w", "-4", "-T", "-c", str(path)]
    developed = tifffile.imread(
        io.BytesIO(subprocess.run(command, capture_output=True, check=True).stdout)
    )
    means: Means = developed.mean((0, 1))
    return means


def rawtherapee(path: Path, folder: Path) -> Means:
    return _exported(["rawtherapee-cli", "-Y", "-o", "{}", "-t", "-c", str(path)], folder)


def darktable(path: Path, folder: Path) -> Means:
    core = ["--core", "--library", ":memory:", "--configdir", str(folder / "darktable")]
    return _exported(["darktable-cli", str(path), "{}", "--width", "1200", *core], folder)


def _exported(command: list[str], folder: Path) -> Means:
    target = folder / "developed.tif"
    target.unlink(missing_ok=True)
    subprocess.run([part.format(target) for part in command], capture_output=True, check=True)
    means: Means = tifffile.imread(target).mean((0, 1))
    return means


def compared(raw: Path, target: Path) -> str:
    """Tags that differ, as exiftool reads them."""
    before, after = (
        dict(
            line.split(": ", 1)
            for line in subprocess.run(
                ["exiftool", "-s", *(f"-{tag}" for tag in TAGS), str(path)],
                capture_output=True,
                text=True,
            ).stdout.splitlines()
        )
        for path in (raw, target)
    )
    changed = [
        f"{tag.strip()} {before.get(tag, 'none')} -> {after.get(tag, 'none')}"
        for tag in sorted(before.keys() | after.keys())
        if before.get(tag) != after.get(tag)
    ]
    if not before:
        return "finds none of the tags in the original"
    return "; ".join(changed) or f"{len(before)} tags alike"


if __name__ == "__main__":
    main()
