"""Time a picture through all stages of a restoration."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mirnet import runtimes
from mirnet.benchmark.clock import Clock
from mirnet.benchmark.job import Trial
from mirnet.errors import InferenceError
from mirnet.pictures import codec, pixels
from mirnet.restoration.restorer import Restorer, Tally
from mirnet.shapes import Image, Pixels


@dataclass(frozen=True)
class Times:
    """Times of one run, in seconds; for a batch, per picture."""

    seconds: dict[str, float]
    """Seconds by stage; a batch is not tiled."""
    whole: float
    """Seconds from file to file, which is the sum of the stages."""
    tiles: int
    tiles_kept: int
    """Tiles without a usable result, see `restorer.Tally`."""


class Bench:
    """A loaded model, ready to be measured.

    Raises:
        MirnetError: if it cannot be loaded, or tile and overlap do not fit together.
    """

    def __init__(self, job: Trial) -> None:
        self._job = job
        self._source, self._target = Path(job.source), Path(job.target)
        self._runtime = runtimes.open(
            job.model, runtime=job.runtime, device=job.device, threads=job.threads
        )
        self.restorer = Restorer(self._runtime, tile=job.tile, overlap=job.overlap)

    @property
    def name(self) -> str:
        """Name of the runtime."""
        return self._runtime.name

    def run(self) -> Times:
        """Restore the file once.

        Raises:
            MirnetError: if a file or the runtime fails.
        """
        clock, tally = Clock(), Tally()
        pictures = self._job.batch or 1
        started = time.perf_counter()
        if self._job.batch:
            self._run_batch(clock, pictures)
        else:
            with clock.stage("read"):
                restored = self.restorer.restore(self._source, stage=clock.stage)
            restored.write(self._target)
            tally = restored.tally
        whole = time.perf_counter() - started
        return Times(
            seconds={stage: each / pictures for stage, each in clock.seconds.items()},
            whole=whole / pictures,
            tiles=tally.tiles,
            tiles_kept=tally.kept,
        )

    def _run_batch(self, clock: Clock, count: int) -> None:
        """Restore several pictures at once; each is read and written separately."""
        with clock.stage("read"):
            pictures = [codec.open(self._source) for _ in range(count)]
            colours = [codec.whole(picture) for picture in pictures]
        with clock.stage("pre"):
            batch = np.stack([_prepared(each).transpose(2, 0, 1) for each in colours])
        with clock.stage("inference"):
            restored = self._runtime(batch)
        if restored.shape != batch.shape:
            raise InferenceError(
                f"{self.name} made {restored.shape} of a batch of {batch.shape}: this model does "
                "not restore pictures at their own size"
            )
        with clock.stage("post"):
            finished = [
                np.ascontiguousarray(_finished(image.transpose(1, 2, 0), picture))
                for image, picture in zip(restored, pictures, strict=True)
            ]
        with clock.stage("write"):
            for rows, picture in zip(finished, pictures, strict=True):
                codec.write(self._target, [rows], picture)


def _prepared(rows: Pixels) -> Image:
    """Rows of a file in the form the network takes: float32, RGB, 0..1."""
    image: Image = pixels.to_rgb(pixels.to_float(rows))
    return image


def _finished(image: Image, picture: codec.Source) -> Pixels:
    """Restored rows in the form the file takes."""
    return pixels.from_float(pixels.to_channels(image, picture.channels), picture.dtype)
