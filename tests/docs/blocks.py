"""Pages of the documentation cut into their code blocks, and those into commands."""

import re
import shlex
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
FOLDERS = (".", "docs", "docs/*", "experiments", "benchmarks", "src/mirnet/models/bundled")
PAGES = sorted(page for folder in FOLDERS for page in ROOT.glob(f"{folder}/*.md"))

SHELL = ("sh", "bash", "console", "powershell")
PYTHON = ("python", "py")
BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<why>[^>]+?) -->\n+)?^```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
PAGE = re.compile(r"^<!-- commands of this page are not run: (?P<why>[^>]+?) -->$", re.MULTILINE)
BETWEEN = ("&&", "||", ";", "|", "&")


@dataclass(frozen=True)
class Block:
    """One code block."""

    page: Path
    line: int
    language: str
    code: str
    why: str
    """Why it is not run; empty if it is."""

    @property
    def place(self):
        return f"{name(self.page)}:{self.line}"


def name(page):
    """The page's path as a test's name."""
    return page.relative_to(ROOT).as_posix()


def blocks(page, text=None):
    """The code blocks of a page that hold commands or Python."""
    text = page.read_text(encoding="utf-8") if text is None else text
    whole = PAGE.search(text)
    found = []
    for match in BLOCK.finditer(text):
        if match["language"] in SHELL + PYTHON:
            line = text.count("\n", 0, match.start("language")) + 1
            why = match["why"] or (whole["why"] if whole else "")
            found.append(Block(page, line, match["language"], match["code"], why))
    return found


def commands(code):
    """The commands of a shell block, each a list of words.

    >>> commands("mirnet restore a.jpg > log  # beside it\\nmake install && pip install . &")
    [['mirnet', 'restore', 'a.jpg'], ['make', 'install'], ['pip', 'install', '.']]
    """
    found = []
    for line in code.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;")
        lexer.whitespace_split = True
        words = []
        for word in [*lexer, ";"]:
            if word not in BETWEEN:
                words.append(word)
            elif words:
                found.append(list(takewhile(lambda each: each != ">", words)))
                words = []
    return found
