"""What `from daemon import cut_out, assess` gives: for programs in Python, by the same steps as the commands.

    from pathlib import Path
    from daemon import assess, cut_out
    from daemon.errors import BadPhoto, EngineAway

    try:
        cup = cut_out("cup.jpg")  # a path, the bytes of a file, or a numpy array
    except (BadPhoto, EngineAway) as error:
        raise SystemExit(str(error))  # says what happened, and what to do
    Path("cup.png").write_bytes(cup.png)  # the file that `freisteller process` writes
    print(cup.grade, cup.score, cup.rgba.shape, cup.alpha.dtype, *cup.reasons)
    print(assess("cup.jpg", cup.alpha).grade)

The engine stays warm until `close()` or the end of the process. Settings come from FREISTELLER__… variables; with a
file, or several engines: `with Cutter("freisteller.toml") as cutter: cutter.cut_out(…)`. With a witness, a script needs
`if __name__ == "__main__":`, because the witness is a process of its own, which reads the script again.
"""

import atexit
import json
import os
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from daemon.commands.assess import assess_cutout, assessed_values
from daemon.commands.photo_source import PhotoSource, as_file
from daemon.commands.single_photos import SinglePhotos
from daemon.errors import EngineAway
from daemon.jobs import Grade, Verdict
from daemon.logs import log
from daemon.pictures.photo import Photo
from daemon.pictures.reading import open_photo
from daemon.pictures.values import Samples
from daemon.settings import Settings, load
from daemon.words.catalogue import words_in


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """How good a cut-out is. report: what `freisteller assess --json` prints, with the reasons in words."""

    verdict: Verdict
    report: dict[str, Any]

    @property
    def grade(self) -> Grade:
        """`Grade.SEHR_GUT`, `Grade.GUT` or `Grade.UNGENUEGEND`."""
        return self.verdict.grade

    @property
    def score(self) -> float:
        """The expected likeness with a perfect cut-out, 0..1."""
        return self.verdict.score

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it has this grade, in the language of the settings."""
        return tuple(self.report["reasons"])


@dataclass(frozen=True, eq=False)
class CutPhoto(Assessment):
    """A photo that was cut out, at its full size, upright. report: what `freisteller process` writes beside it.

    png: the file that `freisteller process` writes. Its pixels are decoded when they are first asked for, so who only
    keeps the file, or looks at the grade, does not wait for them.
    """

    png: bytes

    @cached_property
    def _pixels(self) -> Photo:
        with as_file(self.png, "result.png") as path:
            return open_photo(path, np.inf)

    @property
    def rgba(self) -> Samples:
        """(H, W, 4), uint8 or uint16 as the photo has it, in the photo's own colours, not premultiplied."""
        return self._pixels.rgba

    @property
    def icc(self) -> bytes | None:
        """The profile of these colours; None stands for sRGB."""
        return self._pixels.icc

    @property
    def alpha(self) -> Samples:
        """(H, W): 0 where the background was, 255 (65535 if the photo has 16 bit) where the subject is."""
        return self.rgba[..., 3]


class Cutter:
    """Cuts out and judges, and keeps its engine warm until it is closed; a context manager. Any threads may use it."""

    def __init__(self, config: str | os.PathLike[str] | None = None, settings: Mapping[str, Any] | None = None) -> None:
        """config: a settings file, as `--config` takes it. settings: nested like that file, and counts more.

        Raises BadSettings.
        """
        given = load(Path(config) if config is not None else None, dict(settings or {}))
        outputs = given.outputs.model_copy(update={"formats": ("png",), "pages": "first"})
        self._settings: Settings = given.model_copy(update={"outputs": outputs})
        self._lock = threading.Lock()
        self._photos: SinglePhotos | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def cut_out(self, photo: PhotoSource) -> CutPhoto:
        """Cut a photo out; the first call opens the engine. Of a file of several pages the first one is cut out.

        Raises BadPhoto if it cannot be cut out, EngineAway and EngineMisconfigured if the engine cannot answer,
        BadSettings if it cannot work at all, RootAway and NoRoom if a disk does not answer or is full.
        """
        with tempfile.TemporaryDirectory(prefix="freisteller-") as folder, as_file(photo, "photo") as path:
            done = self._opened().cut_out(path, Path(folder))
            (result, _), (report, _) = done.files
            return CutPhoto(done.outcome.verdict, json.loads(report.read_bytes()), result.read_bytes())

    def assess(self, photo: PhotoSource, cutout: PhotoSource) -> Assessment:
        """Judge a cut-out, or a mask, that exists already, whoever made it; no engine is asked.

        cutout: as a photo; a mask, (H, W), may be bool, or float from 0 to 1, too. Raises BadPhoto if they do not fit.
        """
        with as_file(photo, "photo") as original, as_file(cutout, "cutout") as cut:
            verdict = assess_cutout(self._settings, original, cut)
        return Assessment(verdict, assessed_values(verdict, words_in(self._settings.language)))

    def close(self) -> None:
        """End the engine, and give its memory back. A photo in work raises EngineAway; a later call opens it again."""
        with self._lock:
            photos, self._photos = self._photos, None
        if photos is not None:
            photos.close()

    def _opened(self) -> SinglePhotos:
        with self._lock:
            if self._photos is None:
                self._photos = SinglePhotos(self._settings, lambda line: log.log("engine_prepares", line))
            return self._photos


class _OfThisProcess:
    """The one cutter that the functions below share, by the settings of the environment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cutter: Cutter | None = None
        self._is_forked = False

    def cutter(self) -> Cutter:
        """The cutter; made when it is first asked for. Raises BadSettings, and EngineAway in a process without it."""
        if self._is_forked:
            raise EngineAway(
                "This process was forked from one that had cut out photos, and got none of the threads that do the "
                'work. Fork before the first photo, or use multiprocessing.get_context("spawn").'
            )
        with self._lock:
            self._cutter = self._cutter or Cutter()
            return self._cutter

    def close(self) -> None:
        """Close it; the settings are read anew when it is asked for again."""
        with self._lock:
            cutter, self._cutter = self._cutter, None
        if cutter is not None:
            cutter.close()

    def after_fork(self) -> None:
        """Refuse from now on what would hang, if the engine was open: its threads stayed in the other process."""
        self._lock = threading.Lock()
        self._is_forked = self._is_forked or self._cutter is not None
        self._cutter = None


_KEPT = _OfThisProcess()  # whoever writes two lines of Python hands no engine around
atexit.register(_KEPT.close)
os.register_at_fork(after_in_child=_KEPT.after_fork)


def cut_out(photo: PhotoSource) -> CutPhoto:
    """Cut a photo out, as `Cutter.cut_out` does, with an engine that this process keeps warm until `close`."""
    return _KEPT.cutter().cut_out(photo)


def assess(photo: PhotoSource, cutout: PhotoSource) -> Assessment:
    """Judge a cut-out that exists already, as `Cutter.assess` does."""
    return _KEPT.cutter().assess(photo, cutout)


def close() -> None:
    """End the engine that `cut_out` keeps warm; the end of the process does so, too."""
    _KEPT.close()
