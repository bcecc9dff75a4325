"""What tests of the data share."""

import pytest


@pytest.fixture
def recording(monkeypatch):
    """A function that makes a module's function note its positional arguments and work on."""

    def record(module, name):
        calls = []
        function = getattr(module, name)

        def noting(*arguments, **options):
            calls.append(arguments)
            return function(*arguments, **options)

        monkeypatch.setattr(module, name, noting)
        return calls

    return record
