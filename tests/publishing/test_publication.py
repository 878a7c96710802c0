"""Where a job stands: the function and the table in docs/architecture.md name the same step, whatever is seen."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.jobs import Choice, Job
from daemon.journal import JobRow
from daemon.publishing.publication import Files, Step, where_it_stands
from daemon.states import State

DOCUMENT = Path(__file__).parents[2] / "docs" / "architecture.md"
HEAD = "| state | what is seen | step |"
FACTS = (
    "original", "results", "placed_here", "elsewhere", "same_as", "staged_as_decided", "replaces", "leftovers",
)  # fmt: skip


def rows_of_the_table() -> list[tuple[set[str], dict[str, bool], str]]:
    """Each row: states, facts that must or must not be seen, step."""
    lines = DOCUMENT.read_text("utf-8").split(HEAD)[1].splitlines()[2:]
    rows = []
    for line in itertools.takewhile(lambda line: line.startswith("|"), lines):
        states, seen, step = (cell.strip() for cell in line.strip("|").split("|"))
        facts = dict[str, bool]()
        for fact in seen.replace("`", "").split(", "):
            facts[fact.removeprefix("no ")] = not fact.startswith("no ")
        rows.append((set(states.split(", ")), facts, step))
    return rows


def everything_that_can_be_seen() -> Iterator[tuple[State, dict[str, bool]]]:
    for state in State:
        for values in itertools.product((False, True), repeat=len(FACTS)):
            yield state, dict(zip(FACTS, values, strict=True))


def row_with(state: State, seen: dict[str, bool]) -> JobRow:
    results = ("gut/a.png", "gut/a.json") if seen["results"] else ()
    same_as = "20261129-090000-00000000" if seen["same_as"] else None
    choice = Choice("anna", 0.0, 0, ("gut/a.png",)) if seen["replaces"] else None
    return JobRow(
        Job("20261129-090000-00000001", "a.png", state, choice=choice), Path("inbox/a.png"), 0, None, results, same_as
    )


def files_with(seen: dict[str, bool]) -> Files:
    return Files(
        original=Path("work/a.png") if seen["original"] else None,
        placed_here=("gut/a.png",) if seen["placed_here"] else (),
        elsewhere=row_with(State.DONE, dict.fromkeys(FACTS, False)) if seen["elsewhere"] else None,
        staged_as_decided=((Path("staging/result.png"), ".png"),) if seen["staged_as_decided"] else (),
        leftovers=seen["leftovers"],
    )


@pytest.mark.parametrize("state", State)
def test_the_function_and_the_documents_table_name_the_same_step(state: State) -> None:
    table = rows_of_the_table()

    for each, seen in everything_that_can_be_seen():
        if each is state:
            said = next(
                step
                for states, facts, step in table
                if state.value in states and all(seen[fact] is wanted for fact, wanted in facts.items())
            )
            found = where_it_stands(row_with(state, seen), files_with(seen))
            assert found is Step[said], f"{state}: {[fact for fact in FACTS if seen[fact]]}"


def test_every_step_of_the_table_is_reached() -> None:
    reached = {
        where_it_stands(row_with(state, seen), files_with(seen)) for state, seen in everything_that_can_be_seen()
    }

    assert reached == set(Step)
