"""A photo that failed, and comes whole under its name, closes its failure; no file is lost on the way."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from daemon.commands.retry import retry_jobs
from daemon.hotfolder.effects import Effect, Tick
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.job_locks import JobLocks
from daemon.journal import Journal, RequestKey, SentAlong
from daemon.journal.deed_rows import Deed
from daemon.publishing.closed_failures import close_failures
from daemon.settings import Settings
from daemon.states import State
from tests.doubles import ScriptedEngine
from tests.drawing import drawn_photo, save_photo
from tests.test_crash_at_every_step import (
    FAR_FUTURE,
    Died,
    dying_before,
    files_below,
    one_life,
    refuse,
    results,
    settings_for,
)

pytestmark = pytest.mark.usefixtures("deaf")


def settings_of(folder: Path, **intake: object) -> Settings:
    return settings_for(folder, intake={"quiet_seconds": 0, "patience_seconds": 0.01, **intake})


class Studio:
    """A hot folder, and what a person does in it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.root = settings.root_path
        self.place = self.root / "inbox" / "kunde" / "a.png"
        self.whole = save_photo(self.root.parent / "camera" / "a.png", drawn_photo(96, 72)).read_bytes()
        self.half = self.whole[: len(self.whole) // 2]
        self.engine = ScriptedEngine()

    def send(self, content: bytes, place: Path | None = None) -> None:
        to = place or self.place
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(content)

    def live(self, tick: Tick = lambda _: None) -> None:
        one_life(self.settings, self.engine, tick)

    def died(self, tick: Tick) -> str | None:
        """Live until a death; returns the effect that it came before, None if there was none."""
        try:
            self.live(tick)
        except Died as death:
            return str(death)
        return None

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        with closing(Journal(Path(self.settings.state_dir) / "journal.sqlite3")) as journal:
            yield journal

    def counts(self) -> tuple[int, int]:
        """How many photos have failed and how many are done, by the count and by the rows, which agree."""
        with self.journal() as journal:
            counted = journal.counts().states
            rows = {state: len(list(journal.rows(state))) for state in (State.FAILED, State.DONE)}
        assert rows == {state: counted[state] for state in rows}
        return rows[State.FAILED], rows[State.DONE]

    def failed(self) -> list[str]:
        return files_below(self.root / "failed")

    def archived(self) -> dict[str, bytes]:
        folder = self.root / "archiv"
        return {name: (folder / name).read_bytes() for name in files_below(folder)}


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """Half of a photo was sent, and has failed."""
    studio = Studio(settings_of(tmp_path))
    studio.send(studio.half)
    studio.live()
    assert studio.failed() == ["kunde/a.png", "kunde/a.png.txt"]
    return studio


def test_a_whole_photo_that_is_sent_anew_closes_the_failure_of_its_half(studio: Studio) -> None:
    studio.send(studio.whole)
    studio.live()

    assert studio.counts() == (0, 1)
    assert studio.failed() == []
    assert studio.archived() == {"kunde/a.png": studio.whole, "kunde/a-earlier.png": studio.half}
    assert retry_jobs(studio.settings, None) == ([], [])


def test_a_failed_photo_that_is_mended_in_failed_and_moved_back_closes_its_failure(studio: Studio) -> None:
    mended = studio.root / "failed" / "kunde" / "a.png"
    mended.write_bytes(studio.whole)
    studio.place.parent.mkdir(exist_ok=True)
    mended.rename(studio.place)
    studio.live()

    assert studio.counts() == (0, 1)
    assert studio.failed() == []
    assert studio.archived() == {"kunde/a.png": studio.whole}


def test_nothing_is_closed_if_the_new_photo_fails_as_well(studio: Studio) -> None:
    studio.send(studio.half + b"more")
    studio.live()

    assert studio.counts() == (2, 0)
    assert studio.failed() == ["kunde/a-2.png", "kunde/a-2.png.txt", "kunde/a.png", "kunde/a.png.txt"]


def test_all_halves_of_one_upload_are_closed_by_the_whole_photo(studio: Studio) -> None:
    studio.send(studio.half + b"more")
    studio.live()
    studio.send(studio.whole)
    studio.live()

    assert studio.counts() == (0, 1)
    assert studio.failed() == []
    assert studio.archived() == {
        "kunde/a.png": studio.whole,
        "kunde/a-earlier.png": studio.half,
        "kunde/a-earlier-2.png": studio.half + b"more",
    }


@pytest.mark.parametrize("name", ["b.png", "../a.png", "../other/a.png"])
def test_a_photo_of_another_name_or_folder_closes_no_failure(studio: Studio, name: str) -> None:
    studio.send(studio.whole, studio.root / "inbox" / "kunde" / name)
    studio.live()

    assert studio.counts() == (1, 1)
    assert studio.failed() == ["kunde/a.png", "kunde/a.png.txt"]


def test_a_photo_that_came_before_the_failure_does_not_close_it(tmp_path: Path) -> None:
    studio = Studio(settings_of(tmp_path))
    studio.engine.trouble = refuse
    studio.send(studio.whole)
    studio.live()
    studio.send(studio.half)
    studio.live()
    studio.engine.trouble = None
    with studio.journal() as journal:
        (first, _) = sorted(journal.rows(State.FAILED), key=lambda row: row.job.admitted_at)
    retry_jobs(studio.settings, [first.job.id])
    studio.live()

    assert studio.counts() == (1, 1)
    assert studio.failed() == ["kunde/a-2.png", "kunde/a-2.png.txt"]


def test_a_photo_that_no_engine_could_do_is_closed_by_the_same_photo_and_not_by_another(tmp_path: Path) -> None:
    studio = Studio(settings_of(tmp_path))
    studio.engine.trouble = refuse
    studio.send(studio.whole)
    studio.live()
    studio.engine.trouble = None
    other = save_photo(tmp_path / "camera" / "b.png", drawn_photo(80, 60)).read_bytes()

    studio.send(other)
    studio.live()
    assert studio.counts() == (1, 1)

    studio.send(studio.whole)
    studio.live()
    assert studio.counts() == (0, 2)
    assert sorted(studio.archived().values()) == sorted([other, studio.whole, studio.whole])


def test_a_photo_that_a_person_sent_to_failed_stays_there(studio: Studio) -> None:
    with studio.journal() as journal:
        (row,) = journal.rows(State.FAILED)
        journal.requeue(row.job.id, 0.0)
        journal.deeds.cancel(row.job.id, "not wanted", "cancelled", 0.0, 0)
        journal.record_places(row.job.id, row.results)
    studio.send(studio.whole)
    studio.live()

    assert studio.counts() == (1, 1)
    assert studio.failed() == ["kunde/a.png", "kunde/a.png.txt"]


def test_a_photo_that_is_left_out_as_equal_closes_the_failure_of_its_half(tmp_path: Path) -> None:
    studio = Studio(settings_of(tmp_path, equal_content="skip"))
    studio.send(studio.whole, studio.root / "inbox" / "first.png")
    studio.send(studio.half)
    studio.live()
    studio.send(studio.whole)
    studio.live()

    assert studio.counts() == (0, 2)
    assert studio.failed() == []
    assert studio.archived()["kunde/a-earlier.png"] == studio.half


def test_the_file_of_another_failure_at_the_place_of_one_that_is_closed_stays(studio: Studio) -> None:
    (studio.root / "failed" / "kunde" / "a.png").rename(studio.root.parent / "half.png")
    (studio.root / "failed" / "kunde" / "a.png.txt").unlink()
    studio.engine.trouble = refuse
    other = save_photo(studio.root.parent / "camera" / "b.png", drawn_photo(80, 60)).read_bytes()
    studio.send(other)
    studio.live()
    assert studio.failed() == ["kunde/a.png", "kunde/a.png.txt"]
    studio.engine.trouble = None
    (studio.root / "failed" / "kunde" / "a.png").write_bytes(edited := other + b"edited")

    studio.send(studio.whole)
    studio.live()

    assert studio.counts() == (1, 1)
    assert studio.failed() == ["kunde/a.png", "kunde/a.png.txt"]
    assert (studio.root / "failed" / "kunde" / "a.png").read_bytes() == edited


def test_a_photo_of_a_person_that_lies_at_the_place_of_the_failure_is_kept(studio: Studio) -> None:
    half = studio.root / "failed" / "kunde" / "a.png"
    half.unlink()
    half.write_bytes(b"my own")
    studio.send(studio.whole)
    studio.live()

    assert studio.archived()["kunde/a-earlier.png"] == b"my own"


def test_a_crash_at_every_step_closes_the_failure_once_and_not_before_the_result_is_there(tmp_path: Path) -> None:
    deaths: set[str] = set()
    for step in range(200):
        studio = Studio(settings_of(tmp_path / str(step)))
        studio.send(studio.half)
        studio.live()
        studio.send(studio.whole)
        death = studio.died(dying_before(step))
        if death is None:
            break
        deaths.add(death)
        is_open = studio.counts()[0] == 1 and studio.failed() == ["kunde/a.png", "kunde/a.png.txt"]
        assert is_open or len(results(studio.root)) == 2, death
        studio.live()
        assert studio.counts() == (0, 1), step
        assert studio.failed() == [], step
        assert studio.archived() == {"kunde/a.png": studio.whole, "kunde/a-earlier.png": studio.half}, step
        assert results(studio.root) == ["kunde/a.json", "kunde/a.png"], step
    assert {Effect.KEEP_FAILED_FILE, Effect.REMOVE_FAILED_FILE, Effect.REMOVE_NOTE, Effect.CLOSE_FAILURE} <= deaths


def test_a_retry_of_the_failure_goes_first_and_is_not_undone(studio: Studio) -> None:
    with studio.journal() as journal:
        (row,) = journal.rows(State.FAILED)
    studio.send(studio.whole)

    def retried(effect: Effect) -> None:
        if effect is Effect.RECORD_RESULTS:
            retry_jobs(studio.settings, [row.job.id])

    studio.live(retried)

    assert studio.counts() == (1, 1)  # the half failed once more, and that is news
    assert studio.failed() == ["kunde/a.png", "kunde/a.png.txt"]


def test_a_retry_that_is_quicker_than_the_lock_is_left_alone(studio: Studio) -> None:
    class TakenAfterARetry(JobLocks):
        @contextmanager
        def trying(self, job_id: str) -> Iterator[bool]:
            retry_jobs(studio.settings, [job_id])
            with super().trying(job_id) as is_ours:
                yield is_ours

    with studio.journal() as journal:
        (row,) = journal.rows(State.FAILED)
        job = journal.admit("new", row.job.name, row.source, 1, FAR_FUTURE)
        assert journal.mended_failures.by("new") == (row.job.id,)
        close_failures(HotFolder(studio.root), journal, TakenAfterARetry(), lambda _: None, job)

        assert journal.state_of(row.job.id) is State.WAITING
        assert journal.counts().states[State.FAILED] == 0


def test_a_failure_that_somebody_works_on_or_that_a_program_asks_for_is_left_alone(studio: Studio) -> None:
    with studio.journal() as journal:
        (row,) = journal.rows(State.FAILED)
        job = journal.admit("new", row.job.name, row.source, 1, FAR_FUTURE)
        deed = journal.deeds.begin(Deed("retry", row.job.id, "kunde", row.job.name, "", 0.0, {}))
        locks = JobLocks()
        close_failures(HotFolder(studio.root), journal, locks, lambda _: None, job)
        assert journal.state_of(row.job.id) is State.FAILED

        journal.deeds.end(deed, 0.0, "nothing came of it", {})
        with ThreadPoolExecutor(1) as others, locks.held(row.job.id):
            others.submit(close_failures, HotFolder(studio.root), journal, locks, lambda _: None, job).result()
        assert journal.state_of(row.job.id) is State.FAILED

        close_failures(HotFolder(studio.root), journal, locks, lambda _: None, job)
        assert journal.state_of(row.job.id) is None

        for job_id, sent in (
            ("keyed", SentAlong(key=RequestKey("shop", "1", b"1" * 32))),
            ("set", SentAlong(settings='{"outputs": {}}')),
        ):
            journal.admit(job_id, row.job.name, row.source, 1, 0.0, sent)
            journal.give_up(job_id, "half", "not_whole", 0.0)
            journal.record_places(job_id, [f"failed/{job_id}.png"])
        journal.admit("newest", row.job.name, row.source, 1, FAR_FUTURE)
        assert journal.mended_failures.by("newest") == ()
