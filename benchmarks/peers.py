"""One picture in every engine, in turns: the official network in eager PyTorch, its peers, ours.

    python benchmarks/peers.py [--model small denoise] [--sizes 256 512] [--threads 2 1]

A model is a name of the catalogue, a preset, which gets random weights, or a file. The official
network is that of `spandrel-extra-arches`, as in the tests, with the same weights. The rows called
plain run what PyTorch's exporter, or each engine's own converter, makes of it, the picture in one
piece, in float32; Paddle Inference runs what `mirnet export --format paddle` writes, since the
official network is not written in Paddle. The last rows are `mirnet.load`, as everybody calls it,
which cuts the picture into tiles. As tiles see themselves alone, their results are compared with
the official network in the same tiles, which is a row as well.

Every row is a process of its own, and they take turns, one picture each, in an order that changes,
while the others wait. Times are medians; `ratio` is the median over the rounds of the official
network's time over this row's; the difference is the largest of any value, in levels of 255; memory
is the largest of the process and those below it. Above the table stands the floor: the time which
the network's operations take at the rate of a large product of matrices. An engine whose package is
missing, or which fails, says so: `pip install ncnn pnnx "mirnet[train,openvino,onnx,paddle]"` has
them all.
"""

import argparse
import contextlib
import importlib.util
import logging
import multiprocessing
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import process
import psutil
import random_model
import torch
from torch.utils.flop_counter import FlopCounterMode

import mirnet
from mirnet import export, runtimes
from mirnet.models import checkpoint
from mirnet.models.mirnetv2 import upstream
from mirnet.models.mirnetv2.network import MIRNetV2
from mirnet.restoration.restorer import Restorer
from mirnet.restoration.runtime import Runtime
from mirnet.runtimes.pytorch import PyTorchRuntime
from mirnet.shapes import Image
from mirnet.system import cores

TESTS = Path(__file__).parent.parent / "tests"

Engine = Callable[[Image], Image]

REST = 0.3
"""Seconds between two rows: threads of some engines go on waiting for work that long."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", nargs="*", default=["small", "denoise"])
    parser.add_argument("--sizes", nargs="*", type=int, default=[256, 512])
    parser.add_argument("--threads", nargs="*", type=int, default=[cores.threads(), 1])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", nargs="*", choices=ROWS, default=list(ROWS))
    arguments = parser.parse_args()
    if not importlib.util.find_spec("spandrel_extra_arches"):
        sys.exit("needs the official network: pip install --no-deps spandrel-extra-arches")
    logging.disable(logging.WARNING)  # the exporter's, and those of tracing
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        for model in arguments.model:
            job = Job(model, Path(folder) / Path(model).stem)
            for size in arguments.sizes:
                job.prepare(arguments.rows)
                if NCNN in arguments.rows:
                    job.prepare_ncnn(size)
                for threads in arguments.threads:
                    measure(job, size, threads, arguments.rounds, arguments.rows)


@dataclass(frozen=True)
class Job:
    """A model, and the folder where its files lie, all called after it."""

    model: str
    folder: Path

    @property
    def weights(self) -> Path:
        return random_model.find(self.model, self.folder)

    def work(self) -> float:
        """Operations a pixel; to multiply and to add are two."""
        network = checkpoint.read(self.weights).network()
        with FlopCounterMode(display=False) as counter:
            network(torch.rand(1, 3, 64, 64))
        return float(counter.get_total_flops() / 64**2)

    def official(self) -> MIRNetV2:
        """The official network with these weights."""
        sys.path.append(str(TESTS))
        import official

        weights = checkpoint.read(self.weights)
        network: MIRNetV2 = official.network(weights.configuration)  # of the same interface
        network.load_state_dict(upstream.to_official(weights.tensors))
        return network.eval()

    def prepare(self, rows: Sequence[str]) -> None:
        """Write what these rows read, ncnn's apart."""
        if self.folder.exists():
            return
        self.folder.mkdir()
        if {"ONNX Runtime, plain", "OpenVINO, plain"} & set(rows):
            self._export_plainly()
        for format in dict.fromkeys(READS[row] for row in rows if row in READS):
            try:
                export.export(self.weights, format, self.folder, name="ours")
            except (mirnet.MirnetError, ImportError) as error:
                print(f"{format}: {error}")

    def _export_plainly(self) -> None:
        dimensions = {2: torch.export.Dim("h") * 4, 3: torch.export.Dim("w") * 4}
        torch.onnx.export(
            self.official(),
            (torch.rand(1, 3, 64, 96),),
            self.folder / "plain.onnx",
            dynamo=True,
            dynamic_shapes=(dimensions,),
            external_data=False,
            verbose=False,
        )

    def prepare_ncnn(self, size: int) -> None:
        """Write ncnn's files, which are of one size."""
        if not importlib.util.find_spec("pnnx"):
            return
        import pnnx

        traced = self.folder / f"ncnn{size}.pt"
        example = torch.rand(1, 3, size, size)
        torch.jit.save(torch.jit.trace(self.official(), example, check_trace=False), traced)
        subprocess.run(
            [pnnx.EXEC_PATH, traced, f"inputshape=[1,3,{size},{size}]f32", "fp16=0"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )


def _official(job: Job, threads: int) -> Runtime:
    torch.set_num_threads(threads)
    return PyTorchRuntime.of(job.official())


def _eager(job: Job, size: int, threads: int) -> Engine:
    return _plain(_official(job, threads))


def _eager_tiles(job: Job, size: int, threads: int) -> Engine:
    return Restorer(_official(job, threads))


def _plain(run: Callable[[np.ndarray], np.ndarray]) -> Engine:
    """From a function of a batch."""

    def restore(picture: Image) -> Image:
        restored = run(np.ascontiguousarray(picture.transpose(2, 0, 1)[None]))
        clipped: Image = np.clip(restored[0].transpose(1, 2, 0), 0, 1)
        return clipped

    return restore


def _onnx(job: Job, size: int, threads: int) -> Engine:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(job.folder / "plain.onnx"), options)
    name = session.get_inputs()[0].name
    return _plain(lambda batch: np.asarray(session.run(None, {name: batch})[0]))


def _openvino(job: Job, size: int, threads: int) -> Engine:
    import openvino

    options = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    model = openvino.Core().compile_model(str(job.folder / "plain.onnx"), "CPU", options)
    return _plain(lambda batch: model([batch])[0])


def _mnn(job: Job, size: int, threads: int) -> Engine:
    from MNN import expr, nn

    manager = nn.create_runtime_manager(
        ({"backend": "CPU", "numThread": threads, "precision": "high"},)
    )
    module = nn.load_module_from_file(
        str(job.folder / "ours.mnn"), ["noisy"], ["restored"], runtime_manager=manager
    )

    def run(batch: np.ndarray) -> np.ndarray:
        noisy = expr.placeholder(list(batch.shape), expr.NCHW)
        noisy.write(batch)
        return np.array(expr.convert(module.forward([noisy])[0], expr.NCHW).read())

    return _plain(run)


def _ncnn(job: Job, size: int, threads: int) -> Engine:
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = threads
    net.load_param(str(job.folder / f"ncnn{size}.ncnn.param"))
    net.load_model(str(job.folder / f"ncnn{size}.ncnn.bin"))

    def run(batch: np.ndarray) -> np.ndarray:
        with net.create_extractor() as extractor:
            extractor.input("in0", ncnn.Mat(batch[0]))
            _, restored = extractor.extract("out0")
            return np.array(restored)[None]

    return _plain(run)


def _paddle(job: Job, size: int, threads: int) -> Engine:
    return _plain(
        runtimes.open(
            job.folder / "ours.pdiparams", runtime="paddle", device="cpu", threads=threads
        )
    )


def _ours(runtime: str, suffix: str) -> Callable[[Job, int, int], Engine]:
    def open(job: Job, size: int, threads: int) -> Engine:
        return mirnet.load(job.folder / f"ours.{suffix}", runtime=runtime, threads=threads)

    return open


EAGER, TILES, NCNN = "official, PyTorch eager", "official, in our tiles", "ncnn, plain"
ROWS: dict[str, Callable[[Job, int, int], Engine]] = {
    EAGER: _eager,
    "ONNX Runtime, plain": _onnx,
    "OpenVINO, plain": _openvino,
    "MNN, plain": _mnn,
    NCNN: _ncnn,
    "Paddle Inference": _paddle,
    TILES: _eager_tiles,
    "mirnet --runtime pytorch": _ours("pytorch", "safetensors"),
    "mirnet --runtime onnx": _ours("onnx", "onnx"),
    "mirnet --runtime openvino": _ours("openvino", "xml"),
    "mirnet --runtime mnn": _ours("mnn", "mnn"),
}

READS = {
    "MNN, plain": "mnn",
    "Paddle Inference": "paddle",
    "mirnet --runtime pytorch": "safetensors",
    "mirnet --runtime onnx": "onnx",
    "mirnet --runtime openvino": "openvino",
    "mirnet --runtime mnn": "mnn",
}
"""Rows, and the exported format that each reads."""


class Row:
    """A process that runs one engine."""

    def __init__(self, name: str, job: Job, size: int, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, name, job, size, threads), daemon=False
        )
        self._process.start()
        theirs.close()
        self.seconds: list[float] = []
        self.restored: Image | None = None
        self.peak_mb = 0.0

    def restore(self, picture: Image) -> float:
        """Seconds it took.

        Raises:
            RuntimeError: if the engine fails; the message is its.
        """
        self._pipe.send(picture)
        top = psutil.Process(self._process.pid)
        while not self._pipe.poll(0.02):
            self.peak_mb = max(self.peak_mb, process.resident(top) / 2**20)
        try:
            answer = self._pipe.recv()
        except EOFError:
            raise RuntimeError(f"ended with {self._process.exitcode}") from None
        if isinstance(answer, str):
            raise RuntimeError(answer)
        seconds: float
        seconds, self.restored = answer
        return seconds

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self._pipe.send(None)
        self._process.join(10)
        self._process.kill()


def _serve(pipe: Connection, name: str, job: Job, size: int, threads: int) -> None:
    """The process of a row: pictures in, seconds and restored pictures out."""
    engine: Engine | None = None
    while (picture := pipe.recv()) is not None:
        try:
            engine = engine or ROWS[name](job, size, threads)
            started = time.perf_counter()
            restored = engine(picture)
            pipe.send((time.perf_counter() - started, restored))
        except Exception as error:
            pipe.send(f"{type(error).__name__}: {error}".splitlines()[0])


def measure(job: Job, size: int, threads: int, rounds: int, names: Sequence[str]) -> None:
    """Print the table of one model, size and number of threads."""
    # before any library of the new processes reads it
    os.environ["OMP_NUM_THREADS"] = str(threads)
    picture = noisy_picture(size)
    rows = {name: Row(name, job, size, threads) for name in names}
    failed: dict[str, str] = {}
    try:
        for count in range(-1, rounds):  # the first one warms up
            for name in random.Random(count).sample(list(rows), len(rows)):
                try:
                    seconds = rows[name].restore(picture)
                except RuntimeError as error:
                    failed[name] = str(error)
                    rows.pop(name).end()
                else:
                    rows[name].seconds += [seconds] if count >= 0 else []
                time.sleep(REST)
    finally:
        for row in rows.values():
            row.end()
    rate = matrix_rate(threads)
    work = job.work() * size**2
    print(
        f"\n{job.model}, {size}x{size}, threads: {threads}; floor {work / rate:.3f} s: "
        f"{work / 1e9:.0f} GFLOP at {rate / 1e9:.0f} GFLOP/s",
        flush=True,
    )
    print(f"{'':26}  seconds  us/pixel  ratio  levels apart  peak MB")
    for name in names:
        if name in failed:
            print(f"{name:26}  {failed[name]}", flush=True)
        else:
            print(f"{name:26}  {line(rows, name, size)}", flush=True)


def line(rows: dict[str, Row], name: str, size: int) -> str:
    row = rows[name]
    seconds = statistics.median(row.seconds)
    reference = rows.get(TILES if name.startswith("mirnet") else EAGER)
    ratio, apart = "", ""
    if EAGER in rows:
        pairs = zip(rows[EAGER].seconds, row.seconds, strict=True)
        ratio = f"{statistics.median(eager / own for eager, own in pairs):.2f}"
    if reference and row.restored is not None and reference.restored is not None:
        apart = f"{255 * np.abs(row.restored - reference.restored).max():.3f}"
    return (
        f"{seconds:7.3f}  {1e6 * seconds / size**2:8.2f}  {ratio:>5}  {apart:>12}  "
        f"{row.peak_mb:7.0f}"
    )


def noisy_picture(size: int) -> Image:
    """A part of scikit-image's `coffee`, enlarged where it must be, with noise."""
    from skimage import data, transform

    coffee = data.coffee()[:400, :400]
    enlarged = transform.resize(coffee, (size, size), anti_aliasing=size < 400)
    noise = np.random.default_rng(0).normal(0, 0.05, enlarged.shape)
    picture: Image = np.clip(enlarged + noise, 0, 1).astype(np.float32)
    return picture


def matrix_rate(threads: int) -> float:
    """Operations a second of a large product of matrices, in float32."""
    torch.set_num_threads(threads)
    a, b = torch.rand(2, 2048, 2048)
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        torch.mm(a, b)
        seconds.append(time.perf_counter() - started)
    return 2 * 2048**3 / min(seconds)


if __name__ == "__main__":
    main()
