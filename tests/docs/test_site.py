"""The documentation site builds without a warning, and would not if a link led nowhere."""

import subprocess
import sys

import pytest
from blocks import ROOT

pytest.importorskip("furo", reason="needs the group docs: pip install --group docs")
pytest.importorskip("myst_parser", reason="needs the group docs: pip install --group docs")
pytest.importorskip("sphinx_copybutton", reason="needs the group docs: pip install --group docs")

INDEX = """# Start

```{{toctree}}
named
<!-- every other page of docs/ -->
```

[a link]({link})
"""


@pytest.fixture
def build(tmp_path):
    """A function that builds the site of a folder as `make docs` does."""

    def run(source):
        site = tmp_path / "site"
        command = ("sphinx", "--quiet", "--fail-on-warning", "--keep-going", "-c", ROOT / "docs")
        folders = ("-d", tmp_path / "doctrees", source, site)
        done = subprocess.run(
            [sys.executable, "-m", *map(str, (*command, *folders))],
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        return done, site

    return run


@pytest.fixture
def source(tmp_path):
    """A function that writes a little documentation with a link."""

    def write(link):
        docs = tmp_path / "source" / "docs"
        docs.mkdir(parents=True)
        (docs / "index.md").write_text(INDEX.format(link=link))
        (docs / "named.md").write_text("# Named\n\n## A part\n")
        (docs / "unnamed.md").write_text("# Unnamed\n")
        return docs.parent

    return write


def test_the_site_builds_without_a_warning(build):
    pytest.importorskip("torch", reason="the reference documents the network")

    done, site = build(ROOT)

    assert done.returncode == 0, done.stderr
    assert "docs/index.html" in (site / "index.html").read_text(encoding="utf-8")
    reference = (site / "docs" / "api.html").read_text(encoding="utf-8")
    names = ("mirnet.load", "mirnet.Restorer.restore", "mirnet.models.facts.Facts")
    assert all(f'id="{name}"' in reference for name in names)
    assert 'lang="zh-CN"' in (site / "docs" / "zh" / "faq.html").read_text(encoding="utf-8")


def test_a_page_that_the_index_does_not_name_is_listed(build, source):
    done, site = build(source("named.md#a-part"))

    assert done.returncode == 0, done.stderr
    assert 'href="unnamed.html"' in (site / "docs" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("link", ["missing.md", "named.md#no-such-part", "../examples/missing.py"])
def test_a_link_that_leads_nowhere_is_an_error(build, source, link):
    done, _ = build(source(link))

    assert done.returncode != 0
    assert link.split("#")[-1] in done.stderr
