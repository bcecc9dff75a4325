"""Summary of a run: a few numbers, as JSON for programs and as lines for people."""

from dataclasses import asdict, dataclass
from pathlib import Path

from mirnet import strict_json
from mirnet.models.catalog import BEST
from mirnet.system.files import replacing

SUMMARY = "summary.json"
"""Name of the file in the folder of a run."""


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """A run at its end, or where it was stopped. Values not measured are None."""

    steps: int
    samples: int
    """Patches used, by all processes together."""
    seconds: float
    """Training time, of all starts of the run together."""
    processes: int
    device: str
    """Device of one process, such as `cpu` or the name of a GPU."""
    last: Path
    """Checkpoint of the last step."""
    best: Path | None = None
    """Checkpoint of the best validation."""
    best_psnr: float | None = None
    """PSNR of the best validation, in dB."""
    best_step: int | None = None
    psnr: float | None = None
    """PSNR of the last validation, in dB."""
    ssim_y: float | None = None
    """SSIM of the last validation, on the Y channel."""

    def write(self, path: Path) -> None:
        """Write it as JSON, complete or not at all; a number that is not finite is null.

        Raises:
            OSError: if folder or disk do not take it.
        """
        with replacing(path) as part:
            part.write_text(strict_json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    def __str__(self) -> str:
        """A few aligned lines, without a trailing line break."""
        missing = f"no {BEST}: it needs validation.pairs"
        checkpoints = f"{self.last}\n{'':13}{self.best or missing}"
        speed = self.samples / self.seconds if self.seconds else 0.0
        facts = {
            "steps": f"{self.steps:,}",
            "samples": f"{self.samples:,}",
            "time": f"{_duration(self.seconds)}, {speed:,.1f} samples/s",
            "devices": f"{self.processes} x {self.device}",
            "PSNR": self._psnr(),
            "SSIM of Y": "" if self.ssim_y is None else f"{self.ssim_y:.4f}",
            "checkpoints": checkpoints,
        }
        return "\n".join(f"{name:<13}{text}" for name, text in facts.items() if text)

    def _psnr(self) -> str:
        if self.psnr is None:
            return ""
        last = f"{self.psnr:.2f} dB"
        if self.best_psnr is None or self.best_step is None:
            return last
        return f"{last}, best {self.best_psnr:.2f} dB at step {self.best_step:,}"


def _duration(seconds: float) -> str:
    """Hours, minutes and seconds.

    >>> _duration(93784.2)
    '26:03:04'
    """
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
