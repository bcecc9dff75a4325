"""A chain takes a folder only where nothing can be lost, and says what it has come to."""

import json
import logging
import math

import pytest

from mirnet.chain import config, outputs
from mirnet.chain.parts import FigureCheck, PartResult, Status
from mirnet.errors import DataError

GAIN = FigureCheck("gain", 3.714, ">=", 1.0, "dB")
LOSS = FigureCheck("loss", math.nan, "<", math.inf, form=".4f")
RESULTS = [
    PartResult("data", "patches", Status.PASSED, 1.25, "cut patches", (GAIN, GAIN)),
    PartResult("data", "shards", Status.PASSED, 0.5, "packed them", (GAIN,), {"bytes": 3}),
    PartResult("train", "all", Status.FAILED, 2.0, "trained", (LOSS,), reason="loss nan"),
    PartResult("infer", "mnn cpu", Status.SKIPPED, reason="train failed"),
]


@pytest.fixture
def earlier(tmp_path):
    """A folder that a lite chain has left, with all that one can leave."""
    for name in ("data/sidd/a.png", "run/last.ckpt", "models/onnx/a.onnx", "restored/x/a.png"):
        (tmp_path / "chain" / name).parent.mkdir(parents=True)
        (tmp_path / "chain" / name).touch()
    (tmp_path / "chain" / "chain.log").write_text("old")
    wanted = config.lite(tmp_path / "chain")
    outputs.write(outputs.record(wanted, [], Status.PASSED), tmp_path / "chain")
    return tmp_path / "chain"


def names(place):
    return sorted(path.name for path in place.iterdir())


@pytest.mark.parametrize("place", ["new", "new/and/deep"])
def test_a_new_folder_is_made(tmp_path, place):
    outputs.claim(tmp_path / place)

    assert names(tmp_path / place) == []


def test_an_empty_folder_is_taken(tmp_path):
    outputs.claim(tmp_path)

    assert names(tmp_path) == []


def test_an_earlier_lite_chain_makes_room(earlier):
    outputs.claim(earlier)

    assert names(earlier) == ["chain.json"]


def test_what_a_chain_did_not_make_stays(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")

    with pytest.raises(DataError, match=r"holds letter\.txt, which no chain made"):
        outputs.claim(tmp_path)
    assert (tmp_path / "letter.txt").read_text() == "dear"


def test_what_lies_beside_an_earlier_chain_stays_and_so_does_that(earlier):
    (earlier / "letter.txt").touch()
    before = sorted(earlier.rglob("*"))

    with pytest.raises(DataError, match=r"holds letter\.txt beside an earlier chain"):
        outputs.claim(earlier)
    assert sorted(earlier.rglob("*")) == before


def test_a_full_chain_is_never_thrown_away(earlier):
    path = earlier / "chain.json"
    path.write_text(path.read_text().replace('"mode": "lite"', '"mode": "full"'))
    before = sorted(earlier.rglob("*"))

    with pytest.raises(DataError, match="holds a full chain, which may have taken long"):
        outputs.claim(earlier)
    assert sorted(earlier.rglob("*")) == before


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "other", "mode": "lite"}'])
def test_a_record_of_something_else_is_no_chain(earlier, text):
    (earlier / "chain.json").write_text(text)

    with pytest.raises(DataError, match="which no chain made"):
        outputs.claim(earlier)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(DataError, match="file is a file: give a folder"):
        outputs.claim(tmp_path / "file")


def test_the_log_gets_what_the_package_says_and_nothing_after(tmp_path):
    log = logging.getLogger("mirnet.training.start")
    with outputs.logging_into(tmp_path):
        log.info("resumed at step 1")
    log.error("too late")

    assert (tmp_path / "chain.log").read_text().endswith(" resumed at step 1\n")


@pytest.fixture
def wanted(tmp_path):
    return config.lite(tmp_path)


def test_the_record_has_links_with_parts_and_names_what_broke(wanted):
    made = outputs.record(wanted, RESULTS, Status.FAILED)

    assert (made["mode"], made["status"], made["broken"]) == ("lite", "failed", "train")
    assert made["seconds"] == 3.75
    assert [(link["link"], link["status"], link["seconds"]) for link in made["links"]] == [
        ("data", "passed", 1.75),
        ("train", "failed", 2.0),
        ("infer", "skipped", 0.0),
    ]
    first, second = made["links"][0]["parts"]
    assert (first["part"], first["did"], second["facts"]) == (
        "patches",
        "cut patches",
        {"bytes": 3},
    )
    assert first["checks"][0] == {
        "name": "gain",
        "figure": 3.714,
        "rule": ">=",
        "bound": 1.0,
        "unit": "dB",
        "is_met": True,
    }


def test_the_record_is_strict_json_that_can_be_read_again(wanted, tmp_path):
    made = outputs.record(wanted, RESULTS, Status.FAILED)
    outputs.write(made, tmp_path)

    read = json.loads(
        (tmp_path / "chain.json").read_text(), parse_constant=lambda name: pytest.fail(name)
    )
    (check,) = read["links"][1]["parts"][0]["checks"]
    assert (check["figure"], check["bound"], check["is_met"]) == (None, None, False)
    assert read["recipe"]["network"]["width"] == 16
    assert read["versions"].keys() >= {"mirnet", "torch"}


@pytest.mark.parametrize(
    ("states", "together"),
    [
        (["passed", "skipped"], "passed"),
        (["skipped", "skipped"], "skipped"),
        (["passed", "failed", "skipped"], "failed"),
    ],
)
def test_one_failure_makes_a_failure_and_one_success_no_skip(states, together):
    assert outputs.status([PartResult("a", "b", Status(each)) for each in states]) == together


def test_the_table_has_a_line_for_each_figure():
    lines = outputs.text(RESULTS).splitlines()

    assert [line.split() for line in lines] == [
        ["link", "part", "status", "s", "figure", "bound", "what"],
        *(
            line.split()
            for line in (
                "data patches passed 1.2 gain 3.71 dB >= 1.00 dB cut patches",
                "gain 3.71 dB >= 1.00 dB",
                "shards passed 0.5 gain 3.71 dB >= 1.00 dB packed them",
                "train all failed 2.0 loss nan finite loss nan",
                "infer mnn cpu skipped train failed",
            )
        ),
    ]
    assert {line.find("gain") for line in lines if "gain" in line} == {lines[0].find("figure")}
    assert lines[1].find(">=") == lines[0].find("bound")
