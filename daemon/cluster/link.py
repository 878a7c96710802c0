"""The contract between the pool and whatever carries errands to workers: Dask, or a test."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The certificate of the authority, this machine's own, and its key."""

    ca_file: Path
    cert: Path
    key: Path


class LinkLost(Exception):
    """The scheduler does not answer, so nobody knows its workers; what was sent is lost."""


@dataclass(frozen=True, slots=True)
class SeenWorker:
    """A worker as the scheduler knows it. seen: changes whenever it is heard of. told: what it says of itself."""

    address: str
    name: str
    host: str
    threads: int
    seen: float
    told: Mapping[str, Any] = field(default_factory=dict)


class Link(Protocol):
    """A way to the workers. Safe to use from many threads."""

    def workers(self) -> Sequence[SeenWorker]:
        """The workers that there are. Raises LinkLost."""

    def send(self, address: str, key: str, content: bytes, ended: Callable[[bytes | None, str], None]) -> None:
        """Run an errand on this worker alone. ended: is told its answer, or None and why there is none; once.

        Raises LinkLost.
        """

    def forget(self, key: str) -> None:
        """Nobody waits for this errand any more. Never raises."""

    def close(self) -> None:
        """Let go. May be called twice."""
