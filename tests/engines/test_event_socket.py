"""The event socket: any event may get lost, and no client id is used twice."""

import json
import logging
import threading
import time
import uuid

import pytest
import websocket

from daemon.engines.comfyui.event_socket import DEAF_AFTER, EventSocket
from tests.engines.comfyui_double import Double
from tests.engines.conformance import drawn_photo
from tests.engines.conftest import OpenEngine, connected
from tests.engines.cuts import RMBG, BackgroundCut
from tests.engines.double_socket import BINARY, TEXT

NEVER = 600.0  # seconds between polls, longer than every test: whatever happens before is due to events


def test_an_event_ends_the_wait_long_before_the_poll(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, poll_seconds=600.0)

    assert BackgroundCut(engine).join().answer


def test_without_events_the_poll_finds_the_result(double: Double, open_engine: OpenEngine) -> None:
    double.faults.deaf = True

    assert open_engine(double, poll_seconds=0.2).cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9


def test_a_socket_lost_in_mid_prompt_makes_everybody_look(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, poll_seconds=600.0)
    double.faults.hold = True
    cut = BackgroundCut(engine)
    assert double.wait_until(lambda: len(double.inferences) == 1)
    looked = double.asked("GET", "/history/")

    double.set_faults({"no_sockets": True})
    double.drop_sockets()

    assert double.wait_until(lambda: double.asked("GET", "/history/") > looked)
    double.set_faults({"hold": False, "no_sockets": False})
    assert cut.join().answer


def test_a_new_socket_learns_of_older_prompts_by_the_queues_length(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, poll_seconds=600.0)
    double.faults.hold = True
    cut = BackgroundCut(engine)
    assert double.wait_until(lambda: len(double.inferences) == 1)
    before = double.worker.sessions.client_ids()

    double.drop_sockets()
    assert double.wait_until(lambda: double.worker.sessions.client_ids() not in ([], before))
    later = BackgroundCut(engine, shift=1)  # posted under the id of the new socket
    assert double.wait_until(lambda: double.worker.remaining() == 2)
    double.set_faults({"hold": False})

    assert cut.join().answer
    assert later.join().answer
    assert len(double.inferences) == 2


def test_each_connection_has_a_client_id_of_its_own(double: Double, open_engine: OpenEngine) -> None:
    open_engine(double)
    (first,) = double.worker.sessions.client_ids()

    double.drop_sockets()

    # The new one may exist before the server has dropped the old one.
    assert double.wait_until(lambda: len(ids := double.worker.sessions.client_ids()) == 1 and ids != [first])


def test_prompts_are_posted_with_the_id_of_the_socket_that_listens(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)
    double.faults.hold = True
    cut = BackgroundCut(engine)
    assert double.wait_until(lambda: len(double.inferences) == 1)

    (item,) = double.worker.queue()["queue_running"]
    assert double.wait_until(lambda: item[3]["client_id"] in double.worker.sessions.client_ids())
    assert item[1] == str(cut.ticket)
    double.set_faults({"hold": False})
    cut.join()


def test_a_prompt_is_never_posted_without_a_client_id(double: Double, open_engine: OpenEngine) -> None:
    double.faults.no_sockets = True
    engine = open_engine(double)

    answer = engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

    assert answer.alpha.max() > 0.9
    assert all(entry["prompt"][3].get("client_id") for entry in double.worker.history.values())


def test_a_socket_that_is_open_and_silent_is_not_relied_on_for_long(double: Double, open_engine: OpenEngine) -> None:
    """A proxy may swallow frames. Each of the first photos waits for a poll; then polls come more often."""
    double.set_faults({"deaf": True})
    engine = open_engine(double, poll_seconds=0.8)
    for shift in range(DEAF_AFTER):
        engine.cut(uuid.uuid4(), drawn_photo(shift=shift), RMBG)
    relied_on = [entry.server._events.announces_ends for entry in engine._servers.entries]

    double.set_faults({"hold": True})
    cut = BackgroundCut(engine, shift=20)
    assert double.wait_until(lambda: len(double.inferences) == DEAF_AFTER + 1)
    double.set_faults({"deaf": False, "hold": False})
    assert cut.join().answer
    engine.cut(uuid.uuid4(), drawn_photo(shift=21), RMBG)

    assert relied_on == [False]
    assert [entry.server._events.announces_ends for entry in engine._servers.entries] == [True]


def test_a_prompt_of_an_earlier_run_is_waited_for_by_the_queues_length(double: Double, open_engine: OpenEngine) -> None:
    before = open_engine(double)
    double.faults.hold = True
    left = BackgroundCut(before)
    assert double.wait_until(lambda: len(double.inferences) == 1)
    before.close()
    left.join()

    engine = open_engine(double, poll_seconds=600.0)
    looked = double.asked("GET", "/queue")
    adopted = BackgroundCut(engine, left.ticket)
    assert double.wait_until(lambda: double.asked("GET", "/queue") > looked)
    double.set_faults({"hold": False})

    assert adopted.join().answer
    assert len(double.inferences) == 1


ODD_FRAMES = {
    "no_json": (TEXT, b"no json"),
    "empty": (TEXT, b""),
    "a_list": (TEXT, b"[]"),
    "a_number": (TEXT, b"7"),
    "null": (TEXT, b"null"),
    "type_is_a_list": (TEXT, b'{"type": [], "data": 5}'),
    "type_is_a_dict": (TEXT, b'{"type": {}, "data": {"prompt_id": "x", "node": null}}'),
    "id_is_a_list": (TEXT, b'{"type": "executing", "data": {"prompt_id": [], "node": null}}'),
    "id_is_a_dict": (TEXT, b'{"type": "executing", "data": {"prompt_id": {"a": 1}, "node": []}}'),
    "data_is_a_list": (TEXT, b'{"type": "executing", "data": [1]}'),
    "status_with_odd_data": (TEXT, b'{"type": "status", "data": [[[]]]}'),
    "brackets": (TEXT, b"[" * 100_000),
    "nested_data": (TEXT, b'{"type": "executing", "data": ' + b'{"a":' * 50_000),
    "huge_integer": (TEXT, b'{"type": 1, "data": {"prompt_id": ' + b"9" * 100_000 + b"}}"),
    "lone_surrogate": (TEXT, b'{"type": "executing", "data": {"prompt_id": "\\ud800", "node": "\\udfff"}}'),
    "bytes_of_a_surrogate": (TEXT, b'{"type": "\xed\xa0\x80", "data": {}}'),
    "bytes_of_no_text": (TEXT, b"\xff\xfe\x00"),
    "empty_binary": (BINARY, b""),
    "odd_binary": (BINARY, b"\x00\x00\x01"),
}


@pytest.mark.parametrize("frame", ODD_FRAMES.values(), ids=ODD_FRAMES)
def test_an_odd_event_is_dropped_and_its_socket_stays_in_use(
    frame: tuple[int, bytes], double: Double, open_engine: OpenEngine
) -> None:
    engine = open_engine(double, poll_seconds=NEVER)
    before = double.worker.sessions.client_ids()

    for _ in range(2):
        double.worker.sessions.tell_frame(*frame)

    assert BackgroundCut(engine).join().answer  # only an event can have ended this wait
    assert double.worker.sessions.client_ids() == before
    assert engine.health()[0].reconnects == 0


def test_odd_events_are_logged_once_per_kind(
    double: Double, open_engine: OpenEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine = open_engine(double, poll_seconds=NEVER)

    with caplog.at_level(logging.WARNING):
        for frame in 3 * (b'{"type": "executing", "data": {"prompt_id": []}}', b"no json"):
            double.worker.sessions.tell_frame(TEXT, frame)
        assert BackgroundCut(engine).join().answer

    odd = [record for record in caplog.records if getattr(record, "action", "") == "odd_event"]
    assert sorted(record.fields["kind"] for record in odd) == ["JSONDecodeError", "TypeError"]  # type: ignore[attr-defined]
    assert all(record.fields["server"] == engine.health()[0].server for record in odd)  # type: ignore[attr-defined]


def test_a_socket_that_fails_in_an_unknown_way_is_opened_again() -> None:
    answers: list[Exception] = [ValueError("odd handshake"), IndexError("odd header")]

    def connect(client_id: str) -> DrawnSocket:
        if answers:
            raise answers.pop()
        return DrawnSocket(json.dumps({"type": "status", "data": {}}))

    events = EventSocket("drawn", connect, time.monotonic)
    events.start()

    assert connected(events)
    events.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_listener_that_died_is_not_connected() -> None:
    class DeadlySocket(DrawnSocket):
        def recv(self) -> str | bytes:
            raise SystemExit

    events = EventSocket("drawn", lambda _: DeadlySocket(), time.monotonic)
    with events.watch("p1") as hint:
        events.start()
        assert events._thread
        events._thread.join(20)
        hint.wait(0)

        assert not events.connected
        assert not events.announces_ends


class DrawnSocket:
    """A socket that returns the messages of a test, then waits until it is closed."""

    def __init__(self, *messages: str | bytes) -> None:
        self._messages = list(messages)
        self._closed = threading.Event()

    def recv(self) -> str | bytes:
        if self._messages:
            return self._messages.pop(0)
        self._closed.wait()
        raise websocket.WebSocketConnectionClosedException("closed")

    def ping(self) -> None:
        raise AssertionError("a socket that says something needs no ping")

    def abort(self) -> None:
        self._closed.set()

    def shutdown(self) -> None:
        self._closed.set()


def hear(*messages: str | bytes, prompt_id: str = "p1") -> tuple[bool, float | None]:
    """Send these frames, then the end frame of "other". Returns whether that came, and when `prompt_id` started."""
    begin, heard = threading.Event(), threading.Event()
    last = '{"type": "executing", "data": {"node": null, "prompt_id": "other"}}'

    def connect(client_id: str) -> DrawnSocket:
        begin.wait()
        return DrawnSocket(*messages, last)

    events = EventSocket("drawn", connect, lambda: 42.0)
    events.start()
    with events.watch(prompt_id) as hint, events.watch("other") as other:
        hint.client_id = other.client_id = "as posted before"
        begin.set()
        while not other.wait(5) or not events.connected:  # connecting wakes every wait once
            pass
        heard.set()
        hint.wait(0)
        started = hint.started_at
        other.wait(0)
    events.close()
    return heard.is_set(), started


def test_frames_that_mean_nothing_do_no_harm() -> None:
    heard, started = hear("no json", b"\x00\x01", "[]", "{}", '{"type": "executing"}', '{"type": 1, "data": null}')

    assert heard
    assert started is None


def test_a_frame_without_a_prompt_id_belongs_to_nobody() -> None:
    _, started = hear('{"type": "executing", "data": {"node": "2"}}')  # the first frame after a reconnect

    assert started is None


def test_closing_does_not_wait_for_a_server_that_is_not_there(open_engine: OpenEngine) -> None:
    def connect(client_id: str) -> DrawnSocket:
        raise ConnectionRefusedError

    events = EventSocket("nobody", connect, time.monotonic)
    events.start()

    events.close()

    assert not events.connected


def test_closing_ends_the_thread_that_listens(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, poll_seconds=600.0)
    engine.cut(uuid.uuid4(), drawn_photo(), RMBG)  # then the thread certainly listens
    (listening,) = [thread for thread in threading.enumerate() if thread.name == f"events-{engine.health()[0].server}"]

    engine.close()

    listening.join(20)
    assert not listening.is_alive()
