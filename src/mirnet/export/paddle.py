"""Paddle Inference: a program for any batch, height and width, and its parameters."""

import json
from pathlib import Path

from mirnet.errors import WeightsError
from mirnet.export.facts import text
from mirnet.export.paddle_network import PaddleMIRNetV2
from mirnet.models import identity
from mirnet.models.checkpoint import Weights
from mirnet.models.facts import KEY
from mirnet.models.mirnetv2 import upstream
from mirnet.runtimes.paddle import DIGEST, contained, reason

with contained():
    import paddle


def network(weights: Weights) -> PaddleMIRNetV2:
    """The network in Paddle with a copy of these weights, in evaluation mode."""
    copy = PaddleMIRNetV2(weights.configuration)
    tensors = upstream.to_official(weights.tensors)
    missing, superfluous = copy.set_state_dict({n: t.numpy() for n, t in tensors.items()})
    assert not missing and not superfluous  # the two networks share one table of names
    copy.eval()
    return copy


def write(weights: Weights, path: Path) -> None:
    """Write the network as `path`, a `.pdiparams`, with its program next to it, a `.json`.

    The program has the input `noisy`, b 3 h w, float32; height and width are any multiples of the
    configuration's. It also contains the facts, under a name that Paddle ignores.

    Args:
        weights: of the network.
        path: the `.pdiparams`.

    Raises:
        WeightsError: if Paddle cannot record or save it.
    """
    shape = [None, weights.configuration.in_channels, None, None]
    program = paddle.jit.to_static(
        network(weights),
        input_spec=[paddle.static.InputSpec(shape, "float32", name="noisy")],
        full_graph=True,  # otherwise the shape is ignored
    )
    try:
        paddle.jit.save(program, str(path.with_suffix("")))
    except Exception as error:  # each failure has its own class, a full disk too
        raise WeightsError(f"Paddle cannot save {path.name}: {reason(error)}") from error
    file = path.with_suffix(".json")
    content = json.loads(file.read_bytes())
    content[KEY] = json.loads(text(weights)) | {DIGEST: identity.digest(path)}
    file.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")
