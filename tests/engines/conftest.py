"""Fixtures: doubles, and engines that use them. They are closed when the test ends."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import pytest

from daemon.engines.comfyui.comfyui_engine import ComfyUIEngine
from daemon.engines.comfyui.event_socket import EventSocket
from daemon.settings import ComfyUISettings, ServerSettings
from tests.engines.comfyui_double import Double
from tests.engines.double_version import SEEN
from tests.engines.replay import REAL, Subject
from tests.engines.scene import CLIENT, Scene

OpenEngine = Callable[..., ComfyUIEngine]


@pytest.fixture
def double() -> Iterator[Double]:
    with Double() as running:
        yield running


@pytest.fixture
def other() -> Iterator[Double]:
    """A second server."""
    with Double() as running:
        yield running


def connected(events: EventSocket) -> bool:
    """Wait until the client's end is open. The server's end opens sooner; a drop before that is no lost connection."""
    began = time.monotonic()
    while not events.connected and time.monotonic() - began < 60:
        time.sleep(0.005)
    return events.connected


@pytest.fixture
def open_engine() -> Iterator[OpenEngine]:
    """open_engine(double, …, setting=…): a started engine on these servers, with short times."""
    with ExitStack() as stack:

        def opened(
            *doubles: Double | ServerSettings,
            owner: str = "a-daemon",
            start: bool = True,
            ladder: Sequence[str] = (),
            **settings: object,
        ) -> ComfyUIEngine:
            servers = tuple(
                each if isinstance(each, ServerSettings) else ServerSettings(url=each.url) for each in doubles
            )
            quick: dict[str, object] = {"poll_seconds": 0.4, "probe_seconds": 0.5, "connect_seconds": 5.0}
            engine = ComfyUIEngine(
                ComfyUISettings.model_validate({"servers": servers, **quick, **settings}),
                owner=owner,
                ladder=ladder,
            )
            stack.callback(engine.close)
            if start:
                engine.start()
                for entry, each in zip(engine._servers.entries, doubles, strict=True):
                    if isinstance(each, Double) and not each.faults.no_sockets:
                        assert connected(entry.server._events)
            return engine

        yield opened


@pytest.fixture(scope="module", params=[REAL] if REAL else SEEN)
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """The server that recordings are replayed against: the real one if the environment names one, else a double.

    The double plays each version that was seen, one after the other.
    """
    if REAL:
        server = Subject.at(REAL, None)
        server.upload_pictures()
        yield server
        return
    with Double(version=request.param) as running:
        server = Subject.at(running.url, running)
        server.upload_pictures()
        yield server


@pytest.fixture
def scene(double: Double) -> Iterator[Scene]:
    on_the_double = Subject.at(double.url, double)
    on_the_double.upload_pictures()
    with on_the_double.listen(CLIENT) as listener:
        listener.next()
        yield Scene(on_the_double, double, listener)
