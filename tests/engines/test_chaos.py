"""Everything goes wrong at once, in a fixed order. No photo is lost, and none gets the alpha of another."""

import itertools
import random
import threading
import uuid
from collections import Counter

import numpy as np
import pytest

from daemon.arrays import Alpha
from daemon.engines.comfyui.comfyui_engine import ComfyUIEngine
from daemon.errors import EngineAway, RecipeRefused
from tests.engines.comfyui_double import Double
from tests.engines.conformance import drawn_photo
from tests.engines.conftest import OpenEngine
from tests.engines.cuts import RMBG

ACCIDENTS = (
    "unanswered_prompts", "forget_prompts", "interrupt_prompts", "empty_results", "swapped_results", "lost_results",
    "damaged_results", "small_results", "late_status", "mislaid_uploads", "restart", "drop_sockets",
)  # fmt: skip
HARMLESS = (
    "unanswered_prompts",
    "late_status",
    "drop_sockets",
    "deafen",
    "open_ears",
    "slow_down",
    "speed_up",
)
"""None of these loses a prompt or its result, so none may cost a second inference."""
STATES: dict[str, dict[str, object]] = {
    "deafen": {"deaf": True}, "open_ears": {"deaf": False}, "slow_down": {"slow_seconds": 0.03},
    "speed_up": {"slow_seconds": 0.0},
}  # fmt: skip
PHOTOS = 24
MOST_BLIPS = 2  # of a server: however slow this machine is, no request meets three, which would count as an absence
MOST_TRIES = 200


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_happens_every_photo_gets_its_own_alpha(
    seed: int, double: Double, other: Double, open_engine: OpenEngine
) -> None:
    with Double() as honest:
        quiet = open_engine(honest, owner="quiet")
        expected = [quiet.cut(uuid.uuid4(), drawn_photo(shift=n), RMBG).alpha for n in range(PHOTOS)]
    engine = open_engine(double, other, poll_seconds=0.1, probe_seconds=0.2)
    numbers, found = iter(range(PHOTOS)), dict[int, Alpha]()
    dice = random.Random(seed)
    accidents = itertools.cycle(dice.sample(ACCIDENTS, len(ACCIDENTS)))

    def work() -> None:
        for number in numbers:
            found[number] = cut_at_last(engine, number, double)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers):
        happen(next(accidents), dice.choice((double, other)))
        for worker in workers:
            worker.join(0.03)

    assert sorted(found) == list(range(PHOTOS))
    assert all(np.array_equal(found[number], expected[number]) for number in range(PHOTOS))


@pytest.mark.parametrize("seed", [1, 2])
def test_no_doubt_costs_a_second_inference(seed: int, double: Double, other: Double, open_engine: OpenEngine) -> None:
    """Answers get lost, sockets drop or become silent, and the daemon itself restarts again and again."""
    quick = {"poll_seconds": 0.1, "probe_seconds": 0.2}
    for server in (double, other):
        server.faults.seconds = 0.02
    engines = [open_engine(double, other, start=False, **quick)]
    engines[0].start()
    numbers, found = iter(range(PHOTOS)), dict[int, Alpha]()
    dice = random.Random(seed)
    blips = [each for each in (double, other) for _ in range(MOST_BLIPS)]
    dice.shuffle(blips)

    def work() -> None:
        for number in numbers:
            ticket = uuid.uuid4()
            for _ in range(MOST_TRIES):
                try:
                    found[number] = engines[-1].cut(ticket, drawn_photo(shift=number), RMBG).alpha
                    break
                except EngineAway:  # the daemon ended; the next one continues with the same ticket
                    double.wait_until(lambda: any(server.up for server in engines[-1].health()))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for step in itertools.count():
        if not any(worker.is_alive() for worker in workers):
            break
        if step % 4 == 3:
            engines.append(open_engine(double, other, start=False, **quick))
            engines[-2].close()
            engines[-1].start()
        happen(dice.choice(HARMLESS), dice.choice((double, other)))
        if step % 12 == 0 and blips:
            happen("blips", blips.pop())
        for worker in workers:
            worker.join(0.02)

    assert sorted(found) == list(range(PHOTOS))
    per_ticket = Counter(inference.prompt_id for server in (double, other) for inference in server.inferences)
    assert len(per_ticket) == PHOTOS
    assert set(per_ticket.values()) == {1}


def cut_at_last(engine: ComfyUIEngine, number: int, watched: Double) -> Alpha:
    """Ask again with the same ticket until somebody answers, as the daemon does."""
    ticket = uuid.uuid4()
    for _ in range(MOST_TRIES):
        try:
            return engine.cut(ticket, drawn_photo(shift=number), RMBG).alpha
        except EngineAway:  # the engine probes this server all the time, so wait_until always looks again
            watched.wait_until(lambda: any(server.up for server in engine.health()))
        except RecipeRefused as error:  # three restarts met the same photo by chance: the daemon goes on with the next
            if "went away" not in str(error):
                raise
            ticket = uuid.uuid4()
    raise AssertionError("nobody ever answered")


def happen(accident: str, server: Double) -> None:
    if accident == "restart":
        server.forget_all()
    elif accident == "drop_sockets":
        server.drop_sockets()
    elif accident in STATES:
        server.set_faults(STATES[accident])
    else:
        server.set_faults({accident: 1})
