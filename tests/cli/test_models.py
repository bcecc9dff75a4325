"""`mirnet models`: what is listed and shown, what is pulled from a hub and pushed to one.

The hub is a server on this machine, spoken to by the real huggingface_hub.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hub_server import TOKEN, Hub, Repository, sha256

import mirnet
from mirnet.cli.models import app
from mirnet.errors import HubError, MirnetError, RuntimeMissingError, WeightsError
from mirnet.models import catalog

constants = pytest.importorskip("huggingface_hub.constants", reason="needs the extra hub")

TINY = catalog.find("denoise-print")
ONNX, MNN = (TINY.weights().with_suffix(s) for s in (".onnx", ".mnn"))
FOLDER = tempfile.TemporaryDirectory(prefix="mirnet-")
WEIGHTS = Path(FOLDER.name) / "denoise-print.safetensors"
"""The same weights alone, with the card beside them."""
ADDRESS = "hf://someone/denoiser"

# of huggingface_hub, which uploads a file as httpx2 advises against
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(scope="module", autouse=True)
def weights_file():
    pytest.importorskip("torch", reason="weights are written here")
    from mirnet.models import checkpoint

    checkpoint.write(checkpoint.read(ONNX), WEIGHTS, half=True)
    shutil.copy(TINY.card(), WEIGHTS.with_suffix(".md"))
    yield
    FOLDER.cleanup()


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A hub with one model, spoken to by this process, which has an empty cache."""
    with Hub() as server:
        server.repositories["someone/denoiser"] = Repository(
            {"tiny.mnn": MNN.read_bytes(), "README.md": TINY.card().read_bytes(), "run.py": b"1"},
            licence="cc0-1.0",
        )
        template = f"{server.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        for name, value in {
            "ENDPOINT": server.url,
            "HUGGINGFACE_CO_URL_TEMPLATE": template,
            "HF_HUB_CACHE": str(tmp_path / "cache"),
            "HF_TOKEN_PATH": str(tmp_path / "token"),
            "HF_HUB_OFFLINE": False,
            "HF_HUB_DISABLE_XET": True,
            "HF_HUB_DISABLE_TELEMETRY": True,
            "HF_HUB_DISABLE_PROGRESS_BARS": True,
        }.items():
            monkeypatch.setattr(constants, name, value)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield server


@pytest.fixture
def models(capsys):
    """A function that runs `mirnet models` with some words and returns what it prints."""

    def run(*words):
        capsys.readouterr()
        app(list(map(str, words)), standalone_mode=False)
        return capsys.readouterr().out

    return run


def test_models_are_listed_by_task_with_size_and_licence(models):
    listed = models("list")

    assert listed == models()
    assert [line for line in listed.splitlines() if not line.startswith(" ")] == ["denoise"]
    assert "321,904 parameters; Apache-2.0; .mnn 0.7 MB, .onnx 0.7 MB" in listed


@pytest.mark.parametrize(
    "model", ["denoise-print", WEIGHTS, ONNX, MNN], ids=lambda model: Path(model).name
)
def test_a_model_is_shown_with_facts_digest_and_card_in_short(models, model):
    shown = models("show", model)
    told = json.loads(models("show", model, "--json"))

    assert told["parameters"] == 321_904
    assert (told["task"], told["licence"], told["scale"], told["multiple"]) == (
        *("denoise", "Apache-2.0"),
        *(1, 4),
    )
    digests = {Path(file["path"]): file["sha256"] for file in told["files"]}
    assert all(sha256(path.read_bytes()) == digest for path, digest in digests.items())
    assert set(digests) == (set(TINY.files()) if model == "denoise-print" else {model})
    assert "Removes noise from scans of print" in shown
    assert "## Training" not in shown
    assert "## Training" in models("show", model, "--card")


def test_what_is_shown_of_half_resolution_is_what_the_network_takes(models):
    file = catalog.find("denoise").weights()

    told = json.loads(models("show", file, "--json"))

    assert told["multiple"] == 32
    assert told["parameters"] == 1_763_928
    assert told["network"].endswith("half resolution, windows of 96 pixels")


def test_control_characters_of_a_card_do_not_reach_the_terminal(models, tmp_path):
    file = tmp_path / "mine.safetensors"
    file.write_bytes(WEIGHTS.read_bytes())
    file.with_suffix(".md").write_text("# Mine\n\nDraws \x1b[2J and more.\n")

    assert "Draws �[2J and more." in models("show", file)
    assert "\x1b" not in models("show", file, "--card")


def test_a_pulled_model_is_a_model_everywhere(hub, models):
    path, digest, licence = models("pull", ADDRESS).splitlines()

    assert Path(path).read_bytes() == MNN.read_bytes()
    assert digest == f"SHA-256 {sha256(MNN.read_bytes())}"
    assert licence == "licence cc0-1.0"
    assert catalog.file(ADDRESS) == catalog.file(f"{ADDRESS}/tiny.mnn") == Path(path)
    assert json.loads(models("show", ADDRESS, "--json"))["parameters"] == 321_904
    assert models("show", ADDRESS, "--card").startswith("# denoise-print")


def test_what_is_there_is_not_fetched_again_and_serves_offline(hub, models, monkeypatch):
    first = models("pull", ADDRESS)
    hub.requests.clear()

    assert models("pull", ADDRESS) == first
    assert not [path for method, path, _ in hub.requests if method == "GET" and "resolve" in path]

    hub.requests.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    told = json.loads(models("pull", ADDRESS, "--json"))
    assert told["path"] == first.splitlines()[0]
    assert hub.requests == []
    with pytest.raises(HubError, match=r"^offline, since HF_HUB_OFFLINE is set; hf://a/b is not"):
        models("pull", "hf://a/b")


def test_a_download_that_breaks_off_goes_on_where_it_was(hub, models, monkeypatch):
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 100_000)
    hub.cut = 300_000

    path, *_ = models("pull", ADDRESS).splitlines()

    assert Path(path).read_bytes() == MNN.read_bytes()
    ranges = [asked for method, place, asked in hub.requests if place.endswith("tiny.mnn")]
    assert "bytes=300000-" in ranges


def test_a_model_of_two_files_is_pulled_whole(hub, models):
    hub.repositories["someone/denoiser"].files |= {"m.xml": b"<net/>", "m.bin": b"1234"}

    path, *_ = models("pull", f"{ADDRESS}@v2/m.xml").splitlines()

    assert Path(path).with_suffix(".bin").read_bytes() == b"1234"
    assert catalog.file(f"{ADDRESS}@v2/m.xml") == Path(path)
    with pytest.raises(WeightsError, match="is not on this machine"):
        catalog.file(f"{ADDRESS}/m.xml")  # another revision was pulled


def test_a_model_in_a_folder_has_the_repository_s_card(hub, models):
    repository = hub.repositories["someone/denoiser"]
    repository.files = {"models/tiny.mnn": MNN.read_bytes(), "README.md": b"# Theirs\n"}

    path, *_ = models("pull", ADDRESS).splitlines()

    assert path.endswith("models/tiny.mnn")
    assert models("show", ADDRESS, "--card") == "# Theirs\n\n"
    assert models("show", f"{ADDRESS}/models/tiny.mnn", "--card") == "# Theirs\n\n"


def test_without_a_name_there_must_be_one_model(hub, models):
    repository = hub.repositories["someone/denoiser"]
    repository.files["tiny.onnx"] = ONNX.read_bytes()
    with pytest.raises(WeightsError, match=r"has tiny.mnn, tiny.onnx: name one, as in hf://some"):
        models("pull", ADDRESS)

    for name in ("tiny.mnn", "tiny.onnx"):
        models("pull", f"{ADDRESS}/{name}")
    with pytest.raises(WeightsError, match=r"has tiny.mnn, tiny.onnx: name one"):
        catalog.file(ADDRESS)

    repository.files = {"run.py": b"1", "../out.onnx": b"2", "weights.bin": b"3"}
    with pytest.raises(WeightsError, match=r"has no file that mirnet opens \(.mnn "):
        models("pull", ADDRESS)


def test_content_that_is_not_what_the_hub_states_is_removed(hub, models):
    hub.repositories["someone/denoiser"].stated["tiny.mnn"] = "0" * 64

    with pytest.raises(HubError, match="has not the SHA-256 that the hub states, and was removed"):
        models("pull", ADDRESS)

    with pytest.raises(
        WeightsError, match=f"^{ADDRESS} is not on this machine: mirnet models pull"
    ):
        catalog.file(ADDRESS)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("hf://someone/else", "there is no such repository, or it is private: log in with"),
        ("hf://someone/secret", "there is no such repository, or it is private: log in with"),
        (f"{ADDRESS}@v3", "the repository has no revision v3$"),
        (f"{ADDRESS}/other.onnx", "the repository has no other.onnx$"),
    ],
)
def test_what_is_missing_or_refused_is_told_in_one_line(hub, models, address, reason):
    hub.repositories["someone/secret"] = Repository(private=True)

    with pytest.raises(HubError, match=rf"^{address}: {reason}") as caught:
        models("pull", address)

    assert "\n" not in str(caught.value)


def test_a_hub_that_cannot_be_reached_is_told_in_one_line(hub, models, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")

    with pytest.raises(HubError, match=r"http://127.0.0.1:1 cannot be used \(.*refused.*\)") as it:
        models("pull", ADDRESS)

    assert "\n" not in str(it.value)


def test_a_private_model_needs_the_token(hub, models, monkeypatch):
    hub.repositories["someone/denoiser"].private = True
    with pytest.raises(HubError, match="or it is private"):
        models("pull", ADDRESS)

    monkeypatch.setenv("HF_TOKEN", TOKEN)

    assert models("pull", ADDRESS)


def test_a_pushed_model_comes_back_with_its_card(hub, models, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)

    assert models("push", WEIGHTS, "hf://me/mine", "--yes") == f"{hub.url}/me/mine\n"

    repository = hub.repositories["me/mine"]
    assert repository.files["denoise-print.safetensors"] == WEIGHTS.read_bytes()
    assert not repository.private
    card = models("pull", "hf://me/mine") and models("show", "hf://me/mine", "--card")
    assert card.startswith(
        "---\nlicense: apache-2.0\nlibrary_name: mirnet\npipeline_tag: image-to-image\ntags:\n"
        "- image-restoration\n- mirnetv2\n- safetensors\n- denoise\n"
        "datasets:\n- SIDD\nmetrics:\n- psnr\n- ssim\n---\n\n# denoise-print\n"
    )
    assert "mirnet models pull hf://me/mine/denoise-print.safetensors" in card

    # a second file joins it, and the card that is there stays unless another is given
    repository.files["README.md"] = b"# Edited on the hub\n"
    models("push", ONNX, "hf://me/mine", "--yes")
    assert set(repository.files) == {WEIGHTS.name, ONNX.name, "README.md"}
    assert repository.files["README.md"] == b"# Edited on the hub\n"
    models("push", ONNX, "hf://me/mine", "--card", TINY.card(), "--yes")
    assert b"# denoise-print" in repository.files["README.md"]


def test_private_stays_private(hub, models, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)

    models("push", WEIGHTS, "hf://me/secret", "--private", "--yes")
    with pytest.raises(HubError, match="is there already and public: nothing was uploaded"):
        models("push", WEIGHTS, ADDRESS, "--private", "--yes")

    assert hub.repositories["me/secret"].private
    assert "denoise-print.safetensors" not in hub.repositories["someone/denoiser"].files


def test_the_card_can_be_seen_without_a_hub(models, tmp_path, hub):
    hub.shutdown()
    file = tmp_path / "mine.safetensors"
    file.write_bytes(WEIGHTS.read_bytes())
    words = ("push", file, "hf://me/mine", "--dry-run", tmp_path / "card")
    with pytest.raises(WeightsError, match="under which licence"):
        models(*words)

    models(*words, "--licence", "MIT")

    card = (tmp_path / "card" / "README.md").read_text()
    assert card.startswith("---\nlicense: mit\n")
    assert f"`mine.safetensors`, SHA-256 `{sha256(WEIGHTS.read_bytes())}`" in card
    assert "321,904 parameters" in card
    with pytest.raises(HubError, match="exists: choose another folder"):
        models(*words, "--licence", "MIT")


@pytest.mark.parametrize("token", [None, "another"])
def test_pushing_without_the_right_is_told_in_one_line(hub, models, monkeypatch, token):
    if token:
        monkeypatch.setenv("HF_TOKEN", token)

    with pytest.raises(HubError, match="answered 401: log in with `hf auth login`") as caught:
        models("push", WEIGHTS, "hf://me/mine", "--yes")

    assert "\n" not in str(caught.value)
    assert hub.repositories.keys() == {"someone/denoiser"}


def test_metadata_that_the_hub_refuses_is_told(hub, models, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)

    with pytest.raises(HubError, match=r"must be one of many") as caught:
        models("push", WEIGHTS, "hf://me/mine", "--licence", "nonsense", "--yes")

    assert "\n" not in str(caught.value)
    assert hub.repositories["me/mine"].files == {}


@pytest.mark.parametrize(
    ("words", "error", "reason"),
    [
        ([WEIGHTS, "hf://me/mine"], Exception, "this publishes .* as hf://me/mine: give --yes"),
        (
            [WEIGHTS, "hf://me/mine", "--yes", "--dry-run", "x"],
            Exception,
            "give --yes to do so, or",
        ),
        ([WEIGHTS, "hf://me/mine@v2", "--yes"], Exception, "pushed to hf://owner/name, not to"),
        ([MNN, "hf://me/mine", "--yes"], MirnetError, "only .safetensors and .onnx are shared"),
        (["none.onnx", "hf://me/mine", "--yes"], MirnetError, "there is no such file"),
        ([WEIGHTS, "hf://me/mine", "--card", MNN, "--yes"], MirnetError, "is no text in UTF-8"),
        (["setup.py", "hf://me/mine", "--yes"], MirnetError, "only .safetensors and .onnx"),
    ],
)
def test_nothing_is_published_by_mistake(hub, models, words, error, reason):
    with pytest.raises(error, match=reason):
        models("push", *words)

    assert hub.requests == []


def test_a_file_that_is_no_model_is_not_published(hub, models, tmp_path):
    file = tmp_path / "broken.safetensors"
    file.write_bytes(b"no weights")

    with pytest.raises(WeightsError, match="is no safetensors file, or a damaged one"):
        models("push", file, "hf://me/mine", "--licence", "mit", "--yes")

    assert hub.requests == []


def test_without_the_extra_what_to_install_is_told(mirnet_without):
    done = mirnet_without("models", "pull", ADDRESS, without={"huggingface_hub"})

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        'mirnet: pulling models needs huggingface_hub: pip install "mirnet[hub]"\n'
    )


def test_a_missing_extra_is_told_where_a_model_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)

    with pytest.raises(RuntimeMissingError, match=r'huggingface_hub: pip install "mirnet\[hub\]"$'):
        catalog.file(ADDRESS)


def test_pictures_are_restored_with_a_pulled_model(hub, models, picture):
    with pytest.raises(WeightsError, match=f"^{ADDRESS} is not on this machine: mirnet models"):
        mirnet.load(ADDRESS)
    models("pull", ADDRESS)
    hub.requests.clear()

    noisy = picture(40, 56)
    with mirnet.load(ADDRESS, threads=1) as restorer:
        restored = restorer(noisy)

    assert (restored != noisy).any()
    assert hub.requests == []


def test_the_variables_of_huggingface_hub_count(hub, tmp_path):
    """In processes of their own: it reads them when it is imported."""
    surroundings = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home")}

    def pull(**more):
        return subprocess.run(
            [sys.executable, "-m", "mirnet", "models", "pull", ADDRESS],
            env={**surroundings, **more},
            capture_output=True,
            text=True,
        )

    first = pull()
    asked = [path for _, path, _ in hub.requests]
    hub.requests.clear()
    again = pull(HF_HUB_OFFLINE="1")

    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith(str(tmp_path / "home"))
    assert all("someone/denoiser" in path for path in asked)  # and no telemetry
    assert (again.returncode, again.stderr, hub.requests) == (0, "", [])
    assert again.stdout.splitlines()[:2] == first.stdout.splitlines()[:2]
