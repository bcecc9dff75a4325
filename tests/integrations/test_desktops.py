"""Right clicks: what file managers start, started as they do."""

import importlib.util
import plistlib
import re
import shlex
import shutil
import subprocess

import pytest

NAMES = ["a b.png", 'it\'s; $(touch x) "q".png']


@pytest.fixture
def pictures(tmp_path, save):
    """Pictures whose names a careless script would break."""
    return [
        save(tmp_path / "pictures" / "a.png", 12, 12).rename(tmp_path / "pictures" / name)
        for name in NAMES
    ]


def results(folder):
    return sorted(path.name for path in folder.iterdir())


EXPECTED = sorted([*NAMES, *(name.replace(".png", "_restored.png") for name in NAMES)])


@pytest.mark.parametrize("variable", ["NAUTILUS", "NEMO", "CAJA"])
def test_the_script_of_file_managers_restores_the_selection(
    variable, root, surroundings, pictures, tmp_path
):
    if variable != "NAUTILUS":
        pictures = pictures[:1]
    selection = "".join(f"{path}\n" for path in pictures)
    done = subprocess.run(
        [root / "integrations/nautilus/Restore with mirnet"],
        cwd=tmp_path,
        env=surroundings | {f"{variable}_SCRIPT_SELECTED_FILE_PATHS": selection},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    for path in pictures:
        assert path.with_name(f"{path.stem}_restored.png").is_file()
    assert not (tmp_path / "x").exists()


def test_the_script_tells_what_went_wrong(root, surroundings, tmp_path, commands):
    notify = commands / "notify-send"
    notify.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$NOTICE"\n')
    notify.chmod(0o755)
    (tmp_path / "a.png").write_bytes(b"nothing")
    script = root / "integrations/nautilus/Restore with mirnet"
    told = surroundings | {"NOTICE": str(tmp_path / "notice")}
    failed = subprocess.run([script, tmp_path / "a.png"], env=told, check=False)
    notice = (tmp_path / "notice").read_text()
    empty = subprocess.run([script], env=told, check=False)

    assert (failed.returncode, empty.returncode) == (1, 2)
    assert "mirnet could not restore all" in notice
    assert "a.png" in notice
    assert "Nothing to restore" in (tmp_path / "notice").read_text()


def test_the_scripts_are_sound(root):
    if not shutil.which("shellcheck"):
        pytest.skip("ShellCheck is not installed (Debian: shellcheck)")
    subprocess.run(["shellcheck", root / "integrations/nautilus/Restore with mirnet"], check=True)


@pytest.mark.parametrize("name", ["mirnet.desktop", "mirnet-restore.desktop"])
def test_the_desktop_entries_are_valid(root, name):
    if not shutil.which("desktop-file-validate"):
        pytest.skip("desktop-file-validate is not installed (Debian: desktop-file-utils)")
    done = subprocess.run(
        ["desktop-file-validate", root / "integrations/dolphin" / name],
        capture_output=True,
        text=True,
        check=False,
    )
    # KDE's service menus use two keys that the standard has for applications alone
    kde = 'but the type is "Service" while this key is only valid for type "Application"'
    errors = [line for line in done.stdout.splitlines() if "error" in line and kde not in line]
    assert errors == []


@pytest.mark.parametrize("name", ["mirnet.desktop", "mirnet-restore.desktop"])
def test_the_commands_of_desktop_entries_restore(root, name, surroundings, pictures, tmp_path):
    text = (root / "integrations/dolphin" / name).read_text(encoding="utf-8")
    command = re.findall(r"^Exec=(.*)$", text, re.MULTILINE)[0]
    words = shlex.split(command)
    place = words.index("%F")
    done = subprocess.run(
        [*words[:place], *pictures, *words[place + 1 :]], env=surroundings, check=False
    )

    assert done.returncode == 0
    assert results(tmp_path / "pictures") == EXPECTED


def test_the_quick_action_restores_what_finder_gives_it(
    root, surroundings, commands, pictures, tmp_path
):
    spec = importlib.util.spec_from_file_location(
        "make_quick_action", root / "integrations/macos/make_quick_action.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    workflow = module.write(tmp_path)
    info = plistlib.loads((workflow / "Contents" / "Info.plist").read_bytes())
    document = plistlib.loads((workflow / "Contents" / "document.wflow").read_bytes())
    parameters = document["actions"][0]["action"]["ActionParameters"]
    (commands / "osascript").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/told\n')
    (commands / "osascript").chmod(0o755)
    start = [parameters["shell"], "-c", parameters["COMMAND_STRING"], parameters["shell"]]
    done = subprocess.run([*start, *pictures], env=surroundings, check=False)
    failed = subprocess.run([*start, tmp_path / "none.png"], env=surroundings, check=False)

    assert workflow.name == "Restore with mirnet.workflow"
    assert info["NSServices"][0]["NSSendFileTypes"] == ["public.image", "public.folder"]
    assert (done.returncode, failed.returncode) == (0, 1)
    assert results(tmp_path / "pictures") == EXPECTED
    notice, alert = (tmp_path / "told").read_text().splitlines()
    assert "display notification" in notice
    assert alert.endswith("none.png does not exist")


def test_the_file_for_send_to_is_one_that_cmd_reads(root, surroundings, pictures, tmp_path):
    content = (root / "integrations/windows/Restore with mirnet.cmd").read_bytes()
    lines = content.decode("ascii").split("\r\n")
    assert b"\n" not in content.replace(b"\r\n", b"")

    (command,) = [line for line in lines if line.startswith("mirnet ")]
    assert command.endswith(" %*")
    words = shlex.split(command.removesuffix(" %*"))
    subprocess.run([*words, *pictures], env=surroundings, check=True)
    assert results(tmp_path / "pictures") == EXPECTED
