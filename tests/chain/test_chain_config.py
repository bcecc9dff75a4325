"""What a chain is to do is checked before anything begins."""

import pytest

from mirnet.chain import config, preparing, start
from mirnet.errors import DataError, RecipeError, RuntimeMissingError


@pytest.fixture
def pairs(tmp_path, save):
    """Two folders of a pair each."""
    for name in ("learnt", "held_out"):
        for half in ("input", "groundtruth"):
            save(tmp_path / name / half / "a.png")
    return tmp_path


def full(pairs, *settings, data="learnt", folder="chain", recipe="lite"):
    changes = [f"validation.pairs={pairs / 'held_out'}", *settings]
    return config.full(pairs / folder, pairs / data, recipe=recipe, settings=changes)


def said(wanted):
    """Links and parts, in their order."""
    return [(part.link, part.name) for part in start.parts(wanted, print)]


def test_lite_shortens_its_recipe_and_takes_changes_after_that(tmp_path):
    plain = config.lite(tmp_path).recipe
    changed = config.lite(tmp_path, settings=["validation.every=7 steps"]).recipe

    assert [stage.length for stage in plain.stages] == ["160 steps", "40 steps"]
    assert (plain.validation.every, changed.validation.every) == ("50 steps", "7 steps")
    assert changed.stages == plain.stages


def test_a_recipe_that_was_named_is_not_shortened(tmp_path):
    wanted = config.lite(tmp_path, recipe="lite")

    assert [stage.length for stage in wanted.recipe.stages] == ["400 steps", "100 steps"]


def test_lite_learns_from_what_it_packs_and_is_measured_on_what_it_holds_out(tmp_path):
    recipe = config.lite(tmp_path / "chain").recipe

    assert recipe.data.pairs == str(tmp_path / "chain" / "data" / "packed")
    assert recipe.validation.pairs == str(tmp_path / "chain" / "data" / "held_out")


def test_full_takes_pairs_as_they_are(pairs):
    wanted = full(pairs)

    assert (wanted.mode, wanted.is_sidd) == ("full", False)
    assert wanted.recipe.data.pairs == str(pairs / "learnt")
    assert said(wanted)[:2] == [("data", "pairs"), ("train", "first half")]


def test_full_cuts_and_packs_sidd(pairs):
    preparing.draw_sidd(pairs / "SIDD", range(1, 2), 32, 32)

    wanted = full(pairs, data="SIDD")

    assert wanted.is_sidd
    assert wanted.recipe.data.pairs == str(pairs / "chain" / "data" / "packed")
    assert said(wanted)[:3] == [("data", "patches"), ("data", "shards"), ("train", "first half")]


def test_every_link_has_its_parts_in_order(tmp_path):
    found = said(config.lite(tmp_path))

    assert list(dict.fromkeys(link for link, _ in found)) == [
        *("data", "train", "evaluate", "export", "infer")
    ]
    assert {"onnx", "mnn", "safetensors", "pth", "pdparams"} <= {
        part for link, part in found if link == "export"
    }
    assert {"mnn cpu", "onnx cpu", "pytorch cpu", "pytorch cuda"} <= {
        part for link, part in found if link == "infer"
    }


def test_a_runtime_that_was_asked_for_has_to_be_there_and_no_other_is_tried(tmp_path):
    wanted = config.lite(tmp_path, runtimes=["pytorch", "pytorch"])

    parts = [part for part in start.parts(wanted, print) if part.link == "infer"]
    assert [(part.name, part.optional) for part in parts] == [
        ("pytorch cpu", False),
        ("pytorch cuda", True),
    ]
    others = [part for part in start.parts(config.lite(tmp_path), print) if part.link == "infer"]
    assert all(part.optional for part in others)


def test_pictures_that_are_held_out_are_never_learnt_from():
    assert not set(preparing.LEARNT) & set(preparing.HELD_OUT)


def test_runtimes_that_there_are_not_are_refused(tmp_path):
    with pytest.raises(RuntimeMissingError, match="no runtime 'abacus': choose among mnn"):
        config.lite(tmp_path, runtimes=["abacus"])


@pytest.mark.parametrize("key", ["data.pairs", "data.photographs", "validation.pairs"])
def test_lite_takes_no_data(tmp_path, key):
    with pytest.raises(RecipeError, match="lite draws its own data, and the recipe names others"):
        config.lite(tmp_path, settings=[f"{key}=somewhere"])


def test_full_has_to_be_measured(pairs):
    with pytest.raises(RecipeError, match=r"by --set validation\.pairs=DIR"):
        config.full(pairs / "chain", pairs / "learnt", recipe="lite")


def test_full_has_one_place_to_learn_from(pairs):
    with pytest.raises(RecipeError, match=r"data\.pairs is x: the pairs are those of --data"):
        full(pairs, "data.pairs=x")


def test_a_folder_of_neither_kind_is_refused_with_both_reasons(pairs):
    (pairs / "empty").mkdir()

    with pytest.raises(DataError, match=r"empty holds no pairs: .*; and as SIDD-Medium: .*"):
        full(pairs, data="empty")
    with pytest.raises(
        DataError, match=r"gone is not a folder: pairs lie in a folder that.*hr/, or inputL.*"
    ):
        full(pairs, data="gone")


def test_what_is_needed_does_not_lie_where_the_chain_writes(pairs):
    for folder in ("learnt", "held_out", "."):
        with pytest.raises(DataError, match="where the chain writes: choose another -o"):
            full(pairs, folder=folder)
    recipe = pairs / "chain" / "my.toml"
    recipe.parent.mkdir()
    recipe.write_text('preset = "tiny"\n[[stages]]\nlength = 1\npatch = 16\nbatch = 1\n')
    with pytest.raises(DataError, match=r"my\.toml lies in"):
        config.lite(recipe.parent, recipe=str(recipe))


def test_lite_runs_the_real_network_on_real_pairs_after_its_own(tmp_path, save):
    for half in ("input", "groundtruth"):
        for name in "ab":
            save(tmp_path / "mine" / half / f"{name}.png")

    alone = config.lite(tmp_path / "chain")
    beside = config.lite(tmp_path / "chain", tmp_path / "mine")

    names = [f"real {link}" for link in ("data", "train", "evaluate", "export", "infer")]
    assert said(beside)[: len(said(alone))] == said(alone)
    real = said(beside)[len(said(alone)) :]
    assert list(dict.fromkeys(link for link, _ in real)) == names
    recipe = beside.real.recipe
    assert recipe.preset == "small"
    assert recipe.data.pairs == str(tmp_path / "chain/real/data/learnt")
    assert recipe.validation.pairs == str(tmp_path / "chain/real/data/held_out")


def test_one_real_pair_is_too_few(pairs):
    with pytest.raises(DataError, match=r"learnt holds 1 pair: give two or more"):
        config.lite(pairs / "chain", pairs / "learnt")


def test_real_pairs_in_the_folder_of_the_chain_are_refused(pairs, save):
    for half in ("input", "groundtruth"):
        save(pairs / "learnt" / half / "b.png")

    with pytest.raises(DataError, match="where the chain writes"):
        config.lite(pairs, pairs / "learnt")
