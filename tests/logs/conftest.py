"""A fixture for all tests of logging."""

import logging
from collections.abc import Iterator

import pytest

from daemon.logs import log


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger(log.LOGGER)
    before = root.handlers[:], root.level, ours.level
    root.handlers.clear()  # set_up must not close the handlers of pytest
    yield
    logging.captureWarnings(False)
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])
