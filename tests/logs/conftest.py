"""What tests of logging share."""

import logging
from collections.abc import Iterator

import pytest

from daemon.logs import log


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger(log.LOGGER)
    before = root.handlers[:], root.level, ours.level
    root.handlers.clear()  # what pytest hung in there is not for set_up to close
    yield
    logging.captureWarnings(False)
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])
