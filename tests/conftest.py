"""What every test run needs."""

from collections.abc import Generator
from typing import Any

import pytest

from daemon.intake import background_decoding
from daemon.intake.event_listener import EventListener


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
