"""What every test run needs."""

import gc
import logging
import os
import signal
from collections import defaultdict
from collections.abc import Generator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# A photo that no test wants a witness for shall not cost half a second more.
os.environ["FREISTELLER__JUDGEMENT__WITNESS"] = "off"

from daemon.intake import background_decoding
from daemon.intake.event_listener import EventListener
from daemon.logs import log

# An example that hangs is found; one that a busy machine held up for a moment is no fault.
hypothesis.settings.register_profile("busy", deadline=timedelta(seconds=20))
hypothesis.settings.load_profile("busy")

# A run that a script starts in the background is deaf to Ctrl-C, and so would be each program that a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)


# Twelve thousand tests are no garbage, and looking through what they are made of would take a quarter of a run.
gc.disable()


def pytest_collection_finish() -> None:
    """All is collected now: what the tests themselves leave behind is looked for from here on."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each of several workers begin with slow tests, so that at the end none is left alone with a long one.

    `--dist worksteal` first gives each worker a slice of the list, all of them about equally long.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0"))
    if not workers:
        return
    modules: defaultdict[Path, list[pytest.Item]] = defaultdict(list)
    quick: list[pytest.Item] = []
    for item in items:
        (modules[item.path] if item.get_closest_marker("slow") else quick).append(item)
    slices: list[list[pytest.Item]] = [[] for _ in range(workers)]
    for module in sorted(modules.values(), key=len, reverse=True):
        min(slices, key=len).extend(module)
    items.clear()
    left = len(quick) + sum(map(len, slices))
    for number, begin in enumerate(slices):
        size = left // (workers - number)
        further = max(0, size - len(begin))
        items += begin + quick[:further]
        del quick[:further]
        left -= size
    items += quick


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, pytest.TestReport]:
    """Captured logs may hold file names that are no text; between two test processes only text can travel."""
    report: pytest.TestReport = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scan waits for each proof: on a busy machine, the first worker process alone may need seconds to start."""
    monkeypatch.setattr(background_decoding, "PATIENCE_SECONDS", 60.0)


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Daemons hear no events: stopping watchdog takes half a second each time, and the scan finds everything anyway."""
    monkeypatch.setattr(EventListener, "listen", lambda *_: None)


@pytest.fixture(autouse=True)
def log_levels_as_they_were() -> Iterator[None]:
    """A command that a test runs in this process sets the levels of its log, for that test only."""
    loggers = [logging.getLogger(), logging.getLogger(log.LOGGER)]
    before = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)
