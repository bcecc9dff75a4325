"""Nonsense on the command line and in recipes."""

import random
import shutil
import tomllib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from hostile import commands, damage, materials
from hostile.verdict import Verdict, randomness

Word = str | bytes

NONSENSE: tuple[Word, ...] = (
    *("", " ", "-", "--", "0", "-1", "1", "7", "1e999", "nan", "-inf", "99999999999999999999"),
    *("[]", "[1,2]", "{}", "null", "None", "true", "auto,auto", "a b", "x" * 5000, "ü", "\u202e"),
    *("../..", "/", ".", "..", "~", "*", "$(id)", "`id`", "%s%n", "missing/folder/file.png"),
    *("\n", "one\ntwo", "\x1b[31m", b"\xff\xfe", b"caf\xe9.png", "0x10", "1_000", "١٢", "1.5"),
)
"""Values for any option; the bytes are no UTF-8."""

FILES: tuple[Word, ...] = ("scene.png", "in", "clean.gif", "empty.png", "text.txt", "loop", "out")
"""Names of files and folders, which options take where they want something else."""


@dataclass(frozen=True)
class Command:
    """A command that works, and its options."""

    words: tuple[str, ...]
    options: dict[str, tuple[str, ...]]
    """Options with values that make sense; none for a flag."""


RESTORING = {
    "--model": ("denoise", "denoise-tiny", "tiny.onnx", "tiny.safetensors"),
    "--strength": ("0", "0.5", "1"),
    "--self-ensemble": ("1", "8"),
    "--device": ("cpu", "cuda", "tensorrt", "directml"),
    "--runtime": ("mnn", "onnx", "openvino", "pytorch", "paddle"),
    "--tile": ("auto", "64", "188", "1", "100000000"),
    "--overlap": ("0", "16", "64", "1000000"),
    "--threads": ("1", "2"),
    "--precision": ("auto", "f32"),
    "--local": ("24", "96", "384"),
    "--json": (),
}

COMMANDS = {
    "restore": Command(
        ("restore", "scene.png"),
        RESTORING
        | {
            "-o": ("out", "clean.png", "clean.jpg"),
            "--recursive": (),
            "--reference": ("in", "scene.png"),
            "--format": ("png", "jpeg", "tiff", "webp", "avif", "gif"),
            "--quality": ("1", "100", "50"),
            "--overwrite": (),
        },
    ),
    "evaluate": Command(
        ("evaluate", "pairs", "--model", "tiny.onnx"),
        RESTORING
        | {
            "--baseline": ("input", "nlm:5", "bm3d", "nlm"),
            "--limit": ("1", "99"),
            "--save-images": ("images",),
            "--csv": ("table.csv",),
            "--report": ("report.html",),
            "--report-pictures": ("0", "1"),
            "--submit": ("sidd", "dnd"),
            "-o": ("submission",),
        },
    ),
    "export": Command(
        ("export", "tiny.safetensors", "--format", "safetensors", "-o", "models"),
        {
            "--format": ("onnx", "mnn", "pth", "pdparams", "openvino", "paddle"),
            "-o": ("models", "."),
            "--name": ("name", "tiny", "a/b", ".."),
            "--half": (),
            "--size": ("64", "64x96", "0x0", "-4x8", "30", "64x"),
            "--local": ("24", "96"),
        },
    ),
    "train": Command(
        ("train", "little.toml", "-o", "run", "--accelerator", "cpu", "--dry-run"),
        {
            "--set": ("optim.lr=1e-4", "optim.lr=", "=1", "network.width=0", "a.b.c=1", "stages=7"),
            "-o": ("run", "."),
            "--resume": ("auto", "tiny.safetensors"),
            "--accelerator": ("cpu", "cuda", "tpu"),
            "--devices": ("1", "2"),
            "--nodes": ("1",),
            "--precision": ("32-true", "bf16-mixed", "16-mixed"),
            "--workers": ("0", "1"),
            "--max-time": ("00:00:01", "1", "99:99:99"),
            "--viewer": ("tensorboard", "visualdl", "csv"),
        },
    ),
    "models": Command(("models",), {"--json": (), "denoise": (), "missing": ()}),
    "data": Command(
        ("data", "pack", "pairs", "packed"),
        {"--shard-mb": ("1", "0"), "--json": ()},
    ),
    "benchmark": Command(
        (
            *("benchmark", "--model", "tiny.onnx", "--runtime", "onnx"),
            *("--size", "32", "--rounds", "1", "--warm-up", "0"),
        ),
        {
            "--runtime": ("mnn", "onnx", "auto"),
            "--size": ("64", "32x48", "0", "-4x4"),
            "--batch": ("1", "2", "0"),
            "--tile": ("auto", "64", "1"),
            "--overlap": ("0", "16", "64"),
            "--threads": ("1", "2"),
            "--rounds": ("1", "0"),
            "--format": ("png", "jpeg", "gif"),
            "--plot": ("plot.png", "plot.gif"),
            "--json": (),
        },
    ),
    "chain": Command(  # it takes a minute where nothing is wrong
        ("chain", "--help"),
        {"-o": ("chain",), "--data": ("pairs", "in"), "--mode": ("lite", "full")},
    ),
}

WRITTEN = ("--csv", "--report", "--save-images", "--plot", "-o")
"""Options of `evaluate` and `benchmark` that replace what they name, a picture too."""


def attempt(folder: Path, place: Path, seed: int, number: int) -> Verdict:
    """Run one line of nonsense; every third is a recipe."""
    rng = randomness(seed, "options", number)
    _prepare(folder, place)
    if number % 3 == 2:
        verdict = Verdict("options", number, "recipe")
        (place / "hostile.toml").write_bytes(_recipe(rng))
        line: list[Word] = ["train", "hostile.toml", "-o", "run", "--accelerator", "cpu"]
        line.append("--dry-run")
    else:
        name = rng.choice(("restore", "restore", "restore", *COMMANDS))
        verdict = Verdict("options", number, name)
        line = _line(COMMANDS[name], rng)
    verdict.command = f"mirnet {' '.join(_quoted(word) for word in line)}"
    before = commands.contents(place)
    commands.judge(verdict, commands.finish(commands.start(line, place)))
    wanted = _replaced(line) if verdict.group in ("evaluate", "benchmark") else set()
    for name, content in before.items():
        path = place / name
        if name.split("/")[0] in wanted:
            continue
        if not path.is_file() or path.read_bytes() != content:
            verdict.find("damaged original", f"{name}: {verdict.command}")
    left = commands.leftovers(place)
    if left := [each for each in left if each not in before]:
        verdict.find("leftover", f"{left}: {verdict.command}")
    for path in place.rglob("*.*"):
        name = str(path.relative_to(place))
        is_new = path.is_file() and name not in before and name.split("/")[0] not in wanted
        if is_new and path.suffix not in (".0", ".csv") and (why := commands.broken(path)):
            verdict.find("half-written", why)
    return verdict


def _replaced(line: list[Word]) -> set[str]:
    """Names that the line gives to options in `WRITTEN`."""
    return {str(name) for option, name in pairwise(line) if option in WRITTEN}


def _prepare(folder: Path, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    materials.save(place / "scene.png", 40, 48)
    for name in ("0.png", "1.jpg"):
        materials.save(place / "in" / name, 24, 32)
    materials.pairs(place / "pairs", 1)
    for name in ("tiny.onnx", "tiny.safetensors"):
        shutil.copy(folder / name, place)
    (place / "empty.png").touch()
    (place / "text.txt").write_text("not a picture\n")
    (place / "loop").symlink_to("loop")


def _line(command: Command, rng: random.Random) -> list[Word]:
    """The command with one to three options, a third of them nonsense; sometimes other inputs."""
    words: list[Word] = list(command.words)
    if rng.random() < 0.25 and len(words) > 1:
        words[rng.randrange(1, len(words))] = rng.choice((*NONSENSE, *FILES))
    for _ in range(rng.randint(1, 3)):
        option = rng.choice(list(command.options))
        values = command.options[option]
        words.append(option)
        choice = rng.random()
        if not values and choice < 0.9:
            continue
        if values and choice < 0.5:
            words.append(rng.choice(values))
        elif choice < 0.8:
            words.append(rng.choice(NONSENSE))
        elif choice < 0.97:
            words.append(rng.choice(FILES))
    if rng.random() < 0.1:
        words.insert(rng.randint(1, len(words)), rng.choice(NONSENSE))
    return [word for word in words if not _leads_away(word)]


def _leads_away(word: Word) -> bool:
    """Whether a word names a place outside the case's folder; it is left out."""
    return word in ("/", "..", "../..")


VALUES = (
    *("0", "-1", "1e400", "-inf", "nan", "99999999999999999999", '""', "[]", "[[]]", "{}", "true"),
    *('"x"', "[1, 2, 3]", "1979-05-27", "[0.5, 0.1]", "0.5", '"30 epochs"', '"-1 steps"', "1e-300"),
    *('"99999999999999 steps"', '"1e9 epochs"', '"\\u0000"', '["a"]', "{a = 1}", "7", "16"),
)
"""Values of TOML for any key."""

SECTIONS = {
    "network": ("width", "groups", "blocks_per_group", "growth", "in_channels", "unshuffle"),
    "data": ("pairs", "photographs", "real_share", "drawn_share", "mixup", "mixup_from", "amplify"),
    "optim": ("optimizer", "lr", "lr_min", "warmup", "clip", "ema", "loss", "shadows", "betas"),
    "validation": ("pairs", "every", "limit"),
    "camera": ("softness", "gain", "finishing", "sensor", "jpeg", "processing"),
    "scenes": ("identity", "drawings", "fields"),
    "teacher": ("weights", "share"),
    "nothing": ("nothing",),
}


def _recipe(rng: random.Random) -> bytes:
    """A recipe with values that make no sense, or bytes that are no TOML."""
    choice = rng.random()
    if choice < 0.2:
        return rng.choice(damage.ALL)(materials.RECIPE.encode(), rng)
    if choice < 0.3:
        return rng.choice(
            (
                b"",
                b"\xff\xfe\0",
                b"[" * 10_000,
                b"a = " + b"[" * 10_000,
                b"a = " + b"9" * 10_000,
                b"stages = 7",
                b"[[network]]",
                b"[network]\n" * 2,
                b"seed = 'x'\n" + materials.RECIPE.encode(),
            )
        )
    recipe = tomllib.loads(materials.RECIPE)
    written: dict[str, dict[str, str]] = {
        section: {key: _toml(value) for key, value in values.items()}
        for section, values in recipe.items()
        if section != "stages"
    }
    stage = {key: _toml(value) for key, value in recipe["stages"][0].items()}
    for _ in range(rng.randint(1, 3)):
        section = rng.choice((*SECTIONS, "stages", "stages"))
        if section == "stages":
            stage[rng.choice(("length", "patch", "batch", "accumulate"))] = rng.choice(VALUES)
        else:
            written.setdefault(section, {})[rng.choice(SECTIONS[section])] = rng.choice(VALUES)
    lines = ["[[stages]]", *(f"{key} = {value}" for key, value in stage.items())]
    for section, values in written.items():
        lines += [f"[{section}]", *(f"{key} = {value}" for key, value in values.items())]
    return "\n".join(lines).encode()


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _quoted(word: Word) -> str:
    return repr(word)[:80] if not str(word).isidentifier() else str(word)
