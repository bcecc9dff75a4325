"""The documentation site: `make docs` builds it into `build/site`.

The source folder is the repository, not `docs/`: pages link to the experiments, the model
cards and the code by the paths that they have there, and such links work in the site, in an
editor and in a repository's viewer alike.
"""

import re
from importlib.metadata import version as version_of
from typing import Any

from sphinx.application import Sphinx

project = "mirnet"
author = "The mirnet authors"
copyright = author
version = release = version_of("mirnet")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
root_doc = "docs/index"
include_patterns = [
    *("*.md", "docs/**", "experiments/*.md", "benchmarks/*.md"),
    *("src/mirnet/models/bundled/*.md", "integrations/*/README.md"),
]
# folders named here are not even entered: environments and runs can be large
exclude_patterns = [
    *(".*", "build", "dist", "runs", "shared", "site", "tests", "examples"),
    *("**/__pycache__", "**/node_modules", "**/vendor"),
]

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_google_docstring = True
napoleon_numpy_docstring = False

default_role = "code"  # what docstrings put between single backticks
nitpicky = False  # types of NumPy and PyTorch are named without a link

html_theme = "furo"
html_title = f"mirnet {version}"
html_copy_source = False
html_show_sourcelink = False
html_static_path = ["static"]
html_css_files = ["site.css"]
html_additional_pages = {"index": "to_index.html"}
templates_path = ["templates"]
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#0b6e4f",
        "color-brand-content": "#0b6e4f",
    },
    "dark_css_variables": {
        "color-brand-primary": "#5fd3a6",
        "color-brand-content": "#5fd3a6",
    },
}
pygments_style = "tango"
pygments_dark_style = "monokai"
copybutton_exclude = ".linenos, .gp"

# `make links` asks other servers, so it is not part of the checks
linkcheck_anchors = False
linkcheck_timeout = 20

REST = "<!-- every other page of docs/ -->"


def list_other_pages(app: Sphinx, name: str, content: list[str]) -> None:
    """Put pages of `docs/` that the index does not name into its list of how-tos."""
    if name != root_doc:
        return
    named = {"index", *re.findall(r"^[\w/.-]+$", content[0], re.MULTILINE)}
    pages = (page.split("/", 1)[1] for page in sorted(app.env.found_docs) if page[:5] == "docs/")
    others = [page for page in pages if page not in named and not page.startswith("zh/")]
    content[0] = content[0].replace(REST, "\n".join(others))


def say_the_language(
    app: Sphinx, name: str, template: str, context: dict[str, Any], tree: object
) -> None:
    """Mark Chinese pages as such, for fonts, hyphenation and screen readers."""
    if name.startswith("docs/zh/") or name.endswith(".zh-CN"):
        context["language"] = "zh-CN"


def keep_drawings(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Show what a module's docstring indents, code and trees, as it is."""
    if what != "module":
        return
    for number in range(len(lines) - 1, 0, -1):
        if lines[number].startswith("    ") and not lines[number - 1]:
            lines[number:number] = ["::", ""]


def setup(app: Sphinx) -> None:
    """Sphinx calls it."""
    app.connect("source-read", list_other_pages)
    app.connect("autodoc-process-docstring", keep_drawings)
    app.connect("html-page-context", say_the_language)
