"""The contract of every engine: it takes a proxy, a recipe and a ticket, and returns an alpha.

`tests/engines/conformance.py` checks these promises:
- The alpha has the proxy's height and width, also if one of them is 1, is float32, finite and within 0..1.
- The same ticket gives the same alpha again. An engine that can remember computes it at most once.
- `cut` blocks, may be called from `slots` threads at once, and raises only the engine errors of `daemon.errors`.
- An error with one photo does not affect the next photo.
- `close` may be called twice. It makes every running `cut` end soon, with EngineAway.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar, runtime_checkable

from daemon.arrays import Alpha, Rgb
from daemon.engines.encoded_proxy import EncodedProxy
from daemon.jobs import Recipe

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


BUILT_IN = "local"
"""The name of the engine in this process, where others have the name of a server."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An engine's answer: the raw alpha, the server that computed it, and the seconds that each stage took.

    The stages are upload, wait, infer and fetch. cpu_seconds: processor time of the calling thread, by stage.
    """

    alpha: Alpha
    server: str
    stages: Mapping[str, float] = field(default_factory=dict)
    cpu_seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EncodedAnswer(Generic[R]):
    """The same with an alpha that somebody else has read: what `ReadAlpha` returned."""

    alpha: R
    server: str
    stages: Mapping[str, float] = field(default_factory=dict)
    cpu_seconds: Mapping[str, float] = field(default_factory=dict)


class ReadAlpha(Protocol[R_co]):
    """Reads what an engine got from a server, where strangers' files are decoded."""

    def __call__(self, png: bytes, channel: int, size: tuple[int, int], /) -> R_co:
        """channel: which one is the alpha. size: the height and width that it must have.

        Raises ValueError if it is no whole PNG, or has no such channel, or another size.
        """


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """The present condition of one server, or of the local engine. None means that the server does not say.

    running: photos in work there.
    circuit: "closed" = in use, "half_open" = on trial, "open" = not used.
    reconnects: how often a lost connection was opened again since the start.
    set_aside: the models that get no photos there.
    tested: the models that get test pictures there.
    canaries: models that cut out a test picture correctly, each with the Unix time of the last success.
    uploads: how many of our pictures lie on the server. It stays small.
    fallbacks: how often the processor had to stand in for a graphics card since the start.
    history_entries: how many of our finished prompts the server remembers. It stays small.
    run_sizes: numbers of photos, each with how many runs of a network had so many since the start.
    """

    server: str
    up: bool
    message: str = ""
    running: int = 0
    memory_total_bytes: int | None = None
    memory_free_bytes: int | None = None
    circuit: str = "closed"
    reconnects: int = 0
    set_aside: tuple[str, ...] = ()
    tested: tuple[str, ...] = ()
    canaries: tuple[tuple[str, float], ...] = ()
    uploads: int | None = None
    history_entries: int | None = None
    fallbacks: int = 0
    run_sizes: tuple[tuple[int, int], ...] = ()


class Engine(Protocol):
    """The only door between the pipeline and whatever computes alphas."""

    @property
    def slots(self) -> int:
        """How many calls of `cut` the engine can use at once."""

    @property
    def models(self) -> tuple[str, ...]:
        """The model names that a recipe for this engine may use. Asks no server."""

    def start(self) -> None:
        """Load or connect in the background. Returns at once."""

    def cut(self, ticket: uuid.UUID, proxy: Rgb, recipe: Recipe, *, new: bool = False) -> Answer:
        """Compute the raw alpha of `proxy`, (H, W, 3) uint8 sRGB, already cropped to the recipe's view.

        new: True if no engine was ever asked with this ticket, so no earlier answer can exist. In doubt, say False.
        Raises EngineAway, EngineMisconfigured, EngineFull, RecipeRefused or BadPhoto.
        """

    def health(self) -> tuple[ServerHealth, ...]:
        """The condition of each server, as far as known. Asks no server and returns at once."""

    def check(self) -> tuple[ServerHealth, ...]:
        """Ask each server for its condition, its models and its nodes. Takes seconds; `freisteller doctor` uses it."""

    def close(self) -> None:
        """Release everything."""


@runtime_checkable
class KnowsDetail(Protocol):
    """An engine that knows how fine its models look."""

    def detail_of(self, recipe: Recipe) -> int:
        """The pixels of the longer side of what it sees that the recipe's model resolves; 0 if nobody knows.

        It follows from the recipe and the engine's tables alone, so that a later run says the same.
        """


@runtime_checkable
class TakesEncoded(Protocol):
    """An engine that needs no pixels, so that the process which asks it need not encode and decode any."""

    def cut_encoded(
        self, ticket: uuid.UUID, proxy: EncodedProxy, recipe: Recipe, read: ReadAlpha[R], *, new: bool = False
    ) -> EncodedAnswer[R]:
        """As `Engine.cut`, with a proxy that was widened (`least_size`) and encoded, and an alpha for `read`."""
