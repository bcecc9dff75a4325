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
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from mirnet import export, metrics
from mirnet.data import sources
from mirnet.image import pixels
from mirnet.shapes import Batch
from mirnet.weights import catalog, checkpoint

Run = Callable[[Batch], Batch]
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
    record = catalog.find(arguments.model)
    weights = record.weights() if record else Path(arguments.model)
    noisy, clean = zip(*batches(arguments.pairs), strict=True)
    patches = [cut for batch, _ in batches(arguments.calibration) for cut in tiles(batch)]
    with tempfile.TemporaryDirectory() as folder:
        variants = dict(prepare(weights, patches, Path(folder)))
        expected = [variants["OpenVINO, float32"](batch) for batch in noisy]
        seconds = timed(variants, patches[0], arguments.rounds)
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


def prepare(weights: Path, patches: Sequence[Batch], folder: Path) -> Iterator[tuple[str, Run]]:
    onnx, _ = export.export(weights, "onnx", folder)
    yield "OpenVINO, float32", in_openvino(onnx)
    yield "OpenVINO, all", in_openvino(nncf(onnx, patches, ()))
    kept = ("Add", "Multiply", "ReduceMean", "ReduceSum", "AvgPool", "Interpolate", "Concat")
    yield "OpenVINO, convolutions", in_openvino(nncf(onnx, patches, kept))
    quantised = folder / "quantised.onnx"
    quantise(onnx, patches, quantised)
    yield "OpenVINO, 3x3", in_openvino(quantised)
    yield "ONNX Runtime, float32", in_onnx_runtime(onnx)
    yield "ONNX Runtime, 3x3", in_onnx_runtime(quantised)
    yield "PyTorch, float32", in_pytorch(checkpoint.read(weights).network())
    yield "3x3, simulated", in_pytorch(simulated(checkpoint.read(weights).network(), patches))


def in_openvino(model: Any) -> Run:  # noqa: ANN401 - a path or a model of a library without types
    import openvino

    options = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(model, "CPU", options)
    return lambda batch: np.array(compiled([batch])[0])


def in_onnx_runtime(path: Path) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options)
    name = session.get_inputs()[0].name
    return lambda batch: session.run(None, {name: batch})[0]


def in_pytorch(network: nn.Module) -> Run:
    network.eval()

    def run(batch: Batch) -> Batch:
        with torch.inference_mode():
            restored: Batch = network(torch.from_numpy(batch)).numpy()
        return restored

    return run


def nncf(path: Path, patches: Sequence[Batch], kept: Sequence[str]) -> Any:  # noqa: ANN401
    """The model quantised by NNCF; operations of the kinds in `kept` stay as they are."""
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
        return nncf.quantize(
            model, nncf.Dataset(patches), subset_size=len(patches), ignored_scope=scope
        )


def quantise(path: Path, patches: Sequence[Batch], target: Path) -> None:
    """Write the model with the inner 3x3 convolutions quantised, a scale for each channel out."""
    import onnx
    from onnxruntime import quantization

    class Reader(quantization.CalibrationDataReader):
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


def simulated(network: nn.Module, patches: Sequence[Batch]) -> nn.Module:
    """The same, rounded but computed in float32; ranges are the extremes over all patches."""
    inner = [
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
    run = in_pytorch(network)
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
        weight = module.weight.data
        scales = weight.abs().amax((1, 2, 3)) / 127
        zeros = torch.zeros_like(scales, dtype=torch.int32)
        module.weight.data = torch.fake_quantize_per_channel_affine(
            weight, scales, zeros, 0, -127, 127
        )
    return network


def timed(variants: dict[str, Run], tile: Batch, rounds: int) -> dict[str, float]:
    """Median seconds of each."""
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for count in range(-1, rounds):  # the first one warms up
        for name, run in variants.items():
            started = time.perf_counter()
            run(tile)
            if count >= 0:
                seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(each) for name, each in seconds.items()}


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
