"""The five kinds of cases, and how each is run."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from hostile import commands, kills, materials, options, pictures, surroundings, weights
from hostile.verdict import Verdict
from hostile.workers import Opening, Trial, Worker

KINDS = ("pictures", "weights", "kills", "options", "surroundings")

BY_COMMAND = 250
"""One case in this many goes through the command line instead of the functions behind it."""


class Runner:
    """Runs cases of one kind, one at a time, in a folder of its own.

    Args:
        kind: one of `KINDS`.
        folder: what `materials.make` filled.
        place: a folder for the cases, made anew for each; the last one's files stay.
    """

    def __init__(self, kind: str, folder: Path, place: Path) -> None:
        if kind not in KINDS:
            raise SystemExit(f"no kind {kind!r}: choose {', '.join(KINDS)}")
        self.kind, self.folder, self.place = kind, folder, place
        self._worker = Worker(kind, OPENINGS[kind], folder, place) if kind in OPENINGS else None

    def attempt(self, seed: int, number: int) -> Verdict:
        """Try one case."""
        if self._worker is None:
            return COMMANDS[self.kind](self.folder, self.place, seed, number)
        if number % BY_COMMAND == BY_COMMAND - 1:
            return BY_COMMANDS[self.kind](self.folder, self.place, seed, number)
        return self._worker.attempt(seed, number, self._group(seed, number))

    def close(self) -> None:
        """End the worker."""
        if self._worker:
            self._worker.close()

    def __enter__(self) -> "Runner":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _group(self, seed: int, number: int) -> str:
        """The case's group, should its worker be lost."""
        if self.kind == "pictures":
            names = list(pictures.bases())
            return pictures.group(names[number % len(names)])
        formats = list(materials.weights(self.folder))
        return formats[number % len(formats)]


def _open_pictures(folder: Path, place: Path) -> Trial:
    from hostile.picture_trial import PictureTrial

    return PictureTrial(folder, place)


def _open_weights(folder: Path, place: Path) -> Trial:
    from hostile.weights_trial import WeightsTrial

    return WeightsTrial(folder, place)


def _restore_picture(folder: Path, place: Path, seed: int, number: int) -> Verdict:
    """A mutated picture through the command."""
    mutation = pictures.mutated(seed, number)
    verdict = Verdict("pictures", number, "by the command line")
    name = f"scene{mutation.suffix}"
    arguments = ["restore", name, "-o", "out", "--model", str(folder / materials.MODEL)]
    files = ((name, mutation.content),)
    return _by_command(verdict, place, files, arguments)


def _restore_by_weights(folder: Path, place: Path, seed: int, number: int) -> Verdict:
    """A good picture by mutated weights, through the command."""
    mutation = weights.mutated(folder, seed, number)
    verdict = Verdict("weights", number, "by the command line")
    materials.save(place.with_name(f"{place.name}.png"), 40, 48)
    scene = place.with_name(f"{place.name}.png").read_bytes()
    arguments = ["restore", "scene.png", "-o", "out", "--model", mutation.files[0][0]]
    return _by_command(verdict, place, (*mutation.files, ("scene.png", scene)), arguments)


def _by_command(
    verdict: Verdict,
    place: Path,
    files: tuple[tuple[str, bytes], ...],
    arguments: Sequence[str | Path],
) -> Verdict:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for name, content in files:
        (place / name).write_bytes(content)
    verdict.command = f"mirnet {' '.join(map(str, arguments))}"
    commands.judge(verdict, commands.finish(commands.start(arguments, place)))
    for name, content in files:
        if (place / name).read_bytes() != content:
            verdict.find("damaged original", name)
    if left := commands.leftovers(place, ["out", *(name for name, _ in files)]):
        verdict.find("code executed" if weights.CANARY in left else "leftover", left)
    results = list((place / "out").glob("*")) if (place / "out").exists() else []
    for result in results:
        if verdict.outcome == "refused":
            verdict.find("half-written", result.name)
        elif why := commands.broken(result):
            verdict.find("half-written", why)
    return verdict


OPENINGS: dict[str, Opening] = {"pictures": _open_pictures, "weights": _open_weights}

BY_COMMANDS: dict[str, Callable[[Path, Path, int, int], Verdict]] = {
    "pictures": _restore_picture,
    "weights": _restore_by_weights,
}

COMMANDS: dict[str, Callable[[Path, Path, int, int], Verdict]] = {
    "kills": kills.attempt,
    "options": options.attempt,
    "surroundings": surroundings.attempt,
}
