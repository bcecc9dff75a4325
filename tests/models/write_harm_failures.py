"""Writes harm_failures.toml anew, after the bundled weights have changed.

    python tests/models/write_harm_failures.py

Runs test_harmless.py as if no failure were known, and keeps what it finds, with the figures.
"""

import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

from mirnet.models import catalog

HERE = Path(__file__).parent
KNOWN = HERE / "harm_failures.toml"
KEYS = {
    "test_pictures_without_noise_stay_as_they_are": "unchanged",
    "test_colours_do_not_shift": "shift",
    "test_gradients_are_not_posterised": "posterised",
    "test_burnt_highlights_stay_burnt": "burnt",
    "test_highlights_have_no_rings": "ringing",
    "test_noisy_fields_keep_their_colour": "drift",
    "test_noisy_fields_become_smooth": "blobs",
    "test_no_stripe_shows_in_a_wide_field": "stripes",
}
"""What `cases` of test_harmless.py is told for each test."""
MODELS = "|".join(sorted((model.name for model in catalog.MODELS), key=len, reverse=True))
CASE = re.compile(rf"(?P<test>\w+)\[(?P<model>{MODELS})-(?P<picture>.*)\]")


def main() -> None:
    """Run, sort, write; tests that no line can excuse are reported and make the exit code 1."""
    head = KNOWN.read_text().splitlines()[0]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--runxfail"]
        subprocess.run([*pytest, HERE / "test_harmless.py", f"--junitxml={report}"], check=False)
        cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    found: dict[str, dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    others = []
    for case in cases:
        failure = case.find("failure")
        if failure is None:
            continue
        figure = failure.get("message", "").splitlines()[0].removeprefix("AssertionError: ")
        name = CASE.fullmatch(case.get("name", ""))
        if name and name["test"] in KEYS:
            found[name["model"]][KEYS[name["test"]]][name["picture"]] = figure
        else:
            others.append(f"{case.get('name')}: {figure}")
    lines = [head]
    for model in sorted(found):
        for key in KEYS.values():
            if pictures := found[model][key]:
                lines += ["", f"[{model}.{key}]"]
                lines += [f'"{picture}" = "{figure}"' for picture, figure in pictures.items()]
    KNOWN.write_text("\n".join(lines) + "\n")
    if others:
        sys.exit("\n".join(others))


if __name__ == "__main__":
    main()
