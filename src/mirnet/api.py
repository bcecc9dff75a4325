"""The main calls: `load` a restorer, `restore` one array, `evaluate` models."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mirnet import runtimes
from mirnet.errors import PixelError, WeightsError
from mirnet.models import catalog
from mirnet.restoration.grain import NONE as NO_GRAIN
from mirnet.restoration.grain import Grain
from mirnet.restoration.restorer import Restorer, Scalar

if TYPE_CHECKING:
    from mirnet.evaluation.evaluate import Evaluation


def load(
    model: str | Path | Sequence[str | Path] = catalog.DEFAULT,
    *,
    device: str = "auto",
    runtime: str = "auto",
    tile: int | None = None,
    overlap: int | None = None,
    strength: float = 1.0,
    self_ensemble: int = 1,
    whole: bool = False,
    threads: int | None = None,
    precision: str = "auto",
    local: int | None = None,
    grain: float = 0.0,
    grain_seed: int = 0,
) -> Restorer:
    """Load a restorer for a model of the catalogue, a model file or a pulled `hf://` address.

    Load it once, use it for many pictures, and close it afterwards (or use `with`).

    Args:
        model: a name such as `denoise`, or a file (.mnn, .xml, .onnx, .safetensors, .pth,
            .pdparams, .pdiparams). Of several, each restores what the one before it made, row by
            row and unrounded; the other options are those of each, and grain comes last.
        device: `auto`, `cpu`, `cuda`, `tensorrt`, `coreml` or `directml`.
        runtime: `auto` for the fastest one installed, or `mnn`, `openvino`, `onnx`, `pytorch`,
            `paddle`.
        tile: side of the square tiles in pixels, a multiple of what the model takes (4, or 32 if it
            averages over windows); None for the default.
        overlap: pixels that tiles share, a multiple as well; None for the default.
        strength: 0 for the original, 1 for the network's result; in between, fine grain of the
            luminance returns, and hardly any colour noise.
        self_ensemble: average this many flipped and rotated views (1 to 8) of each tile; N views
            take N times as long and leave less noise.
        whole: run each picture in one piece, without tiles or a border, as papers do.
        threads: CPU threads; None for one per core.
        precision: `auto` for bfloat16 on processors where it is faster and agrees with float32, so
            results differ between machines by up to about two levels of 255; `f32` for float32.
        local: side in pixels of windows, such as 1.5 times the training patch, over which a network
            averages that otherwise averages over the whole picture: tiles then agree. PyTorch only.
        grain: add fine grey grain afterwards, 0 to 50: its standard deviation in mid grey, in
            levels of 255. The same picture always gets the same grain.
        grain_seed: another number gives other grain.

    Raises:
        RuntimeMissingError: if a package is missing; the message says what to install.
        WeightsError: if there is no such model.
        TilingError: if tile and overlap do not fit together, or one is given with `whole`.
        ShapeError: if the strength, the number of views or the grain is out of range.
    """
    given = Grain(float(grain), grain_seed)
    models = [model] if isinstance(model, str | Path) else list(model)
    if not models:
        raise WeightsError("no model was given")
    with ExitStack() as opened:
        restorer: Restorer | None = None
        for place, each in enumerate(models, 1):
            network = runtimes.open(
                each,
                runtime=runtime,
                device=device,
                threads=threads,
                precision=precision,
                local=local,
            )
            opened.callback(network.close)
            restorer = Restorer(
                network,
                tile=tile,
                overlap=overlap,
                strength=strength,
                self_ensemble=self_ensemble,
                whole=whole,
                grain=given if place == len(models) else NO_GRAIN,
                before=restorer,
            )
            opened.pop_all()
            opened.callback(restorer.close)
        opened.pop_all()
    assert restorer
    return restorer


def restore(
    image: npt.NDArray[Scalar], model: str | Path = catalog.DEFAULT, *, strength: float = 1.0
) -> npt.NDArray[Scalar]:
    """Restore one array: h w or h w c, uint8, uint16, or float32 in 0..1; returns the same format.

    To restore many pictures or files, or to choose device, tiles and the like, use `load` instead.

    Raises:
        TypeError: if it is not an array.
        PixelError: if it holds NaN or infinite values; it is a ValueError.
        ShapeError: if it has other axes, or neither 1 nor 3 channels.
        ImageError: if it has another dtype.
    """
    given: object = image  # whatever the annotation asks for
    if not isinstance(given, np.ndarray):
        raise TypeError(
            f"mirnet.restore takes an array, height x width (x channels), got "
            f"{type(given).__name__}; "
            "for files there is mirnet.load().file(source, target)"
        )
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise PixelError("the picture holds NaN or infinite values; give finite floats in 0..1")
    with load(model, strength=strength) as restorer:
        return restorer(image)


def evaluate(
    data: str | Path | Sequence[str | Path],
    model: str | Sequence[str] = catalog.DEFAULT,
    *,
    baseline: Sequence[str] = (),
    limit: int | None = None,
    save_images: str | Path | None = None,
    csv: str | Path | None = None,
    report: str | Path | None = None,
    shave: int | None = None,
    match_light: bool = False,
    **options: Any,  # noqa: ANN401 - those of `load`
) -> "Evaluation":
    """Measure models over pairs, as `mirnet evaluate` does.

    Args:
        data: a folder of pairs, or several.
        model: a name or file, or several to compare.
        baseline: `nlm`, `bm3d:20` and the like; `bicubic` and `lanczos` for models that enlarge.
        limit: maximum number of pairs per folder; None for all.
        save_images: a folder for the restored pictures.
        csv: path of a table with one row per method and pair.
        report: path of a page, .html.
        shave: pixels along each border that are not measured; None for the scale of models that
            enlarge.
        match_light: also measure each result once it is as bright as the truth.
        options: options of `load`, such as `runtime` and `tile`.

    Returns:
        Figures of each pair, and the means: `overall.columns["denoise"].means.scores.psnr`.

    Raises:
        DataError: if a folder holds no pairs.
        MirnetError: as `load` does.
    """
    from mirnet.evaluation.evaluate import evaluate as measure

    folders = [data] if isinstance(data, str | Path) else data
    files = [path and Path(path) for path in (save_images, csv, report)]
    return measure(
        [Path(folder) for folder in folders],
        [model] if isinstance(model, str) else model,
        partial(load, **options),
        baselines=baseline,
        limit=limit,
        save_images=files[0] or None,
        csv=files[1] or None,
        report=files[2] or None,
        shave=shave,
        match_light=match_light,
    )
