"""The program dies before its n-th effect while four photos are in work and two people act: all is there once."""

import hashlib
import itertools
import threading
import time
from pathlib import Path

import pytest

from benchmarks.crash_campaign import Studio, look_at_everything, misfiled, on_their_way
from benchmarks.doings import Person
from daemon.hotfolder.effects import Effect
from daemon.service.lifecycle import Daemon
from daemon.settings import Settings, load
from tests.doubles import ScriptedEngine
from tests.drawing import drawn_photo, save_photo
from tests.test_crash_at_every_step import Died

pytestmark = pytest.mark.usefixtures("deaf")

PHOTOS = 6
LONGEST_SECONDS = 60.0


class PowerCut:
    """A tick that dies before one effect; from then on each thread dies before its next one."""

    def __init__(self, step: int | None) -> None:
        """step: from 0. None = never."""
        self.happened = threading.Event()
        self._step = step
        self._steps = itertools.count()

    def __call__(self, effect: Effect) -> None:
        if next(self._steps) == self._step:
            self.happened.set()
        if self.happened.is_set():
            raise Died(effect)


def settings_below(folder: Path) -> Settings:
    return load(
        flags={
            "root": str(folder / "hot"),
            "state_dir": str(folder / "state"),
            "intake": {"quiet_seconds": 0, "tiff_quiet_seconds": 0, "patience_seconds": 0.5},
            "http": {"bind": ""},
            "strategy": {"max_attempts": 1, "finishes": False},
            "dispatch": {"workers": 4, "max_tries": 1000, "postpone_seconds": 0.01},
        }
    )


def one_life(settings: Settings, power: PowerCut, seconds: float) -> None:
    """All that the daemon does, four photos at a time, until the power is cut, nothing is left to do, or time is up."""
    daemon = Daemon(settings, engine=ScriptedEngine(), tick=power)
    parts, root, until = daemon.parts, settings.root_path, time.monotonic() + seconds
    try:
        daemon.recover()
        while not power.happened.is_set() and time.monotonic() < until:
            parts.inbox_loop.turn(urgent=True)
            while parts.dispatch.start_next():
                pass
            parts.verdicts.turn(settle_seconds=0)
            if not parts.dispatch.running:
                parts.recovery.clear_leftovers()
                if not on_their_way(root) and not any(misfiled(root, Path(settings.state_dir))):
                    return
            power.happened.wait(0.01)
    except Died:
        pass
    finally:
        parts.executor.shutdown(wait=True)
        daemon.close()


def acting(person: Person, stop: threading.Event) -> None:
    while not stop.wait(person.dice.uniform(0, 0.03)):
        person.act(may_load=on_their_way(person.root) < 2 * PHOTOS)


@pytest.mark.slow
@pytest.mark.parametrize("step", [7, 24, 41, 58, 75, 92, 109, 126, 143, 160])
def test_a_crash_amid_four_photos_and_two_people_loses_and_doubles_nothing(tmp_path: Path, step: int) -> None:
    settings = settings_below(tmp_path)
    studio = Studio(tmp_path, step, photographers=1, people=2)
    for number in range(PHOTOS):
        path = save_photo(settings.root_path / "inbox" / f"foto {number % 4}.{number}.png", drawn_photo(48, 36, number))
        studio.cameras[0].whole[hashlib.sha256(path.read_bytes()).hexdigest()] = path.name
    stop = threading.Event()
    one_life(settings, PowerCut(None), LONGEST_SECONDS)
    people = [threading.Thread(target=acting, args=(person, stop)) for person in studio.people]
    for each in people:
        each.start()
    cuts = [PowerCut(step), PowerCut(step // 2), PowerCut(step)]
    for power in cuts:
        one_life(settings, power, seconds=5)
    stop.set()
    for each in people:
        each.join()

    one_life(settings, PowerCut(None), LONGEST_SECONDS)

    found = look_at_everything(settings.root_path, Path(settings.state_dir), studio)
    faults = [*found.lost, *found.doubled, *found.half_written]
    assert not faults, "\n".join(faults)
    assert found.accounted == PHOTOS
    assert any(power.happened.is_set() for power in cuts)
    assert found.doings.total() > 0
