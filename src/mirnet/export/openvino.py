"""OpenVINO's own files, by way of ONNX and OpenVINO's converter."""

import tempfile
from pathlib import Path

from mirnet.errors import WeightsError
from mirnet.export import onnx
from mirnet.export.facts import text
from mirnet.models.checkpoint import Weights
from mirnet.models.facts import KEY
from mirnet.runtimes.openvino import without_telemetry
from mirnet.system import root_logger

with without_telemetry():
    import openvino


def write(
    weights: Weights, path: Path, *, size: tuple[int, int] | None = None, half: bool = False
) -> None:
    """Write the network as `path`, an `.xml`, with the weights in a `.bin` beside it.

    Input and output are as `onnx.write` makes them. The facts stand in the model's `rt_info`.

    Args:
        weights: of the network.
        path: the `.xml`.
        size: height and width of the one picture it takes; None for any batch, height and width.
        half: store the weights in half precision.

    Raises:
        WeightsError: if OpenVINO cannot convert it.
    """
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "model.onnx"
        onnx.write(weights, source, size=size)
        try:
            with root_logger.kept():  # where the converter fails it makes that its own
                model = openvino.convert_model(source)
        except Exception as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise WeightsError(f"OpenVINO's converter failed: {reason[-1]}") from error
        information = model.get_rt_info()
        for name in list(information):  # it keeps a copy of the facts and the name of the source
            del information[name]
        model.set_rt_info(text(weights), [KEY])
        openvino.save_model(model, path, compress_to_fp16=half)
