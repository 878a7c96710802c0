"""What people do on a page: the same as if they had moved the files, written down, once, and to be taken back."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.arrays import Rgb
from daemon.commands.retry import retry_jobs
from daemon.errors import FreistellerError, IllegalMove, NoRoom, RecipeRefused, RootAway, Vanished
from daemon.hotfolder.effects import Effect
from daemon.jobs import Grade, Recipe
from daemon.journal import Journal
from daemon.journal.job_lists import GivenGrade, SeenJob
from daemon.people.deeds import Changed, DeedKind, Deeds
from daemon.people.fail_deed import one_line
from daemon.people.judged_results import judged
from daemon.service.lifecycle import Daemon
from daemon.settings import Settings
from daemon.states import State
from tests.doubles import ScriptedEngine
from tests.drawing import drawn_photo, save_photo
from tests.test_crash_at_every_step import FAR_FUTURE, files_below, next_job, results, settings_for

pytestmark = pytest.mark.usefixtures("deaf")


class Studio:
    """A daemon in one thread, and one photo that it cut out."""

    def __init__(self, folder: Path, settings: Settings | None = None, photo: Rgb | None = None) -> None:
        self.settings = settings or settings_for(folder)
        self.root = self.settings.root_path
        self.engine = ScriptedEngine()
        self.tick: Callable[[Effect], None] = lambda _: None
        save_photo(self.root / "inbox" / "kunde" / "a.png", drawn_photo(96, 72) if photo is None else photo)
        self.start()
        self.receive()
        self.work()
        (self.job_id,) = [event.job_id for event in self.journal.events.after(0) if event.kind == "admitted"]
        graded = self.seen.grade
        assert graded is not None
        self.grade = graded
        self.other = Grade.UNGENUEGEND if graded is not Grade.UNGENUEGEND else Grade.GUT

    def start(self) -> None:
        self.daemon = Daemon(self.settings, engine=self.engine, tick=lambda effect: self.tick(effect))
        self.daemon.recover()

    @property
    def deeds(self) -> Deeds:
        return self.daemon.parts.deeds

    @property
    def journal(self) -> Journal:
        return self.daemon.parts.journal

    @property
    def seen(self) -> SeenJob:
        return self.journal.lists.one(self.job_id)

    def decided(self) -> GivenGrade | None:
        return self.seen.decided

    @property
    def state(self) -> State:
        return self.seen.row.job.state

    def receive(self) -> None:
        while (scan := self.daemon.parts.inbox_loop.turn(urgent=True)) and scan.incomplete:
            self.daemon.parts.watcher.wait(scan.next_look_seconds, threading.Event())

    def work(self) -> None:
        self.daemon.parts.engine.start()
        while job := next_job(self.daemon.parts.journal):
            self.daemon.parts.task_runner.run(job)

    def files(self) -> dict[str, list[str]]:
        folders = ("inbox", "sehr_gut", "gut", "ungenügend", "failed", "archiv")
        return {folder: found for folder in folders if (found := files_below(self.root / folder))}

    def result_in(self, grade: Grade) -> dict[str, list[str]]:
        return {grade.value: ["kunde/a.json", "kunde/a.png"], "archiv": ["kunde/a.png"]}


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    studio = Studio(tmp_path)
    yield studio
    studio.daemon.close()


def test_a_grade_moves_all_files_and_is_a_verdict_of_that_person(studio: Studio) -> None:
    report = next(studio.root.glob("*/kunde/a.json")).read_bytes()

    studio.deeds.act(DeedKind.GRADE, studio.job_id, "eva", {"grade": studio.other})

    assert studio.files() == studio.result_in(studio.other)
    assert (studio.root / studio.other / "kunde" / "a.json").read_bytes() == report
    decided = studio.decided()
    assert decided is not None
    assert (decided.grade, decided.who) == (studio.other, "eva")
    (given,) = studio.journal.verdicts.latest(9)
    assert (given.from_grade, given.to_grade, given.who, given.how) == (studio.grade, studio.other, "eva", "review")
    studio.daemon.parts.verdicts.turn(settle_seconds=0.0)
    assert len(studio.journal.verdicts.latest(9)) == 1  # the look through the folders reads no second one


def test_to_confirm_a_grade_is_a_verdict_too(studio: Studio) -> None:
    before = studio.files()

    studio.deeds.act(DeedKind.GRADE, studio.job_id, "eva", {"grade": studio.grade})

    assert studio.files() == before
    decided = studio.decided()
    assert decided is not None
    assert decided.grade is studio.grade
    assert [one.spoken for one in judged(studio.journal)] == [True]


def test_a_grade_that_is_taken_back_leaves_no_judgement(studio: Studio) -> None:
    before, seen = studio.files(), studio.seen
    number = studio.deeds.act(DeedKind.GRADE, studio.job_id, "eva", {"grade": studio.other})

    studio.deeds.undo(number, "eva")

    assert studio.files() == before
    assert studio.decided() is None
    assert studio.seen.row.results == seen.row.results
    assert studio.seen.version > seen.version
    assert judged(studio.journal) == ()


def test_deeds_are_taken_back_step_by_step_and_done_again(studio: Studio) -> None:
    first = studio.deeds.act(DeedKind.GRADE, studio.job_id, "eva", {"grade": studio.other})
    second = studio.deeds.act(DeedKind.GRADE, studio.job_id, "max", {"grade": studio.grade})
    with pytest.raises(IllegalMove):
        studio.deeds.undo(first, "eva")

    undone_second = studio.deeds.undo(second, "max")
    assert studio.files() == studio.result_in(studio.other)
    undone_first = studio.deeds.undo(first, "eva")
    assert studio.decided() is None
    with pytest.raises(IllegalMove):
        studio.deeds.undo(first, "eva")
    with pytest.raises(IllegalMove):
        studio.deeds.undo(undone_second, "eva")

    studio.deeds.undo(undone_first, "eva")
    decided = studio.decided()
    assert decided is not None
    assert decided.grade is studio.other
    again = studio.deeds.undo(undone_second, "eva")
    assert studio.files() == studio.result_in(studio.grade)
    studio.deeds.undo(again, "eva")
    assert studio.files() == studio.result_in(studio.other)


def test_what_was_taken_back_cannot_be_done_again_over_something_new(studio: Studio) -> None:
    first = studio.deeds.act(DeedKind.GRADE, studio.job_id, "eva", {"grade": studio.other})
    undone = studio.deeds.undo(first, "eva")
    studio.deeds.act(DeedKind.GRADE, studio.job_id, "max", {"grade": studio.grade})

    with pytest.raises(IllegalMove):
        studio.deeds.undo(undone, "eva")


def test_who_saw_an_older_state_is_refused_and_others_see_the_first_verdict(studio: Studio) -> None:
    seen = studio.seen.version
    studio.deeds.act(DeedKind.GRADE, studio.job_id, "eva", {"grade": studio.other}, version=seen)

    with pytest.raises(Changed):
        studio.deeds.act(DeedKind.GRADE, studio.job_id, "max", {"grade": studio.grade}, version=seen)

    assert studio.files() == studio.result_in(studio.other)


def test_two_people_at_once_leave_one_whole_result(studio: Studio) -> None:
    problems: list[BaseException] = []

    def decide(who: str, grade: Grade) -> None:
        for _ in range(5):
            try:
                studio.deeds.act(DeedKind.GRADE, studio.job_id, who, {"grade": grade})
            except FreistellerError as error:
                problems.append(error)

    threads = [
        threading.Thread(target=decide, args=(who, grade))
        for who, grade in (("eva", Grade.SEHR_GUT), ("max", Grade.GUT), ("ida", Grade.UNGENUEGEND))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert problems == []
    decided = studio.decided()
    assert decided is not None
    assert studio.files() == studio.result_in(decided.grade)
    assert len(studio.journal.deeds.latest()[0]) == 15


def test_a_result_that_somebody_moved_meanwhile_is_left_to_the_folder(studio: Studio) -> None:
    target = studio.root / studio.other / "mine.png"
    (studio.root / studio.grade / "kunde" / "a.png").rename(target)

    with pytest.raises(IllegalMove, match="not there any more"):
        studio.deeds.act(DeedKind.GRADE, studio.job_id, "eva", {"grade": studio.grade})

    assert target.exists()
    assert studio.journal.deeds.latest()[0] == ()
    studio.daemon.parts.verdicts.turn(settle_seconds=0.0)
    decided = studio.decided()
    assert decided is not None
    assert (decided.grade, decided.who) == (studio.other, "")


def test_a_verdict_by_hand_after_a_deed_cannot_be_taken_back_with_it(studio: Studio) -> None:
    number = studio.deeds.act(DeedKind.GRADE, studio.job_id, "eva", {"grade": studio.other})
    for name in ("a.png", "a.json"):
        (studio.root / studio.other / "kunde" / name).rename(studio.root / studio.grade / "kunde" / name)
    studio.daemon.parts.verdicts.turn(settle_seconds=0.0)

    with pytest.raises(IllegalMove, match="another grade since"):
        studio.deeds.undo(number, "eva")

    assert studio.files() == studio.result_in(studio.grade)


def test_a_name_that_is_taken_is_not_replaced(studio: Studio) -> None:
    mine = studio.root / studio.other / "kunde" / "a.json"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")

    number = studio.deeds.act(DeedKind.GRADE, studio.job_id, "eva", {"grade": studio.other})

    assert mine.read_text() == "mine"
    assert studio.files()[studio.other] == ["kunde/a-2.json", "kunde/a-2.png", "kunde/a.json"]
    assert studio.seen.row.results == (f"{studio.other}/kunde/a-2.png", f"{studio.other}/kunde/a-2.json")
    studio.deeds.undo(number, "eva")
    assert studio.files()[studio.grade] == ["kunde/a-2.json", "kunde/a-2.png"]


def test_a_result_is_tried_again_and_the_earlier_one_kept(studio: Studio) -> None:
    studio.deeds.act(DeedKind.RETRY, studio.job_id, "eva")

    assert studio.state is State.WAITING
    assert studio.files() == {"archiv": ["kunde/a-earlier.json", "kunde/a-earlier.png", "kunde/a.png"]}
    studio.work()
    assert (studio.state, studio.seen.row.job.round) == (State.DONE, 1)
    assert len(results(studio.root)) == 2


def test_another_try_is_taken_back_while_it_waits(studio: Studio) -> None:
    studio.deeds.act(DeedKind.GRADE, studio.job_id, "eva", {"grade": studio.other})
    before, row = studio.files(), studio.seen.row
    number = studio.deeds.act(DeedKind.RETRY, studio.job_id, "eva")
    assert studio.decided() is None

    undone = studio.deeds.undo(number, "eva")

    assert studio.files() == before
    tries = row.job.tries  # of a round that is over; they count no longer
    assert replace(studio.seen.row, job=replace(studio.seen.row.job, tries=tries)) == row
    decided = studio.decided()
    assert decided is not None
    assert decided.grade is studio.other
    assert files_below(studio.root / ".freisteller" / "work") == []
    studio.deeds.undo(undone, "eva")
    studio.work()
    assert (studio.state, studio.seen.row.job.round) == (State.DONE, 1)


def test_another_try_that_has_begun_cannot_be_taken_back(studio: Studio) -> None:
    number = studio.deeds.act(DeedKind.RETRY, studio.job_id, "eva")
    studio.journal.take(FAR_FUTURE)

    with pytest.raises(IllegalMove):
        studio.deeds.undo(number, "eva")
    with pytest.raises(IllegalMove, match="in work"):
        studio.deeds.act(DeedKind.GRADE, studio.job_id, "eva", {"grade": studio.grade})


def test_a_photo_without_its_original_is_not_tried_again(studio: Studio) -> None:
    (studio.root / "archiv" / "kunde" / "a.png").unlink()
    before = studio.files()

    with pytest.raises(Vanished):
        studio.deeds.act(DeedKind.RETRY, studio.job_id, "eva")
    with pytest.raises(Vanished):
        studio.deeds.act(DeedKind.FAIL, studio.job_id, "eva", {"word": "no"})

    assert studio.files() == before
    assert studio.state is State.DONE


def test_a_result_that_nobody_wants_goes_to_failed_with_the_word_and_who_said_it(studio: Studio) -> None:
    number = studio.deeds.act(DeedKind.FAIL, studio.job_id, "eva", {"word": "wrong shoe"})

    assert studio.files() == {
        "archiv": ["kunde/a-earlier.json", "kunde/a-earlier.png"],
        "failed": ["kunde/a.png", "kunde/a.png.txt"],
    }
    note = (studio.root / "failed" / "kunde" / "a.png.txt").read_text("utf-8")
    assert "was put here by a person" in note
    assert "Why: wrong shoe (said by eva)" in note
    assert (studio.state, studio.seen.grade, studio.decided()) == (State.FAILED, None, None)

    studio.deeds.undo(number, "eva")

    assert studio.files() == studio.result_in(studio.grade)
    assert (studio.state, studio.seen.grade) == (State.DONE, studio.grade)
    original = studio.journal.originals.of_job(studio.job_id)
    assert original is not None
    assert original.place == "archiv/kunde/a.png"


def test_whoever_retries_all_failed_photos_does_not_mean_those_that_a_person_rejected(studio: Studio) -> None:
    studio.deeds.act(DeedKind.FAIL, studio.job_id, "eva", {"word": "no"})
    studio.daemon.close()

    assert retry_jobs(studio.settings, None) == ([], [])
    assert retry_jobs(studio.settings, [studio.job_id]) == (["kunde/a.png"], [])


def test_a_rejection_cannot_be_taken_back_once_the_original_is_gone(studio: Studio) -> None:
    number = studio.deeds.act(DeedKind.FAIL, studio.job_id, "eva", {"word": "no"})
    (studio.root / "failed" / "kunde" / "a.png").unlink()
    before = studio.files()

    with pytest.raises(Vanished):
        studio.deeds.undo(number, "eva")

    assert studio.files() == before


def test_a_photo_that_waits_is_cancelled_and_waits_again_in_its_old_place(studio: Studio) -> None:
    save_photo(studio.root / "inbox" / "b.png", seed=2)
    studio.receive()
    (waiting,) = studio.journal.rows(State.WAITING)

    number = studio.deeds.act(DeedKind.CANCEL, waiting.job.id, "eva")

    assert studio.files()["failed"] == ["b.png", "b.png.txt"]
    assert "Why: cancelled by eva" in (studio.root / "failed" / "b.png.txt").read_text("utf-8")
    assert studio.journal.take(FAR_FUTURE) is None
    studio.deeds.undo(number, "eva")
    (again,) = studio.journal.rows(State.WAITING)
    assert again.job.admitted_at == waiting.job.admitted_at
    studio.work()
    assert "b.png" in " ".join(results(studio.root))


def test_a_result_is_not_cancelled(studio: Studio) -> None:
    with pytest.raises(IllegalMove):
        studio.deeds.act(DeedKind.CANCEL, studio.job_id, "eva")


def test_a_photo_that_failed_is_tried_again_and_that_is_taken_back(studio: Studio) -> None:
    def refuse(recipe: Recipe) -> None:
        raise RecipeRefused(f"{recipe} is refused")

    studio.engine.trouble = refuse
    save_photo(studio.root / "inbox" / "b.png", seed=2)
    studio.receive()
    studio.work()
    (failed,) = studio.journal.rows(State.FAILED)
    before = studio.files()

    number = studio.deeds.act(DeedKind.RETRY, failed.job.id, "eva")
    assert "failed" not in studio.files()
    studio.deeds.undo(number, "eva")

    assert studio.files() == before
    again = studio.journal.row(failed.job.id)
    assert (again.job.state, again.job.reason, again.job.round) == (State.FAILED, failed.job.reason, 0)
    assert again.reason_kind == failed.reason_kind


def test_an_order_gets_a_priority_that_outlives_a_start_and_is_taken_back(studio: Studio) -> None:
    number = studio.deeds.prioritize("kunde", 7, "eva")
    studio.journal.turns.prioritize({"kunde": 1})  # as a start does
    (order,) = studio.journal.orders.all()
    assert order.priority == 7

    studio.deeds.undo(number, "eva")

    (order,) = studio.journal.orders.all()
    assert order.priority == 0
    with pytest.raises(IllegalMove):
        studio.deeds.prioritize("unknown", 1, "eva")


def test_a_deed_that_an_outage_stops_is_carried_through_later(studio: Studio) -> None:
    def away(effect: Effect) -> None:
        if effect is Effect.RECORD_VERDICT:
            raise RootAway("the share is away")

    studio.tick = away
    with pytest.raises(RootAway):
        studio.deeds.act(DeedKind.GRADE, studio.job_id, "eva", {"grade": studio.other})
    studio.tick = lambda _: None

    assert studio.deeds.resume() == 1

    decided = studio.decided()
    assert decided is not None
    assert (decided.grade, decided.who) == (studio.other, "eva")
    assert studio.deeds.resume() == 0


def test_a_photo_is_not_started_before_its_original_is_in_work(studio: Studio) -> None:
    started = []

    def away(effect: Effect) -> None:
        if effect is Effect.ORIGINAL_INTO_WORK:
            started.append(studio.journal.take(FAR_FUTURE))
            raise RootAway("the share is away")

    studio.tick = away
    with pytest.raises(RootAway):
        studio.deeds.act(DeedKind.RETRY, studio.job_id, "eva")
    studio.tick = lambda _: None
    started.append(studio.journal.take(FAR_FUTURE))

    studio.deeds.resume()

    assert started == [None, None]
    studio.work()
    assert (studio.state, studio.seen.row.job.round) == (State.DONE, 1)


def test_a_start_that_cannot_carry_a_deed_through_lets_nobody_start_its_photo(studio: Studio) -> None:
    def away(effect: Effect) -> None:
        if effect is Effect.ORIGINAL_INTO_WORK:
            raise RootAway("the share is away")

    studio.tick = away
    with pytest.raises(RootAway):
        studio.deeds.act(DeedKind.RETRY, studio.job_id, "eva")
    studio.daemon.close()
    studio.start()

    assert studio.journal.take(FAR_FUTURE) is None
    studio.tick = lambda _: None
    assert studio.deeds.resume() == 1
    studio.work()
    assert (studio.state, studio.seen.row.job.round) == (State.DONE, 1)


def test_deeds_are_done_in_their_order_also_after_an_outage(studio: Studio) -> None:
    def full(effect: Effect) -> None:
        if effect is Effect.END_DEED:
            raise NoRoom("the disk is full")

    studio.tick = full
    with pytest.raises(NoRoom):
        studio.deeds.act(DeedKind.GRADE, studio.job_id, "eva", {"grade": studio.other})
    studio.tick = lambda _: None
    studio.deeds.act(DeedKind.GRADE, studio.job_id, "max", {"grade": studio.grade})

    studio.deeds.resume()

    assert studio.files() == studio.result_in(studio.grade)
    decided = studio.decided()
    assert decided is not None
    assert decided.who == "max"


def test_a_photo_that_failed_before_the_journal_was_lost_is_tried_again(studio: Studio) -> None:
    studio.deeds.act(DeedKind.FAIL, studio.job_id, "eva", {"word": "no"})
    with studio.journal._db.transaction():
        studio.journal._db.change("DELETE FROM originals")

    studio.deeds.act(DeedKind.RETRY, studio.job_id, "eva")

    studio.work()
    assert studio.state is State.DONE


def test_the_journal_tells_who_did_what_page_by_page(studio: Studio) -> None:
    first = studio.deeds.act(DeedKind.GRADE, studio.job_id, "eva", {"grade": studio.other})
    studio.deeds.undo(first, "max")

    deeds, further = studio.journal.deeds.latest(limit=1)
    rest, end = studio.journal.deeds.latest(further, limit=1)

    assert [(deed.kind, deed.who, deed.name) for deed in (*deeds, *rest)] == [
        ("undo", "max", "kunde/a.png"),
        ("grade", "eva", "kunde/a.png"),
    ]
    assert end is None


def test_a_word_is_one_line_in_a_note() -> None:
    assert one_line("  wrong\nshoe\x00 \t!\u202e ") == "wrong shoe !"
    assert len(one_line("x" * 999)) == 200
    assert one_line("\n") == ""
