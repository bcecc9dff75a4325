"""Little ONNX models that do next to nothing."""

import pytest


@pytest.fixture
def scaling_model():
    """A function that writes a model which multiplies pictures by a number."""
    onnx = pytest.importorskip("onnx")

    def write(path, factor, shape=("batch", 3, "height", "width")):
        noisy, restored = (
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
            for name in ("noisy", "restored")
        )
        number = onnx.helper.make_tensor("factor", onnx.TensorProto.FLOAT, [], [factor])
        node = onnx.helper.make_node("Mul", ["noisy", "factor"], ["restored"])
        graph = onnx.helper.make_graph([node], "scaling", [noisy], [restored], [number])
        opset = onnx.helper.make_opsetid("", 18)
        onnx.save(onnx.helper.make_model(graph, opset_imports=[opset], ir_version=9), path)
        return path

    return write
