"""What housekeeping shows in the metrics, the log and the status line, and what it deletes from the journal."""

import logging
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from daemon.engines.contract import ServerHealth
from daemon.errors import EngineAway
from daemon.hotfolder.root_condition import RootCondition
from daemon.journal import Journal
from daemon.journal.alphas import Alphas
from daemon.observe.health import Health
from daemon.observe.metrics import Metrics
from daemon.publishing.reading_back import HISTORY_TO_READ
from daemon.service.housekeeping import StatusTurn
from daemon.service.lifecycle import Daemon
from daemon.service.pruning import Pruning
from daemon.service.systemd import Systemd
from daemon.settings import load
from daemon.settings.current import CurrentSettings
from daemon.work.backoff import Backoff
from daemon.work.dispatch import Dispatch
from daemon.work.job_runner import RunResult
from tests.doubles import Clock, ScriptedEngine

GPU1 = "http://gpu1:8188"


class Servers(ScriptedEngine):
    """An engine whose servers are as the test sets them."""

    def __init__(self) -> None:
        super().__init__()
        self.now: tuple[ServerHealth, ...] = ()

    def health(self) -> tuple[ServerHealth, ...]:
        return self.now


class House:
    """The housekeeping of a daemon, with its engine and its metrics."""

    def __init__(self, folder: Path, systemd: Systemd | None = None) -> None:
        self.settings = CurrentSettings(load())
        self.engine = Servers()
        self.metrics = Metrics("1")
        self.journal = Journal(folder / "journal.sqlite3")
        self._executor = ThreadPoolExecutor(1)
        self.clock, self.backoff = Clock(), Backoff(5)
        dispatch = Dispatch(
            journal=self.journal,
            executor=self._executor,
            run=lambda job: RunResult.DONE,
            workers=1,
            backoff=self.backoff,
            root=RootCondition(),
            clock=self.clock,
        )
        self.health, systemd = Health(stale_seconds=60), systemd or Systemd({})
        self._status = StatusTurn(self.journal, dispatch, self.engine, self.metrics, self.health, systemd, self.clock)
        self.alphas = Alphas(folder / "alphas")
        self.pruning = Pruning(self.journal, self.alphas, self.settings, self.clock)

    def sees(self, *servers: ServerHealth) -> None:
        self.engine.now = servers
        self._status.turn()

    def jobs_put_off(self, count: int) -> list[str]:
        """Photos that wait for an engine for another minute. Returns their ids."""
        for number in range(count):
            name, now = f"job-{number}", self.clock()
            self.journal.admit(name, f"{name}.jpg", Path("inbox") / f"{name}.jpg", 10, now)
            self.journal.take(now)
            self.journal.postpone(name, now + 60, "away", EngineAway.reason)
        return [f"job-{number}" for number in range(count)]

    def prune(self) -> None:
        self.pruning.prune()

    def shows(self, line: str) -> bool:
        return f"freisteller_{line}\n" in self.metrics.exposition().decode()

    def close(self) -> None:
        self._executor.shutdown()
        self.journal.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = House(tmp_path)
    yield opened
    opened.close()


def actions(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [str(record.__dict__["action"]) for record in caplog.records if "action" in record.__dict__]


def test_a_servers_circuit_is_shown_as_it_is_now(house: House) -> None:
    house.sees(ServerHealth(GPU1, False, circuit="open"))
    opened = house.shows(f'engine_circuit_state{{server="{GPU1}"}} 2.0')
    house.sees(ServerHealth(GPU1, True, circuit="half_open"))

    assert opened
    assert house.shows(f'engine_circuit_state{{server="{GPU1}"}} 1.0')


def test_reconnects_are_counted_once_however_often_somebody_looks(house: House) -> None:
    for total in (0, 2, 2, 3):
        house.sees(ServerHealth(GPU1, True, reconnects=total))

    assert house.shows(f'engine_reconnects_total{{server="{GPU1}"}} 3.0')


def test_an_engine_that_fell_back_to_the_processor_is_well_and_says_so(house: House) -> None:
    house.sees(ServerHealth("local", True, "u2netp; the processor stands in for CUDA: no driver", fallbacks=1))

    part = house.health.latest("engine")
    assert part is not None
    assert (part.ok, part.detail) == (True, "local: u2netp; the processor stands in for CUDA: no driver")


def test_a_server_that_never_lost_its_connection_shows_zero(house: House) -> None:
    house.sees(ServerHealth(GPU1, True))

    assert house.shows(f'engine_reconnects_total{{server="{GPU1}"}} 0.0')


def test_a_model_set_aside_is_logged_once_and_so_is_its_return(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "freisteller")
    paused = ServerHealth(GPU1, True, "No node RMBG there.", set_aside=("BEN2", "RMBG-2.0"))

    for health in (ServerHealth(GPU1, True), paused, paused, ServerHealth(GPU1, True, set_aside=("BEN2",))):
        house.sees(health)

    assert house.shows(f'engine_paused_models{{server="{GPU1}"}} 1.0')
    assert actions(caplog) == ["model_paused", "model_paused", "model_resumed"]
    assert "No node RMBG there." in caplog.records[0].getMessage()
    assert caplog.records[0].levelno == logging.ERROR
    assert "RMBG-2.0" in caplog.records[2].getMessage()


def test_a_model_does_not_work_again_where_the_server_is_gone(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "freisteller")

    house.sees(ServerHealth(GPU1, True, "No node RMBG there.", set_aside=("BEN2",)))
    house.sees()

    assert actions(caplog) == ["model_paused"]


def test_systemd_shows_how_much_runs_and_waits_and_what_a_person_should_know(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5)
        told = Systemd({"NOTIFY_SOCKET": systemd.getsockname()})
        house = House(tmp_path, told)
        house.sees()
        told.remark = "settings not reloaded: Bad setting grading.gut"
        house.sees()
        house.close()
        heard = [systemd.recv(4096).decode() for _ in range(4)]

    assert heard[::2] == [
        "STATUS=0 running, 0 waiting",
        "STATUS=0 running, 0 waiting; settings not reloaded: Bad setting grading.gut",
    ]


def test_when_a_test_picture_last_came_back_right_is_shown_and_nothing_before_that(house: House) -> None:
    house.sees(ServerHealth(GPU1, True))
    before = "canary_success_timestamp_seconds{" in house.metrics.exposition().decode()
    house.sees(ServerHealth(GPU1, True, canaries=(("BEN2", 1.5),)))

    assert not before
    assert house.shows(f'canary_success_timestamp_seconds{{model="BEN2",server="{GPU1}"}} 1.5')


@pytest.mark.parametrize(("keep_days", "known"), [(0, True), (2, True), (1, False)])
def test_the_journal_keeps_jobs_that_are_over_for_keep_days(house: House, keep_days: int, known: bool) -> None:
    now = Clock()()
    house.journal.admit("a", "a.jpg", Path("inbox/a.jpg"), 1, now - 90_000)
    house.journal.give_up("a", "no", "bad_photo", now - 90_000)
    house.journal.record_places("a", ["failed/a.jpg"])
    house.settings.now = load(flags={"journal": {"keep_days": keep_days}})

    house.prune()

    assert (house.journal.state_of("a") is not None) == known


def test_alphas_of_results_are_kept_for_keep_alphas_days(house: House, tmp_path: Path) -> None:
    now = Clock()()
    for job_id, days in (("new", 1), ("old", 3), ("forgotten", 1), ("at work", 3)):
        if job_id != "forgotten":
            house.journal.admit(job_id, f"{job_id}.jpg", Path(f"inbox/{job_id}.jpg"), 1, now)
        if job_id in ("new", "old"):
            house.journal.give_up(job_id, "no", "bad_photo", now)
        folder = tmp_path / "alphas-of-results" / job_id
        folder.mkdir(parents=True)
        os.utime(folder, (now - days * 86400, now - days * 86400))
    house.settings.now = load(flags={"journal": {"keep_alphas_days": 2}})

    house.pruning.prune_alphas()

    assert sorted(path.name for path in (tmp_path / "alphas-of-results").iterdir()) == ["at work", "new"]


def test_a_new_journal_that_still_reads_reports_deletes_no_alphas(house: House, tmp_path: Path) -> None:
    folder = tmp_path / "alphas-of-results" / "a"
    folder.mkdir(parents=True)
    os.utime(folder, (Clock()(), Clock()()))
    house.journal.facts.record(HISTORY_TO_READ, "yes")

    house.pruning.prune_alphas()

    assert folder.exists()


def test_an_engine_that_answers_again_ends_every_wait_at_once(house: House) -> None:
    """Photos that were put off for minutes, and the pause before the next photo may try."""
    jobs = house.jobs_put_off(2)
    for _ in range(4):
        house.backoff.record(RunResult.NO_ENGINE, house.clock())
    house.sees(ServerHealth(GPU1, False, circuit="open"))
    waiting = house.journal.take(house.clock()), house.backoff.allows(house.clock())

    house.sees(ServerHealth(GPU1, True, circuit="half_open"))

    assert waiting == (None, False)
    assert house.backoff.allows(house.clock())
    taken = [job.id for job in (house.journal.take(house.clock()), house.journal.take(house.clock())) if job]
    assert sorted(taken) == jobs


def test_the_first_look_at_an_engine_that_is_up_ends_the_back_off_of_an_earlier_run(house: House) -> None:
    house.jobs_put_off(1)

    house.sees(ServerHealth(GPU1, True))

    assert house.journal.take(house.clock()) is not None


@pytest.mark.parametrize("before", [("", False), ("BEN2", True)])
def test_one_server_or_model_that_is_back_makes_photos_due(house: House, before: tuple[str, bool]) -> None:
    model, up = before
    house.sees(ServerHealth(GPU1, up, set_aside=(model,) if model else ()), ServerHealth("http://gpu2:8188", True))
    house.jobs_put_off(1)

    house.sees(ServerHealth(GPU1, True), ServerHealth("http://gpu2:8188", True))

    assert house.journal.take(house.clock()) is not None


def test_an_engine_that_was_never_away_changes_no_wait(house: House) -> None:
    house.sees(ServerHealth(GPU1, True))
    house.jobs_put_off(1)

    for _ in range(2):
        house.sees(ServerHealth(GPU1, True))

    assert house.journal.take(house.clock()) is None


def test_an_engine_that_finds_out_that_more_photos_at_once_are_good_gets_them(tmp_path: Path) -> None:
    flags = {"root": str(tmp_path / "hot"), "state_dir": str(tmp_path / "state"), "http": {"bind": ""}}
    engine = ScriptedEngine()
    daemon = Daemon(load(flags=flags), engine=engine)
    try:
        before = daemon.parts.dispatch._workers
        engine.slots = 10

        daemon.parts.housekeeping._each_minute["The number of workers"]()

        assert (before, daemon.parts.dispatch._workers) == (2, 10)
    finally:
        daemon.close()


def test_each_server_is_told_once_and_with_its_own_reason(tmp_path: Path) -> None:
    house = House(tmp_path)
    lacking = ServerHealth("gpu1:8188", True, "the node Rembg is missing", set_aside=("rmbg",))

    house.sees(lacking, ServerHealth("gpu2:8188", False, "gpu2:8188 cannot be reached"))

    part = house.health.latest("engine")
    assert part is not None
    assert part.detail == "gpu1:8188: the node Rembg is missing; gpu2:8188 cannot be reached"
