"""Doubles for what cannot be had in a test: a clock that is set by hand, and an engine that needs no network."""

import threading
import uuid
from collections import Counter
from collections.abc import Callable

import numpy as np

from daemon.arrays import Alpha, Rgb
from daemon.engines.contract import Answer, ServerHealth
from daemon.errors import EngineAway
from daemon.jobs import Recipe


class Clock:
    """Time that only a test moves on."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class ScriptedEngine:
    """Cuts out by colour: what differs from the picture's border is the subject.

    calls counts the inferences by ticket; trouble, if set, is called before each and may raise.
    """

    slots = 2
    models: tuple[str, ...] = ("u2netp",)

    def __init__(self, trouble: Callable[[Recipe], None] | None = None) -> None:
        self.calls: Counter[uuid.UUID] = Counter()
        self.trouble = trouble
        self._lock = threading.Lock()
        self._closed = False

    def start(self) -> None:
        self._closed = False  # a server lives on when its client dies

    def cut(self, ticket: uuid.UUID, proxy: Rgb, recipe: Recipe, *, new: bool = False) -> Answer:
        if self._closed:
            raise EngineAway("closed")
        if self.trouble:
            self.trouble(recipe)
        with self._lock:
            self.calls[ticket] += 1
        return Answer(by_colour(proxy), "double", {"infer": 0.001})

    def health(self) -> tuple[ServerHealth, ...]:
        return (ServerHealth("double", True),)

    def check(self) -> tuple[ServerHealth, ...]:
        return self.health()

    def close(self) -> None:
        self._closed = True


def by_colour(rgb: Rgb) -> Alpha:
    """(H, W) float32 0..1: how far each pixel is from the mean colour of the border."""
    border = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]]).mean(axis=0)
    distance = np.abs(rgb.astype(np.float32) - border).sum(axis=2)
    alpha: Alpha = np.clip((distance - 60) / 120, 0, 1).astype(np.float32)
    return alpha
