"""The example that divides DPDD's test set, as a user runs it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dual_pixel import PUBLISHED, write

from mirnet.pairs.pair_folder import PairFolder
from mirnet.pairs.pairs import VIEWS

EXAMPLE = Path(__file__).parents[1] / "examples" / "split_dpdd.py"


def split(folder, indoor, outdoor):
    np.save(folder / "indoor_labels.npy", np.array(indoor))
    np.save(folder / "outdoor_labels.npy", np.array(outdoor))
    words = [sys.executable, EXAMPLE, "test", "parts", "--labels", "."]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("is_published", [True, False])
def test_each_pair_is_put_where_its_label_says(tmp_path, is_published):
    if is_published:
        shots = [(f"1P0A090{n}_L", f"1P0A090{n}_R", f"1P0A090{n + 1}") for n in (0, 3, 6)]
        write(tmp_path, shots, layout=PUBLISHED)
    else:
        write(tmp_path / "test", ["1P0A0900", "1P0A0903", "1P0A0906"], layout=VIEWS[0])

    done = split(tmp_path, [3, 1], [2])

    assert done.stderr == ""
    assert done.stdout.splitlines() == ["parts/indoor: 2 pairs", "parts/outdoor: 1 pairs"]
    source = PairFolder(tmp_path / "test")
    for part, indices in (("indoor", (0, 2)), ("outdoor", (1,))):
        found = PairFolder(tmp_path / "parts" / part)
        for place, index in enumerate(indices):
            assert found.name(place) == source.name(index)
            np.testing.assert_equal(found.whole(place), source.whole(index))


@pytest.mark.parametrize("outdoor", [[2], [2, 2], [2, 4], ["a"]])
def test_labels_that_do_not_name_each_pair_once_are_refused(tmp_path, outdoor):
    write(tmp_path / "test", "abc")

    done = split(tmp_path, [1], outdoor)

    assert done.returncode == 2
    line = done.stderr.splitlines()[-1]
    assert "the labels do not name each of the 3 pairs once" in line or "as labels" in line
    assert not (tmp_path / "parts").exists()
