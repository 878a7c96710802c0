"""Sends a drawn test picture through each model of each server, and sets aside a model whose alpha is wrong.

A server can be up, fast and wrong: broken weights, a failing GPU, an update that changed what a node means. Photos
cannot show that, because nobody knows the right alpha of a photo. For the drawn picture we know it.
"""

import itertools
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Alpha, Rgb
from daemon.engines.comfyui.deaths import Deaths
from daemon.engines.comfyui.servers import ServerEntry, Servers
from daemon.engines.encoded_proxy import EncodedProxy
from daemon.errors import EngineAway, EngineMisconfigured, FreistellerError, Said, said_of
from daemon.jobs import Recipe
from daemon.pictures import codec

SIDE = 512  # pixels of the test picture: large enough for a model to see the subject, small enough to send
PLACES = 16  # places where the subject stands in turn, each STEP pixels beside the one before
STEP = 6
LIKE_ENOUGH = 0.8  # intersection over union: a working model is well above it, noise or an inverted alpha far below
LOOK_SECONDS = 1.0  # between two looks for a free slot
AGAIN_SECONDS = 60.0  # until a model that was wrong is asked again; soon, because photos wait for it

Region = NDArray[np.bool_]


class Canary:
    """Asks the servers, each from its own thread, until `stop` is set."""

    def __init__(
        self,
        servers: Servers,
        deaths: Deaths,
        models: Mapping[str, bool],
        every_seconds: float,
        stop: threading.Event,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        """models: those to test, and whether one may end the server at its first picture. wall_clock: Unix time."""
        self._servers = servers
        self._deaths = deaths
        self._models = dict(models)
        self._every_seconds = every_seconds
        self._stop = stop
        self._clock = clock
        self._wall_clock = wall_clock
        self._numbers: Iterator[int] = itertools.count()

    def start(self) -> None:
        """Begin in the background. The first test of each model is due at once."""
        for entry in self._servers.entries:
            self.watch(entry)

    def watch(self, entry: ServerEntry) -> None:
        """Begin with one more server."""
        with self._servers.changing(entry) as trust:
            trust.tested = frozenset(self._models)
        name = f"canary-{entry.server.name}"
        threading.Thread(target=self._test_models, args=(entry,), name=name, daemon=True).start()

    def prove(self, entry: ServerEntry, model: str) -> None:
        """Send a test picture through a model that has given no alpha on that server yet. The caller holds a slot.

        A spoilt model may end the server's process at its first picture. Whether the alpha is correct does not matter:
        the model may be made for other subjects. Raises the error of the picture, and EngineMisconfigured if the server
        went away with it.
        """
        with entry.proving:
            if model in entry.trust.proven:
                return
            deadly = entry.trust.deadly.get(model)
            if deadly and self._clock() < deadly.until:  # another photo's test picture, a moment ago
                raise EngineMisconfigured(deadly.message)
            picture, _ = draw_test_picture(next(self._numbers))
            self._cut(entry, model, EncodedProxy.of(picture), careful=True)
            with self._servers.changing(entry) as trust:
                trust.proven.add(model)

    def _cut(self, entry: ServerEntry, model: str, encoded: EncodedProxy, careful: bool) -> Alpha:
        """Send one test picture. Raises the server's error.

        careful: the model has proven nothing yet. Raises EngineMisconfigured if the server goes away with the picture,
        and leaves the model alone there for a while. It may have been an accident, so not for ever.
        """
        ticket = uuid.uuid4()
        if careful:
            self._deaths.expect_none(str(ticket))
        try:
            with entry.server.of_no_use_later(ticket):
                return entry.server.cut(ticket, encoded, Recipe(model), codec.decode_alpha, new=True).alpha
        except FreistellerError as error:
            if not careful or not self._deaths.has_killed(str(ticket)):
                raise
            text = Said("test_picture_ended_server", server=entry.server.name, model=model)
            with self._servers.changing(entry) as trust:
                trust.record_deadly(model, text, self._clock())
                trust.record_absence(error if isinstance(error, EngineAway) else EngineAway(said_of(error)))
            entry.probe_soon.set()
            raise EngineMisconfigured(text) from error
        finally:
            self._deaths.forget(str(ticket))

    def _test_models(self, entry: ServerEntry) -> None:
        due = dict.fromkeys(self._models, self._clock())
        while not self._stop.wait(min(LOOK_SECONDS, self._every_seconds)) and not entry.leaving:
            if not entry.trust.reachable:  # it may come back as another installation, so test it at once
                due = dict.fromkeys(self._models, self._clock())
                continue
            for model in self._models:
                is_due = self._clock() >= due[model] or model in entry.trust.set_aside
                if is_due and self._servers.take_idle_slot(entry, model):
                    right = self._test(entry, model)
                    seconds = self._every_seconds if right else min(self._every_seconds, AGAIN_SECONDS)
                    due[model] = self._clock() + seconds

    def _test(self, entry: ServerEntry, model: str) -> bool:
        """Send one picture through one model, in a slot that was taken. Returns whether the alpha was correct."""
        picture, subject = draw_test_picture(next(self._numbers))
        encoded = EncodedProxy.of(picture)
        try:
            alpha = self._cut(entry, model, encoded, self._models[model] and model not in entry.trust.proven)
        except FreistellerError as error:  # no alpha is not a wrong alpha: treat it like a photo's failure
            self._servers.record_failure(entry, model, error, encoded.digest)
            return False
        else:
            likeness = intersection_over_union(alpha, subject)
            if likeness > LIKE_ENOUGH:
                with self._servers.changing(entry) as trust:
                    trust.record_right_canary(model)
                    entry.canaries[model] = self._wall_clock()
                return True
            with self._servers.changing(entry) as trust:
                trust.record_wrong_canary(
                    model,
                    Said(
                        "test_picture_wrong",
                        server=entry.server.name,
                        model=model,
                        likeness=round(likeness, 2),
                        least=LIKE_ENOUGH,
                    ),
                )
            return False
        finally:
            with self._servers.changing(entry) as trust:
                trust.free_slot()


def draw_test_picture(number: int) -> tuple[Rgb, Region]:
    """Draw a red vase on light grey, (SIDE, SIDE, 3) uint8 sRGB, and the pixels of the vase, (SIDE, SIDE) bool.

    number: the vase stands elsewhere for each number. ComfyUI would answer the same picture from its cache, without
    any model.
    """
    centre = SIDE // 2 + (number % PLACES - PLACES // 2) * STEP
    rows, columns = np.mgrid[:SIDE, :SIDE]
    across = np.abs(columns - centre)
    belly = (across / 96) ** 2 + ((rows - 300) / 116) ** 2 < 1
    neck = (across < 40) & (rows > 120) & (rows < 220)
    lip = (across < 60) & (rows > 104) & (rows < 128)
    subject: Region = belly | neck | lip
    picture: Rgb = np.full((SIDE, SIDE, 3), 232, np.uint8)
    light = 1.0 - 0.45 * np.clip((columns - centre + 96) / 192, 0, 1)  # from the left, as in a photo
    lit = light[..., np.newaxis] * np.array((196, 44, 36))
    picture[subject] = lit[subject].astype(np.uint8)
    return picture, subject


def intersection_over_union(alpha: Alpha, subject: Region) -> float:
    """Compares what an alpha, (H, W) float32 0..1, keeps with the subject: 0 = nothing in common, 1 = identical."""
    kept = alpha > 0.5
    return float(np.count_nonzero(kept & subject) / np.count_nonzero(kept | subject))
