"""Exactly once: whatever gets lost, a prompt that the server has or had is not computed again."""

import subprocess
import sys
import uuid
from pathlib import Path

import pytest
import requests

from daemon.errors import EngineAway
from tests.engines.comfyui_double import Double
from tests.engines.conformance import drawn_photo
from tests.engines.conftest import OpenEngine
from tests.engines.cuts import RMBG, BackgroundCut

ONE_CUT = """
import sys, uuid
from daemon.engines.comfyui.comfyui_engine import ComfyUIEngine
from daemon.jobs import Recipe
from daemon.settings import ComfyUISettings, ServerSettings
from tests.engines.conformance import drawn_photo
servers = tuple(ServerSettings(url=url) for url in sys.argv[2:])
engine = ComfyUIEngine(ComfyUISettings(servers=servers), owner="a-daemon")
engine.start()
print(engine.cut(uuid.UUID(sys.argv[1]), drawn_photo(), Recipe("RMBG-2.0", 1024)).server, flush=True)
engine.close()
"""


def cut_in_a_process(ticket: uuid.UUID, *doubles: Double) -> "subprocess.Popen[str]":
    urls = [double.url for double in doubles]
    return subprocess.Popen(
        [sys.executable, "-c", ONE_CUT, str(ticket), *urls],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


@pytest.mark.parametrize("at_which", ["running", "finished"])
def test_a_kill_in_mid_prompt_costs_no_second_inference(at_which: str, double: Double) -> None:
    ticket = uuid.uuid4()
    double.faults.hold = True

    with cut_in_a_process(ticket, double) as killed:
        assert double.wait_until(lambda: len(double.inferences) == 1)
        killed.kill()
        killed.wait()
    if at_which == "finished":
        double.set_faults({"hold": False})
        assert double.wait_until(lambda: str(ticket) in double.worker.history)
    with cut_in_a_process(ticket, double) as second:
        assert double.wait_until(lambda: double.asked("GET", f"/history/{ticket}") > 1)
        double.set_faults({"hold": False})
        assert second.wait(30) == 0

    assert len(double.inferences) == 1


def test_a_ticket_is_found_again_on_whichever_server_has_it(
    double: Double, other: Double, open_engine: OpenEngine
) -> None:
    ticket = uuid.uuid4()
    other.faults.hold = True
    with cut_in_a_process(ticket, other) as killed:
        assert other.wait_until(lambda: len(other.inferences) == 1)
        killed.kill()
        killed.wait()

    cut = BackgroundCut(open_engine(double, other), ticket)
    assert other.wait_until(lambda: other.asked("GET", "/queue") > 2)
    other.set_faults({"hold": False})

    answer = cut.join().answer
    assert answer
    assert answer.server in other.url
    assert (len(double.inferences), len(other.inferences)) == (0, 1)


@pytest.mark.parametrize("late_seconds", [0.0, 0.7], ids=["at once", "late"])
def test_a_server_that_stumbles_when_it_is_asked_for_a_ticket_is_asked_again(
    late_seconds: float, double: Double, other: Double, open_engine: OpenEngine
) -> None:
    """An answer of 503 that comes late, as under load, is an answer: the server is there, and has the ticket."""
    ticket, before = uuid.uuid4(), open_engine(double)
    before.cut(ticket, drawn_photo(), RMBG)
    before._servers.entries[0].server._answered.clear()  # as after a kill: nothing was deleted on the server
    before.close()
    double.set_faults({"blips": 1, "slow_seconds": late_seconds})

    answer = open_engine(other, double, start=False).cut(ticket, drawn_photo(), RMBG)

    assert answer.server in double.url
    assert (len(double.inferences), len(other.inferences)) == (1, 0)


def test_a_prompt_that_waits_in_the_queue_is_waited_for(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)
    double.faults.hold = True
    first, second = BackgroundCut(engine, shift=1), BackgroundCut(engine, shift=2)
    assert double.wait_until(lambda: double.worker.remaining() == 2)
    engine.close()
    first.join()
    second.join()

    again = [
        BackgroundCut(open_engine(double), first.ticket, shift=1),
        BackgroundCut(open_engine(double), second.ticket, shift=2),
    ]
    double.set_faults({"hold": False})

    assert all(cut.join().answer for cut in again)
    assert len(double.inferences) == 2


def test_a_server_that_restarts_is_given_what_it_forgot(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)
    double.faults.hold = True
    cut = BackgroundCut(engine)
    assert double.wait_until(lambda: len(double.inferences) == 1)

    double.forget_all()
    double.set_faults({"hold": False})

    answer = cut.join().answer
    assert answer
    assert answer.alpha.max() > 0.9
    assert len(double.inferences) == 2


def test_a_restart_that_takes_longer_is_an_absence_and_then_the_same_ticket_works(
    double: Double, open_engine: OpenEngine
) -> None:
    engine = open_engine(double)
    double.faults.hold = True
    cut = BackgroundCut(engine)
    assert double.wait_until(lambda: len(double.inferences) == 1)
    double.die()
    assert isinstance(cut.join().error, EngineAway)

    double.faults.hold = False
    double.revive()
    assert double.wait_until(lambda: engine.health()[0].up)

    assert engine.cut(cut.ticket, drawn_photo(), RMBG).alpha.max() > 0.9


def test_a_lost_answer_to_a_submission_is_no_reason_to_submit_again(double: Double, open_engine: OpenEngine) -> None:
    double.faults.unanswered_prompts = 1

    answer = open_engine(double).cut(uuid.uuid4(), drawn_photo(), RMBG)

    assert answer.alpha.max() > 0.9
    assert len(double.inferences) == 1
    assert double.asked("POST", "/prompt") == 1


def test_a_prompt_that_vanishes_is_submitted_again(double: Double, open_engine: OpenEngine) -> None:
    double.faults.forget_prompts = 1

    assert open_engine(double).cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9
    assert double.asked("POST", "/prompt") == 2


def test_a_prompt_that_vanishes_every_time_is_given_up_as_an_absence(double: Double, open_engine: OpenEngine) -> None:
    double.faults.forget_prompts = -1

    with pytest.raises(EngineAway, match="forgot"):
        open_engine(double).cut(uuid.uuid4(), drawn_photo(), RMBG)


def test_a_prompt_that_somebody_interrupts_is_submitted_again(double: Double, open_engine: OpenEngine) -> None:
    double.faults.interrupt_prompts = 1

    assert open_engine(double).cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9


def test_a_prompt_that_somebody_deletes_from_the_queue_is_submitted_again(
    double: Double, open_engine: OpenEngine
) -> None:
    engine = open_engine(double)
    double.faults.hold = True
    first, second = BackgroundCut(engine, shift=1), BackgroundCut(engine, shift=2)
    assert double.wait_until(lambda: double.worker.remaining() == 2)
    posted = double.asked("POST", "/prompt")

    requests.post(f"{double.url}/queue", json={"clear": True}, timeout=60)
    assert double.wait_until(lambda: double.asked("POST", "/prompt") == posted + 1)
    double.set_faults({"hold": False})

    assert first.join().answer
    assert second.join().answer


def test_a_new_ticket_is_looked_for_nowhere(double: Double, other: Double, open_engine: OpenEngine) -> None:
    """Looking costs two requests per server, and a slow server would delay the photos of the others."""
    engine = open_engine(double, other)

    server = engine.cut(uuid.uuid4(), drawn_photo(), RMBG, new=True).server

    idle = other if server in double.url else double
    assert not [each for each in idle.requests if each.path.startswith(("/queue", "/history"))]


def test_a_server_that_could_not_say_whether_it_has_the_ticket_is_told_to_drop_it(
    double: Double, other: Double, open_engine: OpenEngine
) -> None:
    ticket, before = uuid.uuid4(), open_engine(double)
    before.cut(ticket, drawn_photo(), RMBG)
    before._servers.entries[0].server._answered.clear()  # as after a kill: nothing was deleted on the server
    before.close()
    engine = open_engine(double, other, probe_seconds=0.3)
    double.set_faults({"status": 503})

    assert engine.cut(ticket, drawn_photo(), RMBG).server in other.url
    double.set_faults({"status": 0})

    assert double.wait_until(lambda: str(ticket) not in double.worker.history)
