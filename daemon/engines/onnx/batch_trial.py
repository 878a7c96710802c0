"""Finds out once how many pictures a run of a network should have on this machine, and remembers it."""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal

import numpy as np

from daemon.arrays import Alpha
from daemon.engines.onnx.kept_trials import KeptTrials, cards, key_of
from daemon.engines.onnx.network_input import Network, network_input
from daemon.engines.onnx.network_output import alpha_of_map
from daemon.engines.onnx.onnx_session import OnnxSession
from daemon.engines.onnx.onnx_table import OnnxModel
from daemon.engines.onnx.providers import CPU

SIZES = (2, 4, 8)
SIDE = 512  # of a drawn picture, in pixels
LONGEST_SECONDS = 4.0  # the first photo waits meanwhile
MOST_BYTES = 1_000_000_000  # of memory, for a run
SHORT_SECONDS = 0.01  # photos do not wait for a network that is as quick as this
BETTER = 0.8  # of the time that a picture takes by itself: what takes longer is not worth the memory and the wait
EQUAL = 1.01 / 255  # a step of an alpha


class BatchTrial:
    """The trials of one daemon."""

    def __init__(
        self,
        kept: KeptTrials,
        cores: int,
        clock: Callable[[], float] = time.monotonic,
        processor_clock: Callable[[], float] = time.process_time,
    ) -> None:
        """processor_clock: measures runs on the processor, where other programs may be at work, too."""
        self._kept = kept
        self._cores = cores
        self._clock = clock
        self._processor_clock = processor_clock

    def most(
        self, weights: Path, model: OnnxModel, session: OnnxSession, threads: int, setting: Literal["auto"] | int
    ) -> int:
        """How many pictures a run should have at most: the setting; "auto" = what is kept, or what a trial finds now.

        1 if the graph takes one picture only, or nothing can be kept. threads: of a run.
        """
        if not session.takes_several:
            return 1
        if setting != "auto":
            return setting
        if not self._kept.keeps:
            return 1
        device = "" if session.provider == CPU else f" with {cards()}"
        try:
            key = f"pictures of {key_of(weights, self._cores)}, {threads} threads, {session.provider}{device}"
        except OSError:  # somebody took them; what is loaded works
            return 1
        found = self._kept.found(key)
        if found is None:
            found = self._fastest(session, model)
            self._kept.keep(key, found)
        return found

    def _fastest(self, session: OnnxSession, model: OnnxModel) -> int:
        """The size of runs with the least time for a picture, if that is much less than in runs of one.

        Stops where a run fails or gives other alphas than runs of one, and before one that would take too long or much.
        """
        best, began, in_use = 1, self._clock(), _begin_peak()
        try:
            alphas, single = self._alphas(session, model, _pictures(model, 1))
            if single < SHORT_SECONDS:
                return 1
            least, before = BETTER * single, began
            for size in SIZES:
                now, taken = self._clock(), _memory("VmHWM") - in_use
                if now + 2 * (now - before) - began > LONGEST_SECONDS or 2 * taken > MOST_BYTES:
                    break
                before, pictures = now, _pictures(model, size)
                for each in pictures[len(alphas) :]:
                    alphas += [_alpha(session.maps(each[np.newaxis])[0], model)]
                together, seconds = self._alphas(session, model, pictures)
                if not all(_equal(*pair) for pair in zip(alphas, together, strict=True)):
                    break
                if seconds / size < least:
                    best, least = size, seconds / size
        except Exception:  # noqa: BLE001 - memory is full, or the network takes no several: what ran well is used
            return best
        return best

    def _alphas(self, session: OnnxSession, model: OnnxModel, pictures: Network) -> tuple[list[Alpha], float]:
        """The alphas, and the seconds of a run: the better of two, since the first one also prepares itself."""
        clock, seconds = self._processor_clock if session.provider == CPU else self._clock, []
        for _ in range(2):
            began = clock()
            found = session.maps(pictures)
            seconds.append(clock() - began)
        return [_alpha(each, model) for each in found], min(seconds)


def _pictures(model: OnnxModel, number: int) -> Network:
    """What the network sees of drawn pictures: a dark disc on a light ground, each time elsewhere."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    seen = []
    for place in range(number):
        inside = (rows - SIDE // 2) ** 2 + (columns - SIDE // 3 - 8 * place) ** 2 < (SIDE // 5) ** 2
        picture = np.where(inside[..., np.newaxis], np.array([150, 40, 30]), 230).astype(np.uint8)
        seen.append(network_input(picture, model))
    return np.concatenate(seen)


def _alpha(found: Network, model: OnnxModel) -> Alpha:
    return alpha_of_map(found, model, *found.shape)


def _equal(one: Alpha, other: Alpha) -> bool:
    return bool(np.abs(one - other).max() <= EQUAL)


def _begin_peak() -> int:
    """Forget the peak of this process's memory, so that a later one is known. Returns the bytes that it has now."""
    with suppress(OSError):  # then an earlier peak counts, too, and fewer sizes are tried
        Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(what: str) -> int:
    """Bytes of this process, by a name in /proc/self/status: VmRSS = now, VmHWM = the most so far."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 if found else 0
