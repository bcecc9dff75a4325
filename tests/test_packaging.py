"""What goes to an index: the wheel, its page, its addresses, and the workflow that releases it."""

import email
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REPOSITORY = "https://example.org/somebody/mirnet"
RELATIVE = re.compile(r"\]\((?!https?:|#)[^)]*\)")
WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"


@pytest.fixture(scope="module")
def hook():
    """The module that fills in what depends on the repository."""
    pytest.importorskip("hatchling", reason="Hatchling is not installed")
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_links_become_absolute_and_nothing_else_changes(hook):
    text = "a [b](c.md#d) ![e](f/g.png) [h](#i) [j](https://k.org) [![l](m.png)](n.md)\n"

    assert hook.absolute(text, REPOSITORY, "1.2") == (
        f"a [b]({REPOSITORY}/blob/v1.2/c.md#d) ![e]({REPOSITORY}/raw/v1.2/f/g.png) [h](#i) "
        f"[j](https://k.org) [![l](m.png)]({REPOSITORY}/blob/v1.2/n.md)\n"
    )


def test_the_readme_keeps_its_words(hook):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    page = hook.absolute(readme, REPOSITORY, PROJECT["version"])

    assert len(RELATIVE.findall(readme)) > 20
    assert RELATIVE.findall(page) == []
    start = re.compile(rf"{REPOSITORY}/(blob|raw)/v{re.escape(PROJECT['version'])}/")
    assert start.sub("", page) == readme


@pytest.fixture(scope="module")
def wheel(hook, tmp_path_factory):
    """A wheel as a release builds it, from the sdist."""
    pytest.importorskip("build", reason="build is not installed")
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT],
        env={**os.environ, "MIRNET_REPOSITORY": REPOSITORY + "/"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(folder.glob("*.tar.gz"))) == 1
    (path,) = folder.glob("*.whl")
    return path


@pytest.mark.slow
def test_the_wheel_has_addresses_models_and_pages_and_no_tests(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (name,) = [name for name in names if name.endswith("/METADATA")]
        metadata = email.message_from_bytes(archive.read(name))

    addresses = dict(line.split(", ") for line in metadata.get_all("Project-URL"))
    assert addresses["Source"] == REPOSITORY
    assert set(addresses) == {"Homepage", "Source", "Issues", "Documentation", "Changelog"}
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert RELATIVE.findall(metadata.get_payload()) == []
    assert {name.partition("/")[0] for name in names if not name.startswith("mirnet-")} == {
        "mirnet"
    }
    for wanted in (
        *("models/bundled/denoise.mnn", "models/bundled/denoise.md", "py.typed"),
        *("serve/page/index.html", "evaluation/report/before_after.html"),
        *("training/recipes/finetune.toml",),
    ):
        assert f"mirnet/{wanted}" in names
    assert len(names) == len(set(names))


@pytest.mark.slow
def test_the_installed_wheel_restores(wheel, tmp_path):
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, "--target", tmp_path / "site", wheel], check=True)
    done = subprocess.run(
        [
            *(sys.executable, "-c", "import mirnet.cli; mirnet.cli.main()", "restore"),
            *(ROOT / "examples/cat_noisy.png", "-o", "out.png", "--strength", "0"),
        ],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.png").stat().st_size > 1000
    assert {path.name for path in (tmp_path / "site" / "bin").iterdir()} >= set(PROJECT["scripts"])


def test_the_citation_is_of_this_version_and_valid():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")

    assert re.findall(r"^version: (.*)$", text, re.MULTILINE) == [PROJECT["version"]]
    assert re.findall(r"^license: (.*)$", text, re.MULTILINE) == [PROJECT["license"]]
    if shutil.which("cffconvert") is None:
        pytest.skip("cffconvert is not installed")
    subprocess.run(["cffconvert", "--validate"], cwd=ROOT, check=True)


def test_the_release_tries_the_pythons_that_are_promised():
    pythons = re.search(r"^ +python: \[(.*)\]$", WORKFLOW.read_text(), re.MULTILINE)
    promised = [
        words.rpartition(" ")[2]
        for words in PROJECT["classifiers"]
        if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", words)
    ]

    assert re.findall(r"3\.\d+", pythons[1]) == promised
    assert PROJECT["requires-python"] == f">={promised[0]}"


def test_actions_are_pinned_to_commits():
    used = re.findall(r"uses: (\S+)", WORKFLOW.read_text())

    assert len(used) >= 6
    assert [each for each in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", each)] == []


def test_the_workflow_is_sound():
    if shutil.which("zizmor") is None:
        pytest.skip("zizmor is not installed")
    subprocess.run(["zizmor", "--offline", "--persona", "pedantic", WORKFLOW], check=True)
