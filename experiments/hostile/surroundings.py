"""Full disks, read-only and vanishing folders, closed streams, strange files, two at once."""

import json
import os
import random
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hostile import commands, kills, materials
from hostile.verdict import Verdict, one_line, randomness


class CannotTryError(Exception):
    """The system does not allow this case."""


Surrounding = Callable[[Verdict, Path, Path, random.Random], None]
"""Tries one, given the materials and a folder that holds pictures, pairs and weights."""


def attempt(folder: Path, place: Path, seed: int, number: int) -> Verdict:
    """Try one surrounding; each gets its turn."""
    rng = randomness(seed, "surroundings", number)
    trying = ALL[number % len(ALL)]
    verdict = Verdict("surroundings", number, trying.__name__.strip("_").replace("_", " "))
    shutil.rmtree(place, ignore_errors=True)
    for count in range(3):
        materials.save(place / "in" / f"{count}.png", 240, 320, count)
    materials.save(place / "scene.png", 40, 48)
    materials.pairs(place / "pairs")
    shutil.copy(folder / "tiny.safetensors", place)
    before = commands.contents(place)
    try:
        trying(verdict, folder, place, rng)
    except CannotTryError as reason:
        verdict.outcome, verdict.said = "skipped", str(reason)
        return verdict
    for name, content in before.items():
        path = place / name
        if not path.is_file() or path.read_bytes() != content:
            verdict.find("damaged original", name)
    if (place / "tmp").exists():
        shutil.rmtree(place / "tmp")
    if left := commands.leftovers(place):
        verdict.find("leftover", left)
    return verdict


def _lines(folder: Path, output: str) -> list[list[str]]:
    """Commands that write into the folder `output`."""
    model = str(folder / materials.MODEL)
    return [
        ["restore", "in", "-o", f"{output}/restored", "--model", model],
        ["restore", "scene.png", "-o", f"{output}/clean.tif", "--model", model],
        ["export", "tiny.safetensors", "--format", "pth", "-o", output],
        ["export", "tiny.safetensors", "--format", "onnx", "-o", output],
        ["train", "little.toml", "-o", f"{output}/run", "--accelerator", "cpu"],
        [
            *("evaluate", "pairs", "--model", model, "--csv", f"{output}/table.csv"),
            *("--report", f"{output}/report.html", "--save-images", f"{output}/images"),
        ],
    ]


def full_disk(verdict: Verdict, folder: Path, place: Path, rng: random.Random) -> None:
    """Outputs on a disk that takes a part of them."""
    line = rng.choice(_lines(folder, "disk"))
    with _disk(place / "disk", f"{rng.choice((4, 16, 64, 128, 256))}k"):
        _run(verdict, line, place)
        _whole(verdict, place / "disk")


def full_temporary_folder(verdict: Verdict, folder: Path, place: Path, rng: random.Random) -> None:
    """TMPDIR and the cache lie on a full disk."""
    line = rng.choice(_lines(folder, "."))[:]
    with _disk(place / "disk", "4k"):
        own = {"TMPDIR": str(place / "disk"), "XDG_CACHE_HOME": str(place / "disk")}
        _run(verdict, line, place, environment=own)


def read_only_folder(verdict: Verdict, folder: Path, place: Path, rng: random.Random) -> None:
    """The output folder takes nothing."""
    line = rng.choice(_lines(folder, "disk"))
    with _disk(place / "disk", "1m", read_only=True):
        _run(verdict, line, place)
        if verdict.outcome == "restored":
            verdict.find("no reason", "code 0 although nothing can have been written")


def read_only_input(verdict: Verdict, folder: Path, place: Path, rng: random.Random) -> None:
    """Results would lie beside an input that lies in a read-only folder."""
    with _disk(place / "disk", "1m", read_only=True, scene=place / "scene.png"):
        _run(verdict, ["restore", "disk/scene.png", "--model", _model(folder)], place)


def vanishing_input(verdict: Verdict, folder: Path, place: Path, rng: random.Random) -> None:
    """The pictures are removed while they are restored."""
    _vanishing(verdict, folder, place, rng, "copy")


def vanishing_output(verdict: Verdict, folder: Path, place: Path, rng: random.Random) -> None:
    """The output folder is removed while it is filled."""
    _vanishing(verdict, folder, place, rng, "out")


def _vanishing(verdict: Verdict, folder: Path, place: Path, rng: random.Random, name: str) -> None:
    shutil.copytree(place / "in", place / "copy")
    line = ["restore", "copy", "-o", "out", "--model", _model(folder)]
    process = commands.start(line, place)
    time.sleep(rng.uniform(0.5, 3))
    shutil.rmtree(place / name, ignore_errors=True)
    verdict.command = f"mirnet {' '.join(line)}"
    commands.judge(verdict, commands.finish(process))
    _whole(verdict, place / "out")


def two_restore_into_one_folder(
    verdict: Verdict, folder: Path, place: Path, rng: random.Random
) -> None:
    """Two processes restore the same pictures into the same folder."""
    line = ["restore", "in", "-o", "out", "--model", _model(folder)]
    _two(verdict, line, place, rng.uniform(0, 1))
    if verdict.outcome != "restored":
        verdict.find("not resumed", verdict.said)


def two_export_into_one_folder(
    verdict: Verdict, folder: Path, place: Path, rng: random.Random
) -> None:
    """Two processes export the same model into the same folder."""
    format = rng.choice(("onnx", "openvino", "pth", "mnn"))
    line = ["export", "tiny.safetensors", "--format", format, "-o", "out"]
    _two(verdict, line, place, rng.uniform(0, 1))


def two_train_in_one_folder(
    verdict: Verdict, folder: Path, place: Path, rng: random.Random
) -> None:
    """The second training must be refused, or wait until the first has ended."""
    line = ["train", "little.toml", "-o", "out", "--accelerator", "cpu"]
    line += ["--set", 'stages=[{length = "400 steps", patch = 32, batch = 1}]']
    first = commands.start(line, place)
    checkpoint = place / "out"
    until = time.monotonic() + 60
    while not checkpoint.exists() and time.monotonic() < until:
        time.sleep(0.2)
    time.sleep(rng.uniform(0, 2))
    second = commands.finish(commands.start(line, place))
    was_running = first.poll() is None
    first.send_signal(signal.SIGTERM)
    ended = commands.finish(first)
    commands.judge(verdict, ended, allowed=(0, 1, 2, 130))
    if ended.code not in (0, commands.INTERRUPTED):
        verdict.find("not resumed", f"the second run broke the first: {ended.err[-200:]}")
    commands.judge(verdict, second, allowed=(0, 1, 2, 130))
    verdict.command = f"mirnet {' '.join(line)} & mirnet {' '.join(line)}"
    if was_running and second.code == 0:
        verdict.find("silent damage", "the second run shared the folder without a word")
    _whole(verdict, place / "out", logs=True)


def closed_output(verdict: Verdict, folder: Path, place: Path, rng: random.Random) -> None:
    """Standard output, or standard error, is closed."""
    descriptor = rng.choice((1, 2, 0))
    line = rng.choice(
        (["models"], ["restore", "scene.png", "-o", "out", "--model", _model(folder)])
    )
    process = commands.start(line, place, before=lambda: os.close(descriptor))
    verdict.command = f"mirnet {' '.join(line)} {descriptor}>&-"
    commands.judge(verdict, commands.finish(process))


def full_output(verdict: Verdict, folder: Path, place: Path, rng: random.Random) -> None:
    """Standard output is a full device."""
    if not Path("/dev/full").exists():
        raise CannotTryError("there is no /dev/full")
    scene = ["restore", "scene.png", "-o", "out", "--json", "--model", _model(folder)]
    line = rng.choice((["models", "--json"], ["models"], ["--help"], scene))
    verdict.command = f"mirnet {' '.join(line)} > /dev/full"
    with Path("/dev/full").open("wb") as full:
        commands.judge(verdict, commands.finish(commands.start(line, place, stdout=full)))
    if verdict.outcome == "restored":
        verdict.find("no reason", "code 0 although nothing was printed")


def closed_pipe(verdict: Verdict, folder: Path, place: Path, rng: random.Random) -> None:
    """Whoever reads the output has gone, as `head` does."""
    line = ["restore", "in", "-o", "out", "--json", "--model", _model(folder)]
    reading, writing = os.pipe()
    process = commands.start(line, place, stdout=writing)
    os.close(writing)
    os.close(reading)
    verdict.command = f"mirnet {' '.join(line)} | true"
    allowed = (0, 1, 2, -signal.SIGPIPE, 128 + signal.SIGPIPE)
    done = commands.finish(process)
    commands.judge(verdict, done, allowed=allowed)
    if not done.err:  # nobody wants to hear that `head` has read enough
        verdict.findings.pop("no reason", None)


def target_is_a_device(verdict: Verdict, folder: Path, place: Path, rng: random.Random) -> None:
    """A target that exists and is no regular file is written into or refused."""
    target = place / rng.choice(("target.png", "target.csv", "target.html"))
    is_pipe = rng.random() < 0.5
    reader = None
    if is_pipe:
        os.mkfifo(target)
        reader = subprocess.Popen(["cat", target], stdout=subprocess.DEVNULL)
    else:
        try:
            os.mknod(target, stat.S_IFCHR | 0o666, os.makedev(1, 3))  # as /dev/null
        except PermissionError:
            raise CannotTryError("device nodes need root") from None
    if target.suffix == ".png":
        line = ["restore", "scene.png", "-o", target.name, "--overwrite", "--model", _model(folder)]
    else:
        option = "--csv" if target.suffix == ".csv" else "--report"
        line = ["evaluate", "pairs", "--model", _model(folder), option, target.name]
    _run(verdict, line, place)
    if reader:
        reader.kill()
        reader.wait()
    mode = target.lstat().st_mode if target.exists() else 0
    if not (stat.S_ISFIFO(mode) if is_pipe else stat.S_ISCHR(mode)):
        verdict.find("damaged original", f"{target.name} is no {'pipe' if is_pipe else 'device'}")
    target.unlink(missing_ok=True)


def target_is_a_link(verdict: Verdict, folder: Path, place: Path, rng: random.Random) -> None:
    """The target is a link: to a file, to nothing, or to itself."""
    (place / "kept.txt").write_text("kept")
    to = rng.choice(("kept.txt", "nothing", "target.png"))
    (place / "target.png").symlink_to(to)
    line = ["restore", "scene.png", "-o", "target.png", "--model", _model(folder)]
    _run(verdict, [*line, "--overwrite"], place)


def target_is_a_folder(verdict: Verdict, folder: Path, place: Path, rng: random.Random) -> None:
    """A folder stands where a result is to be; the other pictures go on."""
    (place / "out" / "1.png").mkdir(parents=True)
    _run(verdict, ["restore", "in", "-o", "out", "--overwrite", "--model", _model(folder)], place)
    _others(verdict, place, "0.png", "2.png")


def name_too_long(verdict: Verdict, folder: Path, place: Path, rng: random.Random) -> None:
    """The output's name is longer than the file system takes; the other pictures go on."""
    shutil.copytree(place / "in", place / "copy")
    shutil.copy(place / "scene.png", place / "copy" / f"{'0' * rng.randint(245, 250)}.png")
    _run(verdict, ["restore", "copy", "--model", _model(folder)], place)
    for count in range(3):
        if not (place / "copy" / f"{count}_restored.png").exists():
            verdict.find("not resumed", f"{count}.png was not restored: {verdict.said}")


def name_that_is_not_utf8(verdict: Verdict, folder: Path, place: Path, rng: random.Random) -> None:
    """JSON stays strict, whatever the bytes of a name."""
    name = os.fsdecode(rng.choice((b"caf\xe9.png", b"\xff\n.png")))
    (place / "odd").mkdir()
    shutil.copy(place / "scene.png", place / "odd" / name)
    process = commands.start(["restore", "odd", "--json", "--model", _model(folder)], place)
    done = commands.finish(process)
    commands.judge(verdict, done)
    verdict.command = "mirnet restore odd --json"
    for line in done.out.splitlines():
        try:
            json.loads(line.decode())["source"].encode()
        except (ValueError, KeyError) as error:
            verdict.find("half-written", f"JSON: {error}")


def unreadable_subfolder(verdict: Verdict, folder: Path, place: Path, rng: random.Random) -> None:
    """A subfolder that cannot be listed must be named."""
    if os.geteuid() == 0:
        raise CannotTryError("root reads every folder")
    hidden = place / "in" / "closed"
    hidden.mkdir(mode=0)
    line = ["restore", "in", "-o", "out", "--recursive", "--model", _model(folder)]
    done = commands.finish(commands.start(line, place))
    hidden.chmod(0o700)
    hidden.rmdir()
    commands.judge(verdict, done)
    if "closed" not in done.err:
        verdict.find("no reason", "the folder is skipped without a word")


def stale_spools(verdict: Verdict, folder: Path, place: Path, rng: random.Random) -> None:
    """What a killed run left is removed by the next run into that folder."""
    line = ["restore", "in", "-o", "out", "--model", _model(folder)]
    for _ in range(3):
        after = rng.uniform(0.5, 3)
        commands.finish(commands.start(line, place), blow=(after, signal.SIGKILL))
    _run(verdict, line, place)
    if verdict.outcome != "restored":
        verdict.find("not resumed", verdict.said)


ALL: tuple[Surrounding, ...] = (
    *(full_disk, read_only_folder, vanishing_input, vanishing_output, two_restore_into_one_folder),
    *(two_train_in_one_folder, two_export_into_one_folder, closed_output, full_output, closed_pipe),
    *(target_is_a_device, target_is_a_link, target_is_a_folder, name_too_long),
    *(name_that_is_not_utf8, unreadable_subfolder, stale_spools, read_only_input),
    *(full_temporary_folder, full_disk),
)


def _model(folder: Path) -> str:
    return str(folder / materials.MODEL)


def _run(
    verdict: Verdict, line: list[str], place: Path, *, environment: dict[str, str] | None = None
) -> None:
    verdict.command = f"mirnet {' '.join(line)}"
    done = commands.finish(commands.start(line, place, environment=environment))
    commands.judge(verdict, done)


def _two(verdict: Verdict, line: list[str], place: Path, apart: float) -> None:
    """Two processes with the same line, started one after another; both must end well."""
    first = commands.start(line, place)
    time.sleep(apart)
    second = commands.start(line, place)
    verdict.command = f"mirnet {' '.join(line)} & mirnet {' '.join(line)}"
    for process in (first, second):
        commands.judge(verdict, commands.finish(process))
    _whole(verdict, place / "out")


def _whole(verdict: Verdict, folder: Path, *, logs: bool = False) -> None:
    """Whatever stands at a final name is whole."""
    for path in sorted(folder.rglob("*")):
        is_final = path.is_file() and not path.name.startswith(".")
        is_log = logs and path.suffix in kills.LOGS
        if is_final and not is_log and (why := commands.broken(path)):
            verdict.find("half-written", why)
    if left := commands.leftovers(folder) if folder.exists() else []:
        verdict.find("leftover", left)


def _others(verdict: Verdict, place: Path, *names: str) -> None:
    for name in names:
        if not (place / "out" / name).is_file():
            verdict.find("not resumed", f"{name} was not restored: {verdict.said}")


@contextmanager
def _disk(
    place: Path, size: str, *, read_only: bool = False, scene: Path | None = None
) -> Iterator[None]:
    """A small file system of its own in memory; it needs root."""
    place.mkdir()
    mounted = _call("mount", "-t", "tmpfs", "-o", f"size={size}", "none", place)
    if mounted:
        place.rmdir()
        raise CannotTryError(f"no small disk can be mounted: {mounted}")
    try:
        if scene:
            shutil.copy(scene, place)
        if read_only:
            _call("mount", "-o", "remount,ro", place)
        yield
    finally:
        _call("umount", "--lazy", place)
        place.rmdir()


def _call(*words: str | Path) -> str:
    """What a command of the system complains about; empty if all is well."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError as error:
        return str(error)
    return one_line(done.stderr) or "it failed" if done.returncode else ""
