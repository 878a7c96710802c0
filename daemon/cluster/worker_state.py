"""What is known of a cluster and of its workers, for whoever shows it."""

from collections.abc import Mapping
from dataclasses import dataclass

from daemon.errors import Said, said_together


@dataclass(frozen=True, slots=True)
class FarWorker:
    """One worker on some machine, as it was seen last.

    threads: how many photos it works on at once. cores, memory_bytes: that it may use; 0 = it does not say. version: of
    Freisteller. engine: "comfyui", "local", or "" as long as it has not said. running: photos that it has now. done,
    lost: photos that it brought to their end, and that were lost with it, since this daemon started. set_aside: why it
    gets no photos now, one of `SET_ASIDE`; "" = it gets some.
    """

    name: str
    address: str
    host: str
    threads: int
    cores: int = 0
    memory_bytes: int = 0
    version: str = ""
    engine: str = ""
    running: int = 0
    done: int = 0
    lost: int = 0
    set_aside: str = ""


SET_ASIDE: Mapping[str, Said] = {
    "other_version": Said("aside_other_version"),
    "root_away": Said("aside_root_away"),
    "engine_away": Said("aside_engine_away"),
    "silent": Said("aside_silent"),
    "leaving": Said("aside_leaving"),
}
"""Why a worker gets no photos, each in words."""
MOST_NAMED = 8
"""So many workers that get no photos are named."""


@dataclass(frozen=True, slots=True)
class ClusterState:
    """connected: whether the scheduler answers. fault: why it does not, in a library's words. workers: by name."""

    connected: bool
    fault: str = ""
    workers: tuple[FarWorker, ...] = ()

    @property
    def fit(self) -> tuple[FarWorker, ...]:
        """The workers that get photos now."""
        return tuple(worker for worker in self.workers if self.connected and not worker.set_aside)

    def in_words(self) -> Said:
        """For people: how many workers there are, and why others get no photos."""
        if not self.connected:
            return Said("cluster_away", fault=self.fault)
        aside = [each for each in self.workers if each.set_aside]
        named = [
            Said("cluster_gets_none", worker=each.name, why=SET_ASIDE[each.set_aside]) for each in aside[:MOST_NAMED]
        ]
        more = [Said("cluster_more_get_none", n=len(aside) - len(named))] if len(aside) > len(named) else []
        return said_together([self._fit_in_words(), *named, *more], "list")

    def _fit_in_words(self) -> Said:
        workers, photos = len(self.fit), sum(worker.threads for worker in self.fit)
        if not workers:
            return Said("cluster_none_fit") if self.workers else Said("cluster_empty")
        if workers > 1:
            return Said("cluster_workers", n=workers, photos=photos)
        return Said("cluster_one_worker", photos=photos) if photos > 1 else Said("cluster_one_photo")
