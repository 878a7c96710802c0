"""Answers that drip, never end, or cannot be read: each is an absence, soon and in little memory."""

import resource
import struct
import time
import uuid

import pytest

from daemon.engines.comfyui.http_client import HttpClient
from daemon.errors import EngineAway
from daemon.settings import ServerSettings
from tests.engines.comfyui_double import Double
from tests.engines.conformance import drawn_photo
from tests.engines.conftest import OpenEngine
from tests.engines.cuts import RMBG, BackgroundCut

SILENCE = 0.3  # seconds


@pytest.mark.parametrize("drip_from", ["head", "body"])
@pytest.mark.parametrize("path", ["/queue", "/history", "/upload/image", "/view", "/object_info"])
def test_an_answer_that_drips_is_an_absence(path: str, drip_from: str, double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, connect_seconds=SILENCE)
    double.set_faults({"drip_paths": [path], "drip_from": drip_from})
    began = time.monotonic()

    with pytest.raises(EngineAway, match="within"):
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

    assert time.monotonic() - began < 60


def test_a_probe_that_drips_takes_the_server_out_of_use(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, connect_seconds=SILENCE)

    double.set_faults({"drip_paths": ["/system_stats"]})

    assert double.wait_until(lambda: not engine.health()[0].up)


def test_a_large_mask_over_a_slow_link_arrives(double: Double, open_engine: OpenEngine) -> None:
    """It takes longer than any silence may last."""
    engine = open_engine(double, connect_seconds=SILENCE)
    double.set_faults({"drip_paths": ["/view"], "drip_bytes": 1000, "drip_seconds": 0.04})

    answer = engine.cut(uuid.uuid4(), drawn_photo(2048, 2048), RMBG)

    assert answer.alpha.shape == (2048, 2048)
    assert answer.stages["fetch"] > 4 * SILENCE


@pytest.mark.parametrize("path", ["/queue", "/history", "/view", "/system_stats"])
def test_an_answer_that_never_ends_is_an_absence_and_takes_little_memory(
    path: str, double: Double, open_engine: OpenEngine
) -> None:
    http = HttpClient(ServerSettings(url=double.url), 60.0)
    double.set_faults({"flood_paths": [path]})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(EngineAway, match="more than"):
        http._send("GET", path, long=path == "/view")

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # kilobytes


def _frame(opcode: int, content: bytes, *, is_last: bool) -> bytes:
    return bytes([0x80 * is_last | opcode, len(content)]) + content


FLOODS = {
    "a frame of a terabyte, slowly": (struct.pack(">BBQ", 0x81, 127, 1 << 40), b"x", 0.2),
    "a frame of a gigabyte": (struct.pack(">BBQ", 0x82, 127, 1 << 30), bytes(1 << 20), 0.0),
    "fragments without end": (_frame(0x01, b"{", is_last=False), _frame(0x00, b"x" * 100, is_last=False) * 1000, 0.0),
    "empty fragments without end": (_frame(0x02, b"", is_last=False), _frame(0x00, b"", is_last=False) * 1000, 0.0),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_an_event_that_never_ends_costs_its_connection_and_no_prompt(
    flood: str, double: Double, open_engine: OpenEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine = open_engine(double, poll_seconds=600.0)
    double.faults.hold = True
    cut = BackgroundCut(engine)
    assert double.wait_until(lambda: len(double.inferences) == 1)
    before = double.worker.sessions.client_ids()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    head, more, pause = FLOODS[flood]

    assert double.worker.sessions.flood(head, more, seconds=20, pause=pause)

    assert double.wait_until(lambda: double.worker.sessions.client_ids() not in ([], before))
    double.set_faults({"hold": False})
    assert cut.join().answer
    assert BackgroundCut(engine, shift=1).join().answer
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 150_000  # kilobytes
    assert "odd events" in caplog.text


ODD_BODIES = {
    "brackets": "[" * 100_000,
    "braces": '{"a":' * 100_000,
    "huge_integer": '{"system": {}, "devices": [{"vram_total": ' + "9" * 5000 + "}]}",
}


@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES)
@pytest.mark.parametrize("path", ["/queue", "/history/", "/object_info", "/upload/image"])
def test_json_that_nobody_can_read_is_an_absence(path: str, body: str, double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, probe_seconds=60.0)
    double.set_faults({"replaced_bodies": {path: body}})

    with pytest.raises(EngineAway):
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)


@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES)
def test_a_probe_that_nobody_can_read_takes_the_server_out_of_use(
    body: str, double: Double, open_engine: OpenEngine
) -> None:
    engine = open_engine(double)

    double.set_faults({"replaced_bodies": {"/system_stats": body}})

    assert double.wait_until(lambda: not engine.health()[0].up)
    double.set_faults({"replaced_bodies": {}})
    assert double.wait_until(lambda: engine.health()[0].up)


@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES)
def test_a_prompt_that_was_queued_is_waited_for_though_its_answer_cannot_be_read(
    body: str, double: Double, open_engine: OpenEngine
) -> None:
    double.set_faults({"replaced_bodies": {"/prompt": body}})

    assert open_engine(double).cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9
    assert len(double.inferences) == 1


@pytest.mark.parametrize("number", ["1e999", "-Infinity", "NaN", "1" + "0" * 400])
def test_numbers_beyond_all_measure_stand_for_nothing(number: str, double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, probe_seconds=60.0)
    stats = f'{{"system": {{}}, "devices": [{{"vram_total": {number}, "vram_free": {number}}}]}}'
    queue = f'{{"queue_running": [], "queue_pending": [[{number}, "theirs", {{}}], [5, "other", {{}}]]}}'
    double.set_faults({"replaced_bodies": {"/system_stats": stats, "/queue": queue}})

    (health,) = engine.check()

    assert health.up
    assert health.memory_total_bytes is None
    assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG, new=True).alpha.max() > 0.9


def test_a_connection_is_used_again_after_a_whole_answer(double: Double) -> None:
    http = HttpClient(ServerSettings(url=double.url), 5.0)

    for _ in range(3):
        http.memory()

    assert len(double.connections) == 1
