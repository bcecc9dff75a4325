"""What can go wrong, as one tree.

    MirnetError
    ├── ShapeError           an array or tensor has a size that the network or a metric cannot take
    ├── ImageError           a file is not a picture that can be read or written
    ├── WeightsError         a file holds no weights that this network can load
    ├── TilingError          tile and overlap do not fit together
    ├── RuntimeMissingError  an inference runtime is not installed
    ├── InferenceError       a runtime failed while it restored
    │   └── OutOfMemoryError     ... for want of memory: a smaller tile may do
    ├── DataError            training or evaluation data is missing or does not pair up
    ├── RecipeError          a training recipe or one of its values is wrong
    └── DivergedError        training has left the finite numbers

Each message says what was given, what was expected, and what to do. The command line prints it
as one line and exits; the library lets it through.
"""


class MirnetError(Exception):
    """Anything that a user can mend."""


class ShapeError(MirnetError, ValueError):
    """An array or tensor has a size that the network or a metric cannot take."""


class ImageError(MirnetError):
    """A file is not a picture that can be read or written."""


class WeightsError(MirnetError):
    """A file holds no weights that this network can load."""


class TilingError(MirnetError, ValueError):
    """Tile and overlap do not fit together."""


class RuntimeMissingError(MirnetError):
    """An inference runtime is not installed."""


class InferenceError(MirnetError):
    """A runtime failed while it restored."""


class OutOfMemoryError(InferenceError):
    """A runtime failed for want of memory; a smaller tile may do."""


class DataError(MirnetError):
    """Training or evaluation data is missing or does not pair up."""


class RecipeError(MirnetError, ValueError):
    """A training recipe or one of its values is wrong."""


class DivergedError(MirnetError):
    """The loss or its gradient is no finite number; the last checkpoint is from before."""
