"""Names of models stand for their files; any other name has to be a file's."""

import pytest

from mirnet.errors import WeightsError
from mirnet.models import catalog


@pytest.mark.parametrize("model", catalog.MODELS, ids=lambda model: model.name)
def test_what_a_model_says_it_has_is_there(model):
    assert catalog.find(model.name) is model
    assert catalog.file(model.name) == model.weights()
    assert model.weights() in model.files()
    assert all(path.is_file() for path in (*model.files(), model.card()))


@pytest.mark.parametrize("model", catalog.MODELS, ids=lambda model: model.name)
def test_cards_are_short_and_have_all_sections(model):
    """They are installed, and printed in a terminal; what is longer belongs into experiments/."""
    lines = model.card().read_text(encoding="utf-8").splitlines()

    assert lines[0] == f"# {model.name}"
    assert [line for line in lines if line.startswith("## ")] == [
        f"## {section}" for section in ("Intended use", "Data", "Training", "Results", "Limits")
    ]
    assert any("chose the weights" in line for line in lines)
    assert any("chose nothing" in line for line in lines)
    assert len(lines) <= 70
    assert max(map(len, lines)) <= 600


def test_any_other_name_is_a_file(tmp_path):
    path = tmp_path / "mine.onnx"
    path.touch()

    assert catalog.find(str(path)) is None
    assert catalog.file(str(path)) == path


@pytest.mark.parametrize("name", ["denoize", "", "."])
def test_what_is_neither_is_told_with_the_models_there_are(name):
    message = rf"^no model '{name}': give a file, or one of: denoise, denoise-tiny, denoise-print$"
    with pytest.raises(WeightsError, match=message):
        catalog.file(name)


def test_where_a_run_has_no_best_the_last_is_named(tmp_path):
    (tmp_path / "last.ckpt").touch()

    with pytest.raises(WeightsError, match=r"there is no .*best\.ckpt, only .*last\.ckpt: the run"):
        catalog.file(str(tmp_path / "best.ckpt"))

    (tmp_path / "best.ckpt").touch()
    assert catalog.file(str(tmp_path / "best.ckpt")) == tmp_path / "best.ckpt"
