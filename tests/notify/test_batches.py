"""When a folder counts as done, the figures of its batch, and that each batch is reported once."""

import uuid
from pathlib import Path

import pytest

from daemon.hotfolder.hot_folder import HotFolder
from daemon.jobs import Attempt, Grade, Measures, Outcome, Recipe, Verdict
from daemon.journal import Journal
from daemon.notify.batches import Batches
from daemon.notify.notices import BatchFigures
from daemon.observe.metrics import Metrics
from tests.doubles import Clock
from tests.drawing import save_photo

QUIET = 30.0


class Studio:
    """A hot folder, its journal, and the batches that are reported."""

    def __init__(self, folder: Path) -> None:
        self.folders = HotFolder(folder / "hot")
        self.folders.prepare()
        self.journal = Journal(folder / "journal.sqlite3")
        self.clock = Clock()
        self.restart()

    def restart(self) -> None:
        self.batches = Batches(self.journal, self.folders, Metrics("1"), self.clock)

    def admit(self, name: str) -> str:
        job_id = uuid.uuid4().hex
        self.journal.admit(job_id, name, self.folders.inbox / name, 1, self.clock())
        return job_id

    def finish(self, name: str, grade: Grade = Grade.SEHR_GUT, best: int = 1, job_id: str = "") -> None:
        """One photo is done in two seconds."""
        job_id = job_id or self.admit(name)
        assert self.journal.take(self.clock()) is not None
        measures = Measures(1, 1, 1)
        attempts = tuple(
            Attempt(number, Recipe("m"), verdict=Verdict(0.5, grade, measures)) for number in range(1, best + 1)
        )
        self.journal.work_times.clock = self.clock
        with self.journal.work_times.working(job_id):
            self.journal.decide(job_id, Outcome(attempts, attempts[-1]))
            self.clock.advance(2)
            self.journal.complete(job_id, ["x.png"], self.clock())

    def fail(self, name: str) -> None:
        self.journal.give_up(self.admit(name), "no photo", "bad_photo", self.clock())

    def reported(self, after: float = QUIET) -> tuple[BatchFigures, ...]:
        """The batches that are reported after so many quiet seconds."""
        self.batches.done(QUIET)
        self.clock.advance(after)
        return self.batches.done(QUIET)


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


def test_a_folder_is_reported_with_its_figures_once_it_is_empty_and_quiet(studio: Studio) -> None:
    studio.finish("shoes/a.jpg")
    studio.finish("shoes/deep/b.jpg", Grade.GUT, best=3)
    studio.finish("shoes/c.jpg", Grade.UNGENUEGEND)
    studio.fail("shoes/d.jpg")

    too_early = studio.reported(after=QUIET - 1)
    told = studio.reported(after=1)

    assert too_early == ()
    grades = {Grade.SEHR_GUT: 1, Grade.GUT: 1, Grade.UNGENUEGEND: 1}
    places = ("x.png",) * 3
    assert told == (BatchFigures("shoes", photos=4, failed=1, grades=grades, improved=1, seconds=6.0, places=places),)
    assert studio.reported() == ()


def test_photos_outside_of_folders_are_a_batch_too(studio: Studio) -> None:
    studio.finish("a.jpg")
    save_photo(studio.folders.inbox / "shoes" / "later.jpg")

    assert [batch.folder for batch in studio.reported()] == [""]


def test_a_photo_in_work_keeps_its_folder_open_and_no_other(studio: Studio) -> None:
    studio.admit("bags/slow.jpg")
    studio.fail("shoes/a.jpg")
    studio.fail("bags/b.jpg")

    assert [batch.folder for batch in studio.reported()] == ["shoes"]


def test_a_photo_that_still_lies_in_the_inbox_keeps_its_folder_open(studio: Studio) -> None:
    late = save_photo(studio.folders.inbox / "shoes" / "deep" / "late.jpg")
    (studio.folders.inbox / "shoes" / "list.txt").write_text("no photo")
    studio.finish("shoes/a.jpg")
    open_still = studio.reported()
    late.unlink()

    assert open_still == ()
    assert [batch.photos for batch in studio.reported()] == [1]


def test_a_folder_that_the_disk_spells_differently_is_found(studio: Studio) -> None:
    late = save_photo(studio.folders.inbox / "Schuhe fu\u0308r A" / "late.jpg")  # as a Mac writes it
    studio.finish("Schuhe f\u00fcr A/a.jpg")
    open_still = studio.reported()
    late.unlink()

    assert open_still == ()
    assert [batch.folder for batch in studio.reported()] == ["Schuhe f\u00fcr A"]


def test_a_second_batch_in_the_same_folder_counts_only_its_own_photos(studio: Studio) -> None:
    studio.finish("shoes/a.jpg")
    studio.admit("bags/slow.jpg")  # so that rows of several folders lie between each other
    studio.reported()
    studio.fail("shoes/b.jpg")
    studio.fail("shoes/c.jpg")

    assert [(batch.folder, batch.photos) for batch in studio.reported()] == [("shoes", 2)]


def test_a_folder_of_photos_that_are_left_out_is_done_too(studio: Studio) -> None:
    job_id = studio.admit("shoes/again.jpg")
    studio.journal.take(studio.clock())
    studio.journal.leave_out(job_id, [], studio.clock())

    assert [(batch.photos, batch.failed, sum(batch.grades.values())) for batch in studio.reported()] == [(1, 0, 0)]


def test_a_retry_of_one_photo_is_no_batch(studio: Studio) -> None:
    job_id = studio.admit("shoes/a.jpg")
    studio.journal.give_up(job_id, "no", "bad_photo", studio.clock())
    studio.reported()
    studio.journal.requeue(job_id, studio.clock())
    studio.finish("shoes/a.jpg", job_id=job_id)

    assert studio.reported() == ()


def test_a_restart_neither_forgets_a_batch_nor_reports_it_twice(studio: Studio) -> None:
    studio.finish("bags/a.jpg")
    studio.reported()
    studio.finish("shoes/a.jpg")
    studio.restart()
    after_the_first = studio.reported()
    studio.restart()

    assert [(batch.folder, batch.photos) for batch in after_the_first] == [("shoes", 1)]
    assert studio.reported() == ()


def test_a_photo_that_comes_during_a_report_belongs_to_the_next_batch(studio: Studio) -> None:
    studio.finish("shoes/a.jpg")
    bag = studio.admit("bags/a.jpg")
    studio.reported()
    studio.finish("bags/a.jpg", job_id=bag)

    assert [(batch.folder, batch.photos) for batch in studio.reported()] == [("bags", 1)]


def test_photos_from_before_the_first_start_with_batches_are_not_reported(studio: Studio) -> None:
    studio.finish("shoes/a.jpg")
    studio.journal.facts.record("batches_told", '{"low": 0, "folders": {}}')
    studio.restart()
    known = studio.reported()
    studio.finish("bags/a.jpg")
    studio.journal._db.change("DELETE FROM facts")
    studio.restart()

    assert [batch.folder for batch in known] == ["shoes"]
    assert studio.reported() == ()


def test_rows_that_were_deleted_hide_no_later_batch(studio: Studio) -> None:
    for number in range(5):
        studio.fail(f"shoes/{number}.jpg")
    studio.reported()
    studio.journal._db.change("DELETE FROM jobs")  # as an old journal is pruned
    studio.batches.done(QUIET)
    studio.fail("bags/a.jpg")

    assert [batch.folder for batch in studio.reported()] == ["bags"]


def test_a_clock_that_jumps_back_spoils_no_figure(studio: Studio) -> None:
    studio.finish("shoes/a.jpg")
    job_id = studio.admit("shoes/b.jpg")
    studio.clock.advance(-86400)
    studio.finish("shoes/b.jpg", job_id=job_id)
    studio.clock.advance(86400)

    assert [(batch.photos, batch.seconds >= 0) for batch in studio.reported()] == [(2, True)]


def test_the_places_of_a_batch_are_those_of_its_photos_the_failed_first(studio: Studio) -> None:
    studio.finish("shoes/a.jpg")
    studio.reported()
    studio.finish("shoes/b.jpg")
    failed = studio.admit("shoes/c.jpg")
    studio.journal.give_up(failed, "no photo", "bad_photo", studio.clock())
    studio.journal.record_places(failed, ["failed/shoes/c.jpg", "failed/shoes/c.jpg.txt"])
    studio.finish("hats/d.jpg")

    told = {batch.folder: batch.places for batch in studio.reported()}

    assert told["shoes"] == ("failed/shoes/c.jpg.txt", "x.png")
    assert told["hats"] == ("x.png",)


def test_a_photo_that_follows_a_row_that_was_forgotten_is_told_of(studio: Studio) -> None:
    gone = studio.admit("bags/gone.jpg")
    studio.batches.done(QUIET)
    studio.journal.forget(gone)  # its file went away before it was claimed
    studio.fail("shoes/a.jpg")

    assert [batch.folder for batch in studio.reported()] == ["shoes"]


def test_a_batch_after_all_rows_were_pruned_is_told_of_across_a_restart(studio: Studio) -> None:
    for number in range(5):
        studio.fail(f"shoes/{number}.jpg")
    studio.reported()
    studio.journal._db.change("DELETE FROM jobs")  # as an old journal is pruned
    studio.fail("bags/a.jpg")
    studio.restart()

    assert [batch.folder for batch in studio.reported()] == ["bags"]
