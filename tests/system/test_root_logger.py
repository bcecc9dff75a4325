"""What a library does to the program's log is undone."""

import logging

import pytest

from mirnet.system import root_logger


@pytest.mark.parametrize("error", [None, ValueError])
def test_level_filters_and_handlers_come_back(error):
    root = logging.getLogger()
    before = root.level, root.filters.copy(), root.handlers.copy()

    try:
        with root_logger.kept():
            root.setLevel(1)
            root.addFilter(lambda record: False)
            root.addHandler(logging.NullHandler())
            if error:
                raise error
    except ValueError:
        pass

    assert (root.level, root.filters, root.handlers) == before
