"""`mirnet restore --reference` as a user runs it: real files, the bundled model."""

import json
import os
import sys
from functools import partial
from statistics import mean

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from mirnet.evaluation.reference.comparison import PROTOCOLS

MIRNET = [sys.executable, "-m", "mirnet"]


@pytest.fixture
def restore(mirnet):
    """Runs the command in an empty folder."""
    return partial(mirnet, "restore")


@pytest.fixture
def pair(tmp_path, save):
    """A function that writes a noisy picture and its clean one, of several kinds."""

    def write(noisy, clean, height=40, width=56, dtype=np.uint8, seed=0):
        rng = np.random.default_rng(seed)
        ramp = np.linspace(0.2, 0.8, width) * np.linspace(0.5, 1, height)[:, None]
        truth = ramp[..., None] * np.array([1, 0.8, 0.6])
        white = np.iinfo(dtype).max
        for path, picture in (
            (noisy, np.clip(truth + rng.normal(0, 0.08, truth.shape), 0, 1)),
            (clean, truth),
        ):
            save(tmp_path / path, pixels=np.rint(picture * white).astype(dtype))

    return write


@pytest.fixture
def tree(pair):
    """Three pairs: a JPEG, a PNG of 16 bits deeper down, a TIFF."""
    pair("noisy/a.jpg", "clean/a.png", seed=0)
    pair("noisy/b.tif", "clean/b.tif", 30, 30, seed=1)
    pair("noisy/trip/c.png", "clean/trip/c.tiff", 20, 70, np.uint16, seed=2)


def names(top):
    """All files below, hidden ones too."""
    return sorted(path.relative_to(top).as_posix() for path in top.rglob("*") if path.is_file())


def records(done):
    """The JSON objects of the pictures, and the last one."""
    *results, last = map(json.loads, done.stdout.splitlines())
    return results, last


def expected(picture, truth):
    """PSNR and SSIM by scikit-image of two decoded files, each in the range of its dtype."""
    x, y = (each / np.iinfo(each.dtype).max for each in (picture, truth))
    _, everywhere = structural_similarity(
        x, y, data_range=1.0, channel_axis=2, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False, full=True,
    )  # fmt: skip
    return {
        "psnr": pytest.approx(peak_signal_noise_ratio(y, x, data_range=1.0), abs=1e-4),
        "ssim": pytest.approx(everywhere[5:-5, 5:-5].mean(), abs=1e-6),
    }


@pytest.mark.parametrize("options", [[], ["--format", "jpeg", "--quality", "60"]])
def test_the_figures_are_those_of_the_decoded_files(restore, tree, load, tmp_path, options):
    done = restore("noisy", "-r", "-o", "out", "--reference", "clean", "--json", *options)

    results, last = records(done)
    assert done.returncode == 0
    assert [record["reference"] for record in results] == [
        "clean/a.png",
        "clean/b.tif",
        "clean/trip/c.tiff",
    ]
    for record in results:
        truth = load(tmp_path / record["reference"])
        assert truth.dtype == (np.uint16 if "trip" in record["reference"] else np.uint8)
        assert (record["status"], record["error"]) == ("restored", "")
        assert record["input"] == expected(load(tmp_path / record["source"]), truth)
        assert record["restored"] == expected(load(tmp_path / record["target"]), truth)
        assert record["restored"]["psnr"] > record["input"]["psnr"]
    assert last["status"] == "means"
    assert last["reference"] == "clean"
    assert last["protocols"] == dict(PROTOCOLS)
    assert (last["measured"], last["not_measured"]) == (3, 0)
    for title in ("input", "restored"):
        for name in PROTOCOLS:
            assert last[title][name] == pytest.approx(mean(each[title][name] for each in results))
        assert last[f"{title}_infinite"] == {}


def test_the_lines_hold_the_figures_and_the_last_one_the_means(restore, tree):
    done = restore("noisy", "-r", "-o", "out", "--reference", "clean")
    again, last = records(restore("noisy", "-r", "-o", "out", "--reference", "clean", "--json"))

    *lines, means = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "mirnet: 3 restored, 0 skipped, 0 failed\n")
    for line, record in zip(lines, again, strict=True):
        before, after = record["input"], record["restored"]
        assert line.startswith(f"{record['target']}  ")
        assert line.endswith(
            f" MP/s  {before['psnr']:.2f} -> {after['psnr']:.2f} dB  "
            f"SSIM {before['ssim']:.4f} -> {after['ssim']:.4f}"
        )
    before, after = last["input"], last["restored"]
    assert means == (
        f"mean of 3 pictures  PSNR (all pixels and channels) {before['psnr']:.2f} -> "
        f"{after['psnr']:.2f} dB  SSIM (mean of R, G and B) {before['ssim']:.4f} -> "
        f"{after['ssim']:.4f}"
    )


def test_the_figures_are_those_of_evaluate_under_the_same_names(mirnet, restore, pair):
    pair("val/noisy/a.png", "val/clean/a.png")
    restored, _ = records(
        restore("val/noisy/a.png", "-o", "a.png", "--reference", "val/clean", "--json")
    )
    evaluated, means = records(mirnet("evaluate", "val", "--json"))

    assert set(restored[0]["input"]) == set(PROTOCOLS) < set(means["protocols"])
    for name, figure in restored[0]["input"].items():
        assert evaluated[0]["input"][name] == pytest.approx(figure, abs=1e-6)
        assert PROTOCOLS[name] == f"{means['protocols'][name]}, of the files as read back"


def test_results_that_were_there_already_are_measured_as_they_are(restore, tree, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.tif").write_bytes((tmp_path / "clean" / "b.tif").read_bytes())
    arguments = ("noisy", "-r", "-o", "out", "--reference", "clean")
    first, means = records(restore(*arguments, "--json"))
    second, again = records(restore(*arguments, "--json"))
    plain = restore(*arguments)

    assert [each["status"] for each in first] == ["restored", "skipped", "restored"]
    assert [each["status"] for each in second] == ["skipped"] * 3
    for title in ("input", "restored"):
        assert [each[title] for each in first] == [each[title] for each in second]
    assert second[1]["restored"] == {"psnr": None, "ssim": pytest.approx(1)}
    assert means == again
    assert means["restored_infinite"] == {"psnr": 1}
    finite = (second[k]["restored"]["psnr"] for k in (0, 2))
    assert means["restored"]["psnr"] == pytest.approx(mean(finite))
    assert plain.returncode == 0
    assert "out/b.tif already exists (--overwrite redoes it)  " in plain.stdout
    assert " -> inf dB  SSIM " in plain.stdout.splitlines()[1]
    assert plain.stderr.splitlines() == [
        "mirnet: 0 restored, 3 skipped, 0 failed",
        "mirnet: 1 of 3 restored pictures equal the reference: their infinite PSNR is left out "
        "of its mean",
    ]


def test_one_picture_may_be_given_its_reference_itself(restore, pair):
    pair("night.png", "truth.png")
    folder = restore("night.png", "-o", "out", "--reference", ".")
    done = restore("night.png", "--reference", "truth.png")

    assert folder.returncode == 2
    assert "night.png would be compared with itself" in folder.stderr
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("night_restored.png  56x40  ")
    assert done.stdout.count("\n") == done.stdout.count(" dB  SSIM ") == 1


def test_without_references_nothing_changes(restore, tree):
    plain = restore("noisy/a.jpg")
    done = restore("noisy", "-o", "out", "--json")

    assert plain.stdout.endswith(" MP/s\n")
    assert [list(json.loads(line)) for line in done.stdout.splitlines()] == [
        [
            *("source", "target", "status", "height", "width", "seconds"),
            *("tiles", "tiles_kept", "notes", "error", "scale", "runtime", "precision"),
        ]
    ] * 2


def test_a_grey_picture_is_compared_as_grey_whatever_holds_the_result(
    restore, save, picture, load, tmp_path
):
    clean = save(tmp_path / "clean" / "a.png", pixels=picture(30, 40, 1, seed=1))
    save(tmp_path / "a.png", pixels=picture(30, 40, 1))
    done = [
        restore("a.png", "-o", f"out.{suffix}", "--reference", "clean", "--json", *options)
        for suffix, options in (("png", []), ("webp", ["--quality", "100"]))
    ]

    png, webp = (records(each)[0][0] for each in done)
    assert [each.returncode for each in done] == [0, 0]
    assert png["restored"] == expected(load(tmp_path / "out.png"), load(clean))
    assert load(tmp_path / "out.webp").shape == (30, 40, 3)
    assert webp["restored"] == {
        name: pytest.approx(value, abs=1e-9) for name, value in png["restored"].items()
    }


# what goes wrong


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path, _: path.write_bytes(b"nothing"), "a.png cannot be read: it is not a pict"),
        (lambda path, _: path.write_bytes(path.read_bytes()[:-200]), "a.png cannot be read: "),
        (lambda path, save: save(path, 40, 50), "has 56x40 pixels, its reference clean/a.png 50x"),
        (
            lambda path, save: save(path, pixels=np.zeros((40, 56, 1), np.uint8)),
            "noisy/a.jpg is RGB, its reference clean/a.png grey",
        ),
    ],
    ids=["broken", "cut off", "of another size", "grey"],
)
def test_a_reference_that_does_not_fit_is_named_and_its_picture_restored_all_the_same(
    restore, tree, save, tmp_path, damage, reason
):
    damage(tmp_path / "clean" / "a.png", save)
    done = restore("noisy", "-r", "-o", "out", "--reference", "clean", "--json")
    plain = restore("noisy", "-r", "-o", "out", "--reference", "clean")

    results, last = records(done)
    assert (done.returncode, plain.returncode) == (1, 1)
    assert [each["status"] for each in results] == ["restored"] * 3
    assert names(tmp_path / "out") == ["a.jpg", "b.tif", "trip/c.png"]
    assert (results[0]["input"], results[0]["restored"]) == (None, None)
    assert (last["measured"], last["not_measured"]) == (2, 1)
    finite = (each["restored"]["psnr"] for each in results[1:])
    assert last["restored"]["psnr"] == pytest.approx(mean(finite))
    message, summary, left_out = done.stderr.splitlines()
    assert message == f"mirnet: {results[0]['error']}"
    assert message.startswith("mirnet: noisy/a.jpg could not be measured: ")
    assert reason in message
    assert summary == "mirnet: 3 restored, 0 skipped, 0 failed"
    assert left_out == "mirnet: 1 of 3 pictures were not measured and are in no mean"
    assert plain.stdout.splitlines()[-1].startswith("mean of 2 of 3 pictures  PSNR ")


def test_a_picture_that_cannot_be_restored_is_reported_once_and_in_no_mean(restore, tree, tmp_path):
    (tmp_path / "noisy" / "a.jpg").write_bytes(b"nothing")
    done = restore("noisy", "-o", "out", "--reference", "clean", "--json")
    plain = restore("noisy", "-o", "out", "--reference", "clean")

    results, last = records(done)
    assert (done.returncode, plain.returncode) == (1, 1)
    assert [each["status"] for each in results] == ["failed", "restored"]
    assert results[0]["reference"] == "clean/a.png"
    assert (results[0]["input"], results[0]["restored"]) == (None, None)
    assert last["restored"] == results[1]["restored"]
    assert done.stderr.splitlines() == [
        f"mirnet: {results[0]['error']}",
        "mirnet: 1 restored, 0 skipped, 1 failed",
        "mirnet: 1 of 2 pictures were not measured and are in no mean",
    ]
    # of one picture, its own line has the figures
    assert plain.stdout.count("\n") == 1


def test_where_nothing_could_be_measured_there_are_no_means(restore, pair, tmp_path):
    pair("a.png", "truth.png")
    (tmp_path / "truth.png").write_bytes(b"nothing")
    done = restore("a.png", "--reference", "truth.png", "--json")

    _, last = records(done)
    assert done.returncode == 1
    assert (last["input"], last["restored"]) == (None, None)
    assert (last["measured"], last["not_measured"]) == (0, 1)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--reference", "gone"],
            "mirnet: gone does not exist: give the folder that holds the references",
        ),
        (["--reference", "clean/a.png"], "is the reference of one picture: give a folder of them"),
        (["--reference", "noisy"], "noisy/a.jpg would be compared with itself"),
        (["--reference", "clean", "-o", "clean"], "clean/a.jpg would have the name and place of"),
        (["--reference", "lacking"], "mirnet: lacking holds no reference for noisy/b.tif, noisy/t"),
        (["--reference", "double"], "holds several references for noisy/a.jpg (a.png, a.webp): "),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_written(
    restore, tree, save, tmp_path, arguments, message
):
    save(tmp_path / "lacking" / "a.png")
    for name in ("a.png", "a.webp", "b.tif", "trip/c.png"):
        save(tmp_path / "double" / name)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    done = restore("noisy", "-r", "-o", "out", *arguments, "--overwrite")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("mirnet: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.name == "nt", reason="POSIX")
def test_on_a_terminal_the_figures_are_above_the_bar(on_a_terminal, tree, tmp_path):
    (tmp_path / "clean" / "b.tif").write_bytes(b"nothing")
    code, shown = on_a_terminal(
        [*MIRNET, "restore", "noisy", "-r", "-o", "out", "--reference", "clean"], cwd=tmp_path
    )

    assert code == 1
    assert "3/3" in shown
    assert shown.count(" dB  SSIM ") == 3  # two pictures and the means
    assert "mirnet: noisy/b.tif could not be measured: clean/b.tif cannot be read" in shown
    assert "Traceback" not in shown
