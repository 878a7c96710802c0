"""A person takes another attempt: made anew in all formats, once, and no engine is asked."""

import itertools
import json
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from daemon.errors import IllegalMove, Vanished
from daemon.hotfolder.effects import Effect, Tick
from daemon.jobs import Job
from daemon.journal import JobRow
from daemon.pictures.reading import open_photo
from daemon.service.lifecycle import Daemon
from daemon.settings import Settings, load
from daemon.states import State
from tests.doubles import ScriptedEngine
from tests.drawing import save_photo
from tests.test_crash_at_every_step import FAR_FUTURE, MOST_STEPS, Died, dying_before


def settings_for(folder: Path, **sections: object) -> Settings:
    flags = {
        "root": str(folder / "hot"),
        "state_dir": str(folder / "state"),
        "intake": {"quiet_seconds": 0, "tiff_quiet_seconds": 0},
        "http": {"bind": ""},
        "grading": {"sehr_gut": 0.9999, "gut": 0.9998},
        "strategy": {"max_attempts": 3},
        "outputs": {"formats": ["png", "mask", "jpeg"]},
        "dispatch": {"workers": 1, "max_tries": MOST_STEPS},
        **sections,
    }
    return load(flags=flags)


@dataclass
class Desk:
    """One daemon after the other over the same folders."""

    folder: Path
    settings: Settings
    engine: ScriptedEngine

    def live(self, tick: Tick = lambda _: None, take: tuple[str, int] | None = None) -> None:
        """Start, take an attempt if asked to, and do what is to be done. May raise Died."""
        daemon = Daemon(self.settings, engine=self.engine, tick=tick)
        try:
            daemon.recover()
            daemon.parts.engine.start()
            if take:
                daemon.parts.other_attempts.take_attempt(*take, "anna")
            while (scan := daemon.parts.inbox_loop.turn(urgent=True)) and scan.incomplete:
                daemon.parts.watcher.wait(scan.next_look_seconds, threading.Event())
            while job := self._next(daemon):
                daemon.parts.task_runner.run(job)
            daemon.parts.recovery.clear_leftovers()
        finally:
            daemon.close()

    def _next(self, daemon: Daemon) -> Job | None:
        journal = daemon.parts.journal
        return journal.take_decided(FAR_FUTURE, ()) or journal.take(FAR_FUTURE) or journal.take_suspect(FAR_FUTURE)

    def row(self) -> JobRow:
        daemon = Daemon(self.settings, engine=self.engine)
        try:
            (row,) = daemon.parts.journal.rows(State.DONE)
            return row
        finally:
            daemon.close()

    @property
    def calls(self) -> int:
        return sum(self.engine.calls.values())

    def files(self, *folders: str) -> list[str]:
        root = self.folder / "hot"
        return sorted(
            str(path.relative_to(root))
            for path in root.rglob("*")
            if path.is_file() and path.relative_to(root).parts[0] in folders
        )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    found = Desk(tmp_path, settings_for(tmp_path), ScriptedEngine())
    found.live()
    return found


def another(row: JobRow) -> int:
    return next(each.number for each in row.job.attempts if each.verdict and each.number != row.job.best)


GRADES = ("sehr_gut", "gut", "ungenügend")


def test_another_attempt_is_taken_in_all_formats_and_no_engine_is_asked(desk: Desk) -> None:
    before, calls = desk.row(), desk.calls
    root = desk.folder / "hot"
    earlier = {Path(place).name: (root / place).read_bytes() for place in before.results}
    number = another(before)

    desk.live(take=(before.job.id, number))

    after = desk.row()
    report = json.loads((root / after.results[-1]).read_bytes())
    assert desk.calls == calls
    assert (after.job.best, after.job.round, after.job.grade) == (number, 1, report_grade(report))
    assert report["best_attempt"] == number
    assert report["chosen"]["by"] == "anna"
    assert [Path(place).name for place in after.results] == [Path(place).name for place in before.results]
    assert desk.files(*GRADES) == sorted(after.results)
    kept = {path.name.replace("-earlier", ""): path.read_bytes() for path in (root / "archiv").glob("a-earlier*")}
    assert kept == earlier


def report_grade(report: dict[str, object]) -> object:
    return report["grade"]


def test_the_result_shows_the_alpha_of_the_attempt_that_was_taken(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    before = desk.row()
    number = another(before)
    seen = []

    def watched(self: object, attempt: object) -> object:
        seen.append(getattr(attempt, "number", None))
        return original(self, attempt)  # type: ignore[arg-type]

    from daemon.work.photo_in_work import PhotoInWork
    from tests.processes import works_in_this_process

    original = PhotoInWork.finished_alpha
    works_in_this_process(monkeypatch)
    monkeypatch.setattr(PhotoInWork, "finished_alpha", watched)

    desk.live(take=(before.job.id, number))

    assert seen[-1] == number
    result = open_photo(desk.folder / "hot" / desk.row().results[0], 100)
    assert result.own_alpha is not None
    assert 0 < float(np.mean(result.own_alpha > 0)) < 1


def test_a_second_person_finds_it_taken_already(desk: Desk) -> None:
    row = desk.row()
    number = another(row)
    desk.live(take=(row.job.id, number))

    desk.live(take=(row.job.id, number))

    assert desk.row().job.round == 1


def test_the_first_attempt_can_be_taken_back(desk: Desk) -> None:
    first, calls = desk.row(), desk.calls
    desk.live(take=(first.job.id, another(first)))

    assert first.job.best is not None
    desk.live(take=(first.job.id, first.job.best))

    last = desk.row()
    assert (last.job.best, last.job.round, last.job.grade, desk.calls) == (first.job.best, 2, first.job.grade, calls)


@pytest.mark.parametrize("number", [0, 99])
def test_an_attempt_that_there_is_not_cannot_be_taken(desk: Desk, number: int) -> None:
    with pytest.raises(IllegalMove, match="has no attempt"):
        desk.live(take=(desk.row().job.id, number))


def test_without_its_alphas_no_attempt_is_taken(desk: Desk) -> None:
    row = desk.row()
    for path in (desk.folder / "state" / "alphas-of-results").rglob("*.png"):
        path.unlink()

    with pytest.raises(IllegalMove, match="keep_alphas_days"):
        desk.live(take=(row.job.id, another(row)))

    assert desk.row() == row


def test_an_original_that_was_changed_does_not_fit_its_attempts(desk: Desk) -> None:
    row = desk.row()
    save_photo(desk.folder / "hot" / "archiv" / "a.png", seed=5)

    with pytest.raises(Vanished, match="was changed"):
        desk.live(take=(row.job.id, another(row)))

    assert desk.files(*GRADES) == sorted(row.results)


def test_an_original_that_is_gone_leaves_the_result_alone(desk: Desk) -> None:
    row = desk.row()
    (desk.folder / "hot" / "archiv" / "a.png").unlink()

    with pytest.raises(Vanished, match="archiv/"):
        desk.live(take=(row.job.id, another(row)))

    assert desk.row() == row


def test_an_edited_result_is_kept_as_it_was_edited(desk: Desk) -> None:
    row = desk.row()
    edited = desk.folder / "hot" / row.results[0]
    edited.write_bytes(b"edited")

    desk.live(take=(row.job.id, another(row)))

    assert (desk.folder / "hot" / "archiv" / "a-earlier.png").read_bytes() == b"edited"


def test_an_attempt_that_is_taken_comes_once_wherever_the_program_dies(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    reached = set[Effect]()
    for step in itertools.count():
        assert step < MOST_STEPS
        folder = tmp_path_factory.mktemp("life")
        save_photo(folder / "hot" / "inbox" / "a.png")
        desk = Desk(folder, settings_for(folder), ScriptedEngine())
        desk.live()
        before, calls = desk.row(), desk.calls
        number = another(before)
        try:
            desk.live(dying_before(step), take=(before.job.id, number))
            survived = True
        except Died as death:
            reached.add(death.args[0])
            survived = False
        desk.live()

        after = desk.row()
        taken = after.job.round == 1
        assert desk.calls == calls, step
        assert desk.files(*GRADES) == sorted(after.results), step
        assert (after.job.best == number) == taken, step
        assert desk.files("archiv") == sorted(["archiv/a.png", *(earlier(before) if taken else [])]), step
        assert in_work(desk) == [], step
        if survived:
            assert taken
            break
    assert {Effect.ORIGINAL_INTO_WORK, Effect.TAKE_ATTEMPT, Effect.ARCHIVE_EARLIER_RESULT} <= reached
    assert {Effect.REMOVE_EARLIER_RESULT, Effect.FORGET_EARLIER_RESULT, Effect.PUBLISH, Effect.COMPLETE} <= reached


def earlier(row: JobRow) -> list[str]:
    return [f"archiv/{Path(place).name.replace('a', 'a-earlier', 1)}" for place in row.results]


def in_work(desk: Desk) -> list[str]:
    return [each for each in desk.files(".freisteller") if each.split("/")[1] in ("work", "staging")]
