"""What every engine promises: proxy, recipe and ticket in, alpha out.

Promises, each held by `tests/engines/conformance.py`:
- The alpha has the proxy's height and width, is float32, finite and within 0..1.
- The same ticket again gives the same alpha, and computes it at most once where the engine can remember.
- `cut` blocks, may be called from `slots` threads at once, and raises only the engine errors of `daemon.errors`.
- An error of one photo says nothing about the next.
- `close` may be called twice, and makes a `cut` that is under way end soon, with EngineAway.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from daemon.arrays import Alpha, Rgb
from daemon.jobs import Recipe


@dataclass(frozen=True, slots=True)
class Answer:
    """An engine's answer: the raw alpha, who computed it, and the seconds per stage (upload, wait, infer, fetch)."""

    alpha: Alpha
    server: str
    stages: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """How one server (or the local engine) is right now. Bytes; None where it does not say.

    circuit: "closed" it is used, "half_open" it is on trial, "open" it is left out. reconnects: lost connections that
    were renewed, since the start. paused: models that get no photos there. canaries: models that cut out a test picture
    rightly, and when they last did (Unix time). uploads, history_entries: what of ours lies on it, pictures and prompts
    that are over; both stay few.
    """

    server: str
    up: bool
    message: str = ""
    running: int = 0
    memory_total_bytes: int | None = None
    memory_free_bytes: int | None = None
    circuit: str = "closed"
    reconnects: int = 0
    paused: tuple[str, ...] = ()
    canaries: tuple[tuple[str, float], ...] = ()
    uploads: int | None = None
    history_entries: int | None = None


class Engine(Protocol):
    """The one door between the pipeline and whatever computes alphas."""

    @property
    def slots(self) -> int:
        """How many calls of `cut` it can use at once."""

    @property
    def models(self) -> tuple[str, ...]:
        """The names that a recipe for this engine may use, known without asking anybody."""

    def start(self) -> None:
        """Load or connect in the background; returns at once."""

    def cut(self, ticket: uuid.UUID, proxy: Rgb, recipe: Recipe, *, new: bool = False) -> Answer:
        """The raw alpha of `proxy`, (H, W, 3) uint8 sRGB, already cut to the recipe's view.

        new: nobody was ever asked with this ticket, so there is no answer to look for. Not to be said in doubt.
        Raises EngineAway, EngineMisconfigured, EngineFull, RecipeRefused or BadPhoto.
        """

    def health(self) -> tuple[ServerHealth, ...]:
        """How each server is, from what is known; asks nobody, returns at once."""

    def check(self) -> tuple[ServerHealth, ...]:
        """How each server is, asked anew, models and nodes included; may take seconds (doctor)."""

    def close(self) -> None:
        """Let go of everything."""
