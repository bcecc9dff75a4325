"""The tree of exceptions.

    MirnetError
    ├── ShapeError           an array or tensor has a size that the network or a metric cannot take
    ├── ImageError           a file is not a picture that can be read or written
    │   └── PixelError           ... an array holds values that no picture has
    ├── WeightsError         a file holds no weights that this network can load
    ├── HubError             models cannot be fetched from a hub, or published there
    ├── TilingError          tile and overlap do not fit together
    ├── RuntimeMissingError  an inference runtime is not installed
    ├── InferenceError       a runtime failed during inference
    │   └── OutOfMemoryError     ... because memory ran out: try a smaller tile
    ├── DataError            training or evaluation data is missing or does not pair up
    ├── RecipeError          a training recipe or one of its values is wrong
    └── DivergedError        the loss became NaN or infinite

Each message says what was given, what was expected, and what to do. The command line prints it
as one line and exits; the library lets it through.
"""


class MirnetError(Exception):
    """Any error a user can fix."""


class ShapeError(MirnetError, ValueError):
    """An array or tensor has a size that the network or a metric cannot take."""


class ImageError(MirnetError):
    """A file is not a picture that can be read or written."""


class PixelError(ImageError, ValueError):
    """An array holds values that no picture has."""


class WeightsError(MirnetError):
    """A file holds no weights that this network can load."""


class HubError(MirnetError):
    """Models cannot be fetched from a hub, or published there."""


class TilingError(MirnetError, ValueError):
    """Tile and overlap do not fit together."""


class RuntimeMissingError(MirnetError):
    """An inference runtime is not installed."""


class InferenceError(MirnetError):
    """A runtime failed during inference."""


class OutOfMemoryError(InferenceError):
    """A runtime ran out of memory; try a smaller tile."""


class DataError(MirnetError):
    """Training or evaluation data is missing or does not pair up."""


class RecipeError(MirnetError, ValueError):
    """A training recipe or one of its values is wrong."""


class DivergedError(MirnetError):
    """The loss or its gradient became NaN or infinite; the last checkpoint predates that."""
