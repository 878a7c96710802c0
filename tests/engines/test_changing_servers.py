"""Servers that come and go while photos are cut out."""

import uuid

import pytest

from daemon.engines.comfyui.comfyui_engine import ComfyUIEngine
from daemon.errors import EngineAway
from daemon.settings import ServerSettings
from tests.engines.comfyui_double import Double
from tests.engines.conformance import drawn_photo
from tests.engines.conftest import OpenEngine
from tests.engines.cuts import RMBG, BackgroundCut


def entry(double: Double, **more: object) -> ServerSettings:
    return ServerSettings.model_validate({"url": double.url, **more})


def name(double: Double) -> str:
    return double.url.removeprefix("http://")


def queued(double: Double) -> int:
    queue = double.worker.queue()
    return len(queue["queue_running"]) + len(queue["queue_pending"])


def held_up(double: Double, engine: ComfyUIEngine, count: int) -> list[BackgroundCut]:
    """Start so many cuts, which stay on that server until the test releases it."""
    double.set_faults({"hold": True})
    cuts = [BackgroundCut(engine, shift=8 * number) for number in range(count)]
    assert double.wait_until(lambda: queued(double) == count)
    return cuts


def test_a_photo_that_waits_for_a_slot_goes_to_a_server_that_is_added(
    double: Double, other: Double, open_engine: OpenEngine
) -> None:
    engine = open_engine(entry(double, slots=1))
    (held,) = held_up(double, engine, 1)
    waiting = BackgroundCut(engine, shift=80)

    engine.use_servers([entry(double, slots=1), entry(other)])

    answer = waiting.join().answer
    double.set_faults({"hold": False})
    held.join()
    assert answer
    assert answer.server == name(other)
    assert engine.slots == 3
    assert [each.server for each in engine.health()] == [name(double), name(other)]


def test_a_server_that_is_removed_ends_what_it_has_and_gets_nothing_more(
    double: Double, other: Double, open_engine: OpenEngine
) -> None:
    engine = open_engine(double)
    running = held_up(double, engine, 2)

    engine.use_servers([entry(other)])
    later = [engine.cut(uuid.uuid4(), drawn_photo(shift=16 * number), RMBG).server for number in range(3)]
    double.set_faults({"hold": False})
    answers = [each.join().answer for each in running]

    assert set(later) == {name(other)}
    assert [answer.server for answer in answers if answer] == [name(double)] * 2
    assert {each.prompt_id for each in double.inferences} == {str(each.ticket) for each in running}
    assert [each.server for each in engine.health()] == [name(other)]


def test_a_server_that_is_removed_is_let_go_of_once_it_is_empty(
    double: Double, other: Double, open_engine: OpenEngine
) -> None:
    engine = open_engine(double)
    (running,) = held_up(double, engine, 1)

    engine.use_servers([entry(other)])
    connected = double.worker.sessions.count()
    double.set_faults({"hold": False})
    running.join()

    assert connected == 1
    assert double.wait_until(lambda: double.worker.sessions.count() == 0)


def test_a_photo_on_a_removed_server_that_dies_is_done_by_another(
    double: Double, other: Double, open_engine: OpenEngine
) -> None:
    engine = open_engine(double)
    (running,) = held_up(double, engine, 1)

    engine.use_servers([entry(other)])
    double.die()

    answer = running.join().answer
    assert answer
    assert answer.server == name(other)


def test_more_slots_count_at_once(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(entry(double, slots=1))
    (first,) = held_up(double, engine, 1)
    second = BackgroundCut(engine, shift=80)

    engine.use_servers([entry(double, slots=2)])

    assert double.wait_until(lambda: queued(double) == 2)
    double.set_faults({"hold": False})
    assert first.join().answer
    assert second.join().answer
    assert engine.slots == 2


def test_a_new_token_opens_a_server_that_refused_the_old_one(open_engine: OpenEngine) -> None:
    with Double(token="right") as double:
        engine = open_engine(entry(double, token="wrong"))
        assert double.wait_until(lambda: not engine.health()[0].up)

        engine.use_servers([entry(double, token="right")])

        assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).server == name(double)


def test_a_server_that_stays_keeps_its_connection(double: Double, other: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)

    engine.use_servers([entry(other), entry(double)])
    engine.use_servers([entry(double)])

    assert other.wait_until(lambda: other.worker.sessions.count() == 0)
    assert double.asked("GET", "/ws") == 1


def test_closing_ends_the_wait_for_a_server_that_was_removed(
    double: Double, other: Double, open_engine: OpenEngine
) -> None:
    engine = open_engine(double)
    (running,) = held_up(double, engine, 1)
    engine.use_servers([entry(other)])

    engine.close()

    assert isinstance(running.join().error, EngineAway)


def test_the_canary_looks_at_a_server_that_is_added_and_leaves_one_that_is_removed(
    double: Double, other: Double, open_engine: OpenEngine
) -> None:
    engine = open_engine(double, ladder=["RMBG-2.0"], canary_minutes=0.001)
    assert double.wait_until(lambda: len(double.inferences) > 0)

    engine.use_servers([entry(other)])

    assert other.wait_until(lambda: len(other.inferences) > 0)
    assert double.wait_until(lambda: double.worker.sessions.count() == 0)


@pytest.mark.parametrize("started", [True, False])
def test_the_same_servers_again_change_nothing(double: Double, open_engine: OpenEngine, started: bool) -> None:
    engine = open_engine(double, start=started)
    before = engine._servers.entries

    engine.use_servers([entry(double)])

    assert engine._servers.entries == before
