"""The plug-in for GIMP 3, with a stand-in for GIMP's interface and the real command line."""

import importlib.util
import shutil
import sys
import types
from unittest.mock import MagicMock

import pytest


class File:
    """Gio's file."""

    def __init__(self, path):
        self.path = path

    new_for_path = classmethod(lambda cls, path: cls(path))


class Status:
    CANCEL, EXECUTION_ERROR, SUCCESS = "cancel", "error", "success"


@pytest.fixture
def gimp(save, tmp_path):
    """GIMP, as far as the plug-in sees it: saving writes a real picture, loading keeps it."""
    gimp = MagicMock(PDBStatusType=Status, PlugIn=object)
    gimp.file_save = lambda mode, image, file, options: shutil.copy(
        save(tmp_path / "visible.png"), file.path
    )

    def load_layer(mode, image, file):
        shutil.copy(file.path, tmp_path / "layer.png")
        return MagicMock()

    gimp.file_load_layer = load_layer
    return gimp


@pytest.fixture
def plugin(gimp, root, monkeypatch, surroundings, tmp_path):
    """The plug-in's module."""
    gi = types.ModuleType("gi")
    gi.require_version = lambda name, version: None
    repository = types.ModuleType("gi.repository")
    repository.Gimp = gimp
    repository.Gio = types.SimpleNamespace(File=File)
    repository.GLib = types.SimpleNamespace(Error=lambda text="": text)
    repository.GimpUi = repository.GObject = MagicMock()
    monkeypatch.setitem(sys.modules, "gi", gi)
    monkeypatch.setitem(sys.modules, "gi.repository", repository)
    monkeypatch.setenv("PATH", surroundings["PATH"])
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("MIRNET", raising=False)
    path = root / "integrations/gimp/mirnet/mirnet.py"
    spec = importlib.util.spec_from_file_location("gimp_plugin", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(plugin, gimp):
    """A function that runs the procedure without a dialogue; returns status and message."""

    def start(image, strength):
        procedure, config = MagicMock(), MagicMock()
        procedure.new_return_values = lambda status, error: (status, error)
        config.get_property = {"strength": strength}.get
        return plugin.run(procedure, "noninteractive", image, [], config, None)

    return start


def test_the_result_becomes_a_layer_on_top(run, load, tmp_path):
    image = MagicMock()

    assert run(image, 0.0) == ("success", "")
    assert (load(tmp_path / "layer.png") == load(tmp_path / "visible.png")).all()
    layer, parent, position = image.insert_layer.call_args.args
    assert (parent, position) == (None, 0)
    layer.set_name.assert_called_once_with("mirnet, strength 0")
    image.duplicate.return_value.delete.assert_called_once()  # the copy is not left open
    image.merge_visible_layers.assert_not_called()
    assert image.undo_group_start.call_count == image.undo_group_end.call_count == 1


def test_what_mirnet_says_is_what_gimp_shows(run, gimp):
    gimp.file_save = lambda mode, image, file, options: open(file.path, "wb").close()  # noqa: PTH123
    image = MagicMock()
    status, message = run(image, 1.0)

    assert status == "error"
    assert message.startswith("mirnet: ")
    image.insert_layer.assert_not_called()


def test_without_mirnet_the_message_says_what_to_do(run, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    status, message = run(MagicMock(), 1.0)

    assert status == "error"
    assert message.startswith("The command mirnet was not found: install it")


def test_folder_and_script_have_one_name_and_the_script_is_executable(root):
    (script,) = (root / "integrations/gimp/mirnet").glob("*.py")
    assert script.stem == script.parent.name
    assert script.stat().st_mode & 0o100
    assert script.read_text().startswith("#!/usr/bin/env python3\n")


def test_it_describes_itself(plugin):
    made = plugin.Mirnet().do_create_procedure(plugin.PROCEDURE)

    assert plugin.Mirnet().do_query_procedures() == ["plug-in-mirnet-restore"]
    made.add_menu_path.assert_called_once_with("<Image>/Filters/Enhance")
    name, label, _, low, high, default, _ = made.add_double_argument.call_args.args
    assert (name, label, low, high, default) == ("strength", "_Strength", 0.0, 1.0, 1.0)
