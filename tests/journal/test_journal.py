"""The journal in a real SQLite file: what it keeps, and what it refuses."""

import hashlib
import json
import random
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

import pytest

from daemon.disk.file_id import FileId
from daemon.errors import BadSettings, IllegalMove, JournalDamaged
from daemon.jobs import Attempt, Finish, Grade, Measures, Outcome, Recipe, Verdict, View
from daemon.journal import SCHEMA_VERSION, Journal, Original
from daemon.journal.reserved import ReservedJobs
from daemon.journal.result_files import RESULTS_TO_READ
from daemon.journal.run_end import RunEndRecord
from daemon.journal.schema import MIGRATIONS
from daemon.states import Move, State

NOW = 1_800_000_000.0


def verdict(score: float = 0.9, grade: Grade = Grade.SEHR_GUT) -> Verdict:
    return Verdict(score, grade, Measures(0.9, 0.8, 1.0, None), ("clean",), ())


def attempt(number: int = 1) -> Attempt:
    return Attempt(
        number,
        Recipe("BEN2", 1024, View(0.1, 0.2, 0.9, 0.8, mirrored=True)),
        "http://gpu1:8188",
        1.25,
        Finish(blend=(1,), levels=(0.2, 0.8)),
        verdict(),
        View(0.2, 0.2, 0.8, 0.8),
    )


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.sqlite3")


def admit(journal: Journal, job_id: str = "a", now: float = NOW, folder: str = "") -> None:
    name = f"{folder}/{job_id}.jpg" if folder else f"{job_id}.jpg"
    journal.admit(job_id, name, Path("inbox") / name, 10, now)


def do(journal: Journal, job_id: str, score: float = 0.9, now: float = NOW) -> None:
    """Bring the next job, which must be this one, to its end."""
    job = journal.take(2.0**40)
    assert job is not None
    assert job.id == job_id
    done = replace(attempt(), verdict=verdict(score))
    journal.record_attempts(job, [done])
    journal.decide(job_id, Outcome((done,), done))
    journal.complete(job_id, [f"sehr_gut/{job_id}.png", f"sehr_gut/{job_id}.json"], now)


def test_the_oldest_due_job_starts_first(journal: Journal) -> None:
    admit(journal, "young", NOW + 1)
    admit(journal, "old", NOW)

    first = journal.take(NOW + 2)

    assert first is not None
    assert (first.id, first.state, first.tries) == ("old", State.RUNNING, 1)


def test_a_job_starts_once(journal: Journal) -> None:
    admit(journal)

    assert journal.take(NOW) is not None
    assert journal.take(NOW) is None


def test_a_job_that_is_not_claimed_yet_is_not_started(journal: Journal) -> None:
    admit(journal)
    journal.reserved.reserve("a")

    assert journal.take(NOW) is None


def test_a_job_whose_row_comes_while_another_thread_looks_for_one_is_not_started(journal: Journal) -> None:
    writing = threading.Thread(target=admit, args=(journal,))

    class RowComes(ReservedJobs):
        """Another thread reserves a job and writes its row just after the reserved jobs were read."""

        def snapshot(self) -> frozenset[str]:
            answer = super().snapshot()
            self.reserve("a")
            writing.start()
            writing.join(0.3)  # it must not get through now: the answer does not know it
            return answer

    journal.reserved = RowComes()
    started = journal.take(NOW)
    writing.join()
    journal.reserved = ReservedJobs()
    journal.reserved.reserve("a")

    assert started is None
    assert journal.take(NOW) is None
    journal.reserved.release("a")
    assert journal.take(NOW) is not None


def test_only_the_first_start_of_a_round_is_fresh(journal: Journal) -> None:
    """An earlier run may have asked an engine and died before it recorded that."""
    admit(journal)
    first = journal.take(NOW)
    journal.postpone("a", NOW, "away", "engine_away")
    second = journal.take(NOW)
    journal.give_up("a", "no", "bad_photo", NOW)
    journal.requeue("a", NOW)
    sent_round_again = journal.take(NOW)

    assert [job.fresh for job in (first, second, sent_round_again) if job] == [True, False, True]
    assert not journal.row("a").job.fresh


def test_attempts_come_back_as_they_were_recorded(journal: Journal) -> None:
    admit(journal)
    job = journal.take(NOW)
    assert job is not None

    journal.record_attempts(job, [attempt(1)])
    journal.record_attempts(job, [attempt(2)])

    assert journal.row("a").job.attempts == (attempt(1), attempt(2))


def test_the_whole_way_of_a_job(journal: Journal) -> None:
    admit(journal)
    journal.take(NOW)
    journal.decide("a", Outcome((attempt(),), attempt()))
    journal.complete("a", ["sehr_gut/a.png"], NOW + 5)

    entry = journal.row("a")

    assert (entry.job.state, entry.job.grade, entry.job.score) == (State.DONE, Grade.SEHR_GUT, 0.9)
    assert entry.results == ("sehr_gut/a.png",)
    assert journal.counts().grades[Grade.SEHR_GUT] == 1


def test_an_illegal_move_changes_nothing(journal: Journal) -> None:
    admit(journal)

    with pytest.raises(IllegalMove):
        journal.complete("a", [], NOW)

    assert journal.row("a").job.state is State.WAITING


def test_a_postponed_job_costs_no_try_and_waits(journal: Journal) -> None:
    admit(journal)
    journal.take(NOW)

    journal.postpone("a", NOW + 30, "no engine", "engine_away")

    assert journal.take(NOW + 29) is None
    again = journal.take(NOW + 30)
    assert again is not None
    assert again.tries == 1


@pytest.mark.parametrize("back", [400.0, 3600.0, 172_800.0])
def test_a_clock_that_is_set_back_makes_no_photo_wait_for_it_to_come_round(journal: Journal, back: float) -> None:
    admit(journal)
    journal.take(NOW)
    journal.postpone("a", NOW + 300, "no engine", "engine_away")

    assert journal.take(NOW - back) is not None


def decide(journal: Journal, job_id: str) -> None:
    journal.decide(job_id, Outcome((attempt(),), attempt()))


def tries(journal: Journal, *ids: str) -> list[int]:
    return [journal.row(job_id).job.tries for job_id in ids]


def ids_of_suspects(journal: Journal) -> list[str]:
    """All that are due, in their order; each is put off in order, so that none is a suspect afterwards."""
    found = []
    while job := journal.take_suspect(NOW):
        found.append(job.id)
        journal.undo(job.id, NOW)
    return found


@pytest.mark.parametrize("decided", [False, True], ids=["running", "publishing"])
def test_a_crash_costs_the_only_job_in_work_a_try(journal: Journal, decided: bool) -> None:
    admit(journal)
    journal.take(NOW)
    if decided:
        decide(journal, "a")

    recovered = journal.recover()

    assert [(job.id, job.tries) for job in recovered] == [("a", 1)]
    again = journal.take_suspect(NOW)
    assert again is not None
    assert (again.tries, again.fresh) == (2, False)
    assert again.state is (State.PUBLISHING if decided else State.RUNNING)


def test_a_crash_with_several_jobs_in_work_costs_no_try_and_makes_all_of_them_suspects(journal: Journal) -> None:
    for job_id in ("a", "b", "c", "waits"):
        admit(journal, job_id)
    for _ in ("a", "b", "c"):
        journal.take(NOW)
    decide(journal, "c")

    journal.recover()

    assert tries(journal, "a", "b", "c") == [0, 0, 0]
    assert journal.take_decided(NOW, ()) is None
    assert [job.id for job in (journal.take(NOW), journal.take(NOW)) if job] == ["waits"]
    assert ids_of_suspects(journal) == ["a", "b", "c"]


def test_a_second_start_after_a_crash_changes_nothing(journal: Journal) -> None:
    for job_id in ("a", "b"):
        admit(journal, job_id)
        journal.take(NOW)
    journal.recover()

    again = journal.recover()

    assert again == ()
    assert (tries(journal, "a", "b"), journal.suspects()) == ([0, 0], 2)


def test_a_job_whose_publishing_waits_is_not_in_work(journal: Journal) -> None:
    for job_id in ("a", "b"):
        admit(journal, job_id)
        journal.take(NOW)
    decide(journal, "a")
    journal.delay("a", NOW, "no room", "no_room")

    recovered = journal.recover()

    assert [(job.id, job.tries) for job in recovered] == [("b", 1)]
    assert journal.take_decided(NOW, ()) is not None


def test_suspects_take_turns_so_that_one_that_crashes_again_keeps_no_other_waiting(journal: Journal) -> None:
    for job_id in ("a", "b"):
        admit(journal, job_id)
        journal.take(NOW)
    journal.recover()

    started = []
    for _ in range(4):
        job = journal.take_suspect(NOW)
        assert job is not None
        started.append(job.id)
        journal.recover()

    assert started == ["a", "b", "a", "b"]
    assert tries(journal, "a", "b") == [2, 2]


ORDERLY_ENDS: dict[str, Callable[[Journal], None]] = {
    "postpone": lambda journal: journal.postpone("a", NOW, "away", "engine_away"),
    "send_back": lambda journal: journal.send_back("a", NOW, "oops", "internal_error"),
    "undo": lambda journal: journal.undo("a", NOW),
}


@pytest.mark.parametrize("end", ORDERLY_ENDS)
def test_a_suspect_that_gets_through_a_run_is_none_any_more(journal: Journal, end: str) -> None:
    admit(journal)
    journal.take(NOW)
    journal.recover()
    journal.take_suspect(NOW)

    ORDERLY_ENDS[end](journal)

    assert journal.suspects() == 0
    assert journal.take(NOW) is not None


def test_a_suspect_whose_publishing_is_delayed_is_none_any_more(journal: Journal) -> None:
    admit(journal)
    journal.take(NOW)
    decide(journal, "a")
    journal.recover()
    journal.take_suspect(NOW)

    journal.delay("a", NOW, "no room", "no_room")

    assert journal.suspects() == 0
    assert journal.take_decided(NOW, ()) is not None


def test_a_suspect_that_a_person_sends_round_again_starts_afresh(journal: Journal) -> None:
    admit(journal)
    journal.take(NOW)
    journal.recover()
    journal.give_up("a", "crashed", "quarantined", NOW)

    journal.requeue("a", NOW)

    job = journal.take(NOW)
    assert job is not None
    assert (job.tries, job.fresh, journal.suspects()) == (1, True, 0)


def test_a_suspect_whose_file_is_being_put_back_is_not_started(journal: Journal) -> None:
    admit(journal)
    journal.take(NOW)
    journal.recover()
    journal.reserved.reserve("a")

    assert journal.take_suspect(NOW) is None


def test_a_kill_after_a_stop_was_asked_for_costs_nobody_a_try_and_makes_no_suspect(journal: Journal) -> None:
    admit(journal)
    journal.take(NOW)
    journal.run_end.record_stop()

    journal.recover()

    assert (tries(journal, "a"), journal.suspects()) == ([0], 0)
    journal.take(NOW)
    journal.recover()  # the next end has nothing to do with that stop
    assert (tries(journal, "a"), journal.suspects()) == ([1], 1)


def test_a_suspect_that_is_in_work_when_the_program_is_stopped_remains_one(journal: Journal) -> None:
    admit(journal)
    journal.take(NOW)
    journal.recover()
    journal.take_suspect(NOW)
    journal.run_end.record_stop()

    journal.recover()

    assert (tries(journal, "a"), journal.suspects()) == ([1], 1)


@pytest.mark.parametrize(
    ("result", "tries_left", "suspects"),
    [
        ("watchdog\n", 0, 1),  # nobody's try, but who knows what it hangs on
        ("timeout\n", 0, 0),  # the stop took too long
        ("core-dump\n", 1, 1),
        ("signal\n", 1, 1),
        ("oom-kill\n", 1, 1),
        ("", 1, 1),  # there was no room for the word
        ("\xff", 1, 1),
    ],
)
def test_what_systemd_saw_decides_whom_an_end_is_held_against(
    result: str, tries_left: int, suspects: int, journal: Journal, tmp_path: Path
) -> None:
    admit(journal)
    journal.take(NOW)
    (tmp_path / "service-result").write_text(result, "latin-1")

    journal.recover()

    assert (tries(journal, "a"), journal.suspects()) == ([tries_left], suspects)
    assert not (tmp_path / "service-result").exists()


def test_a_stop_on_a_disk_that_cannot_be_written_raises_nothing(tmp_path: Path) -> None:
    RunEndRecord(tmp_path / "nowhere").record_stop()


def test_a_crash_while_publishing_costs_a_try(journal: Journal) -> None:
    admit(journal)
    journal.take(NOW)
    journal.decide("a", Outcome((attempt(),), attempt()))

    again = journal.take_decided(NOW, ())

    assert again is not None
    assert (again.state, again.tries, again.best) == (State.PUBLISHING, 2, 1)


def test_what_is_being_published_is_not_published_twice(journal: Journal) -> None:
    admit(journal)
    journal.take(NOW)
    journal.decide("a", Outcome((attempt(),), attempt()))

    assert journal.take_decided(NOW, ("a",)) is None


def test_an_undone_try_does_not_count_and_a_decided_job_stays_decided(journal: Journal) -> None:
    for job_id in ("a", "b"):
        admit(journal, job_id)
        journal.take(NOW)
    journal.decide("b", Outcome((attempt(),), attempt()))

    journal.undo("a", NOW)
    journal.undo("b", NOW)

    assert [(job.state, job.tries) for job in (journal.row("a").job, journal.row("b").job)] == [
        (State.WAITING, 0),
        (State.PUBLISHING, 0),
    ]


def test_a_job_that_is_over_is_neither_delayed_nor_undone(journal: Journal) -> None:
    admit(journal)
    do(journal, "a")
    before = journal.row("a")

    with pytest.raises(IllegalMove):
        journal.delay("a", NOW, "no room", "no_room")
    with pytest.raises(IllegalMove):
        journal.undo("a", NOW)

    assert journal.row("a") == before


def test_a_new_round_starts_without_the_attempts_of_the_last(journal: Journal) -> None:
    admit(journal)
    job = journal.take(NOW)
    assert job is not None
    journal.record_attempts(job, [attempt()])
    journal.give_up("a", "no", "bad_photo", NOW)

    journal.requeue("a", NOW)

    again = journal.row("a").job
    assert (again.state, again.round, again.attempts, again.reason) == (State.WAITING, 1, (), None)


def test_who_waits_in_a_back_off_waits(journal: Journal) -> None:
    admit(journal)
    journal.take(NOW)
    journal.postpone("a", NOW + 30, "no engine", "engine_away")

    assert journal.counts().oldest_admitted_at == NOW


def test_who_waits_to_be_published_waits(journal: Journal) -> None:
    admit(journal)
    journal.take(NOW)
    decide(journal, "a")
    while_published = journal.counts().oldest_admitted_at
    journal.delay("a", NOW + 30, "no room", "no_room")

    assert (while_published, journal.counts().oldest_admitted_at) == (None, NOW)


def test_another_process_may_read_and_write_at_the_same_time(tmp_path: Path) -> None:
    first, second = Journal(tmp_path / "j"), Journal(tmp_path / "j")
    admit(first)

    assert second.take(NOW) is not None
    assert first.row("a").job.state is State.RUNNING


def test_every_state_of_the_table_is_one_that_the_file_accepts(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    for state in State:
        admit(journal, state.value)
    raw = sqlite3.connect(tmp_path / "j")
    for state in State:
        raw.execute("UPDATE jobs SET state = ? WHERE id = ?", (state.value, state.value))
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute("UPDATE jobs SET state = 'lost'")
    raw.close()


def test_a_change_within_another_is_undone_with_it(journal: Journal) -> None:
    admit(journal)
    original = Original("a", "archiv/a.jpg", 7, 10, 1)

    with pytest.raises(IllegalMove):  # it is waiting, not publishing
        journal.complete("a", ["gut/a.png"], NOW, original)

    assert journal.originals.of_job("a") is None


def test_a_file_of_a_newer_version_is_refused_untouched(tmp_path: Path) -> None:
    Journal(tmp_path / "j").close()
    raw = sqlite3.connect(tmp_path / "j")
    raw.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    raw.close()

    with pytest.raises(BadSettings, match="another version"):
        Journal(tmp_path / "j")


def test_a_file_that_is_no_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(b"this is not SQLite" * 100)

    with pytest.raises(JournalDamaged, match="not a database"):
        Journal(tmp_path / "j")


def test_a_place_where_no_journal_can_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder is needed")

    with pytest.raises(BadSettings, match="cannot be used"):
        Journal(tmp_path / "state" / "j")


def test_every_move_has_a_method_that_makes_it(journal: Journal) -> None:
    made = {
        Move.START: "take",
        Move.DECIDE: "decide",
        Move.GIVE_UP: "give_up",
        Move.POSTPONE: "postpone",
        Move.RESUME: "take_decided",
        Move.DELAY: "delay",
        Move.UNDO: "undo",
        Move.RECOVER: "recover",
        Move.COMPLETE: "complete",
        Move.REQUEUE: "requeue",
        Move.LEAVE_OUT: "leave_out",
        Move.TAKE_ATTEMPT: "choices.take",
        Move.CANCEL: "deeds.cancel",
        Move.REJECT: "deeds.reject",
        Move.REINSTATE: "deeds.reinstate",
    }

    assert set(made) == set(Move)
    assert all(callable(attrgetter(name)(journal)) for name in made.values())


def file_of_schema_1(path: Path) -> None:
    """As version 0.1.0 wrote it: a failed job, a finished one with its attempt, and two that wait."""
    raw = sqlite3.connect(path)
    raw.executescript(MIGRATIONS[0])
    done = attempt()
    rows = [
        ("f", "failed", None, None, None, '["failed/f.jpg"]', NOW),
        ("d", "done", "gut", 0.8, 1, '["gut/kunde ä/d.png", "gut/kunde ä/d.json"]', NOW + 1),
        ("w", "waiting", None, None, None, "[]", None),
        ("v", "waiting", None, None, None, "[]", None),
    ]
    for job_id, state, grade, score, best, results, finished in rows:
        raw.execute(
            "INSERT INTO jobs (id, name, source, state, grade, score, best, results, finished_at, admitted_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (job_id, f"kunde ä/{job_id}.jpg", b"inbox/x", state, grade, score, best, results, finished, NOW),
        )
    body = {
        "number": 1,
        "recipe": {"model": "BEN2", "process_res": 1024, "view": {"left": 0.1, "top": 0.2, "right": 0.9, "bottom": 0.8,
        "mirrored": True}},
        "server": done.server,
        "seconds": done.seconds,
        "finish": {"blend": [1], "levels": [0.2, 0.8]},
        "verdict": {"score": 0.9, "grade": "sehr_gut", "measures": {"pixel_residue": 0.9, "edge_cleanliness": 0.8,
        "completeness": 1.0, "agreement": None}, "reasons": ["clean"], "defects": []},
        "subject": {"left": 0.2, "top": 0.2, "right": 0.8, "bottom": 0.8},
    }  # fmt: skip
    raw.execute("INSERT INTO attempts VALUES ('d', 0, 1, ?)", (json.dumps(body),))
    raw.execute("INSERT INTO facts VALUES ('root', 'the-root')")
    raw.execute("PRAGMA user_version = 1")
    raw.commit()
    raw.close()


def test_a_file_of_an_older_schema_keeps_everything(tmp_path: Path) -> None:
    file_of_schema_1(tmp_path / "j")

    journal = Journal(tmp_path / "j")

    entry = journal.row("d")
    assert (entry.job.state, entry.job.grade, entry.job.attempts) == (State.DONE, Grade.GUT, (attempt(),))
    assert entry.results == ("gut/kunde ä/d.png", "gut/kunde ä/d.json")
    assert journal.facts.known("root") == "the-root"
    assert journal.facts.known(RESULTS_TO_READ)  # reports tell what it did not record
    counts = journal.counts()
    assert (counts.states[State.WAITING], counts.states[State.DONE], counts.states[State.FAILED]) == (2, 1, 1)
    assert counts.grades[Grade.GUT] == 1
    assert journal.jobs_at(["gut/kunde ä/d.json"]) == {"gut/kunde ä/d.json": "d"}
    assert journal.jobs_at(["failed/f.jpg"]) == {"failed/f.jpg": "f"}
    first = journal.take(NOW)
    assert first is not None
    assert first.name == "kunde ä/v.jpg"


def test_what_an_earlier_version_chose_to_begin_with_is_kept_and_goes_with_its_job(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    admit(journal)
    job = journal.take(NOW)
    assert job is not None
    journal.record_attempts(job, [replace(attempt(), why="it pays most here")])
    raw = sqlite3.connect(tmp_path / "j")
    raw.execute("INSERT INTO openings VALUES ('a', 0, '{}')")
    raw.commit()

    (found,) = journal.row("a").job.attempts
    journal.postpone("a", NOW, "away", "engine_away")
    journal.forget("a")

    assert found.why == "it pays most here"
    assert raw.execute("SELECT count(*) FROM openings").fetchone() == (0,)
    raw.close()


def test_a_file_of_an_older_schema_is_as_one_that_is_made_anew(tmp_path: Path) -> None:
    file_of_schema_1(tmp_path / "old")
    Journal(tmp_path / "old").close()
    Journal(tmp_path / "new").close()

    schemas = []
    for name in ("old", "new"):
        raw = sqlite3.connect(tmp_path / name)
        schemas.append(raw.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name").fetchall())
        assert raw.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        raw.close()

    assert schemas[0] == schemas[1]


def file_of_schema_5(path: Path, *rows: tuple[str, str, int]) -> sqlite3.Connection:
    """As the version before numbered rows left it. rows: id, state and tries of jobs."""
    raw = sqlite3.connect(path, isolation_level=None)
    for script in MIGRATIONS[:5]:
        raw.executescript(script)
    for job_id, state, tries in rows:
        raw.execute(
            "INSERT INTO jobs (id, name, source, state, tries, admitted_at) VALUES (?, ?, ?, ?, ?, ?)",
            (job_id, f"{job_id}.jpg", b"inbox/x", state, tries, NOW),
        )
    raw.execute("PRAGMA user_version = 5")
    return raw


def test_rows_of_an_older_journal_get_no_number_that_was_remembered(tmp_path: Path) -> None:
    raw = file_of_schema_5(tmp_path / "j", ("a", "done", 1))
    raw.execute('INSERT INTO facts VALUES (\'batches_told\', \'{"low": 7, "folders": {"9": 8}}\')')
    raw.execute("INSERT INTO facts VALUES ('root', 'no JSON')")
    raw.close()
    journal = Journal(tmp_path / "j")

    before = journal.batches.newest()
    admit(journal, "b")

    assert (before, journal.batches.newest()) == (1, 9)


def test_an_older_journal_without_photos_gives_numbers_from_one(tmp_path: Path) -> None:
    file_of_schema_5(tmp_path / "j").close()
    journal = Journal(tmp_path / "j")

    admit(journal, "a")

    assert journal.batches.newest() == 1


def test_jobs_in_work_of_an_older_journal_are_recovered(tmp_path: Path) -> None:
    rows = ("r", "running", 1), ("p", "publishing", 1), ("d", "publishing", 0), ("done", "done", 1)
    file_of_schema_5(tmp_path / "j", *rows).close()

    recovered = Journal(tmp_path / "j").recover()

    assert sorted((job.id, job.tries) for job in recovered) == [("p", 0), ("r", 0)]


def test_a_job_that_an_older_program_started_beside_a_newer_one_is_recovered(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    admit(journal)
    raw = sqlite3.connect(tmp_path / "j", isolation_level=None)
    raw.execute("UPDATE jobs SET state = 'running', tries = 1")  # it knows no more columns
    raw.close()

    assert [job.id for job in journal.recover()] == ["a"]


def test_a_migration_that_dies_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file_of_schema_1(tmp_path / "j")
    broken = (MIGRATIONS[0], MIGRATIONS[1] + "INSERT INTO nowhere VALUES (1);")
    monkeypatch.setattr("daemon.journal.database.MIGRATIONS", broken)
    with pytest.raises(BadSettings, match="nowhere"):
        Journal(tmp_path / "j")
    monkeypatch.undo()

    assert Journal(tmp_path / "j").row("d").job.grade is Grade.GUT


def test_a_migration_that_was_released_is_never_changed() -> None:
    # Journals of users were made by it. A change gets its own script, whose checksum is added here.
    released = ("656006ee6ec0e042",)

    sums = [hashlib.sha256(script.encode()).hexdigest()[:16] for script in MIGRATIONS]

    assert sums[: len(released)] == list(released)


def test_a_big_batch_does_not_keep_a_second_folder_waiting(journal: Journal) -> None:
    for number in range(5):
        admit(journal, f"batch{number}", NOW + number, "batch")
    for number in range(2):
        admit(journal, f"small{number}", NOW + 10 + number, "small")
    admit(journal, "plain", NOW + 20)

    started = [job.id for _ in range(8) if (job := journal.take(NOW + 30))]

    assert sorted(started[:3]) == ["batch0", "plain", "small0"]
    assert sorted(started[3:5]) == ["batch1", "small1"]
    assert started[5:] == ["batch2", "batch3", "batch4"]


def test_a_folder_that_comes_back_does_not_make_up_for_its_absence(journal: Journal) -> None:
    admit(journal, "a0", NOW, "a")
    journal.take(NOW)
    for number in range(10):
        admit(journal, f"b{number}", NOW, "b")
    for _ in range(5):
        journal.take(NOW)
    for number in range(1, 4):
        admit(journal, f"a{number}", NOW + 1, "a")

    started = [job.id for _ in range(4) if (job := journal.take(NOW + 2))]

    assert started == ["a1", "b5", "a2", "b6"]


def test_a_folder_of_higher_priority_goes_first(journal: Journal) -> None:
    admit(journal, "old", NOW, "every day")
    admit(journal, "new", NOW + 5, "express")
    admit(journal, "newer", NOW + 6, "express")
    journal.turns.prioritize({"express": 10, "nobody's": 3})

    assert [job.id for _ in range(3) if (job := journal.take(NOW + 9))] == ["new", "newer", "old"]


def test_a_priority_that_is_no_longer_set_is_over(journal: Journal) -> None:
    admit(journal, "old", NOW, "every day")
    admit(journal, "new", NOW + 5, "express")
    journal.turns.prioritize({"express": 10})
    journal.turns.prioritize({})

    first = journal.take(NOW + 9)

    assert first is not None
    assert first.id == "old"


def test_a_folder_whose_photos_are_put_off_keeps_nobody_waiting(journal: Journal) -> None:
    admit(journal, "a", NOW, "a")
    journal.take(NOW)
    journal.postpone("a", NOW + 60, "no engine", "engine_away")
    admit(journal, "b", NOW + 1, "b")
    journal.turns.prioritize({"a": 1})

    job = journal.take(NOW + 2)

    assert job is not None
    assert job.id == "b"


def test_a_due_photo_is_found_behind_many_folders_that_are_put_off(journal: Journal) -> None:
    for number in range(12):
        admit(journal, f"j{number}", NOW, f"f{number:02}")
        job = journal.take(NOW)
        assert job is not None
        journal.postpone(job.id, NOW + 60, "no engine", "engine_away")
    admit(journal, "due", NOW, "due")
    journal.turns.prioritize({f"f{number:02}": 1 for number in range(12)})

    job = journal.take(NOW + 1)

    assert job is not None
    assert job.id == "due"


def test_the_tallies_are_what_counting_finds(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    dice = random.Random(3)
    for number in range(150):
        admit(journal, f"n{number}", NOW + number, dice.choice(("", "a", "b")))
        if dice.random() < 0.9 and (job := journal.take(2.0**40)):
            match dice.randrange(5):
                case 0:
                    journal.give_up(job.id, "no", "bad_photo", NOW)
                case 1:
                    journal.postpone(job.id, NOW, "no engine", "engine_away")
                case 2:
                    chosen = replace(attempt(), verdict=verdict(0.5, dice.choice(list(Grade))))
                    journal.decide(job.id, Outcome((chosen,), chosen))
                    journal.complete(job.id, [f"{number}.png"], NOW)
                    if dice.random() < 0.3:
                        journal.requeue(job.id, NOW)
                case 3:
                    journal.recover()
                    journal.forget(job.id)
                case _:
                    journal.recover()

    raw = sqlite3.connect(tmp_path / "j")
    states = Counter(state for (state,) in raw.execute("SELECT state FROM jobs"))
    grades = Counter(grade for (grade,) in raw.execute("SELECT grade FROM jobs WHERE state = 'done'"))
    waiting = dict(raw.execute("SELECT folder, sum(state = 'waiting') FROM jobs GROUP BY folder").fetchall())
    assert dict(raw.execute("SELECT name, waiting FROM folders").fetchall()) == waiting
    raw.close()
    counts = journal.counts()
    assert {state: count for state, count in counts.states.items() if count} == states
    assert {grade: count for grade, count in counts.grades.items() if count} == grades


def test_a_verdict_of_a_person_is_kept_with_what_the_judgement_said(journal: Journal) -> None:
    admit(journal, folder="kunde")
    do(journal, "a", score=0.71)

    noted = journal.verdicts.record(
        "a", Grade.SEHR_GUT, Grade.GUT, NOW + 9, who="anna", how="moved", places=["gut/kunde/a.png"]
    )

    (found,) = journal.verdicts.latest(10)
    assert noted
    assert (found.job_id, found.name, found.folder) == ("a", "kunde/a.jpg", "kunde")
    assert (found.from_grade, found.to_grade, found.at) == (Grade.SEHR_GUT, Grade.GUT, NOW + 9)
    assert (found.who, found.how) == ("anna", "moved")
    assert found.attempt is not None
    assert found.attempt.verdict == verdict(0.71)
    assert journal.row("a").results == ("gut/kunde/a.png",)
    assert journal.jobs_at(["gut/kunde/a.png"]) == {"gut/kunde/a.png": "a"}
    assert not journal.jobs_at(["sehr_gut/a.png"])


def test_a_verdict_that_is_recorded_again_after_a_crash_counts_once(journal: Journal) -> None:
    admit(journal)
    do(journal, "a")

    first = journal.verdicts.record("a", Grade.SEHR_GUT, Grade.GUT, NOW)
    again = journal.verdicts.record("a", Grade.SEHR_GUT, Grade.GUT, NOW + 1)
    back = journal.verdicts.record("a", Grade.GUT, Grade.SEHR_GUT, NOW + 2)

    assert (first, again, back) == (True, False, True)
    assert [found.to_grade for found in journal.verdicts.latest(10)] == [Grade.SEHR_GUT, Grade.GUT]


def test_a_verdict_outlives_another_round_of_its_job(journal: Journal) -> None:
    admit(journal)
    do(journal, "a", score=0.6)
    journal.verdicts.record("a", Grade.SEHR_GUT, Grade.UNGENUEGEND, NOW)
    journal.requeue("a", NOW)
    do(journal, "a", score=0.8)

    assert journal.verdicts.record("a", Grade.SEHR_GUT, Grade.UNGENUEGEND, NOW + 1)
    scores = [
        found.attempt.verdict.score for found in journal.verdicts.latest(10) if found.attempt and found.attempt.verdict
    ]
    assert scores == [0.8, 0.6]


def test_a_verdict_on_an_unknown_job_is_refused(journal: Journal) -> None:
    with pytest.raises(KeyError):
        journal.verdicts.record("nobody", Grade.GUT, Grade.SEHR_GUT, NOW)


def test_the_place_of_a_result_names_the_last_job_that_put_it_there(journal: Journal) -> None:
    admit(journal, "a")
    do(journal, "a")
    admit(journal, "b")
    do(journal, "b")
    journal.record_places("b", ["sehr_gut/a.png"])  # a person removed the first one, so its name was free
    journal.record_places("a", [])

    assert journal.jobs_at(["sehr_gut/a.png"]) == {"sehr_gut/a.png": "b"}
    assert not journal.jobs_at(["sehr_gut/a.json"])


def test_equal_content_is_found_once_whoever_asks_first(journal: Journal) -> None:
    for job_id in ("a", "b", "c"):
        admit(journal, job_id)
    same, other = b"1" * 32, b"2" * 32

    def ask(job_id: str, content: bytes) -> str | None:
        return journal.record_content(job_id, content, leave_out=True)

    answers = [ask("b", same), ask("a", same), ask("c", other)]
    after_a_restart = [ask("b", same), ask("a", same)]

    assert answers == [None, "b", None]
    assert after_a_restart == [None, "b"]
    assert journal.row("a").same_as == "b"


def test_content_of_a_failed_photo_is_tried_again(journal: Journal) -> None:
    admit(journal, "a")
    admit(journal, "b")
    journal.record_content("a", b"1" * 32, leave_out=True)
    journal.give_up("a", "no", "bad_photo", NOW)

    assert journal.record_content("b", b"1" * 32, leave_out=True) is None


def test_what_is_over_for_long_is_pruned_and_still_counted(journal: Journal) -> None:
    for number in range(4):
        admit(journal, f"d{number}", NOW + number)
        do(journal, f"d{number}", now=NOW + 10 + number)
    admit(journal, "failed")
    journal.give_up("failed", "no", "bad_photo", NOW)
    journal.record_places("failed", ["failed/failed.jpg"])
    admit(journal, "not laid aside yet")
    journal.give_up("not laid aside yet", "no", "bad_photo", NOW)
    admit(journal, "waits", NOW - 100)
    journal.verdicts.record("d0", Grade.SEHR_GUT, Grade.GUT, NOW)

    pruned = [journal.prune(NOW + 12, 2), journal.prune(NOW + 12, 2), journal.prune(NOW + 12, 2)]

    assert pruned == [2, 1, 0]
    assert [journal.state_of(f"d{number}") for number in range(4)] == [None, None, State.DONE, State.DONE]
    assert journal.state_of("failed") is None
    assert journal.state_of("not laid aside yet") is State.FAILED
    assert journal.state_of("waits") is State.WAITING
    assert (journal.counts().states[State.DONE], journal.counts().grades[Grade.SEHR_GUT]) == (4, 4)
    assert not journal.jobs_at(["sehr_gut/d0.png"])
    assert [found.job_id for found in journal.verdicts.latest(9)] == ["d0"]


def test_pruned_jobs_take_their_attempts_with_them(journal: Journal, tmp_path: Path) -> None:
    admit(journal)
    do(journal, "a")

    journal.prune(NOW + 1, 10)

    raw = sqlite3.connect(tmp_path / "journal.sqlite3")
    assert raw.execute("SELECT count(*) FROM attempts").fetchone() == (0,)
    raw.close()


def test_jobs_are_found_by_the_places_of_their_files(journal: Journal) -> None:
    admit(journal)
    do(journal, "a")

    assert journal.jobs_at(["sehr_gut/a.png", "gut/b.png", "gut/\udcff.png", "gut/ä.png"]) == {"sehr_gut/a.png": "a"}
    assert journal.jobs_at([]) == {}


@pytest.mark.parametrize("inode", [7, 2**63 + 5, 2**64 - 1])
def test_an_original_is_found_by_its_job_and_by_its_file(journal: Journal, inode: int) -> None:
    admit(journal)
    do(journal, "a")
    original = Original("a", "archiv/a.jpg", inode, 1234, 1_700_000_000_123_456_789)

    journal.record_places("a", ["gut/a.png"], original)

    assert journal.originals.of_job("a") == original
    assert journal.originals.of_file(FileId(inode, 1234, original.mtime_ns, 1)) == (original,)
    assert journal.originals.of_file(FileId(inode, 1235, original.mtime_ns, 1)) == ()


def test_what_earlier_rounds_tried_stays_known(journal: Journal) -> None:
    admit(journal)
    do(journal, "a")
    journal.requeue("a", NOW)
    again = journal.take(NOW)
    assert again is not None
    journal.record_attempts(again, [attempt(2)])

    found = journal.row("a").job

    assert [one.number for one in found.attempts] == [2]
    assert [one.number for one in found.tried_before] == [1]


def test_where_people_put_a_result_is_not_recorded_of_one_that_is_made_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    admit(journal, "a")
    journal.take(NOW)

    journal.verdicts.record_moved("a", ["gut/a.png"])

    assert journal.row("a").results == ()
