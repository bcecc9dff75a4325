"""Processes and devices of a run: one process per device, on one machine or several."""

import os
from datetime import timedelta
from functools import partial

from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import Tensor

from mirnet.errors import RecipeError

PATIENCE = timedelta(minutes=5)
"""Timeout for a process that does not answer; one that dies is noticed at once."""


def open_fabric(accelerator: str, devices: int | None, nodes: int | None, precision: str) -> Fabric:
    """Lightning Fabric, not yet launched.

    Under torchrun and SLURM the processes already exist, and their numbers are read from the
    environment. Otherwise the first process starts the others on its machine.

    Args:
        accelerator: in Fabric's terms: auto, cpu, cuda.
        devices: devices per machine; None for all GPUs, or one process on the CPU.
        nodes: number of machines; None for one.
        precision: in Fabric's terms.

    Raises:
        RecipeError: if there are no such devices.
    """
    known = _from_environment()
    if known:
        devices, nodes = devices or known[0], nodes or known[1]
    prepared = partial(
        Fabric,
        accelerator=accelerator,
        devices=devices or "auto",
        num_nodes=nodes or 1,
        precision=precision,  # type: ignore[arg-type]
    )
    try:
        fabric = prepared()
        if fabric.world_size == 1:
            return fabric
        return prepared(strategy=DDPStrategy(timeout=PATIENCE))
    except (ValueError, RuntimeError, ImportError) as error:
        where = accelerator if devices is None else f"{devices} devices of {accelerator}"
        reason = str(error).partition("\n")[0]
        raise RecipeError(f"cannot train on {where!r}: {reason}") from None


def is_first() -> bool:
    """Whether this is the first process of a run, of those that torchrun, SLURM or we started.

    Known before Fabric is launched.
    """
    variables = os.environ
    for name in ("RANK", "SLURM_PROCID"):
        if name in variables:
            return variables[name] == "0"
    return all(variables.get(name, "0") == "0" for name in ("NODE_RANK", "LOCAL_RANK"))


def reduced(fabric: Fabric, values: Tensor, how: str) -> Tensor:
    """The `sum` or `mean` of the values over all processes."""
    result = fabric.all_reduce(values, reduce_op=how)
    assert isinstance(result, Tensor)
    return result


def _from_environment() -> tuple[int, int] | None:
    """Devices per machine and machines, as set by torchrun or SLURM."""
    variables = os.environ
    if "TORCHELASTIC_RUN_ID" in variables:
        local = int(variables["LOCAL_WORLD_SIZE"])
        return local, int(variables["WORLD_SIZE"]) // local
    if "SLURM_NTASKS" in variables and "SLURM_PROCID" in variables:
        nodes = int(variables.get("SLURM_NNODES", 1))
        return int(variables["SLURM_NTASKS"]) // nodes, nodes
    return None
