"""Write docs/cli.md from what the commands say of themselves."""

import os
import subprocess
import sys
from pathlib import Path

COMMANDS = (
    *("restore", "train", "evaluate", "benchmark", "export", "chain", "models"),
    *("data sidd-patches", "data synthesize", "data pack"),
)
PAGE = Path(__file__).with_name("cli.md")

HEAD = """# The command line

Results go to standard output, progress and messages to standard error.

| exit code | meaning |
|---|---|
| 0 | all done |
| 1 | some pictures failed; the others are done |
| 2 | bad arguments, or an error that one line explains |
| 130 | interrupted; finished pictures stay, and running the command again resumes |

`python docs/make_cli.py` writes this page from the help of the commands.
"""


def page() -> str:
    """The page as it should be."""
    parts = [HEAD]
    for command in COMMANDS:
        shown = subprocess.run(
            [sys.executable, "-m", "mirnet", *command.split(), "--help"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "COLUMNS": "90", "LC_ALL": "C.UTF-8"},
        ).stdout
        shown = shown.replace("python -m mirnet", "mirnet").rstrip()
        parts.append(f"## mirnet {command}\n\n```text\n{shown}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
