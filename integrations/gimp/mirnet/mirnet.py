#!/usr/bin/env python3
"""Plug-in for GIMP 3: Filters, Enhance, Restore with mirnet.

What is visible goes to a PNG, the command line restores it, and the result becomes a new layer on
top. Nothing else changes, and one undo takes it back.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("GimpUi", "3.0")
from gi.repository import Gimp, GimpUi, Gio, GLib, GObject  # noqa: E402

PROCEDURE = "plug-in-mirnet-restore"
LABEL = "Restore with mirnet"


class RestoreError(Exception):
    """What the user should read."""


def command() -> list[str]:
    """How mirnet is started.

    Raises:
        RestoreError: if it is not found.
    """
    if Path("/.flatpak-info").exists():  # GIMP is shut off from the system's programs
        return ["flatpak-spawn", "--host", "mirnet"]
    places = [os.environ.get("PATH", ""), str(Path.home() / ".local" / "bin")]
    found = os.environ.get("MIRNET") or shutil.which("mirnet", path=os.pathsep.join(places))
    if not found:
        raise RestoreError(
            "The command mirnet was not found: install it, or set the variable MIRNET to its path."
        )
    return [found]


def restore_file(source: Path, target: Path, strength: float) -> None:
    """Restore a file by the command line.

    Raises:
        RestoreError: if that fails; it says why.
    """
    words = ["restore", str(source), "-o", str(target), "--strength", f"{strength:g}"]
    try:
        done = subprocess.run(
            [*command(), *words],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError as error:
        raise RestoreError(f"mirnet could not be started: {error}") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise RestoreError(lines[-1] if lines else f"mirnet ended with {done.returncode}.")


def work_folder() -> str | None:
    """Where the files go between GIMP and mirnet; in a Flatpak, a folder that both see."""
    return GLib.get_user_cache_dir() if Path("/.flatpak-info").exists() else None


def add_restored_layer(image: Gimp.Image, strength: float) -> None:
    """Add a layer with what is visible, restored."""
    with tempfile.TemporaryDirectory(dir=work_folder(), prefix="mirnet-") as folder:
        source, target = Path(folder, "visible.png"), Path(folder, "restored.png")
        copy = image.duplicate()
        try:
            copy.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)
            file = Gio.File.new_for_path(str(source))
            Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, copy, file, None)
        finally:
            copy.delete()
        restore_file(source, target, strength)
        layer = Gimp.file_load_layer(
            Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(str(target))
        )
    image.undo_group_start()
    try:
        layer.set_name(f"mirnet, strength {strength:g}")
        image.insert_layer(layer, None, 0)
    finally:
        image.undo_group_end()
    Gimp.displays_flush()


def run(
    procedure: Gimp.ImageProcedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: list[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
    data: object,
) -> Gimp.ValueArray:
    """Ask for the strength if GIMP wants that, and work."""
    if run_mode == Gimp.RunMode.INTERACTIVE:
        GimpUi.init("mirnet")
        dialog = GimpUi.ProcedureDialog.new(procedure, config, LABEL)
        dialog.fill(None)
        wanted = dialog.run()
        dialog.destroy()
        if not wanted:
            return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, GLib.Error())
    Gimp.progress_init("mirnet restores the picture")
    Gimp.progress_pulse()
    try:
        add_restored_layer(image, config.get_property("strength"))
    except RestoreError as error:
        return procedure.new_return_values(
            Gimp.PDBStatusType.EXECUTION_ERROR, GLib.Error(str(error))
        )
    return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, GLib.Error())


class Mirnet(Gimp.PlugIn):
    """What GIMP asks a plug-in."""

    def do_set_i18n(self, name: str) -> bool:
        """There are no translations."""
        return False

    def do_query_procedures(self) -> list[str]:
        """The procedures."""
        return [PROCEDURE]

    def do_create_procedure(self, name: str) -> Gimp.ImageProcedure:
        """Describe the procedure."""
        procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, run, None)
        procedure.set_image_types("RGB*, GRAY*")
        procedure.set_sensitivity_mask(
            Gimp.ProcedureSensitivityMask.DRAWABLE
            | Gimp.ProcedureSensitivityMask.DRAWABLES
            | Gimp.ProcedureSensitivityMask.NO_DRAWABLES
        )
        procedure.set_menu_label(f"{LABEL}...")
        procedure.add_menu_path("<Image>/Filters/Enhance")
        procedure.set_documentation(
            "Removes noise from a photograph",
            "Adds a layer with what is visible, restored by the command line tool mirnet.",
            name,
        )
        procedure.set_attribution("The mirnet authors", "The mirnet authors", "2026")
        procedure.add_double_argument(
            "strength",
            "_Strength",
            "Below 1, some fine grain stays",
            0.0,
            1.0,
            1.0,
            GObject.ParamFlags.READWRITE,
        )
        return procedure


if __name__ == "__main__":
    Gimp.main(Mirnet.__gtype__, sys.argv)
