"""The link `evaluate`: what the trained network does to pictures that it has not learnt from."""

from dataclasses import asdict
from pathlib import Path

from mirnet import runtimes
from mirnet.chain.parts import Check, Facts, Outcome
from mirnet.errors import DataError, InferenceError
from mirnet.evaluation import sets
from mirnet.evaluation.method import INPUT, ModelMethod
from mirnet.evaluation.restored_images import RestoredImages
from mirnet.evaluation.run import Failed, run
from mirnet.evaluation.scores import Scores
from mirnet.evaluation.summary import Summary
from mirnet.restoration.restorer import Restorer

LINK = "evaluate"

REFERENCE = "reference"
"""Folder, in that of the restored pictures, of what PyTorch makes of them on the CPU."""

GAIN = 1.0
"""By so much, in dB of the mean PSNR, restored pictures are at least nearer to the truth."""


def evaluate(model: Path, pairs: Path, restored: Path) -> Outcome:
    """Restore all noisy pictures by PyTorch on the CPU, measure them, and save them.

    Args:
        model: a checkpoint.
        pairs: folder of pairs or of shards.
        restored: gets the folder `REFERENCE`.

    Raises:
        MirnetError: if a pair fails, or the network makes no picture of it.
    """
    images = RestoredImages(restored / REFERENCE, [pairs], [REFERENCE])
    with Restorer(runtimes.open(model, runtime="pytorch", device="cpu")) as restorer:
        method = ModelMethod(REFERENCE, str(model), restorer)
        summary = Summary([method])
        for result in run(sets.open_all([pairs]), [method], images=images):
            if isinstance(result, Failed):
                raise DataError(f"{result.name}: {result.error}")
            if result.outcomes[REFERENCE].tiles_kept:
                raise InferenceError(f"{result.name}: the network made no picture of it")
            summary.add(result)
    before, after = (summary.columns[name].means.scores for name in (INPUT, REFERENCE))
    assert before and after  # a folder without pairs cannot be opened
    facts: Facts = {
        "pictures": summary.pairs,
        **_facts("input", before),
        **_facts("restored", after),
    }
    did = f"restored {summary.pairs} pictures, {before.psnr:.2f} -> {after.psnr:.2f} dB"
    return Outcome(did, (Check("gain", after.psnr - before.psnr, ">=", GAIN, "dB"),), facts)


def _facts(what: str, scores: Scores) -> dict[str, float]:
    named = asdict(scores).items()
    return {f"{what}_{name}": figure for name, figure in named if figure is not None}
