"""Write docs/cli.md from what the commands say of themselves."""

import os
import subprocess
import sys
from pathlib import Path

COMMANDS = (
    *("restore", "watch", "train", "evaluate", "benchmark", "export", "chain", "serve"),
    *("models", "models list", "models show", "models pull", "models push"),
    *("data sidd-patches", "data synthesize", "data pack"),
    *("cluster restore", "cluster status", "cluster verify", "cluster cost"),
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

In JSON and tables, bytes of file names that are not UTF-8 are spelt out: `\\udce9` is the byte E9.
Tables and reports may go to pipes, `/dev/null` and `/dev/stdout`, pictures to pipes only.

`python docs/make_cli.py` writes this page from the help of the commands.
"""


def page() -> str:
    """The page as it should be."""
    parts = [HEAD]
    starts = {f"mirnet {command}": ["-m", "mirnet", *command.split()] for command in COMMANDS}
    starts["mirnet-edit"] = ["-c", "from mirnet.cli.edit import main; main()"]
    for command, start in starts.items():
        shown = subprocess.run(
            [sys.executable, *start, "--help"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "COLUMNS": "90", "LC_ALL": "C.UTF-8"},
        ).stdout
        shown = shown.replace("python -m mirnet", "mirnet").rstrip()
        parts.append(f"## {command}\n\n```text\n{shown}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
