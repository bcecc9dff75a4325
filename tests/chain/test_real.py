"""The real network on real pairs: a few steps of all that a long run would do."""

import json

import numpy as np
import pytest

from mirnet.chain import config, preparing, start
from mirnet.chain.parts import Status, run
from mirnet.models import checkpoint
from mirnet.models.mirnetv2.network import SMALL


@pytest.mark.slow
def test_the_real_network_runs_on_real_pairs_beside_the_toy(tmp_path, save, load):
    for index in range(3):
        noisy, clean = preparing.photograph(preparing.draw(index, 96, 140), index)
        save(tmp_path / "mine" / "input" / f"{index}.png", pixels=noisy)
        save(tmp_path / "mine" / "groundtruth" / f"{index}.png", pixels=clean)
    wanted = config.lite(tmp_path / "chain", tmp_path / "mine", runtimes=["pytorch"])
    chosen = [
        part
        for part in start.parts(wanted, lambda message: None)
        if part.link.startswith("real ")
        # the others take long for a network of this size, and tests of `export` have them
        and (part.link, part.name) != ("real infer", "pytorch cuda")
        and (part.link != "real export" or part.name == "safetensors")
    ]

    results = {f"{result.link}, {result.part}": result for result in run(chosen)}

    assert {name: result.reason for name, result in results.items()} == dict.fromkeys(results, "")
    assert {result.status for result in results.values()} == {Status.PASSED}
    figures = {
        name: {check.name: check.figure for check in result.checks}
        for name, result in results.items()
    }
    real = tmp_path / "chain" / "real"
    assert checkpoint.read(real / "run" / "best.ckpt").configuration == SMALL
    assert figures["real data, pairs"] == {"cut alike": 3}
    assert [path.name for path in (real / "data/held_out/input").iterdir()] == ["000002.png"]
    held_out = load(real / "data/held_out/groundtruth/000002.png")
    np.testing.assert_array_equal(held_out, load(tmp_path / "mine/groundtruth/2.png")[:, 6:134])
    assert figures["real train, resumed"]["last step"] == 4
    summary = json.loads((real / "run/summary.json").read_text())
    evaluated = results["real evaluate, pytorch cpu"].details
    assert evaluated["restored_psnr"] == pytest.approx(summary["best_psnr"], abs=1e-3)
    assert figures["real infer, pytorch cpu"]["largest difference"] == 0
