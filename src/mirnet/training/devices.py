"""Which processes and devices train together: one process a device, on one machine or many."""

import os
from datetime import timedelta
from functools import partial

from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import Tensor

from mirnet.errors import RecipeError

PATIENCE = timedelta(minutes=5)
"""How long processes wait for one that does not answer; one that dies is noticed at once."""


def open_fabric(accelerator: str, devices: int | None, nodes: int | None, precision: str) -> Fabric:
    """Lightning Fabric, not yet launched.

    Under torchrun and SLURM the processes are there already, and their numbers are read from the
    environment. Else the first process starts the others of its machine.

    Args:
        accelerator: as Fabric names it: auto, cpu, cuda.
        devices: a machine; None for all GPUs, or one process on the CPU.
        nodes: machines; None for one.
        precision: as Fabric names it.

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


def reduced(fabric: Fabric, values: Tensor, how: str) -> Tensor:
    """The `sum` or `mean` of what all processes have."""
    result = fabric.all_reduce(values, reduce_op=how)
    assert isinstance(result, Tensor)
    return result


def _from_environment() -> tuple[int, int] | None:
    """Devices a machine and machines, as torchrun or SLURM have started us."""
    variables = os.environ
    if "TORCHELASTIC_RUN_ID" in variables:
        local = int(variables["LOCAL_WORLD_SIZE"])
        return local, int(variables["WORLD_SIZE"]) // local
    if "SLURM_NTASKS" in variables and "SLURM_PROCID" in variables:
        nodes = int(variables.get("SLURM_NNODES", 1))
        return int(variables["SLURM_NTASKS"]) // nodes, nodes
    return None
