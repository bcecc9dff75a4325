"""What eight-bit arithmetic would gain and lose: time of a tile, quality on pairs.

    python benchmarks/int8.py CALIBRATION PAIRS [--model denoise] [--isa AVX2]

Both arguments are folders of pairs (`input/`, `groundtruth/`): patches of the first one's noisy
pictures set the ranges of the activations, the second is restored, untiled. `--isa AVX2` has
OpenVINO do without newer instructions. Needs `pip install nncf "mirnet[openvino,onnx]"`.

Rows: `all` is NNCF's default, everything that can be; `convolutions` leaves sums, products and
pooling in float32; `3x3` quantises inputs and weights of the 3x3 convolutions alone, without the
first and the last one, by ONNX Runtime's quantisation; `3x3, simulated` is the same in PyTorch,
with float32 arithmetic: what is lost by rounding, whatever an engine does.

Times are of one tile of 192 on one thread, medians of runs in turns; PSNR is the mean over the
pairs; differences are to float32, in levels of 255.
"""

import argparse
import contextlib
import functools
import io
import os
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import random_model
import torch
import turns
from torch import nn

from mirnet import export, metrics, runtimes
from mirnet.models import checkpoint
from mirnet.models.mirnetv2.network import MIRNetV2
from mirnet.pairs import sources
from mirnet.pictures import pixels
from mirnet.restoration.runtime import Runtime
from mirnet.runtimes.pytorch import PyTorchRuntime
from mirnet.shapes import Batch

TILE = 192


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("calibration", type=Path)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--model", default="denoise")
    parser.add_argument("--isa", help="largest instruction set of OpenVINO, such as AVX2")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    if arguments.isa:
        os.environ["ONEDNN_MAX_CPU_ISA"] = arguments.isa  # before OpenVINO is loaded
    torch.set_num_threads(1)
    noisy, clean = zip(*batches(arguments.pairs), strict=True)
    patches = [cut for batch, _ in batches(arguments.calibration) for cut in tiles(batch)]
    with tempfile.TemporaryDirectory() as folder:
        weights = random_model.find(arguments.model, Path(folder))
        variants = dict(prepare(weights, patches, Path(folder)))
        expected = [variants["OpenVINO, float32"](batch) for batch in noisy]
        steps = {name: functools.partial(run, patches[0]) for name, run in variants.items()}
        seconds = turns.median_seconds(steps, arguments.rounds)
        print(f"{'':30}     ms    PSNR  largest    RMS")
        for name, run in variants.items():
            row(name, seconds[name], [run(batch) for batch in noisy], expected, clean)


def batches(folder: Path) -> Iterator[tuple[Batch, Batch]]:
    """Noisy and clean pictures of a folder, 1 3 h w."""
    opened = sources.open(folder)
    for index in range(len(opened)):
        noisy, clean = (
            np.ascontiguousarray(pixels.to_float(half).transpose(2, 0, 1)[None])
            for half in opened.whole(index)
        )
        yield noisy, clean


def tiles(batch: Batch) -> Iterator[Batch]:
    """A few parts of the size that is restored in."""
    rng = np.random.default_rng(0)
    for _ in range(6):
        top, left = (rng.integers(side - TILE + 1) for side in batch.shape[2:])
        yield np.ascontiguousarray(batch[..., top : top + TILE, left : left + TILE])


def prepare(weights: Path, patches: Sequence[Batch], folder: Path) -> Iterator[tuple[str, Runtime]]:
    onnx, _ = export.export(weights, "onnx", folder)
    yield "OpenVINO, float32", opened(onnx, "openvino")
    yield "OpenVINO, all", opened(nncf(onnx, patches, (), folder / "all.xml"), "openvino")
    kept = ("Add", "Multiply", "ReduceMean", "ReduceSum", "AvgPool", "Interpolate", "Concat")
    path = nncf(onnx, patches, kept, folder / "convolutions.xml")
    yield "OpenVINO, convolutions", opened(path, "openvino")
    quantised = folder / "quantised.onnx"
    quantise(onnx, patches, quantised)
    yield "OpenVINO, 3x3", opened(quantised, "openvino")
    yield "ONNX Runtime, float32", opened(onnx, "onnx")
    yield "ONNX Runtime, 3x3", opened(quantised, "onnx")
    yield "PyTorch, float32", opened(weights, "pytorch")
    yield "3x3, simulated", simulated(checkpoint.read(weights).network(), patches)


def opened(path: Path, runtime: str) -> Runtime:
    return runtimes.open(path, runtime=runtime, device="cpu", threads=1)


def nncf(path: Path, patches: Sequence[Batch], kept: Sequence[str], target: Path) -> Path:
    """Write the model quantised by NNCF; operations of the kinds in `kept` stay as they are."""
    import nncf
    import openvino

    model = openvino.Core().read_model(path)
    convolutions = [
        node.get_friendly_name()
        for node in model.get_ordered_ops()
        if node.get_type_name() == "Convolution"
    ]
    ends = [convolutions[0], convolutions[-1]] if kept else []
    scope = nncf.IgnoredScope(names=ends, types=list(kept))
    with contextlib.redirect_stdout(io.StringIO()):  # its bars
        quantised = nncf.quantize(
            model, nncf.Dataset(patches), subset_size=len(patches), ignored_scope=scope
        )
    openvino.save_model(quantised, target, compress_to_fp16=False)
    return target


def quantise(path: Path, patches: Sequence[Batch], target: Path) -> None:
    """Write the model with the inner 3x3 convolutions quantised, a scale for each channel out."""
    import onnx
    from onnxruntime import quantization

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc] # without types
        def __init__(self) -> None:
            self._left = iter(patches)

        def get_next(self) -> dict[str, Batch] | None:
            batch = next(self._left, None)
            return None if batch is None else {"noisy": batch}

    graph = onnx.load(path).graph
    shapes = {tensor.name: tensor.dims for tensor in graph.initializer}
    inner = [
        node.name
        for node in graph.node
        if node.op_type == "Conv" and shapes.get(node.input[1], [0])[-1] == 3
    ][1:-1]
    quantization.quantize_static(
        str(path),
        str(target),
        Reader(),
        quant_format=quantization.QuantFormat.QDQ,
        op_types_to_quantize=["Conv"],
        nodes_to_quantize=inner,
        per_channel=True,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
    )


def simulated(network: MIRNetV2, patches: Sequence[Batch]) -> Runtime:
    """The same, rounded but computed in float32; ranges are the extremes over all patches."""
    inner: list[nn.Module] = [
        module
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d)
        and module.kernel_size == (3, 3)
        and name not in ("head", "tail")
    ]
    low, high = (dict.fromkeys(inner, 0.0) for _ in range(2))

    def watch(module: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        low[module] = min(low[module], given[0].min().item())
        high[module] = max(high[module], given[0].max().item())

    watching = [module.register_forward_pre_hook(watch) for module in inner]
    run = PyTorchRuntime.of(network)
    for patch in patches:
        run(patch)
    for hook in watching:
        hook.remove()

    def rounded(module: nn.Module, given: tuple[torch.Tensor, ...]) -> torch.Tensor:
        scale = (high[module] - low[module]) / 255
        zero = round(-low[module] / scale)
        return torch.fake_quantize_per_tensor_affine(given[0], scale, zero, 0, 255)

    for module in inner:
        module.register_forward_pre_hook(rounded)
        weight = module.get_parameter("weight").data
        scales = weight.abs().amax((1, 2, 3)) / 127
        zeros = torch.zeros_like(scales, dtype=torch.int32)
        module.get_parameter("weight").data = torch.fake_quantize_per_channel_affine(
            weight, scales, zeros, 0, -127, 127
        )
    return run


def row(
    name: str,
    seconds: float,
    restored: Sequence[Batch],
    expected: Sequence[Batch],
    clean: Sequence[Batch],
) -> None:
    psnr = statistics.mean(
        metrics.psnr(
            np.clip(batch[0], 0, 1).transpose(1, 2, 0), truth[0].transpose(1, 2, 0), data_range=1
        )
        for batch, truth in zip(restored, clean, strict=True)
    )
    apart = np.stack([255 * (a - b) for a, b in zip(restored, expected, strict=True)])
    print(
        f"{name:30}  {1e3 * seconds:5.0f}  {psnr:6.2f}  {np.abs(apart).max():7.2f}  "
        f"{np.sqrt(np.mean(apart**2)):5.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
