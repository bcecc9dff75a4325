"""Kill commands at random moments, run them again, and look at what is there in between."""

import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from hostile import commands, materials
from hostile.verdict import Verdict, randomness

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)

PICTURES = 4
"""Pictures of a folder that is being restored."""


@dataclass(frozen=True)
class Scenario:
    """A command, in a folder that `prepare` filled."""

    name: str
    arguments: tuple[str, ...]
    inputs: tuple[str, ...]
    """Names in the folder that must stay as they are."""
    outputs: tuple[str, ...]
    """Names that may appear beside them."""
    changes: frozenset[str] = frozenset()
    """Suffixes of outputs that grow while the command runs, and are not judged."""


LOGS = frozenset({".csv", ".0", ".png"})


def scenarios(folder: Path) -> list[Scenario]:
    """All commands that are killed, with the materials of `folder`."""
    model = str(folder / materials.MODEL)
    made = [
        Scenario("restore", ("restore", "in", "-o", "out", "--model", model), ("in",), ("out",)),
        Scenario("restore by MNN", ("restore", "in", "-o", "out"), ("in",), ("out",)),
        Scenario(
            "restore over results",
            ("restore", "in", "-o", "out", "--overwrite", "--model", model),
            ("in",),
            ("out",),
        ),
        Scenario(
            "train",
            ("train", "little.toml", "-o", "run", "--accelerator", "cpu"),
            ("pairs", "little.toml"),
            ("run",),
            LOGS,
        ),
        Scenario(
            "evaluate",
            (
                *("evaluate", "pairs", "--model", model, "--csv", "table.csv"),
                *("--report", "report.html", "--save-images", "images"),
            ),
            ("pairs",),
            ("table.csv", "report.html", "images"),
        ),
    ]
    for format in ("onnx", "openvino", "mnn", "safetensors", "pth", "pdparams"):
        arguments = ("export", "tiny.safetensors", "--format", format, "-o", "models")
        made.append(Scenario(f"export {format}", arguments, ("tiny.safetensors",), ("models",)))
    return made


def prepare(scenario: Scenario, folder: Path, place: Path) -> None:
    """Make `place` anew with what the command needs."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    if "in" in scenario.inputs:
        for number in range(PICTURES):
            suffix = (".png", ".jpg", ".tif", ".webp")[number % 4]
            side = 120 if "--model" not in scenario.arguments else 240  # the default is no toy
            materials.save(place / "in" / f"{number}{suffix}", side, side, number)
    if "pairs" in scenario.inputs:
        materials.pairs(place / "pairs")
        if "little.toml" not in scenario.inputs:
            (place / "little.toml").unlink()
    if "tiny.safetensors" in scenario.inputs:
        shutil.copy(folder / "tiny.safetensors", place)
    if scenario.name == "restore over results":
        for number, source in enumerate(sorted((place / "in").iterdir())):
            materials.save(place / "out" / source.name, 8, 8, number)


def attempt(folder: Path, place: Path, seed: int, number: int) -> Verdict:
    """Kill one command at a random moment."""
    rng = randomness(seed, "kills", number)
    known = scenarios(folder)
    scenario = known[number % len(known)]
    blow = SIGNALS[number % len(SIGNALS)]
    verdict = Verdict("kills", number, f"{scenario.name}, {blow.name}")
    prepare(scenario, folder, place)
    before = commands.contents(place)
    undisturbed = _duration(scenario, folder, place)
    after = rng.uniform(0, 1.1) * undisturbed
    longest = max(commands.LONGEST, 5 * undisturbed)  # a busy machine slows both
    shown = " ".join(scenario.arguments)
    verdict.command = f"timeout -s {blow.name[3:]} {after:.2f} mirnet {shown}"

    killed = commands.start(scenario.arguments, place)
    done = commands.finish(killed, seconds=longest, blow=(after, blow))
    # killed at once, before Python's handlers are in place, any process ends by the signal
    commands.judge(verdict, done, allowed=(0, commands.INTERRUPTED, -blow))
    _look(verdict, scenario, place, before)
    if blow != signal.SIGKILL and (left := commands.leftovers(place, _names(scenario))):
        verdict.find("leftover", f"after {after:.2f} s: {left}")

    again = commands.finish(commands.start(scenario.arguments, place), seconds=longest)
    if again.code != 0 or again.lost:
        verdict.find("not resumed", again.lost or f"code {again.code}: {again.err[-200:]}")
    _look(verdict, scenario, place, before)
    shutil.rmtree(place / "tmp")  # the system's, after a kill that no process survives
    if left := commands.leftovers(place, _names(scenario)):
        verdict.find("leftover", f"after the next run: {left}")
    return verdict


def _names(scenario: Scenario) -> list[str]:
    return [*scenario.inputs, *scenario.outputs]


def _look(verdict: Verdict, scenario: Scenario, place: Path, before: dict[str, bytes]) -> None:
    """Inputs are what they were; whatever stands at a final name is whole."""
    for name, content in before.items():
        path = place / name
        if name.split("/")[0] in scenario.inputs and (
            not path.is_file() or path.read_bytes() != content
        ):
            verdict.find("damaged original", name)
    for name in scenario.outputs:
        top = place / name
        for path in [top, *top.rglob("*")]:
            is_final = path.is_file() and not any(
                part.startswith(".") or ".part" in part for part in path.relative_to(place).parts
            )
            if is_final and path.suffix not in scenario.changes and (why := commands.broken(path)):
                verdict.find("half-written", why)


_DURATIONS: dict[str, float] = {}


def _duration(scenario: Scenario, folder: Path, place: Path) -> float:
    """Seconds of the undisturbed command, measured once."""
    if scenario.name not in _DURATIONS:
        other = place.with_name(f"{place.name}.undisturbed")
        prepare(scenario, folder, other)
        began = time.monotonic()
        done = commands.finish(commands.start(scenario.arguments, other), seconds=300)
        if done.code != 0:
            raise RuntimeError(f"{scenario.name} fails undisturbed: {done.err}")
        _DURATIONS[scenario.name] = time.monotonic() - began
        shutil.rmtree(other)
    return _DURATIONS[scenario.name]
