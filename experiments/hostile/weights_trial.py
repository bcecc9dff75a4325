"""Open mutated weights through the function behind `--model`, and restore a small picture."""

import os
import shutil
import traceback
import warnings
from pathlib import Path

import numpy as np

from hostile import materials, weights
from hostile.verdict import Verdict, one_line
from mirnet import api
from mirnet.errors import MirnetError

SIDE = 32


class WeightsTrial:
    """A folder to work in, which is the current one while code might be executed."""

    kind = "weights"

    def __init__(self, folder: Path, place: Path) -> None:
        self.folder, self.place = folder, place
        self._whole: dict[str, np.ndarray] = {}
        warnings.simplefilter("ignore")

    def attempt(self, seed: int, number: int) -> Verdict:
        """Open the mutation of this number."""
        mutation = weights.mutated(self.folder, seed, number)
        verdict = Verdict(self.kind, number, mutation.format)
        os.chdir(self.place.parent)
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(parents=True)
        os.chdir(self.place)
        for name, content in mutation.files:
            (self.place / name).write_bytes(content)
        name = mutation.files[0][0]
        verdict.command = f"mirnet restore scene.png --model {name}"
        error = ""
        try:
            result = _restore(self.place / name, mutation.format)
        except MirnetError as refusal:
            error = str(refusal)
        except Exception:  # whatever else comes out is what is looked for
            verdict.find("traceback", traceback.format_exc().splitlines()[-1])
            return verdict
        finally:
            if (self.place / weights.CANARY).exists():
                verdict.find("code executed", mutation.how)
        verdict.outcome, verdict.said = ("refused", one_line(error)) if error else ("restored", "")
        if "\n" in error:
            verdict.find("no reason", f"more than one line: {error}")
        written = {path.name: path.read_bytes() for path in self.place.iterdir() if path.is_file()}
        for each, content in mutation.files:
            if written.pop(each, None) != content:
                verdict.find("damaged original", each)
        if written:
            verdict.find("leftover", ", ".join(written))
        if not error:
            self._compare(verdict, mutation, result)
        return verdict

    def _compare(self, verdict: Verdict, mutation: weights.Mutation, result: np.ndarray) -> None:
        """Ask the checksums, where the format has some, if the result is another one."""
        if mutation.format not in self._whole:
            path = materials.weights(self.folder)[mutation.format][0]
            self._whole[mutation.format] = _restore(path, mutation.format)
        seen = weights.checksum_error(mutation.files[0][1])
        if seen and not np.array_equal(result, self._whole[mutation.format]):
            verdict.find("silent damage", f"{mutation.how}: {seen}")


def _restore(path: Path, format: str) -> np.ndarray:
    picture = materials.picture(SIDE, SIDE)
    runtime = weights.RUNTIMES[format]
    with api.load(path, runtime=runtime, device="cpu", threads=1, precision="f32") as restorer:
        return restorer(picture)
