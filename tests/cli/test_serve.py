"""`mirnet serve` where something is missing; tests/serve has the server itself."""


def test_without_its_packages_it_says_what_to_install(mirnet_without):
    done = mirnet_without("serve", "--no-browser", without=("fastapi",))

    assert done.returncode == 2
    assert done.stderr == ('mirnet: mirnet serve needs fastapi: pip install "mirnet[serve]"\n')


def test_help_needs_no_packages(mirnet_without):
    done = mirnet_without("serve", "--help", without=("fastapi", "uvicorn", "numpy"))

    assert done.returncode == 0
    assert "--token-file" in done.stdout
