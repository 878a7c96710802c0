"""What the daemon and a worker on another machine hand each other: one try at one photo, and what came of it."""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from daemon.errors import Said
from daemon.jobs import Attempt, Outcome, Recipe
from daemon.publishing.reports import Cut
from daemon.work.task import PhotoTask

KeptAlpha = tuple[int, Recipe, bytes]
"""The number of an attempt, its recipe, and its raw alpha as a PNG."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One try at one photo that is still to be cut out. Picklable; all places are relative to the hot folder.

    root_id: the hot folder's identity. original: the photo. folder: of this try alone; each run of it makes a folder of
    its own there. alphas: those that earlier tries paid for. dead: as `Pipeline.dead`.
    """

    task: PhotoTask
    root_id: str
    original: str
    folder: str
    alphas: tuple[KeptAlpha, ...] = ()
    dead: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Made:
    """What a worker made of a photo. Nothing of it counts before the daemon has decided on it.

    cuts: with the places of their files relative to the hot folder. sums: SHA-256 of each file, by that place.
    recorded: attempts in the order in which they were to be recorded.
    """

    outcome: Outcome
    cuts: tuple[Cut, ...]
    sums: Mapping[str, str]
    not_done: Mapping[int, Said]
    recorded: tuple[tuple[Attempt, ...], ...]


@dataclass(frozen=True, slots=True)
class Returned:
    """What came of an errand. made: None if it raised. error, cause: what it raised.

    alphas: those that engines gave in this run, whatever came of it then. told: name and values of each call of a
    `Meter`.
    """

    worker: str
    made: Made | None = None
    error: Exception | None = None
    cause: BaseException | None = None
    trace: str = ""
    alphas: tuple[KeptAlpha, ...] = ()
    told: tuple[tuple[str, tuple[Any, ...], Mapping[str, str]], ...] = ()


def packed(value: Errand | Returned) -> bytes:
    """An errand, or its answer, as bytes. An error that cannot travel becomes one that can."""
    try:
        content = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
        if isinstance(value, Returned) and value.error is not None:
            pickle.loads(content)
        return content
    except Exception:
        if not isinstance(value, Returned):
            raise
        error = RuntimeError(f"{type(value.error).__name__}: {value.error}")
        return packed(Returned(value.worker, None, error, None, value.trace, value.alphas, value.told))


def unpacked_errand(content: bytes) -> Errand:
    """The errand that `packed` packed."""
    errand: Errand = pickle.loads(content)
    return errand


def unpacked(content: bytes) -> Returned:
    """The answer that `packed` packed."""
    returned: Returned = pickle.loads(content)
    return returned
