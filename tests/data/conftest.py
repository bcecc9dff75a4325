"""What tests of the data share."""

import pytest


@pytest.fixture
def recording(monkeypatch):
    """A function that has a module's function, which still does its work, note its arguments."""

    def record(module, name):
        calls = []
        function = getattr(module, name)

        def noting(*arguments):
            calls.append(arguments)
            return function(*arguments)

        monkeypatch.setattr(module, name, noting)
        return calls

    return record
