"""Every command and every Python block of the documentation: run, or the page says why not.

Commands of mirnet run in this process, in a folder with the small files that the pages speak of.
"""

import contextlib
import functools
import re
import shutil
import tomllib
from pathlib import Path

import pytest
import typer
from blocks import PAGES, PYTHON, ROOT, SHELL, blocks, commands, name

from mirnet.cli import app
from mirnet.errors import MirnetError, RecipeError
from mirnet.models import catalog
from mirnet.training import recipe

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ALL = [block for page in PAGES for block in blocks(page)]
RUN = [page for page in PAGES if any(not block.why for block in blocks(page))]

ELSEWHERE = {
    "train": "tests/cli/test_train.py",
    "export": "tests/cli/test_export.py",
    "benchmark": "tests/cli/test_benchmark.py",
    "chain": "tests/cli/test_chain.py",
    "serve": "tests/cli/test_serve.py",
    "cluster": "tests/cli/test_cluster.py",
    "--shard": "tests/cli/test_cluster.py",
    "watch": "tests/cli/test_watch_command.py",
    "pull": "tests/cli/test_models.py",
    "push": "tests/cli/test_models.py",
}
"""Commands and options that take long: here their words are checked, and these tests run them."""
STARTS = ("python", "python3", "torchrun", "srun")
OTHERS = {
    "cd": "the folder is the test's",
    ".": "activates an environment",
    "curl": "tests/docs/test_serving_tutorial.py runs those of the tutorial, tests/serve the rest",
    "docker": "no container engine is at the tests' disposal",
    "uv": "would install into the home",
    "ln": "would link into the home",
    "hf": "would log in to Hugging Face",
    "kill": "tests/docs/test_serving_tutorial.py",
    "tensorboard": "it serves until it is stopped; tests/training/test_logs.py reads what it shows",
    "visualdl": "it serves until it is stopped; tests/training/test_logs.py reads what it shows",
}
"""Programs that are not run here, and why."""

ABSENT = {
    *("SIDD_Medium_Srgb", "SIDD_synthetic", "SIDD", "DND"),  # data sets of many gigabytes
    "model_best.pdparams",  # the reproduction's weights
    "dual_pixel_defocus_deblurring.pth",  # official ones
    *(
        "DPDD/train",
        "runs/dpdd/best.ckpt",
    ),  # tests/training/test_two_view_training.py has little ones
    *("runs/x2/best.ckpt", "models/enlarge-x2.mnn", "runs/lol/best.ckpt"),  # trained for hours
    *("bm3d", "bm3d:20"),  # takes seconds a picture
    "hf://owner/name",  # tests/cli/test_models.py has a hub
}
"""What pages name and tests do not have: the words of such commands are checked."""

RECIPE = """
[network]
width = 8
groups = [1]
blocks_per_group = 1
[[stages]]
length = 2
patch = 16
batch = 1
[data]
photographs = "photographs"
[validation]
pairs = "pairs"
every = 2
"""

GREEN = {"mirnet", "pip", "make", *STARTS, *OTHERS}


@pytest.fixture(scope="session")
def folder(tmp_path_factory, save, picture):
    """The folder of all pages, with what they name: small pictures, pairs of them, a run."""
    place = tmp_path_factory.mktemp("documented")
    for path in ("night.jpg", "night.png", "tripod.png", "keepsake.jpg", "scan.tif"):
        save(place / path)
    for path in ("examples/cat_noisy.png", "photos/trip/b.png", "noisy/7.png", "clean/7.png"):
        save(place / path)
    for pixels, index in ((picture(72, 72), 0), (picture(72, 72, seed=1), 1)):
        save(place / "photos" / f"{index}.png", pixels=pixels)
        for pairs in ("pairs", "mine", "held_out", "val", "VALIDATION", "sidd_mini/val"):
            save(place / pairs / "input" / f"{index}.png", pixels=pixels)
            save(place / pairs / "groundtruth" / f"{index}.png", pixels=pixels // 2)
    for half in ("photographs", "photographs/train"):
        save(place / half / "0.png", pixels=picture(290, 290))
    (place / "models").mkdir()
    shutil.copy(catalog.BUNDLED / "denoise-print.mnn", place / "models" / "mine.mnn")
    (place / "little.toml").write_text(RECIPE)
    with contextlib.chdir(place):
        assert run(["train", "little.toml", "-o", "runs/mine", "--accelerator", "cpu"]) == 0
        assert run(["data", "pack", "pairs", "packed_val"]) == 0
    return place


@pytest.fixture(scope="session")
def once(folder):
    """Runs a command in that folder, the same one only once: pages repeat each other."""

    @functools.cache
    def run_once(*words):
        with contextlib.chdir(folder):
            return run(words)

    return run_once


def context(words):
    """Parse the words of `mirnet ...` without running it.

    Raises:
        RecipeError: if a recipe has no such key or refuses its value.
        Exception: Click's, if there is no such command or option, or a value is wrong.
    """
    command = typer.main.get_command(app)
    parents, name, words = None, "mirnet", list(words)
    while hasattr(command, "resolve_command"):
        parents = command.context_class(command, info_name=name, parent=parents)
        name, command, words = command.resolve_command(parents, words)
    parsed = command.make_context(name, words, parent=parents)
    if parsed.info_name == "train" and not parsed.params["recipe"].endswith(".toml"):
        recipe.load(parsed.params["recipe"], parsed.params["settings"] or ())
    return parsed


def refusal(words):
    """What is wrong with a command that is not `mirnet`; None if nothing is."""
    program, rest = words[0].rpartition("/bin/")[2], words[1:]
    if program == "pip":
        extras = [e for w in rest if "[" in w for e in w[w.index("[") + 1 : -1].split(",")]
        missing = set(extras) - PROJECT["optional-dependencies"].keys()
        return f"there are no extras {missing}" if missing else None
    if program == "make":
        targets = (ROOT / "Makefile").read_text(encoding="utf-8")
        missing = [target for target in rest if f"\n{target}:" not in targets]
        return f"the Makefile has no {missing}" if missing else None
    if program in ("python", "python3"):
        script = next((word for word in rest if word.endswith(".py")), None)
        if script and not (ROOT / script).exists():
            return f"there is no {script}"
        return None
    return None if program in GREEN else f"unknown program {program!r}: say why it is not run"


def mirnet_words(words):
    """The words after `mirnet`, also of torchrun and srun; None for other commands."""
    if words[0] == "mirnet":
        return words[1:]
    if words[0] in STARTS and "mirnet" in words:
        return words[words.index("mirnet") + 1 :]
    return None


def here(pattern):
    """What a shell makes of a pattern."""
    return sorted(map(str, Path().glob(pattern)))


def run(words):
    """Run the words of `mirnet ...` here: its exit code, or the message of what went wrong."""
    words = [path for word in words for path in (here(word) if "*" in word else [word])]
    if words[0] in ("restore", "evaluate"):
        words += [] if "--threads" in words else ["--threads", "1"]
        theirs = any(word.endswith(".ckpt") for word in words)
        words += [] if "--runtime" in words else ["--runtime", "pytorch" if theirs else "mnn"]
    parsed = context(words)
    try:
        with parsed:
            parsed.command.invoke(parsed)
    except typer.Exit as end:
        return end.exit_code
    except MirnetError as error:
        return str(error)
    return 0


def test_there_are_blocks_to_check():
    assert len([block for block in ALL if block.language in SHELL]) > 60
    assert len([block for block in ALL if block.language in PYTHON]) > 10
    assert len([block for block in ALL if not block.why]) > 50


@pytest.mark.parametrize("page", RUN, ids=name)
def test_commands_run(page, once, capsys):
    for block in blocks(page):
        if block.why or block.language not in SHELL:
            continue
        for words in commands(block.code):
            ours = mirnet_words(words)
            if ours is None:
                assert not refusal(words), f"{block.place}: {refusal(words)}"
                continue
            if not ours or ours == ["--help"]:
                continue
            if (ELSEWHERE.keys() | ABSENT) & set(ours):
                context(ours)
                continue
            ended = once(*ours)
            assert ended == 0, f"{block.place}: {' '.join(words)}: {ended} {capsys.readouterr()}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_options_of_commands_that_are_not_run_exist(page):
    for block in blocks(page):
        if not block.why or block.language not in SHELL:
            continue
        for words in commands(block.code):
            ours = mirnet_words(words)
            if ours and "--help" not in ours and "$" not in " ".join(ours):
                context(ours)


def test_what_takes_long_is_tested_elsewhere():
    assert all((ROOT / test).exists() for test in ELSEWHERE.values())


@pytest.mark.parametrize(
    "english",
    [page for page in PAGES if (page.parent.parent / "zh" / page.name).exists()]
    + [ROOT / "docs" / "faq.md", ROOT / "README.md"],
    ids=name,
)
def test_chinese_pages_have_the_same_blocks(english):
    chinese = next(
        path
        for path in (
            ROOT / "docs" / "zh" / english.name,
            english.with_name(f"{english.stem}.zh-CN.md"),
        )
        if path.exists()
    )

    def essence(page):
        return [(b.language, re.sub(r" *#.*", "", b.code), b.why) for b in blocks(page)]

    assert essence(english) == essence(chinese)


def test_an_unknown_option_or_program_is_found():
    with pytest.raises(Exception, match="No such option"):
        context(["restore", "a.jpg", "--strenght", "1"])
    with pytest.raises(RecipeError):
        context(["train", "denoise", "--set", "data.photograhps=photos"])
    assert refusal(["frobnicate"])
    assert refusal(["pip", "install", "mirnet[nonsense]"])
    assert refusal(["make", "nonsense"])
    assert refusal(["python", "benchmarks/nonsense.py"])


def test_a_reason_belongs_to_the_block_below_it():
    page = "<!-- not run: slow -->\n```sh\nls\n```\n\n```python\n1\n```\n\n```toml\na=1\n```\n"
    assert [(b.language, b.why) for b in blocks(ROOT / "x.md", page)] == [
        ("sh", "slow"),
        ("python", ""),
    ]
