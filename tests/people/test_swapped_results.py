"""People swap results between grade folders: each gets its verdict, and each report comes to lie beside its picture."""

import itertools
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from daemon.hotfolder.effects import Tick
from daemon.jobs import Grade
from daemon.people.known_results import KnownResults
from daemon.service.lifecycle import Daemon
from tests.doubles import ScriptedEngine
from tests.drawing import save_photo
from tests.people.test_verdicts import Studio as OneResult
from tests.test_crash_at_every_step import Died, dying_before, one_life

pytestmark = pytest.mark.usefixtures("deaf")

GRADES = tuple(Grade)
CYCLE = (1, 2, 0)
PERMUTATIONS = [order for order in itertools.permutations(range(3)) if order != (0, 1, 2)]


class Studio(OneResult):
    """A hot folder with one result of the same name in each grade folder."""

    def __init__(self, folder: Path, formats: tuple[str, ...] = ("png",)) -> None:
        super().__init__(folder, "kunde/x.png", formats=formats)
        self.jobs: list[str] = []
        for seed, grade in enumerate(reversed(GRADES)):
            if seed:
                save_photo(self.root / "inbox" / "kunde" / "x.png", seed=seed)
                self.live()
            (self.root / grade.value / "kunde").mkdir(exist_ok=True)
            for path in list((self.root / Grade.SEHR_GUT.value / "kunde").iterdir()):
                path.rename(self.root / grade.value / "kunde" / path.name)
            self.look(times=2)
            report = self.root / grade.value / "kunde" / "x.json"
            self.jobs.insert(0, json.loads(report.read_bytes())["job"])
        assert self.faults() == []

    def files(self, pattern: str = "*.*") -> list[Path]:
        return sorted(path for grade in GRADES for path in (self.root / grade.value).rglob(pattern))

    def pictures(self) -> list[Path]:
        return [self.root / grade.value / "kunde" / "x.png" for grade in GRADES]

    def shift(self, order: Sequence[int], suffix: str = ".png") -> None:
        """Let the file of the n-th grade lie where that of the grade order[n] was."""
        places = [path.with_name(f"x{suffix}") for path in self.pictures()]
        for place in places:
            place.rename(place.with_name(f"aside{suffix}"))
        for place, to in zip(places, order, strict=True):
            place.with_name(f"aside{suffix}").rename(places[to])

    def live(self) -> None:
        one_life(self.settings, ScriptedEngine(), lambda _: None)

    def faults(self) -> list[str]:
        """Where the files of a result do not lie together, or where the journal does not have them."""
        with closing(sqlite3.connect(Path(self.settings.state_dir) / "journal.sqlite3")) as journal:
            known = dict(journal.execute("SELECT path, job_id FROM places").fetchall())
            rows = {job_id: json.loads(text) for job_id, text in journal.execute("SELECT id, results FROM jobs")}
        found = []
        for grade in GRADES:
            for report in sorted((self.root / grade.value).rglob("*.json")):
                told = json.loads(report.read_bytes())
                for suffix, content in told["sha256"].items():
                    picture = report.with_name(f"{report.stem}{suffix}")
                    place = str(picture.relative_to(self.root))
                    if not picture.exists() or sha256(picture.read_bytes()).hexdigest() != content:
                        found.append(f"{place} is not beside its report")
                    if known.get(place) != told["job"] or place not in rows[told["job"]]:
                        found.append(f"{place}: the journal has it of {known.get(place)}")
                place = str(report.relative_to(self.root))
                if known.get(place) != told["job"] or place not in rows[told["job"]]:
                    found.append(f"{place}: the journal has it of {known.get(place)}")
        return found

    def last_grades(self) -> dict[str, Grade]:
        """The last grade of each photo: "a" was sehr_gut before the swap, "c" ungenügend."""
        given = dict(zip(self.jobs, GRADES, strict=True))
        given |= {verdict.job_id: verdict.to_grade for verdict in reversed(self.noted())}
        return dict(zip("abc", given.values(), strict=True))


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


def names(studio: Studio) -> list[str]:
    return sorted(path.name for path in studio.files())


@pytest.mark.parametrize("order", PERMUTATIONS, ids=str)
@pytest.mark.parametrize("formats", [("png",), ("png", "mask", "jpeg")], ids=len)
def test_results_that_were_swapped_are_verdicts_and_keep_their_reports(
    tmp_path: Path, order: tuple[int, ...], formats: tuple[str, ...]
) -> None:
    studio = Studio(tmp_path, formats)
    before = names(studio)
    studio.shift(order)

    studio.look(times=2)

    assert studio.last_grades() == {"abc"[n]: GRADES[to] for n, to in enumerate(order)}
    assert studio.faults() == []
    assert names(studio) == before


def test_results_that_were_swapped_while_the_daemon_looks_are_seen(studio: Studio) -> None:
    with closing(Daemon(studio.settings, engine=ScriptedEngine())) as daemon:
        daemon.parts.verdicts.turn(settle_seconds=0)
        for _ in range(3):
            studio.shift(CYCLE)
            daemon.parts.verdicts.turn(settle_seconds=0)
            assert studio.faults() == []


def test_results_that_were_swapped_with_their_reports_are_verdicts(studio: Studio) -> None:
    for suffix in (".png", ".json"):
        studio.shift(CYCLE, suffix)

    studio.look()

    assert studio.last_grades() == {"a": GRADES[1], "b": GRADES[2], "c": GRADES[0]}
    assert studio.faults() == []


def test_names_that_were_swapped_within_a_grade_folder_are_no_verdict(tmp_path: Path) -> None:
    studio = OneResult(tmp_path, "a.png", "b.png", formats=("png",))
    first, second = studio.place(stem="a"), studio.place(stem="b")
    assert first.parent == second.parent
    contents = first.read_bytes(), second.read_bytes()
    first.rename(first.with_name("aside"))
    second.rename(first)
    first.with_name("aside").rename(second)

    studio.look(times=2)

    assert studio.noted() == ()
    assert (second.read_bytes(), first.read_bytes()) == contents
    with closing(Daemon(studio.settings, engine=ScriptedEngine())) as daemon:
        jobs = daemon.parts.journal.jobs_at([str(path.relative_to(studio.root)) for path in (first, second)])
        names = {place: daemon.parts.journal.row(job_id).job.name for place, job_id in jobs.items()}
    assert {place.rpartition("/")[2]: name for place, name in names.items()} == {"a.png": "b.png", "b.png": "a.png"}


def test_a_result_takes_the_place_of_one_that_a_person_took_away_and_both_reports_stay(studio: Studio) -> None:
    first, second, _ = studio.pictures()
    second.unlink()
    second.hardlink_to(first)  # so that no later file gets the inode of the one that is gone
    first.unlink()

    studio.look(times=2)

    gut = second.parent
    assert sorted(path.name for path in gut.iterdir()) == ["x-2.json", "x.json", "x.png"]
    assert [json.loads((gut / name).read_bytes())["job"] for name in ("x.json", "x-2.json")] == studio.jobs[:2]


def test_a_report_stays_where_another_result_lies_with_its_own(tmp_path: Path) -> None:
    studio = Studio(tmp_path, ("tiff",))  # pictures of both kinds may lie beside a report of one name
    first, second = (path.with_suffix(".tif") for path in studio.pictures()[:2])
    theirs = second.with_suffix(".json").read_bytes()
    first.rename(second.with_suffix(".tiff"))  # beside it

    studio.look(times=2)

    assert second.with_suffix(".json").read_bytes() == theirs
    assert first.with_suffix(".json").exists()


def test_a_verdict_waits_while_another_thread_has_the_result_whose_report_is_in_the_way(studio: Studio) -> None:
    first, second, _ = studio.pictures()
    studio.shift((1, 0, 2))
    with closing(Daemon(studio.settings, engine=ScriptedEngine())) as daemon:
        with Holder(daemon, studio.jobs[1]):
            daemon.parts.verdicts.turn(settle_seconds=0)
            assert json.loads(second.with_suffix(".json").read_bytes())["job"] == studio.jobs[1]
        daemon.parts.verdicts.turn(settle_seconds=0)

    assert studio.last_grades()["a"] is GRADES[1]
    assert studio.faults() == []
    assert first.exists()


class Holder:
    """Another thread that holds the lock of a job."""

    def __init__(self, daemon: Daemon, job_id: str) -> None:
        self._held, self._done = threading.Event(), threading.Event()

        def hold() -> None:
            with daemon.parts.locks.held(job_id):
                self._held.set()
                self._done.wait()

        self._thread = threading.Thread(target=hold)

    def __enter__(self) -> None:
        self._thread.start()
        self._held.wait()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def deaths(tmp_path: Path, again: Sequence[int] | None) -> Iterator[Studio]:
    """Swap, die before the n-th effect, perhaps swap again, and look once more, for n = 0, 1, 2, …"""
    for step in itertools.count():
        studio = Studio(tmp_path / str(step))
        studio.shift(CYCLE)
        tick: Tick = dying_before(step)
        try:
            studio.look(tick)
        except Died:
            if again:
                studio.shift(again)
            studio.live()  # a start
            studio.look(times=2)
            yield studio
        else:
            return


@pytest.mark.parametrize("again", [None, *PERMUTATIONS], ids=str)
def test_a_crash_at_every_step_of_a_swap_settles_it_all_the_same(tmp_path: Path, again: tuple[int, ...] | None) -> None:
    count = 0
    for studio in deaths(tmp_path, again):
        count += 1
        assert len(studio.files()) == 6, count
        then = again or range(3)
        assert studio.last_grades() == {"abc"[n]: GRADES[then[to]] for n, to in enumerate(CYCLE)}, count
        assert_all_are_known(studio, count)
    assert count > 6


def assert_all_are_known(studio: Studio, count: int) -> None:
    """Each file is recorded for its job; a crash may leave a report under a number."""
    with closing(Daemon(studio.settings, engine=ScriptedEngine())) as daemon:
        journal, known = daemon.parts.journal, KnownResults(daemon.parts.folders, daemon.parts.journal, lambda: 0.0)
        for row in journal.latest(9):
            assert all(known.is_of(row.job.id, place) for place in row.results), (count, row.results)
            assert set(journal.jobs_at(row.results).values()) == {row.job.id}, (count, row.results)
            assert len({place.partition("/")[0] for place in row.results}) == 1, (count, row.results)


def test_swapped_results_can_be_put_back_before_anybody_read_the_verdicts(studio: Studio) -> None:
    studio.shift((1, 0, 2))
    first = studio.pictures()[0]
    first.rename(studio.root / "inbox" / "x.png")

    studio.live()
    studio.look(times=2)

    assert len(studio.files()) + len(list((studio.root / "archiv").rglob("*-earlier*"))) >= 6
    assert not list((studio.root / "failed").iterdir())
