"""The program dies before each step of what a person does on a page, or takes back: the next start carries it through.

A deed that was written is done, once; one that was not never happened. Nothing is lost and nothing doubled.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from daemon.errors import RootAway
from daemon.hotfolder.effects import Effect, Tick
from daemon.journal import Journal
from daemon.people.deeds import DeedKind
from daemon.states import State
from tests.drawing import save_photo
from tests.people.test_deeds import Studio
from tests.people.test_other_attempts import settings_for as settings_for_attempts
from tests.test_crash_at_every_step import MOST_STEPS, Died, dying_before, files_below

pytestmark = pytest.mark.usefixtures("deaf")


Act = Callable[[Studio], int]


@dataclass(frozen=True)
class Outcome:
    """What people see, and what the journal says."""

    files: dict[str, list[str]]
    jobs: list[tuple[str, State, object, object, int]]
    verdicts: list[tuple[str, str, str]]
    in_work: list[str]

    @classmethod
    def of(cls, studio: Studio) -> "Outcome":
        journal = studio.journal
        jobs = []
        for row in (row for state in State for row in journal.rows(state)):
            seen = journal.lists.one(row.job.id)
            who = seen.decided and seen.decided.who
            jobs.append((row.job.name, row.job.state, seen.grade, who, row.job.round))
            assert all((studio.root / place).exists() for place in row.results), row.results
        return cls(
            studio.files(),
            sorted(jobs, key=str),
            [(given.from_grade, given.to_grade, given.who) for given in journal.verdicts.latest(99)],
            [name.partition("/")[2] for name in files_below(studio.root / ".freisteller" / "work")],
        )


def nothing(_: Studio) -> int:
    return 0


def grade(studio: Studio) -> int:
    return studio.deeds.act(DeedKind.GRADE, studio.job_id, "eva", {"grade": studio.other})


def confirm(studio: Studio) -> int:
    return studio.deeds.act(DeedKind.GRADE, studio.job_id, "eva", {"grade": studio.grade})


def retry(studio: Studio) -> int:
    return studio.deeds.act(DeedKind.RETRY, studio.job_id, "eva")


def fail(studio: Studio) -> int:
    return studio.deeds.act(DeedKind.FAIL, studio.job_id, "eva", {"word": "no"})


def retry_after_fail(studio: Studio) -> int:
    fail(studio)
    return 0


def a_photo_waits(studio: Studio) -> int:
    save_photo(studio.root / "inbox" / "b.png", seed=2)
    studio.receive()
    return 0


def cancel(studio: Studio) -> int:
    (waiting,) = studio.journal.rows(State.WAITING)
    return studio.deeds.act(DeedKind.CANCEL, waiting.job.id, "eva")


def cancelled(studio: Studio) -> int:
    a_photo_waits(studio)
    return cancel(studio)


def taken_back(deed: Act) -> Act:
    """What takes this deed back, after it was done."""

    def undo(studio: Studio) -> int:
        (latest, *_), _ = studio.journal.deeds.latest()
        return studio.deeds.undo(latest.number, "max")

    undo.__name__ = f"undo_{deed.__name__}"
    return undo


DEEDS = [
    (nothing, grade),
    (grade, taken_back(grade)),
    (nothing, confirm),
    (confirm, taken_back(confirm)),
    (nothing, retry),
    (retry, taken_back(retry)),
    (nothing, fail),
    (fail, taken_back(fail)),
    (retry_after_fail, retry),
    (a_photo_waits, cancel),
    (cancelled, taken_back(cancel)),
]


def undisturbed(folder: Path, before: Act, deed: Act) -> tuple[Outcome, Outcome]:
    studio = Studio(folder)
    before(studio)
    was = Outcome.of(studio)
    deed(studio)
    studio.daemon.close()
    studio.start()
    is_now = Outcome.of(studio)
    studio.daemon.close()
    return was, is_now


@pytest.mark.parametrize(("before", "deed"), DEEDS, ids=lambda each: each.__name__)
def test_a_crash_at_every_step_of_a_deed_does_it_once_or_not_at_all(tmp_path: Path, before: Act, deed: Act) -> None:
    was, wanted = undisturbed(tmp_path / "undisturbed", before, deed)
    for step in range(MOST_STEPS):
        studio = Studio(tmp_path / str(step))
        before(studio)
        begun = len(studio.journal.deeds.latest()[0])
        studio.tick = dying_before(step)
        died = False
        try:
            deed(studio)
        except Died:
            died = True
        studio.daemon.close()
        studio.tick = lambda _: None
        studio.start()

        deeds, _ = studio.journal.deeds.latest()
        assert Outcome.of(studio) == (wanted if len(deeds) > begun else was), step
        assert all(each.ended_at and not each.fault for each in deeds), step
        studio.work()
        studio.daemon.close()
        if not died:
            assert step >= 2  # it did die in the middle of things
            return
    raise AssertionError("no deed survived")


@pytest.mark.parametrize(("before", "deed"), DEEDS, ids=lambda each: each.__name__)
def test_crashes_one_after_the_other_do_a_deed_once(tmp_path: Path, before: Act, deed: Act) -> None:
    _, wanted = undisturbed(tmp_path / "undisturbed", before, deed)
    studio = Studio(tmp_path / "disturbed")
    before(studio)
    begun, is_begun = len(studio.journal.deeds.latest()[0]), False
    for step in range(MOST_STEPS):  # each life gets one step further, and the next one goes on where it ended
        studio.tick = dying_before(step)
        try:
            if is_begun:
                studio.start()
            else:
                deed(studio)
            break
        except Died:
            studio.daemon.close()
        is_begun = is_begun or deeds_in(studio) > begun
        if not is_begun:
            studio.tick = lambda _: None
            studio.start()
    studio.tick = lambda _: None
    studio.daemon.close()
    studio.start()

    assert Outcome.of(studio) == wanted
    studio.daemon.close()


@pytest.mark.parametrize(("before", "deed"), [DEEDS[1], DEEDS[4], DEEDS[7]], ids=lambda each: each.__name__)
def test_an_outage_at_every_step_of_a_deed_is_over_and_the_deed_is_done_once(
    tmp_path: Path, before: Act, deed: Act
) -> None:
    was, wanted = undisturbed(tmp_path / "undisturbed", before, deed)
    for step in range(MOST_STEPS):
        studio = Studio(tmp_path / str(step))
        before(studio)
        begun = len(studio.journal.deeds.latest()[0])
        studio.tick = away_before(step)
        stopped = False
        try:
            deed(studio)
        except RootAway:
            stopped = True
        studio.tick = lambda _: None

        studio.deeds.resume()

        deeds, _ = studio.journal.deeds.latest()
        assert Outcome.of(studio) == (wanted if len(deeds) > begun else was), step
        studio.daemon.close()
        if not stopped:
            return
    raise AssertionError("no deed was left alone")


def away_before(step: int) -> Tick:
    """The share is away before one effect, and there again for the next."""
    die = dying_before(step)

    def tick(effect: Effect) -> None:
        try:
            die(effect)
        except Died:
            raise RootAway("the share is away") from None

    return tick


def test_a_crash_at_every_step_of_taking_another_attempt_takes_it_once_or_not_at_all(tmp_path: Path) -> None:
    for step in range(MOST_STEPS):
        studio = Studio(tmp_path / str(step), settings_for_attempts(tmp_path / str(step)))
        job = studio.seen.row.job
        number = next(each.number for each in job.attempts if each.verdict and each.number != job.best)
        studio.tick = dying_before(step)
        died = False
        try:
            studio.deeds.act(DeedKind.ATTEMPT, studio.job_id, "eva", {"number": number})
        except Died:
            died = True
        studio.daemon.close()
        studio.tick = lambda _: None
        studio.start()
        studio.work()

        was_begun = bool(studio.journal.deeds.latest()[0])
        now = studio.seen.row.job
        assert (now.state, now.round, now.best) == (State.DONE, int(was_begun), number if was_begun else job.best), step
        assert len(studio.files()[studio.grade]) == len(studio.seen.row.results), step
        studio.daemon.close()
        if not died:
            assert step > 2
            return
    raise AssertionError("no deed survived")


def deeds_in(studio: Studio) -> int:
    """How many deeds the journal of a daemon that died has."""
    journal = Journal(studio.daemon.parts.opened.journal_path)
    deeds, _ = journal.deeds.latest()
    journal.close()
    return len(deeds)
