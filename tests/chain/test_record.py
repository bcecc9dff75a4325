"""What a chain has come to, for programs and for people."""

import json
import math

import pytest

from mirnet.chain import record, setting, table
from mirnet.chain.parts import Check, Result, Status

GAIN = Check("gain", 3.714, ">=", 1.0, "dB")
LOSS = Check("loss", math.nan, "<", math.inf, form=".4f")
RESULTS = [
    Result("data", "patches", Status.PASSED, 1.25, "cut patches", (GAIN, GAIN)),
    Result("data", "shards", Status.PASSED, 0.5, "packed them", (GAIN,), {"bytes": 3}),
    Result("train", "all", Status.FAILED, 2.0, "trained", (LOSS,), reason="loss nan"),
    Result("infer", "mnn cpu", Status.SKIPPED, reason="train failed"),
]


@pytest.fixture
def wanted(tmp_path):
    return setting.lite(tmp_path)


def test_the_record_has_links_with_parts_and_names_what_broke(wanted):
    made = record.record(wanted, RESULTS, Status.FAILED)

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
    made = record.record(wanted, RESULTS, Status.FAILED)
    record.write(made, tmp_path)

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
    assert record.status([Result("a", "b", Status(each)) for each in states]) == together


def test_the_table_has_a_line_for_each_figure():
    lines = table.text(RESULTS).splitlines()

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
