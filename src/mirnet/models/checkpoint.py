"""Weights on disk: read from any common format, written in ours or the official one.

A file is read by its content, and written by its suffix. The statements in a file are checked
against its tensors.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, BinaryIO

import safetensors.torch
import torch
from torch import Tensor

from mirnet.errors import WeightsError
from mirnet.models import pdparams
from mirnet.models.content import describe, load
from mirnet.models.facts import KEY
from mirnet.models.mirnetv2 import upstream
from mirnet.models.mirnetv2.network import (
    CELLS,
    HALVINGS,
    SCALES,
    Configuration,
    MIRNetV2,
)
from mirnet.system.files import replacing


@dataclass(frozen=True, eq=False)
class Weights:
    """A trained network: its tensors, its configuration, and facts about it."""

    tensors: dict[str, Tensor]
    """Tensors by our names; from a file: float32, finite, on the CPU, in their own memory."""
    configuration: Configuration
    facts: dict[str, Any] = field(default_factory=dict)
    """`task`, training recipe, metrics and the like: any JSON values."""

    @classmethod
    def of(cls, network: MIRNetV2, facts: dict[str, Any] | None = None) -> "Weights":
        """The weights of a network, sharing its memory."""
        return cls(dict(network.state_dict()), network.configuration, facts or {})

    def network(self) -> MIRNetV2:
        """A network with a copy of these weights, on the CPU, in evaluation mode."""
        with torch.device("meta"):  # an initialisation would use the global random generator
            network = self.configuration.network()
        network.to_empty(device="cpu").load_state_dict(self.tensors, strict=True)
        return network.eval()


def read(path: str | Path) -> Weights:
    """Read weights from a file written by this package, the official code or Paddle.

    - safetensors, ours or bare;
    - PyTorch: official (`params`, `params_ema` before it, `state_dict`, or bare);
    - our training checkpoints, with averaged weights preferred;
    - `.pdparams` (`state_dict`, or bare);
    - ONNX, if `mirnet.export` wrote it.

    Names may be ours or the official ones. If the file does not state the configuration, it is
    inferred, see `upstream.configuration`.

    Raises:
        WeightsError: if the file is missing, damaged, hostile, of another network, or
            contradicts itself. One line that starts with the path.
    """
    path = Path(path)
    try:
        if path.is_fifo() or path.is_char_device():  # which may never end
            raise WeightsError("is a pipe or a device: save the weights as a file")
        content = load(path)
        values = upstream.recognised(content.tensors)
        tensors = _tensors(values)
        stated = _completed(content.configuration)
        folding = {name: stated[name] for name in FOLDING} if stated else {}
        inferred = upstream.configuration(tensors, **folding)
        configuration = _agreed(stated, inferred)
        tensors = {name: _settled(name, tensor) for name, tensor in tensors.items()}
    except OSError as error:
        raise WeightsError(
            f"{path}: cannot be read ({error.strerror or error}): check path and permissions"
        ) from error
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error
    return Weights(tensors, configuration, content.facts)


def localised(weights: Weights, window: int) -> Weights:
    """The same weights in a network that averages over windows instead of the whole input.

    The test-time local converter of Chu et al., "Improving Image Restoration by Revisiting Global
    Information Aggregation", ECCV 2022, for this network: its statistics then resemble those of
    the patches it was trained on, and tiles agree. Their windows are 1.5 times the training patch.

    Args:
        weights: of a network that averages over the whole input.
        window: side in pixels, a multiple of 12 (24 at half resolution) up to `LARGEST_WINDOW`.

    Raises:
        WeightsError: if it averages over windows already, or the window does not fit.
    """
    own, smallest = weights.configuration.window, CELLS * HALVINGS * weights.configuration.unshuffle
    if own:
        raise WeightsError(
            f"this model averages over windows of {own} pixels already: omit --local"
        )
    if not 0 < window <= LARGEST_WINDOW or window % smallest:
        raise WeightsError(
            f"a window is a multiple of {smallest} pixels up to {LARGEST_WINDOW}, got {window}"
        )
    return replace(weights, configuration=replace(weights.configuration, window=window))


def write(weights: Weights, path: str | Path, *, half: bool = False) -> None:
    """Write weights in the format given by the suffix, complete or not at all.

    - `.safetensors`: our names;
    - `.pth`: official names under `params`, for the official code;
    - `.pdparams`: official names under `state_dict`, for the Paddle reproduction.

    All of them include configuration and facts; the official codes ignore these.

    Args:
        weights: whose tensors match their configuration.
        path: an existing file is replaced.
        half: store float16, at half the size (`.safetensors` only); `read` returns float32 again.

    Raises:
        WeightsError: if the suffix is another, the weights are unfit, a fact is not JSON, or the
            file cannot be written.
    """
    path = Path(path)
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise WeightsError(f"{path}: cannot write this format: expected {', '.join(WRITERS)}")
    if half and writer is not _write_safetensors:
        raise WeightsError(f"{path}: float16 can be written as .safetensors only")
    try:
        upstream.check(weights.tensors, weights.configuration)
        description = describe(weights.configuration, weights.facts)
        dtype = torch.float16 if half else torch.float32
        tensors = {name: _settled(name, t, dtype) for name, t in weights.tensors.items()}
        with replacing(path) as part, part.open("wb") as file:
            writer(tensors, description, file)
    except OSError as error:
        raise WeightsError(
            f"{path}: cannot be written ({error.strerror or error}): check folder and space"
        ) from error
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error


FOLDING = ("unshuffle", "scale")
"""Options of which shapes alone show only the product with channel counts."""
LATER = {"unshuffle": 1, "window": 0, "scale": 1}
"""Options that older files do not state, with the values that their networks have."""
LARGEST_WINDOW = 1536
"""Pictures are padded to multiples of the window, so a hostile file must not state any size."""


def _completed(stated: object) -> Mapping[str, Any] | None:
    """A stated configuration with all its keys; older files lack some of them.

    Raises:
        WeightsError: if it is none, or states what no network has.
    """
    if stated is None:
        return None
    names = [field.name for field in fields(Configuration)]
    if not isinstance(stated, Mapping) or {*stated, *LATER} != set(names):
        raise WeightsError(f"its configuration does not state {upstream.listed(names)}, no more")
    full = {**LATER, **stated, "groups": _as_tuple(stated["groups"])}
    unshuffle, window, scale = (full[name] for name in LATER)
    if type(unshuffle) is not int or unshuffle not in (1, 2):
        raise WeightsError(f"its configuration states unshuffle {unshuffle!r}: expected 1 or 2")
    smallest = CELLS * HALVINGS * unshuffle
    if type(window) is not int or not 0 <= window <= LARGEST_WINDOW or window % smallest:
        raise WeightsError(
            f"its configuration states window {window!r}: expected a multiple of {smallest} up to "
            f"{LARGEST_WINDOW}"
        )
    if type(scale) is not int or scale not in SCALES:
        raise WeightsError(f"its configuration states scale {scale!r}: expected 1 to {SCALES[-1]}")
    return full


def _agreed(stated: Mapping[str, Any] | None, inferred: Configuration) -> Configuration:
    """The stated configuration if it matches the tensors, the inferred one if none is stated.

    Only growth, residual and window are taken from the statement: shapes do not determine them.
    """
    if stated is None:
        return inferred
    differing = [
        f"{name} {stated[name]!r} against {value!r}"
        for name, value in asdict(inferred).items()
        if stated[name] != value and name not in ("growth", "residual", "window")
    ]
    if not _gives_widths(stated["growth"], inferred):
        differing.append(f"growth {stated['growth']!r} against {inferred.growth!r}")
    if not isinstance(stated["residual"], bool) or stated["residual"] > inferred.residual:
        differing.append(f"residual {stated['residual']!r} against {inferred.residual}")
    if differing:
        raise WeightsError(
            f"its configuration contradicts its tensors: {', '.join(differing)}; the file has been "
            "altered, fetch it again"
        )
    return replace(
        inferred,
        growth=float(stated["growth"]),
        residual=stated["residual"],
        window=stated["window"],
    )


def _as_tuple(value: object) -> object:
    """JSON has only lists."""
    return tuple(value) if isinstance(value, list) else value


def _gives_widths(growth: object, inferred: Configuration) -> bool:
    if not isinstance(growth, int | float) or not 0 < growth < inferred.stream_widths[1] + 1:
        return False
    return replace(inferred, growth=float(growth)).stream_widths == inferred.stream_widths


def _tensors(values: Mapping[str, object]) -> dict[str, Tensor]:
    """The entries of a file as tensors, whatever their dtype, up to `pdparams.MOST_BYTES`."""
    tensors, size = {}, 0
    for name, value in values.items():
        tensors[name] = _tensor(name, value)
        size += tensors[name].numel() * torch.float32.itemsize  # a view may be larger than its file
        if size > pdparams.MOST_BYTES:
            raise WeightsError(
                f"its tensors take more than {pdparams.MOST_BYTES >> 20} MiB: no network of this "
                "kind is that large"
            )
    return tensors


def _tensor(name: str, value: object) -> Tensor:
    """One entry of a file as a tensor, whatever its dtype."""
    if isinstance(value, tuple) and len(value) == 2:  # Paddle stores its own name with the array
        value = value[1]
    if isinstance(value, pdparams.StoredArray):
        try:
            return torch.from_numpy(value.array())
        except WeightsError as error:
            raise WeightsError(f"tensor `{name}` {error}") from error
        except (TypeError, ValueError) as error:
            raise WeightsError(f"tensor `{name}` is damaged ({error}): fetch it again") from error
    if isinstance(value, Tensor):
        return value
    raise WeightsError(f"`{name}` is a {type(value).__name__}, where a tensor is expected")


def _settled(name: str, tensor: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """A dense copy in its own memory, on the CPU.

    Raises:
        WeightsError: if the tensor does not hold finite floating-point numbers.
    """
    if not tensor.is_floating_point() or tensor.layout != torch.strided or tensor.is_meta:
        raise WeightsError(
            f"tensor `{name}` is {tensor.dtype}, {tensor.layout}, where dense floating-point "
            "numbers are expected"
        )
    copy = tensor.detach().to("cpu", dtype, copy=True).contiguous()
    if not copy.isfinite().all():
        advice = (
            "write without half"
            if dtype == torch.float16 and tensor.isfinite().all()
            else "use weights from before the training diverged"
        )
        raise WeightsError(f"tensor `{name}` holds values that are not finite in {dtype}: {advice}")
    return copy


def _write_safetensors(tensors: dict[str, Tensor], description: str, file: BinaryIO) -> None:
    file.write(safetensors.torch.save(tensors, {KEY: description}))


def _write_pth(tensors: dict[str, Tensor], description: str, file: BinaryIO) -> None:
    torch.save({"params": upstream.to_official(tensors), KEY: description}, file)


def _write_pdparams(tensors: dict[str, Tensor], description: str, file: BinaryIO) -> None:
    arrays = {name: tensor.numpy() for name, tensor in upstream.to_official(tensors).items()}
    pdparams.dump({"state_dict": arrays, KEY: description}, file)


WRITERS = {
    ".safetensors": _write_safetensors,
    ".pth": _write_pth,
    ".pdparams": _write_pdparams,
}
