"""OpenVINO's own format, via ONNX and OpenVINO's converter."""

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
    """Write the network as `path`, an `.xml`, with the weights in a `.bin` next to it.

    Input and output are those of `onnx.write`. The facts are stored in the model's `rt_info`.

    Args:
        weights: of the network.
        path: the `.xml`.
        size: fixed height and width of the input; None for any batch, height and width.
        half: store the weights in half precision.

    Raises:
        WeightsError: if OpenVINO cannot convert it.
    """
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "model.onnx"
        onnx.write(weights, source, size=size)
        try:
            with root_logger.kept():  # a failing converter takes over the root logger
                model = openvino.convert_model(source)
        except Exception as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise WeightsError(f"OpenVINO's converter failed: {reason[-1]}") from error
        information = model.get_rt_info()
        for name in list(information):  # it contains a copy of the facts and the source's name
            del information[name]
        model.set_rt_info(text(weights), [KEY])
        openvino.save_model(model, path, compress_to_fp16=half)
