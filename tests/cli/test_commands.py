"""What all commands have in common, and `mirnet models`."""

import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from mirnet.cli import app
from mirnet.models import catalog

FULL = Path("/dev/full")
"""A device of Linux that takes nothing, as a full disk."""

COMMANDS = [
    "restore",
    "watch",
    "train",
    "evaluate",
    "benchmark",
    "export",
    "chain",
    "serve",
    "models",
    "data",
    "cluster",
]


def mirnet(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "mirnet", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_help_lists_the_commands():
    done = mirnet("--help")

    assert (done.returncode, done.stderr) == (0, "")
    listed = done.stdout.partition("Commands:")[2].splitlines()
    assert [line.split()[0] for line in listed if line.strip()] == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_shows_examples(command):
    done = mirnet(command, "--help")

    assert (done.returncode, done.stderr) == (0, "")
    examples = done.stdout.partition("Examples:\n")[2].partition("\n\n")[0].splitlines()
    assert len(examples) >= 2
    assert all(
        line.startswith(("    mirnet ", "    tensorboard ", "    torchrun ")) for line in examples
    )


def helps(command, name="mirnet", parent=None):
    """What each command says of itself, those of `mirnet data` included."""
    context = command.context_class(command, info_name=name, parent=parent)
    yield name, command.get_help(context)
    for child, each in getattr(command, "commands", {}).items():
        yield from helps(each, child, context)


HELPS = dict(helps(typer.main.get_command(app)))


def test_every_command_has_help():
    assert {*COMMANDS, "sidd-patches", "synthesize", "pack"} < set(HELPS)


@pytest.mark.parametrize("name", HELPS)
def test_no_help_shows_python_types(name):
    """Such as <list[Path]> or <float range>, which typer shows where there is no metavar."""
    assert re.findall(r"<(?!=)[^>]*>?", HELPS[name]) == []


@pytest.mark.parametrize("name", HELPS)
def test_defaults_have_one_style(name):
    text = " ".join(HELPS[name].partition("Options:")[2].split())
    notes = re.findall(r"\[[^]]*\]", text)

    assert all(re.match(r"\[(default: [^(]|required|x>=)", note) for note in notes), notes


@pytest.mark.parametrize("arguments", [[], ["denoise"], ["--nonsense"]])
def test_what_is_no_command_ends_with_2(arguments):
    done = mirnet(*arguments)

    assert done.returncode == 2
    assert "Usage:" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_version_is_printed():
    assert mirnet("--version").stdout == f"mirnet {importlib.metadata.version('mirnet')}\n"


def test_the_installed_command_is_the_same():
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="mirnet")

    assert script.value == "mirnet.cli:main"


def test_models_are_listed():
    done = mirnet("models")

    assert (done.returncode, done.stderr) == (0, "")
    words = [line.split()[0] for line in done.stdout.splitlines()]
    assert words[1::2] == ["denoise", "denoise-tiny", "denoise-print"]


def test_models_are_listed_for_programs():
    records = [json.loads(line) for line in mirnet("models", "--json").stdout.splitlines()]

    assert [record["name"] for record in records] == [model.name for model in catalog.MODELS]
    assert all(size > 500_000 for record in records for size in record["bytes"].values())


@pytest.mark.parametrize("model", catalog.MODELS, ids=lambda model: model.name)
def test_every_model_has_a_card(model):
    done = mirnet("models", model.name)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("# ")


def test_a_model_that_is_not_there_is_named():
    done = mirnet("models", "denoize")

    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr == "mirnet: no model 'denoize': choose denoise, denoise-tiny, denoise-print\n"
    )


@pytest.mark.skipif(not FULL.exists(), reason="Linux")
@pytest.mark.parametrize("arguments", [["models", "--json"], ["--help"], ["--version"]])
def test_a_full_standard_output_ends_in_one_line(arguments):
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "mirnet", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )

    assert done.returncode == 2
    assert done.stderr == "mirnet: standard output: No space left on device\n"
