"""What is known of a cluster and of its workers, for whoever shows it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FarWorker:
    """One worker on some machine, as it was seen last.

    threads: how many photos it works on at once. memory_bytes: that it may take; 0 = it does not say. version: of
    Freisteller. engine: "comfyui", "local", or "" as long as it has not said. running: photos that it has now. done,
    lost: photos that it brought to their end, and that were lost with it, since this daemon started. set_aside: why it
    gets no photos now, one of `SET_ASIDE`; "" = it gets some.
    """

    name: str
    address: str
    host: str
    threads: int
    memory_bytes: int = 0
    version: str = ""
    engine: str = ""
    running: int = 0
    done: int = 0
    lost: int = 0
    set_aside: str = ""


SET_ASIDE = ("other_version", "root_away", "engine_away", "silent", "leaving")
"""Its version is another one; it does not see the hot folder; it reaches no engine; it has not been heard of for a
while; it was asked to end."""


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
