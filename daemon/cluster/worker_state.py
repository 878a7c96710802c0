"""What is known of a cluster and of its workers, for whoever shows it."""

from collections.abc import Mapping
from dataclasses import dataclass

from daemon.words.counted import counted


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


SET_ASIDE: Mapping[str, str] = {
    "other_version": "it is no worker of this version of Freisteller",
    "root_away": "it does not see the hot folder",
    "engine_away": "it reaches no engine",
    "silent": "it has not been heard of for a while",
    "leaving": "it was asked to end",
}
"""Why a worker gets no photos, each in words."""


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

    def in_words(self) -> str:
        """For people: how many workers there are, and why others get no photos."""
        if not self.connected:
            return f"the scheduler does not answer ({self.fault}), so photos are cut out here"
        fit = self.fit
        at_once = sum(worker.threads for worker in fit)
        first = f"{counted(len(fit), 'worker')} for {counted(at_once, 'photo')} at once"
        left_out = [f"{each.name} gets none: {SET_ASIDE[each.set_aside]}" for each in self.workers if each.set_aside]
        return "; ".join([first if fit else "no worker is there, so photos are cut out here", *left_out])
