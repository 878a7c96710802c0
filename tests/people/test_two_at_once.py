"""People do two things to one result, or do something while the daemon does: each file is there once in the end."""

import itertools
import json
from contextlib import closing
from pathlib import Path

import pytest

from daemon.hotfolder.effects import Effect
from daemon.journal import Journal
from daemon.service.lifecycle import Daemon
from daemon.states import State
from tests.doubles import ScriptedEngine
from tests.drawing import drawn_photo, save_photo
from tests.people.test_put_backs import Studio, put_back_the_cut_out, put_back_the_original
from tests.test_crash_at_every_step import Died, dying_at, files_below, one_life, results, settings_for

pytestmark = pytest.mark.usefixtures("deaf")


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


def elsewhere(studio: Studio, picture: Path) -> Path:
    """The same place in another grade folder."""
    grade, *rest = picture.relative_to(studio.root).parts
    to = studio.root.joinpath("gut" if grade != "gut" else "ungenügend", *rest)
    to.parent.mkdir(parents=True, exist_ok=True)
    return to


def assert_tried_again_once(studio: Studio) -> None:
    entry = studio.entry()
    assert (entry.job.state, entry.job.round) == (State.DONE, 1)
    assert sorted(results(studio.root)) == ["kunde/a.json", "kunde/a.png"]
    assert files_below(studio.root / "archiv") == ["kunde/a-earlier.json", "kunde/a-earlier.png", "kunde/a.tif"]
    assert files_below(studio.inbox) == files_below(studio.root / "failed") == []
    ours = studio.root / ".freisteller"
    assert [files_below(ours / name) for name in ("work", "returns", "staging")] == [[], [], []]


@pytest.mark.parametrize("name", ["a.png", "renamed.png"])
def test_a_result_that_was_just_moved_makes_room_for_the_next_one(studio: Studio, name: str) -> None:
    picture = studio.place("a.png")
    picture.rename(elsewhere(studio, picture).with_name(name))  # nobody has read this verdict
    (studio.root / "archiv" / "kunde" / "a.tif").rename(studio.inbox / "a.tif")

    studio.live()

    assert_tried_again_once(studio)


def test_a_result_that_is_moved_while_it_is_put_away_does_not_stay(studio: Studio) -> None:
    picture = studio.place("a.png")
    (studio.root / "archiv" / "kunde" / "a.tif").rename(studio.inbox / "a.tif")

    def move_at_the_last_moment(effect: Effect) -> None:
        if effect is Effect.ARCHIVE_EARLIER_RESULT and picture.exists():
            picture.rename(elsewhere(studio, picture))

    studio.live(move_at_the_last_moment)

    assert_tried_again_once(studio)


def test_another_result_that_people_put_into_the_place_of_one_that_is_put_away_stays_theirs(studio: Studio) -> None:
    save_photo(studio.inbox / "kunde" / "b.tif", drawn_photo(96, 72, seed=4))
    studio.live()
    first, second = studio.place("a.png"), studio.place("b.png")
    content = second.read_bytes()
    (studio.root / "archiv" / "kunde" / "a.tif").rename(studio.inbox / "a.tif")

    def swap_at_the_last_moment(effect: Effect) -> None:
        if effect is Effect.ARCHIVE_EARLIER_RESULT and second.exists():
            first.rename(elsewhere(studio, first))
            second.rename(first)

    studio.live(swap_at_the_last_moment)

    assert first.read_bytes() == content
    assert not [path for path in (studio.root / "archiv").rglob("*") if path.is_file() and path.read_bytes() == content]
    assert "kunde/a-earlier.png" in files_below(studio.root / "archiv")


def test_a_result_that_people_move_again_and_again_while_it_is_put_away_does_not_stay(studio: Studio) -> None:
    studio.place("a.png")
    (studio.root / "archiv" / "kunde" / "a.tif").rename(studio.inbox / "a.tif")
    moves = itertools.count()

    def move_at_the_last_moment(effect: Effect) -> None:
        for picture in studio.root.glob("*/kunde/a.png"):
            if effect is Effect.ARCHIVE_EARLIER_RESULT and picture.exists() and next(moves) < 5:
                picture.rename(elsewhere(studio, picture))

    studio.live(move_at_the_last_moment)

    assert_tried_again_once(studio)


def test_an_original_that_is_moved_into_the_inbox_while_it_is_tried_again_is_no_other_photo(studio: Studio) -> None:
    studio.place("a.png").rename(studio.inbox / "a.png")
    daemon = Daemon(studio.settings, engine=ScriptedEngine())
    daemon.recover()
    daemon.parts.inbox_loop.turn(urgent=True)
    assert daemon.parts.folders.jobs.in_work()  # its original is in work, and still in archiv/
    (studio.root / "archiv" / "kunde" / "a.tif").rename(studio.inbox / "a.tif")
    daemon.parts.inbox_loop.turn(urgent=True)
    daemon.close()

    studio.live()

    assert_tried_again_once(studio)


def test_a_photo_that_was_being_published_when_the_program_crashed_is_no_reason_to_wait_for_ever(
    studio: Studio,
) -> None:
    studio.place("a.png").rename(studio.inbox / "a.png")
    with pytest.raises(Died):
        studio.live(dying_at(Effect.STAGE_REPORT))
    (studio.root / "archiv" / "kunde" / "a.tif").rename(studio.inbox / "a.tif")  # its round is being published
    daemon = Daemon(studio.settings, engine=ScriptedEngine())
    daemon.recover()
    daemon.parts.inbox_loop.turn(urgent=True)
    daemon.close()  # the file that was put back waits until that round is over

    for _ in range(2):
        Daemon(studio.settings, engine=studio.engine).run(once=True)

    assert studio.entry().job.state is State.DONE
    assert files_below(studio.root / ".freisteller" / "returns") == []
    assert files_below(studio.root / "archiv").count("kunde/a.tif") == 1


@pytest.mark.parametrize("died_at", [Effect.RECORD_RESULTS, Effect.ARCHIVE, Effect.COMPLETE])
def test_a_result_that_is_put_back_before_the_journal_knows_it_is_no_photo_of_its_own(
    tmp_path: Path, died_at: Effect
) -> None:
    settings = settings_for(tmp_path)
    root = settings.root_path
    save_photo(root / "inbox" / "kunde" / "a.tif", drawn_photo(96, 72))
    with pytest.raises(Died):
        one_life(settings, ScriptedEngine(), dying_at(died_at))
    (result,) = root.glob("*/kunde/a.png")
    result.rename(root / "inbox" / "a.png")
    daemon = Daemon(settings, engine=ScriptedEngine())
    daemon.recover()
    daemon.parts.inbox_loop.turn(urgent=True)  # sooner than the photo is published to its end
    daemon.close()

    for _ in range(2):
        Daemon(settings, engine=ScriptedEngine()).run(once=True)

    assert sorted(results(root)) == ["kunde/a.json", "kunde/a.png"]
    assert files_below(root / "archiv") == ["kunde/a-earlier.json", "kunde/a-earlier.png", "kunde/a.tif"]


@pytest.mark.parametrize("is_taken", [False, True])
def test_a_result_that_is_moved_before_the_journal_knows_it_is_put_in_place_once(
    tmp_path: Path, is_taken: bool
) -> None:
    """is_taken: whether a person put another picture into its place."""
    settings = settings_for(tmp_path)
    root = settings.root_path
    save_photo(root / "inbox" / "kunde" / "a.tif", drawn_photo(96, 72))
    with pytest.raises(Died):
        one_life(settings, ScriptedEngine(), dying_at(Effect.RECORD_RESULTS))
    (result,) = root.glob("*/kunde/a.png")
    grade = "gut" if result.parts[-3] != "gut" else "ungenügend"
    (root / grade / "kunde").mkdir(parents=True, exist_ok=True)
    result.rename(root / grade / "kunde" / "a.png")
    if is_taken:
        save_photo(result, seed=7)

    one_life(settings, ScriptedEngine(), lambda _: None)
    daemon = Daemon(settings, engine=ScriptedEngine())
    for _ in range(2):
        daemon.parts.verdicts.turn(settle_seconds=0)
    (verdict,) = daemon.parts.journal.verdicts.latest(9)
    daemon.close()

    assert verdict.to_grade == grade
    mine = [f"{result.relative_to(root)}"] if is_taken else []
    found = [f"{top}/{name}" for top in ("sehr_gut", "gut", "ungenügend") for name in files_below(root / top)]
    assert sorted(found) == sorted([f"{grade}/kunde/a.json", f"{grade}/kunde/a.png", *mine])


def test_a_report_that_was_brought_along_just_before_a_crash_makes_room_as_well(studio: Studio) -> None:
    picture = studio.place("a.png")
    picture.rename(elsewhere(studio, picture))
    daemon = Daemon(studio.settings, engine=ScriptedEngine(), tick=dying_at(Effect.RECORD_VERDICT))
    with pytest.raises(Died):
        daemon.parts.verdicts.turn(settle_seconds=0)
    daemon.close()
    (studio.root / "archiv" / "kunde" / "a.tif").rename(studio.inbox / "a.tif")

    studio.live()

    assert_tried_again_once(studio)


def test_a_result_that_is_moved_before_the_journal_knows_it_is_a_verdict(studio: Studio) -> None:
    save_photo(studio.inbox / "b.tif", drawn_photo(96, 72, seed=4))
    moved: list[Path] = []

    def move_at_the_last_moment(effect: Effect) -> None:
        if effect is Effect.RECORD_RESULTS and not moved:
            picture = studio.place("b.png")
            moved.append(picture.rename(elsewhere(studio, picture)))
            daemon.parts.verdicts.turn(settle_seconds=0)  # it is nobody's yet

    daemon = Daemon(studio.settings, engine=ScriptedEngine(), tick=move_at_the_last_moment)
    try:
        daemon.recover()
        daemon.parts.inbox_loop.turn(urgent=True)
        job = daemon.parts.dispatch.start_next()
        assert job is not None
        daemon.parts.executor.shutdown(wait=True)
        daemon.parts.verdicts.turn(settle_seconds=0)
        assert daemon.parts.journal.row(job.id).results[0] == str(moved[0].relative_to(studio.root))
    finally:
        daemon.close()


def test_what_a_crash_left_of_one_round_is_no_result_of_the_next(studio: Studio) -> None:
    put_back_the_cut_out(studio)
    with pytest.raises(Died):
        studio.live(dying_at(Effect.CLEAR))  # the result is published, and lies in staging as well
    put_back_the_cut_out(studio)
    daemon = Daemon(studio.settings, engine=ScriptedEngine())
    daemon.parts.inbox_loop.turn(urgent=True)  # before anybody clears that away
    daemon.close()

    studio.live()

    assert studio.entry().job.round == 2
    assert json.loads(studio.place("a.json").read_bytes())["round"] == 2
    assert {path.stat().st_nlink for path in studio.root.rglob("*/kunde/*") if path.is_file()} == {1}


def test_an_original_that_a_photo_tried_again_has_not_got_yet_is_no_other_photo(studio: Studio) -> None:
    put_back_the_cut_out(studio)
    with pytest.raises(Died):
        studio.live(dying_at(Effect.ORIGINAL_INTO_WORK))
    put_back_the_original(studio)

    studio.live()

    assert files_below(studio.root / "archiv") == ["kunde/a-earlier.json", "kunde/a.tif"]
    assert sorted(results(studio.root)) == ["kunde/a.json", "kunde/a.png"]
    with closing(Journal(Path(studio.settings.state_dir) / "journal.sqlite3")) as journal:
        refused, tried_again = sorted(journal.latest(9), key=lambda row: row.job.state, reverse=True)
    assert (tried_again.job.name, tried_again.job.state, tried_again.job.round) == ("kunde/a.tif", State.DONE, 1)
    assert refused.job.state is State.FAILED  # the cut-out: it was put back when there was no original
