"""What the pool knows of one worker, and of the photos that it has now."""

import threading
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from daemon.cluster.link import SeenWorker
from daemon.cluster.tallies import Tally
from daemon.cluster.worker_state import SET_ASIDE, FarWorker


class NoFitWorker(Exception):
    """No worker may have this photo now."""


class PhotoLost(Exception):
    """The worker was lost with the photo. blamed: it was alone there, so it may have been the photo's doing."""

    def __init__(self, worker: str, why: str, *, blamed: bool) -> None:
        super().__init__(why)
        self.worker = worker
        self.blamed = blamed


@dataclass(eq=False)
class OnWorker:
    """A photo that a worker has now."""

    done: threading.Event = field(default_factory=threading.Event)
    answer: bytes | None = None
    lost: PhotoLost | None = None


@dataclass(eq=False)
class KnownWorker:
    """A worker that the scheduler knows.

    heard_at, rests_until: monotonic seconds. alone: the id of the suspect that it is kept for. rests_for: why it gets
    no photos until then, one of `SET_ASIDE`.
    """

    seen: SeenWorker
    heard_at: float
    running: dict[str, OnWorker] = field(default_factory=dict)
    alone: str = ""
    rests_until: float = 0.0
    rests_for: str = ""

    def set_aside(self, version: str, now: float, silent_seconds: float) -> str:
        """Why it gets no photos now, one of `SET_ASIDE`; "" if it gets some. version: that it must have."""
        told = self.seen.told
        if told.get("version") != version:  # also a worker of somebody else, which tells nothing
            return "other_version"
        if now - self.heard_at > silent_seconds:
            return "silent"
        if told.get("set_aside") in SET_ASIDE:
            return str(told["set_aside"])
        return self.rests_for if now < self.rests_until else ""

    def shown(self, version: str, now: float, silent_seconds: float, tally: Tally) -> FarWorker:
        """What people see of it. tally: what is counted of its name."""
        seen, told = self.seen, self.seen.told
        worker = FarWorker(seen.name, seen.address, str(told.get("host", seen.host)), seen.threads)
        return replace(
            worker,
            cores=_whole(told.get("cores")),
            memory_bytes=_whole(told.get("memory_bytes")),
            version=str(told.get("version", "")),
            engine=str(told.get("engine", "")),
            running=len(self.running),
            done=tally.done,
            lost=tally.lost,
            set_aside=self.set_aside(version, now, silent_seconds),
        )


def most_free(fit: Collection[KnownWorker]) -> KnownWorker | None:
    """The worker with the most room, if one has any."""
    free = [each for each in fit if not each.alone and len(each.running) < each.seen.threads]
    return min(free, key=lambda each: len(each.running) / each.seen.threads, default=None)


def _whole(told: object) -> int:
    """A number that a worker tells; 0 for whatever else it may tell."""
    return told if isinstance(told, int) and told > 0 else 0
