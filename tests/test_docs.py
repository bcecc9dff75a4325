"""Documentation is executed or compared with what it describes."""

import importlib.metadata
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = (".", "docs", "docs/tutorials", "docs/zh", "experiments", "benchmarks")
PAGES = sorted(page for folder in FOLDERS for page in (ROOT / folder).glob("*.md"))
CODE = re.compile(
    r"(?<! -->\n)^```python\n(.*?)^```",  # not below a comment that says why it is not run
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def test_there_are_pages_to_check():
    assert len(PAGES) >= 8


def test_python_examples_run(tmp_path):
    pytest.importorskip("torch")
    pages = {
        str(page.relative_to(ROOT)): CODE.findall(page.read_text(encoding="utf-8"))
        for page in PAGES
    }
    assert len(pages["docs/python.md"]) >= 5
    for name, blocks in pages.items():
        if not blocks or name.endswith("/serving.md"):  # tests/docs runs it, with a server
            continue
        script = tmp_path / f"{Path(name).stem}.py"
        script.write_text("\n".join(blocks), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{name}: {done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_inside_the_repository_lead_somewhere(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_the_page_of_the_command_line_is_current():
    spec = importlib.util.spec_from_file_location("make_cli", ROOT / "docs" / "make_cli.py")
    make_cli = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_cli)
    assert make_cli.PAGE.read_text(encoding="utf-8") == make_cli.page(), "run `make docs`"


def test_the_page_of_training_shows_every_recipe():
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    shipped = {path.stem for path in ROOT.glob("src/mirnet/training/recipes/*.toml")}

    assert set(re.findall(r"^\| \[`(.*?)`\]", page, re.MULTILINE)) == shipped


def test_the_changelog_begins_with_this_version():
    headings = re.findall(r"^## \[(\d[^]]*)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == importlib.metadata.version("mirnet")


def test_both_readmes_have_the_same_commands():
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")]
    english, chinese = (
        [
            re.sub(r"\s*#.*", "", commands)  # comments are translated
            for commands in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
        ]
        for text in texts
    )
    assert len(english) >= 3
    assert english == chinese


def test_the_readme_holds_the_command_that_continuous_integration_runs():
    script = (ROOT / ".ci" / "run").read_text()
    pattern = r"^python3 -m venv .* make install test$"
    assert "make install test" in script
    assert len(re.findall(pattern, (ROOT / "README.md").read_text(), re.MULTILINE)) == 1


def test_the_readmes_first_command_restores_the_sample(tmp_path):
    """The part after the installation, which the tests cannot repeat."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    command = re.search(r"&& mirnet restore (\S+)$", readme, re.MULTILINE)
    assert command
    sample = ROOT / command[1]
    done = subprocess.run(
        [sys.executable, "-m", "mirnet", "restore", sample, "-o", tmp_path / "out.png"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.png").stat().st_size > 1000
