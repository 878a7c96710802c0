"""Everything goes wrong at once, in a fixed order: no photo is lost, none gets another one's alpha."""

import itertools
import random
import threading
import uuid

import numpy as np
import pytest

from daemon.arrays import Alpha
from daemon.engines.pool import ComfyUIEngine
from daemon.errors import EngineAway
from tests.engines.comfyui_double import Double
from tests.engines.conformance import drawn_photo
from tests.engines.conftest import OpenEngine
from tests.engines.test_pool import RMBG

ACCIDENTS = (
    "unanswered_prompts", "forget_prompts", "interrupt_prompts", "empty_results", "swapped_results", "lost_results",
    "damaged_results", "small_results", "late_status", "mislaid_uploads", "restart", "drop_sockets",
)  # fmt: skip
PHOTOS = 24
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


def cut_at_last(engine: ComfyUIEngine, number: int, watched: Double) -> Alpha:
    """As the daemon does: the same ticket again for as long as nobody answers."""
    ticket = uuid.uuid4()
    for _ in range(MOST_TRIES):
        try:
            return engine.cut(ticket, drawn_photo(shift=number), RMBG).alpha
        except EngineAway:  # the watched server is probed all the time, so there is always a next look
            watched.wait_until(lambda: any(server.up for server in engine.health()))
    raise AssertionError("nobody ever answered")


def happen(accident: str, server: Double) -> None:
    if accident == "restart":
        server.forget_all()
    elif accident == "drop_sockets":
        server.drop_sockets()
    else:
        server.set_faults({accident: 1})
