"""Renditions in staging: made once, kept if they hold, and never in the way of the result."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.errors import NoRoom, Said, WorkerLost
from daemon.hotfolder.effects import Effect
from daemon.jobs import Grade
from daemon.pictures.values import ONLY_PAGE, Page
from daemon.publishing.staged_renditions import StagedRenditions
from daemon.renditions.wanted import Canvas, MadeRendition, Proved, Rendition

EBAY = Rendition("ebay", "ebay", Canvas(None, 1600))
AMAZON = Rendition("amazon-main", "amazon-main", Canvas(1.0, 2000), grades=(Grade.SEHR_GUT,))
HOLDS = Proved("pixels", True, "1600 x 1200", "≥ 500")
NOT_MADE = Proved("made", False, "There is nothing to show.", "")
BROKEN = Proved("longest_side", False, "320", "≥ 500")


class Maker:
    """Writes the name of each rendition; trouble, if set, is raised then."""

    def __init__(self, proof: Proved = HOLDS, trouble: Exception | None = None) -> None:
        self.calls: list[str] = []
        self.proof = proof
        self.trouble = trouble

    def render(self, wanted: Sequence[tuple[Path, Rendition]], job_id: str) -> tuple[MadeRendition, ...]:
        for path, rendition in wanted:
            self.calls.append(rendition.name)
            path.write_text(rendition.name)
        if self.trouble:
            raise self.trouble
        return tuple(
            MadeRendition(rendition, (1600, 1200), 12, (0.85, 0.6), 0.5, 92, (self.proof,)) for _, rendition in wanted
        )


class OneFails(Maker):
    """Makes no file of the first rendition."""

    def render(self, wanted: Sequence[tuple[Path, Rendition]], job_id: str) -> tuple[MadeRendition, ...]:
        first, *others = super().render(wanted, job_id)
        wanted[0][0].unlink()
        return (replace(first, proofs=(NOT_MADE,)), *others)


class Stumbles(Maker):
    """Has a mistake that only one rendition meets."""

    def render(self, wanted: Sequence[tuple[Path, Rendition]], job_id: str) -> tuple[MadeRendition, ...]:
        made = super().render(wanted, job_id)
        if any(rendition.name == "ebay" for _, rendition in wanted):
            raise ZeroDivisionError("a side of 0 pixels")
        return made


def scratch_of(path: Path) -> Path:
    return path.with_name(f"unfinished-{path.name}")


def no_tick(_: Effect) -> None:
    """Let everything happen."""


def staged(folder: Path, *wanted: Rendition, grade: Grade = Grade.GUT, page: Page = ONLY_PAGE) -> StagedRenditions:
    return StagedRenditions(folder, page, wanted, grade, no_tick)


def names(renditions: StagedRenditions) -> list[str]:
    return [f"shoe{suffix}" for _, suffix in renditions.files]


def test_a_rendition_lies_beside_the_result_under_its_name(tmp_path: Path) -> None:
    renditions = staged(tmp_path, EBAY)

    renditions.make(Maker(), "job", scratch_of)

    assert names(renditions) == ["shoe_for-ebay.jpg"]
    assert [path.read_text() for path, _ in renditions.files] == ["ebay"]


def test_a_page_of_a_file_has_its_number_in_the_name(tmp_path: Path) -> None:
    renditions = staged(tmp_path, EBAY, page=Page(1, 2, 3))

    renditions.make(Maker(), "job", scratch_of)

    assert names(renditions) == ["shoe-p2_for-ebay.jpg"]


@pytest.mark.parametrize(("grade", "made"), [(Grade.SEHR_GUT, ["ebay", "amazon-main"]), (Grade.GUT, ["ebay"])])
def test_a_rendition_is_made_for_its_grades_only(tmp_path: Path, grade: Grade, made: list[str]) -> None:
    maker = Maker()

    staged(tmp_path, EBAY, AMAZON, grade=grade).make(maker, "job", scratch_of)

    assert maker.calls == made


def test_a_rendition_that_breaks_a_rule_is_told_of_and_not_kept(tmp_path: Path) -> None:
    renditions = staged(tmp_path, EBAY)

    renditions.make(Maker(BROKEN), "job", scratch_of)

    assert renditions.files == ()
    assert [made.broken for made in renditions.made] == [(BROKEN,)]
    assert [path for path in tmp_path.iterdir() if path.suffix == ".jpg"] == []


def test_the_log_says_in_words_what_is_wrong_and_names_the_rule_for_programs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING", "freisteller"):
        staged(tmp_path, EBAY).make(Maker(BROKEN), "job", scratch_of)

    (line,) = [record for record in caplog.records if record.__dict__.get("action") == "rendition_left_out"]
    assert line.getMessage() == (
        "the picture for ebay is left out: its longest side has 320 pixels; wanted: at least 500"
    )
    assert line.__dict__["fields"]["rules"] == ["longest_side"]


def test_one_that_cannot_be_made_leaves_the_others_alone(tmp_path: Path) -> None:
    renditions = staged(tmp_path, EBAY, replace(EBAY, name="shop"))

    renditions.make(OneFails(), "job", scratch_of)

    assert [made.broken[:1] for made in renditions.made] == [(NOT_MADE,), ()]
    assert names(renditions) == ["shoe_for-shop.jpg"]


def test_a_mistake_of_ours_in_one_costs_neither_the_others_nor_the_result(tmp_path: Path) -> None:
    renditions = staged(tmp_path, EBAY, replace(EBAY, name="shop"))

    renditions.make(Stumbles(), "job", scratch_of)

    assert [[(each.rule, each.found) for each in made.broken] for made in renditions.made] == [
        [("made", "ZeroDivisionError: a side of 0 pixels")],
        [],
    ]
    assert names(renditions) == ["shoe_for-shop.jpg"]
    assert len(list(tmp_path.glob("*.jpg"))) == 1


def test_renditions_that_end_their_process_twice_are_given_up_for_the_result(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(WorkerLost):
            staged(tmp_path, EBAY).make(Maker(trouble=WorkerLost(Said("unknown"))), "job", scratch_of)
    maker, renditions = Maker(), staged(tmp_path, EBAY)

    renditions.make(maker, "job", scratch_of)

    assert maker.calls == []
    assert [made.broken[0].found for made in renditions.made] == ["the process that made it was lost twice"]


def test_a_full_disk_is_no_fault_of_the_rendition(tmp_path: Path) -> None:
    renditions = staged(tmp_path, EBAY)

    with pytest.raises(NoRoom):
        renditions.make(Maker(trouble=OSError(28, "No space left on device")), "job", scratch_of)

    assert [rendition.name for rendition in renditions.missing] == ["ebay"]


@pytest.mark.parametrize("proof", [HOLDS, BROKEN], ids=["holds", "broken"])
def test_what_is_made_is_not_made_again(tmp_path: Path, proof: Proved) -> None:
    staged(tmp_path, EBAY).make(Maker(proof), "job", scratch_of)
    again = Maker(proof)

    renditions = staged(tmp_path, EBAY)
    renditions.make(again, "job", scratch_of)

    assert again.calls == []
    assert [made.proofs for made in renditions.made] == [(proof,)]


def test_one_that_is_wanted_otherwise_now_is_made_anew(tmp_path: Path) -> None:
    staged(tmp_path, EBAY).make(Maker(), "job", scratch_of)
    again = Maker()

    staged(tmp_path, replace(EBAY, canvas=Canvas(1.0, 1000))).make(again, "job", scratch_of)

    assert again.calls == ["ebay"]


@pytest.mark.parametrize("at", range(1, 3))
def test_a_crash_before_any_step_leaves_it_to_be_made(tmp_path: Path, at: int) -> None:
    dies = dying_at(at)
    renditions = StagedRenditions(tmp_path, ONLY_PAGE, (EBAY, AMAZON), Grade.SEHR_GUT, dies)

    with pytest.raises(KeyboardInterrupt):
        renditions.make(Maker(), "job", scratch_of)

    after = staged(tmp_path, EBAY, AMAZON, grade=Grade.SEHR_GUT)
    after.make(Maker(), "job", scratch_of)
    assert names(after) == ["shoe_for-ebay.jpg", "shoe_for-amazon-main.jpg"]


def dying_at(at: int) -> Callable[[Effect], None]:
    left = [at]

    def tick(_: Effect) -> None:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    return tick
