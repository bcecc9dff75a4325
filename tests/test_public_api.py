import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mirnet
from mirnet.errors import MirnetError
from mirnet.runtimes.mnn import MnnRuntime

HEAVY = ("torch", "numpy", "MNN", "openvino", "onnxruntime", "pyvips", "rich")

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(mirnet.__path__, "mirnet.")
    if module.name != "mirnet.__main__"
)

LOADED = f"""
import sys
print(*(name for name in {HEAVY} if name in sys.modules))
"""


def test_the_public_names_are_these():
    assert mirnet.__all__ == [
        "MIRNetV2",
        "MirnetError",
        "Restorer",
        "evaluate",
        "load",
        "psnr",
        "restore",
        "ssim",
    ]
    assert dir(mirnet) == sorted([*mirnet.__all__, "__version__"])


@pytest.mark.parametrize("name", mirnet.__all__)
def test_every_public_name_is_there_and_documented(name):
    if name == "MIRNetV2":
        pytest.importorskip("torch")
    thing = getattr(mirnet, name)

    assert thing.__name__ == name
    assert inspect.getdoc(thing)


def test_no_public_name_is_a_module_too():
    """Importing a module puts it into its package, in the place of whatever had that name."""
    assert not {f"mirnet.{name}" for name in mirnet.__all__} & set(MODULES)


@pytest.mark.parametrize("wrong", [{"strength": 2.0}, {"tile": 6}, {"self_ensemble": 9}])
def test_what_cannot_be_used_is_closed_again(wrong, monkeypatch):
    closed = []
    close = MnnRuntime.close
    monkeypatch.setattr(MnnRuntime, "close", lambda self: (closed.append(self), close(self)))

    with pytest.raises(MirnetError):
        mirnet.load(runtime="mnn", threads=1, **wrong)

    assert len(closed) == 1


def test_the_version_is_that_of_the_package():
    assert mirnet.__version__ == importlib.metadata.version("mirnet")


def test_other_names_are_refused():
    with pytest.raises(AttributeError, match="module 'mirnet' has no attribute 'denoize'"):
        mirnet.denoize  # noqa: B018


def test_importing_the_package_loads_nothing_heavy(python):
    done = python("import mirnet; dir(mirnet)" + LOADED)

    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr


def test_the_check_above_can_fail(python):
    pytest.importorskip("torch")
    done = python("import mirnet; mirnet.MIRNetV2, mirnet.load" + LOADED)

    assert (done.returncode, {"torch", "numpy"} - set(done.stdout.split())) == (0, set())


COMMAND = """
import sys
from mirnet.cli import main
sys.argv = ["mirnet", *sys.argv[1:]]
try:
    main()
except SystemExit:
    pass
"""


@pytest.mark.parametrize(
    "arguments", [["--help"], ["restore", "--help"], ["--version"], ["models"]]
)
def test_asking_for_help_loads_nothing_heavy(python, arguments):
    done = python(COMMAND + LOADED, *arguments)

    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, ""), done.stderr
    assert len(done.stdout) > 10


def test_restoring_loads_what_help_does_not(python):
    done = python(COMMAND + LOADED, "restore", "gone.jpg")

    assert {"numpy", "pyvips"} <= set(done.stdout.split())
    assert "torch" not in done.stdout


def test_restoring_starts_without_the_packages_for_training(python, save, tmp_path):
    source = save(tmp_path / "a.png", 20, 20)
    extras = ("torch", "lightning_fabric", "onnx", "onnxscript", "safetensors", "tensorboard")

    done = python(COMMAND, "restore", source, without=(*extras, "onnxruntime", "rawpy"))

    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "a_restored.png").exists()


@pytest.mark.parametrize("command", [["train", "denoise"], ["export", "a.pth", "--format", "onnx"]])
def test_commands_that_need_more_say_what_to_install(python, command):
    done = python(COMMAND.replace("pass", "raise"), *command, without=("torch",))

    assert done.returncode == 2
    needs = {"train": "training needs", "export": "exporting needs"}[command[0]]
    assert done.stderr == f'mirnet: {needs} torch: pip install "mirnet[train]"\n'


def test_there_are_modules_to_import():
    assert len(MODULES) > 35


@pytest.mark.parametrize("name", MODULES)
def test_every_module_imports_and_its_examples_hold(name):
    for package in ("torch", "lightning_fabric", "onnx", "onnxruntime", "openvino"):
        pytest.importorskip(package)
    if "paddle" in name:
        pytest.importorskip(name, reason="needs Paddle: pip install paddlepaddle")
    module = importlib.import_module(name)

    assert doctest.testmod(module).failed == 0


def test_the_network_is_found_at_its_old_place_with_a_warning():
    import mirnet.network as old
    from mirnet.models.mirnetv2.network import TINY, MIRNetV2

    with pytest.warns(DeprecationWarning, match=r"now mirnet\.models\.mirnetv2\.network\.TINY"):
        assert old.TINY is TINY
    with pytest.warns(DeprecationWarning, match=r"now mirnet\.models\.mirnetv2\.network\.MIRNetV2"):
        assert old.MIRNetV2 is MIRNetV2
    with pytest.raises(AttributeError):
        _ = old.NOTHING


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_values_that_no_picture_has_are_refused(wrong):
    image = np.full((8, 8, 3), 0.5, np.float32)
    image[3, 4, 1] = wrong

    with pytest.raises(ValueError, match="holds NaN or infinite values; give finite floats"):
        mirnet.restore(image)


def test_what_is_no_array_is_refused_with_what_to_do(python):
    done = python("import mirnet; mirnet.restore('night.jpg')")

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "TypeError: mirnet.restore takes an array, height x width (x channels), got str; for files "
        "there is mirnet.load().file(source, target)"
    )


@pytest.mark.slow
def test_type_checkers_see_that_the_dtype_is_kept(tmp_path):
    code = tmp_path / "code.py"
    code.write_text(
        "import numpy as np\n"
        "import mirnet\n"
        "reveal_type(mirnet.restore(np.zeros((8, 8), np.uint16)))\n"
        "with mirnet.load() as restorer:\n"
        "    reveal_type(restorer(np.zeros((8, 8), np.float32)))\n"
    )

    # with the project's own cache: what is learnt here about numpy and PyTorch, `make check` knows
    done = subprocess.run(
        [sys.executable, "-m", "mypy", str(code)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )

    revealed = [line for line in done.stdout.splitlines() if "Revealed type" in line]
    assert len(revealed) == 2, done.stdout + done.stderr
    assert "unsignedinteger[numpy._typing._nbit_base._16Bit]" in revealed[0]
    assert "floating[numpy._typing._nbit_base._32Bit]" in revealed[1]
