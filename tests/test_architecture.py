"""docs/architecture.md and its pictures say what the house is."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from daemon import errors
from daemon.errors import FreistellerError
from daemon.states import MOVES
from tests.test_house import ORDER, OWNERS

CHECKOUT = Path(__file__).parent.parent
PAGE = (CHECKOUT / "docs" / "architecture.md").read_text("utf-8")
RELEASING = (CHECKOUT / "docs" / "releasing.md").read_text("utf-8")
DOCUMENTS = sorted([*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").glob("*.md")])
TOP = {"benchmarks", "config", "daemon", "docs", "grafana", "tests", "workflows"}


def table(head: str) -> list[list[str]]:
    """The rows of the table on the page whose first line begins with `head`."""
    start = PAGE.index(f"| {head} |")
    lines = PAGE[start:].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def paths() -> set[str]:
    """Every path of a file in backquotes on the pages for those who build and release."""
    named = set(re.findall(r"`((?:[\w.]+/)*[\w.]+\.(?:py|toml|json|md|yml))`", PAGE + RELEASING))
    elsewhere = {"freisteller.toml", "score.json"}  # a person's order; beside judgement/score.py
    return named - elsewhere


def test_the_table_of_rooms_is_their_order() -> None:
    assert [row[0].strip(" `/") for row in table("room | its one duty")] == list(ORDER)


def test_the_table_of_moves_is_that_of_the_states() -> None:
    documented = {}
    for move, ways, _ in table("move | from → to | when"):
        pairs = [way.split(" → ") for way in ways.split(", ")] if ways.count("→") > 1 else [ways.split(" → ")]
        documented[move.strip(" `")] = {start: end for starts, end in pairs for start in starts.split(", ")}

    assert documented == {move: {str(start): str(end) for start, end in ways.items()} for move, ways in MOVES.items()}


def test_every_error_has_its_answer_on_the_page() -> None:
    answered = {name for row in table("error | answer") for name in re.findall(r"`(\w+)`", row[0])}
    kinds = (each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, FreistellerError))
    raised = {kind.__name__ for kind in kinds if kind is not FreistellerError}

    assert answered == raised


@pytest.mark.parametrize("path", sorted(paths()))
def test_a_path_that_is_named_exists(path: str) -> None:
    """Paths are below daemon/, unless they begin with another folder of the checkout."""
    below = CHECKOUT if path.partition("/")[0] in TOP or path == "pyproject.toml" else CHECKOUT / "daemon"

    assert (below / path).is_file()


def test_the_door_of_every_library_is_documented() -> None:
    rows = [line.split("|") for line in RELEASING.splitlines() if line.startswith("| `")]
    doors = tuple(door for row in rows for door in re.findall(r"`([^`]+)`", row[3]))
    owners = {owner for library, owners in OWNERS.items() if library != "sqlite3" for owner in owners}  # Python's own

    assert {owner for owner in owners if not owner.startswith(doors)} == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_link_to_a_file_leads_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text("utf-8"))

    assert [link for link in links if not (path.parent / link).is_file()] == []


@pytest.mark.parametrize("name", ["rooms", "photo"])
def test_a_picture_is_drawn_anew_when_what_it_shows_changes(name: str, tmp_path: Path) -> None:
    script = CHECKOUT / "docs" / f"draw_{name}.py"
    drawn = tmp_path / f"{name}.svg"

    subprocess.run([sys.executable, str(script), "--out", str(drawn)], cwd=CHECKOUT, check=True)

    current = drawn.read_text("utf-8") == (CHECKOUT / "docs" / f"{name}.svg").read_text("utf-8")
    assert current, f"docs/{name}.svg is out of date. Draw it again: .venv/bin/python docs/draw_{name}.py"
