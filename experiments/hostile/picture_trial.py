"""Restore a mutated picture through the functions behind `mirnet restore`, and judge the result."""

import shutil
import traceback
from pathlib import Path

import numpy as np
import pyvips

from hostile import materials, pictures, strict
from hostile.verdict import Verdict, one_line
from mirnet import api
from mirnet.errors import MirnetError
from mirnet.pictures import codec
from mirnet.restoration import folder


class PictureTrial:
    """A restorer with the tiny network, and a folder to work in."""

    kind = "pictures"

    def __init__(self, model: Path, place: Path) -> None:
        self.place = place
        self.restorer = api.load(model / materials.MODEL, runtime="onnx", device="cpu", threads=1)
        self._whole: dict[str, tuple[np.ndarray, set[str]]] = {}

    def attempt(self, seed: int, number: int) -> Verdict:
        """Restore the mutation of this number."""
        mutation = pictures.mutated(seed, number)
        verdict = Verdict(self.kind, number, pictures.group(mutation.base))
        source = self._fresh() / f"scene{mutation.suffix}"
        source.write_bytes(mutation.content)
        target = self.place / "out" / source.name
        verdict.command = f"mirnet restore {source.name} -o out"
        try:
            jobs = folder.plan([source], self.place / "out")
            (result,) = folder.run(jobs, self.restorer)
            error, notes = result.error, set(result.notes)
        except MirnetError as refusal:  # before the first picture
            error, notes = str(refusal), set()
        except Exception:  # whatever else comes out is what is looked for
            verdict.find("traceback", traceback.format_exc().splitlines()[-1])
            return verdict
        verdict.outcome = "refused" if error else "restored"
        verdict.said = one_line(error)
        if error and "\n" in error:
            verdict.find("no reason", f"more than one line: {error}")
        if source.read_bytes() != mutation.content:
            verdict.find("damaged original", source.name)
        expected = {source, target} if not error else {source}
        for left in sorted(path for path in self.place.rglob("*") if path.is_file()):
            if left not in expected:
                verdict.find("half-written" if left == target else "leftover", left.name)
        if not error:
            self._judge(verdict, mutation, target, notes)
        return verdict

    def _judge(
        self, verdict: Verdict, mutation: pictures.Mutation, target: Path, notes: set[str]
    ) -> None:
        """Compare with what the undamaged picture becomes; ask the strict decoder if it differs."""
        try:
            pixels = _decoded(target)
        except (pyvips.Error, OSError) as error:
            verdict.find("half-written", error)
            return
        whole, usual = self._undamaged(mutation.base)
        if pixels.shape == whole.shape and np.array_equal(pixels, whole):
            return
        if notes - usual:  # it was told
            verdict.said = one_line("; ".join(sorted(notes - usual)))
            return
        if seen := strict.damage(mutation.content):
            verdict.find("silent damage", f"{mutation.how}: {seen}")

    def _undamaged(self, base: str) -> tuple[np.ndarray, set[str]]:
        """What the picture without damage becomes, and the notes about it."""
        if base not in self._whole:
            suffix, content = pictures.bases()[base]
            place = self.place.with_name(f"{self.place.name}.whole")
            place.mkdir(exist_ok=True)
            source, target = place / f"scene{suffix}", place / f"restored{suffix}"
            source.write_bytes(content)
            _, _, written = self.restorer.file(source, target)
            notes = {*written, *codec.open(source).notes}
            self._whole[base] = _decoded(target), notes
        return self._whole[base]

    def _fresh(self) -> Path:
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(parents=True)
        return self.place


def _decoded(path: Path) -> np.ndarray:
    """The pixels of a file that must be whole."""
    image = pyvips.Image.new_from_file(str(path), fail_on="warning", access="sequential")
    array: np.ndarray = image.numpy()
    return array
