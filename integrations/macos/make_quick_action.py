"""Write `Restore with mirnet.workflow`, a Quick Action for Finder, as Automator would save it.

    python3 make_quick_action.py [FOLDER]

The folder is that of the user's services by default. Needs Python 3.9 or newer and nothing else.
"""

import plistlib
import sys
import uuid
from pathlib import Path

NAME = "Restore with mirnet"
SERVICES = Path.home() / "Library" / "Services"
SCRIPT = r"""# Finder knows neither Homebrew's folders nor those of pipx and uv
PATH="$PATH:$HOME/.local/bin:/opt/homebrew/bin:/usr/local/bin"
if ! messages=$(mirnet restore -- "$@" 2>&1 > /dev/null); then
    osascript - "${messages:-mirnet is not installed}" <<'END'
on run arguments
    display alert "mirnet could not restore all" message (item 1 of arguments)
end run
END
    exit 1
fi
osascript -e 'display notification "Results are beside the originals." with title "Restored"'
"""
SHELL = "com.apple.RunShellScript"


def info() -> dict[str, object]:
    """What Finder reads: the menu's entry, and that it takes pictures and folders."""
    return {
        "NSServices": [
            {
                "NSMenuItem": {"default": NAME},
                "NSMessage": "runWorkflowAsService",
                "NSRequiredContext": {"NSApplicationIdentifier": "com.apple.finder"},
                "NSSendFileTypes": ["public.image", "public.folder"],
            }
        ]
    }


def document() -> dict[str, object]:
    """The workflow: one shell script, which receives the selected files as arguments."""
    action = {
        "ActionBundlePath": "/System/Library/Automator/Run Shell Script.action",
        "ActionName": "Run Shell Script",
        "ActionParameters": {
            "COMMAND_STRING": SCRIPT,
            "CheckedForUserDefaultShell": True,
            "inputMethod": 1,  # as arguments, not on standard input
            "shell": "/bin/sh",
            "source": "",
        },
        "AMAccepts": {"Container": "List", "Optional": True, "Types": ["com.apple.cocoa.string"]},
        "AMProvides": {"Container": "List", "Types": ["com.apple.cocoa.string"]},
        "AMActionVersion": "2.0.3",
        "BundleIdentifier": SHELL,
        "Class Name": "RunShellScriptAction",
        "InputUUID": _uuid("input"),
        "OutputUUID": _uuid("output"),
        "UUID": _uuid("action"),
        "isViewVisible": 1,
    }
    return {
        "AMApplicationBuild": "523",
        "AMApplicationVersion": "2.10",
        "AMDocumentVersion": "2",
        "actions": [{"action": action, "isViewVisible": 1}],
        "connectors": {},
        "workflowMetaData": {
            "serviceInputTypeIdentifier": "com.apple.Automator.fileSystemObject",
            "serviceOutputTypeIdentifier": "com.apple.Automator.nothing",
            "serviceProcessesInput": 0,
            "workflowTypeIdentifier": "com.apple.Automator.servicesMenu",
        },
    }


def write(folder: Path) -> Path:
    """Write the workflow into a folder; returns its path."""
    contents = folder / f"{NAME}.workflow" / "Contents"
    contents.mkdir(parents=True, exist_ok=True)
    (contents / "Info.plist").write_bytes(plistlib.dumps(info()))
    (contents / "document.wflow").write_bytes(plistlib.dumps(document()))
    return contents.parent


def _uuid(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"mirnet/{name}")).upper()


if __name__ == "__main__":
    print(write(Path(sys.argv[1]) if len(sys.argv) > 1 else SERVICES))
