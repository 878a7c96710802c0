"""Seconds of work leave out outages, and what an outage put off is due as soon as it ends."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from daemon.errors import EngineAway, EngineMisconfigured, JournalLocked, NoRoom, RecipeRefused, RootAway
from daemon.hotfolder.root_condition import RootCondition
from daemon.jobs import Job, Recipe
from daemon.journal import Journal
from daemon.publishing.job_events import JobEnd
from daemon.service.lifecycle import Daemon
from daemon.settings import load
from daemon.states import is_open
from daemon.work.backoff import Backoff
from daemon.work.dispatch import Dispatch
from daemon.work.job_runner import RunResult
from tests.doubles import Clock, ScriptedEngine
from tests.drawing import save_photo
from tests.observe.scrape import value

LATER = 2.0**40  # every back-off is over by then


@pytest.mark.parametrize("error", [EngineAway("no answer"), EngineMisconfigured("no node RMBG"), NoRoom("full")])
def test_what_is_told_of_a_photo_leaves_out_the_outage_it_waited_for(tmp_path: Path, error: Exception) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    monotonic, clock, ends = Clock(), Clock(), list[JobEnd]()
    asked = list[Recipe]()

    def trouble(recipe: Recipe) -> None:
        asked.append(recipe)
        if len(asked) == 1:
            monotonic.advance(50)  # the engine does not answer at first
            raise error
        monotonic.advance(7)

    flags = {"root": str(tmp_path / "hot"), "intake": {"quiet_seconds": 0}, "http": {"bind": ""}}
    settings = load(flags={**flags, "strategy": {"max_attempts": 1}})
    with closing(Daemon(settings, engine=ScriptedEngine(trouble), clock=clock, on_end=ends.append)) as daemon:
        parts = daemon.parts
        parts.journal.work_times.clock = monotonic
        parts.engine.start()
        parts.inbox_loop.turn(urgent=True)
        for _ in range(2):
            job = parts.journal.take(LATER)
            assert job is not None
            parts.task_runner.run(job)
            monotonic.advance(600)
            clock.advance(600)
        grade = ends[0].grade.label if ends[0].grade else "failed"
        worked = value(parts.metrics, "job_duration_seconds_sum", grade=grade)
        turned_around = value(parts.metrics, "job_turnaround_seconds_sum", grade=grade)

    (report,) = (tmp_path / "hot").glob("*/a.json")
    assert json.loads(report.read_text())["seconds"] == 7
    assert ([end.seconds for end in ends], worked, turned_around) == ([7], 7, 600)


class Runs:
    """Photos whose runs the test ends one by one."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.ends: dict[str, tuple[threading.Event, list[RunResult]]] = {}

    def run(self, job: Job) -> RunResult:
        event, result = self.ends[job.id]
        assert event.wait(30)
        if result[0] is RunResult.NO_ENGINE:
            self.journal.postpone(job.id, NOW + 200, "no engine", EngineAway.reason)
        return result[0]


NOW = Clock().now


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path / "journal.sqlite3")) as journal:
        yield journal


def dispatch_for(
    journal: Journal, executor: ThreadPoolExecutor, run: Callable[[Job], RunResult], root: RootCondition | None = None
) -> Dispatch:
    return Dispatch(journal, executor, run, 4, Backoff(5), root or RootCondition(), Clock())


def put_off(journal: Journal, job_id: str, kind: str) -> None:
    journal.admit(job_id, f"{job_id}.jpg", Path("inbox/x"), 1, NOW)
    assert journal.take(NOW) is not None
    journal.postpone(job_id, NOW + 200, "later", kind)


def test_a_photo_that_learns_of_an_outage_only_after_its_end_is_due_at_once(journal: Journal) -> None:
    journal.admit("a", "a.jpg", Path("inbox/x"), 1, NOW)
    runs = Runs(journal)
    runs.ends["a"] = threading.Event(), [RunResult.NO_ENGINE]
    with ThreadPoolExecutor(2) as executor:
        dispatch = dispatch_for(journal, executor, runs.run)
        dispatch.start_next()
        dispatch.engine_is_back()  # while the photo still waits for an answer that cannot come
        runs.ends["a"][0].set()

    assert journal.turns.put_off(NOW) == ()
    assert dispatch.backoff.allows(NOW)


def test_a_photo_that_is_done_shows_that_the_outage_is_over_for_all(journal: Journal) -> None:
    put_off(journal, "a", EngineAway.reason)
    put_off(journal, "b", NoRoom.reason)
    put_off(journal, "c", "bad_order")
    journal.admit("d", "d.jpg", Path("inbox/x"), 1, NOW)
    runs = Runs(journal)
    runs.ends["d"] = threading.Event(), [RunResult.DONE]
    with ThreadPoolExecutor(2) as executor:
        dispatch = dispatch_for(journal, executor, runs.run)
        dispatch.start_next()
        dispatch.backoff.record(RunResult.NO_ENGINE, NOW)
        runs.ends["d"][0].set()

    assert [each.job_id for each in journal.turns.put_off(NOW)] == ["c"]


def test_a_model_that_can_be_had_again_makes_due_what_waited_for_it(journal: Journal) -> None:
    put_off(journal, "a", EngineMisconfigured.reason)
    with ThreadPoolExecutor(1) as executor:
        dispatch_for(journal, executor, lambda _: RunResult.DONE).engine_is_back()

    assert journal.turns.put_off(NOW) == ()


def test_a_hot_folder_that_is_back_makes_due_what_waited_for_it(journal: Journal) -> None:
    put_off(journal, "a", RootAway.reason)
    root = RootCondition()
    root.record(RootAway("away"))
    with ThreadPoolExecutor(1) as executor:
        dispatch = dispatch_for(journal, executor, lambda _: RunResult.DONE, root)
        while_away = dispatch.start_next()
        root.record(None)
        after = dispatch.start_next()

    assert (while_away, after and after.id) == (None, "a")


def test_the_journal_says_who_is_in_back_off_and_until_when(journal: Journal) -> None:
    put_off(journal, "a", EngineAway.reason)
    journal.admit("b", "b.jpg", Path("inbox/x"), 1, NOW)

    (only,) = journal.turns.put_off(NOW)

    assert (only.job_id, only.name, only.next_try_at, only.kind) == ("a", "a.jpg", NOW + 200, EngineAway.reason)
    assert journal.turns.put_off(NOW + 200) == ()


@pytest.mark.parametrize("fails", [True, False])
def test_an_end_is_told_though_the_journal_is_locked_right_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    ends = list[JobEnd]()

    def trouble(recipe: Recipe) -> None:
        if fails:
            raise RecipeRefused("no")

    flags = {"root": str(tmp_path / "hot"), "intake": {"quiet_seconds": 0}, "http": {"bind": ""}}
    with closing(Daemon(load(flags=flags), engine=ScriptedEngine(trouble), on_end=ends.append)) as daemon:
        journal = daemon.parts.journal
        of = journal.work_times.of

        def of_one_in_work(job_id: str) -> float:
            if not is_open(journal.state_of(job_id)):
                raise JournalLocked("locked")
            return of(job_id)

        monkeypatch.setattr(journal.work_times, "of", of_one_in_work)
        daemon.parts.engine.start()
        daemon.parts.inbox_loop.turn(urgent=True)
        job = journal.take(LATER)
        assert job is not None
        daemon.parts.task_runner.run(job)

    assert [end.grade is None for end in ends] == [fails]
