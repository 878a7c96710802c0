"""The canary: now and then each model of each server cuts out a drawn picture; a wrong alpha pauses the model there.

A server can be up, quick and wrong: broken weights, a failing GPU, an update that changed what a node means. Photos
cannot show that, for nobody knows what their alpha should be. Here it is known.
"""

import itertools
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Alpha, Rgb
from daemon.engines.comfyui.prompt_run import Picture
from daemon.engines.comfyui.servers import Member, Roster
from daemon.errors import FreistellerError
from daemon.jobs import Recipe

SIDE = 512  # pixels of the drawn picture: enough for a model to see it, little to send
PLACES = 16  # that the subject stands at in turn, STEP pixels apart
STEP = 6
LIKE_ENOUGH = 0.8  # intersection over union; a working model is well above it, noise or an inverted alpha far below
LOOK_SECONDS = 1.0  # between two looks for a free slot
AGAIN_SECONDS = 60.0  # until a model that was wrong is asked again: photos wait for it

Region = NDArray[np.bool_]


class Canary:
    """Asks the servers, a thread each, until `stop`."""

    def __init__(
        self,
        roster: Roster,
        models: Sequence[str],
        every_seconds: float,
        stop: threading.Event,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        """wall_clock: Unix time, to say when a model was last right."""
        self._roster = roster
        self._models = tuple(models)
        self._every_seconds = every_seconds
        self._stop = stop
        self._clock = clock
        self._wall_clock = wall_clock
        self._numbers: Iterator[int] = itertools.count()

    def start(self) -> None:
        """Begin, in the background; the first round is due at once."""
        for member in self._roster.members:
            self.watch(member)

    def watch(self, member: Member) -> None:
        """Begin with one server that came later."""
        name = f"canary-{member.server.name}"
        threading.Thread(target=self._patrol, args=(member,), name=name, daemon=True).start()

    def _patrol(self, member: Member) -> None:
        due = dict.fromkeys(self._models, self._clock())
        while not self._stop.wait(min(LOOK_SECONDS, self._every_seconds)) and not member.leaving:
            if not self._roster.up(member):  # it may come back as another installation: then ask at once
                due = dict.fromkeys(self._models, self._clock())
                continue
            for model in self._models:
                if self._clock() >= due[model] and self._roster.take_idle(member, model):
                    right = self._ask(member, model)
                    pause = self._every_seconds if right else min(self._every_seconds, AGAIN_SECONDS)
                    due[model] = self._clock() + pause

    def _ask(self, member: Member, model: str) -> bool:
        """One picture through one model, in a slot that was taken. Returns whether the answer was right."""
        picture, subject = drawn(next(self._numbers))
        try:
            alpha = member.server.cut(uuid.uuid4(), Picture.of(picture), Recipe(model)).alpha
        except FreistellerError as error:  # no answer is no wrong answer: dealt with as for any photo
            self._roster.note_failure(member, model, error)
            return False
        else:
            found = likeness(alpha, subject)
            if found > LIKE_ENOUGH:
                self._roster.note_right(member, model, self._wall_clock())
                return True
            self._roster.note_wrong(
                member,
                model,
                f"{member.server.name} cuts out the test picture wrongly with {model} (likeness {found:.2f}, expected "
                f"above {LIKE_ENOUGH}): look at that model's file and at the GPU there, then restart ComfyUI.",
            )
            return False
        finally:
            self._roster.give_back(member)


def drawn(number: int) -> tuple[Rgb, Region]:
    """A red vase on light grey, (SIDE, SIDE, 3) uint8 sRGB, and where it is, (SIDE, SIDE) bool.

    number: it stands elsewhere each time, for ComfyUI answers the same picture from its cache without any model.
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


def likeness(alpha: Alpha, subject: Region) -> float:
    """Intersection over union of the subject and what the alpha, (H, W) float32 0..1, keeps: 0 nothing, 1 all alike."""
    kept = alpha > 0.5
    return float(np.count_nonzero(kept & subject) / np.count_nonzero(kept | subject))
