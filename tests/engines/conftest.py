"""Doubles and the engines that talk to them, closed when the test ends."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import pytest

from daemon.engines.pool import ComfyUIEngine
from daemon.settings import ComfyUISettings, ServerSettings
from tests.engines.comfyui_double import Double

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


@pytest.fixture
def open_engine() -> Iterator[OpenEngine]:
    """open_engine(double, …, setting=…): an engine on these servers, in a hurry, started."""
    with ExitStack() as stack:

        def opened(
            *doubles: Double | ServerSettings,
            owner: str = "a-daemon",
            start: bool = True,
            canary_models: Sequence[str] = (),
            **settings: object,
        ) -> ComfyUIEngine:
            servers = tuple(
                each if isinstance(each, ServerSettings) else ServerSettings(url=each.url) for each in doubles
            )
            quick: dict[str, object] = {"poll_seconds": 0.4, "probe_seconds": 0.5, "connect_seconds": 5.0}
            engine = ComfyUIEngine(
                ComfyUISettings.model_validate({"servers": servers, **quick, **settings}),
                owner=owner,
                canary_models=canary_models,
            )
            stack.callback(engine.close)
            if start:
                engine.start()
                for each in doubles:
                    if isinstance(each, Double):
                        assert each.faults.no_sockets or each.wait_for_socket()
            return engine

        yield opened
