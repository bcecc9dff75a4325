"""The script for darktable in a real Lua, with a stand-in for darktable's interface."""

import shutil
import subprocess

import pytest

LUA = shutil.which("lua5.4") or shutil.which("lua5.3") or shutil.which("lua")


@pytest.fixture
def export(root, surroundings, commands):
    """A function that exports pairs of an original and a file, and returns what came of it."""
    if LUA is None:
        pytest.skip("Lua is not installed (Debian: lua5.4)")

    def run(*pairs, strength=100, executable=None):
        done = subprocess.run(
            [LUA, root / "tests/integrations/export.lua", root, str(strength), *pairs],
            env=surroundings | ({"MIRNET_EXECUTABLE": executable} if executable else {}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [line for line in done.stdout.splitlines() if not line.startswith("/")]

    return run


def test_results_are_imported_beside_the_originals_and_grouped(export, save, load, tmp_path):
    originals = tmp_path / "It's a trip"
    originals.mkdir()
    (originals / "a.b.nef").touch()
    taken = save(originals / "a.b_restored.tif", 8, 8).read_bytes()
    exported = save(tmp_path / "export dir" / "a.b.tif")
    pixels = load(exported)
    facts = export(originals / "a.b.nef", exported, strength=0)

    result = originals / "a.b_restored_01.tif"
    assert facts == [
        "supports tif true",
        "supports jpg true",
        "supports exr false",
        f"imported {result} with a.b.nef",
        "printed mirnet: 1 of 1 restored",
        "job false 1.0",
        "storages nil",
    ]
    assert (load(result) == pixels).all()  # at strength 0
    assert (originals / "a.b_restored.tif").read_bytes() == taken
    assert not exported.exists()


def test_what_went_wrong_is_told_and_nothing_is_imported(export, tmp_path):
    (tmp_path / "a.tif").write_bytes(b"nothing")
    (tmp_path / "a.nef").touch()
    facts = export(tmp_path / "a.nef", tmp_path / "a.tif")

    assert not any(fact.startswith("imported") for fact in facts)
    (told,) = [fact for fact in facts if fact.startswith("printed")]
    assert told.startswith("printed mirnet: ")
    assert "a.tif" in told


def test_a_command_that_is_not_there_is_told(export, save, tmp_path):
    facts = export(tmp_path / "a.nef", save(tmp_path / "a.tif"), executable="/nowhere/mirnet")

    assert len([fact for fact in facts if fact.startswith("printed")]) == 1
    assert not (tmp_path / "a_restored.tif").exists()
