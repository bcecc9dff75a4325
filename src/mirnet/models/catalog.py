"""The models that are known by name. Plain records: no torch."""

from dataclasses import dataclass
from pathlib import Path

from mirnet.aliases import renamed
from mirnet.errors import WeightsError
from mirnet.models import address, hub, identity

BUNDLED = Path(__file__).parent / "bundled"

LAST, BEST = "last.ckpt", "best.ckpt"
"""Checkpoints in a training run's folder: of the last step, and of the best validation."""


DEFAULT = "denoise"
"""The model used if none is named."""


@dataclass(frozen=True)
class BundledModel:
    """A model bundled with the package, in one file for each family of runtimes.

    Its weights are in the ONNX file, from which PyTorch takes them, too.
    """

    name: str
    """Name that `--model` takes."""
    task: str
    network: str
    """Description of its architecture."""
    licence: str
    summary: str
    suffixes: tuple[str, ...] = (".mnn", ".onnx")

    def files(self) -> list[Path]:
        """Paths of its files."""
        return [BUNDLED / f"{self.name}{suffix}" for suffix in self.suffixes]

    def weights(self) -> Path:
        """The file used by training, export and PyTorch."""
        return BUNDLED / f"{self.name}.onnx"

    def card(self) -> Path:
        """Its model card, Markdown: data, licence, training, results, limits."""
        return BUNDLED / f"{self.name}.md"


MODELS = (
    BundledModel(
        name="denoise",
        task="denoise",
        network="half resolution, width 48, groups 1, 2, 4",
        licence="Apache-2.0",
        summary="noise of phones and cameras in developed photographs, any ISO",
    ),
    BundledModel(
        name="denoise-tiny",
        task="denoise",
        network="half resolution, width 48, groups 1, 2, one block",
        licence="Apache-2.0",
        summary="the same in less than half of the time, not quite as well",
    ),
    BundledModel(
        name="denoise-print",
        task="denoise",
        network="width 32, groups 1, 2, one block",
        licence="Apache-2.0",
        summary="noise in scans of print, screenshots and drawings, whose detail it leaves alone",
    ),
)


def find(name: str) -> BundledModel | None:
    """The model of this name, if there is one.

    >>> find("denoise").task
    'denoise'
    """
    return next((model for model in MODELS if model.name == name), None)


def for_task(task: str) -> BundledModel:
    """The first of the models for this task.

    >>> for_task("denoise").name
    'denoise'

    Raises:
        WeightsError: if none comes with mirnet.
    """
    for model in MODELS:
        if model.task == task:
            return model
    tasks = ", ".join(dict.fromkeys(model.task for model in MODELS))
    raise WeightsError(
        f"no model for {task!r} comes with mirnet: choose {tasks}, or give a file with --model"
    )


def is_ours(path: Path) -> bool:
    """Whether a file is one of the bundled models' by content: what it says of itself can lie.

    Raises:
        OSError: if it cannot be read.
    """
    for ours in (file for model in MODELS for file in model.files()):
        if not ours.is_file() or ours.stat().st_size != path.stat().st_size:
            continue
        if ours.samefile(path) or identity.digest(ours) == identity.digest(path):
            return True
    return False


def file(name: str) -> Path:
    """The weights file of the model of this name; any other name is an `hf://` address or a path.

    Nothing is downloaded: an address stands for what `mirnet models pull` has brought.

    Raises:
        WeightsError: if there is no such model, file or pulled file.
        RuntimeMissingError: if an address is given, and the extra `hub` is not installed.
    """
    model = find(name)
    if model:
        return model.weights()
    if address.is_address(name):
        return hub.pulled(address.parse(name))
    path = Path(name)
    if not path.is_file():
        last = path.parent / LAST
        if path.name == BEST and last.is_file():
            raise WeightsError(
                f"there is no {path}, only {last}: the run had no validation.pairs to tell which "
                f"weights are best; take {last}"
            )
        names = ", ".join(model.name for model in MODELS)
        raise WeightsError(f"no model {name!r}: give a file, or one of: {names}")
    return path


__getattr__ = renamed(__name__, {"Model": "BundledModel"})
