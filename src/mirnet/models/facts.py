"""The facts that a model declares, so that callers need no built-in assumptions.

`mirnet export` writes a statement into every file, as JSON under `KEY`; each runtime extracts it
when it opens a file, and also knows the shapes.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

KEY = "mirnet"
"""Key of the statement, in formats that have names for texts."""

LARGEST_MULTIPLE = 512
"""Pictures are padded to multiples, so a hostile file must not state any number."""
LARGEST_SCALE = 8
"""The same for what the results' size is multiplied by."""

Shape = Sequence[int | None]
"""Shape of an input or output, b c h w; None stands for any number."""


@dataclass(frozen=True)
class Facts:
    """Facts about an opened model. The defaults are those of the paper's networks."""

    in_channels: int = 3
    """Channels of the input; 3 is RGB."""
    out_channels: int = 3
    """Channels of the output."""
    scale: int = 1
    """Ratio of the output's height and width to the input's."""
    multiple: int = 4
    """Height and width of a batch are multiples of this, and tiles begin at multiples of it, since
    the network downsamples and counts its cells from there."""
    size: tuple[int, int] | None = None
    """Height and width of every batch; None if it takes any size."""
    lanes: int = 1
    """Number of concurrent calls that it runs in parallel; further calls wait."""
    task: str = ""
    """Task it was trained for, such as `denoise`; empty if unknown."""
    parameters: int | None = None
    """Number of learned parameters; None if unknown."""
    precision: str = "f32"
    """Precision it computes in: `f32`, or `bf16` on processors that support it."""

    @classmethod
    def of(
        cls,
        statement: str | bytes | Mapping[str, Any] | None,
        *,
        takes: Shape = (),
        gives: Shape = (),
        lanes: int = 1,
        precision: str = "f32",
    ) -> "Facts":
        """Combine a file's statement, as far as it is valid, with what its shapes show.

        Args:
            statement: of the file, as JSON or parsed; None or empty if there is none.
            takes: the input's shape, which overrides the statement; empty if unknown.
            gives: the output's shape.
            lanes: see the field.
            precision: see the field.

        >>> Facts.of({"multiple": 32}).multiple, Facts.of("no JSON").multiple
        (32, 4)
        >>> Facts.of({"configuration": {"scale": 2}}).scale
        2
        >>> facts = Facts.of(None, takes=[1, 6, 250, 320], gives=[1, 3, 500, 640])
        >>> facts.in_channels, facts.out_channels, facts.size, facts.scale, facts.multiple
        (6, 3, (250, 320), 2, 2)
        """
        stated = _read(statement)
        network = stated.get("configuration")
        network = network if isinstance(network, Mapping) else {}
        size = _size(takes)
        multiple = _number(stated.get("multiple"), LARGEST_MULTIPLE)
        task = stated.get("task")
        return cls(
            in_channels=_channels(takes) or _number(network.get("in_channels")) or cls.in_channels,
            out_channels=_channels(gives)
            or _number(network.get("out_channels"))
            or cls.out_channels,
            scale=_scale(takes, gives)
            or _number(network.get("scale"), LARGEST_SCALE)
            or _number(stated.get("scale"), LARGEST_SCALE)
            or cls.scale,
            # a fixed-size model without a statement takes that size, whatever its divisors
            multiple=multiple or math.gcd(cls.multiple, *(size or ())),
            size=size,
            lanes=lanes,
            task=task if isinstance(task, str) else cls.task,
            parameters=_number(stated.get("parameters")),
            precision=precision,
        )

    @property
    def judges_light(self) -> bool:
        """Whether a pixel's light depends on the whole picture: parts would each find their own."""
        return self.task in ("brighten", "retouch")

    def takes(self) -> str:
        """Describe in words what the model takes and gives, for messages.

        >>> Facts(in_channels=6).takes()
        'takes pictures of 6 channels and gives 3'
        >>> Facts(task="enlarge", scale=2, size=(64, 96)).takes()
        'takes pictures of 3 channels and 64x96 pixels and gives 3, 2 times as large, for enlarge'
        """
        size = " and {}x{} pixels".format(*self.size) if self.size else ""
        scale = f", {self.scale} times as large" if self.scale != 1 else ""
        task = f", for {self.task}" if self.task else ""
        channels = f"takes pictures of {self.in_channels} channel{'s' * (self.in_channels != 1)}"
        return f"{channels}{size} and gives {self.out_channels}{scale}{task}"


def _read(statement: str | bytes | Mapping[str, Any] | None) -> Mapping[str, Any]:
    if isinstance(statement, Mapping):
        return statement
    try:
        found = json.loads(statement or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _number(value: object, most: int | None = None) -> int | None:
    """The value, if it is a valid count."""
    if type(value) is not int or value < 1 or (most and value > most):
        return None
    return value


def _channels(shape: Shape) -> int | None:
    return shape[1] if len(shape) == 4 else None


def _size(shape: Shape) -> tuple[int, int] | None:
    if len(shape) != 4:
        return None
    _, _, height, width = shape
    return (height, width) if height and width else None


def _scale(takes: Shape, gives: Shape) -> int | None:
    """The scale, if both sizes are fixed, and one is a multiple of the other."""
    small, large = _size(takes), _size(gives)
    if small is None or large is None:
        return None
    (tall, wide), (taller, wider) = small, large
    scale = taller // tall
    return scale if scale and (scale * tall, scale * wide) == (taller, wider) else None
