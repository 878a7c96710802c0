"""Help pages, as a newcomer reads them on a terminal of 80 columns."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from daemon.cli.main import app

COLUMNS = 80


def commands(command: Any = None, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command and of every group of commands."""
    command = command or get_command(app)
    yield words
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*words, name))


def helped(words: tuple[str, ...]) -> str:
    shown = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": str(COLUMNS), "TERM": "dumb"})
    assert shown.exit_code == 0, shown.output
    return re.sub(r"\x1b\[[0-9;]*m", "", shown.output)


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_a_help_page_has_no_programmers_words_and_fits_80_columns(words: tuple[str, ...]) -> None:
    page = helped(words)

    assert not re.search(r"<\w+>|list\[|BOOLEAN|INTEGER|<list|<=|>=|[{}]", page), page
    assert max(map(len, page.splitlines())) <= COLUMNS


@pytest.mark.parametrize("words", [words for words in commands() if words], ids=" ".join)
def test_a_command_has_an_example_that_it_understands(words: tuple[str, ...]) -> None:
    command: Any = get_command(app)
    for word in words:
        command = command.commands[word]

    text = " ".join((command.help or "").split())
    _, example = text.split("Example: ")  # one
    typed = shlex.split(example.removeprefix("sudo ").removeprefix("freisteller "))

    assert tuple(typed[: len(words)]) == words
    rest = typed[len(words) :]
    while hasattr(command, "commands"):
        command, rest = command.commands[rest[0]], rest[1:]
    assert command.make_context(" ".join(words), rest)


def test_commands_are_listed_by_what_a_person_wants() -> None:
    headings = re.findall(r"[╭+][─-]+ (.+?) [─-]+[╮+]", helped(()))

    assert headings == ["Options", "Work", "Look", "Decide", "Set up"]


@pytest.mark.parametrize("seconds", ["0", "soon"])
def test_a_wrong_number_is_told_in_plain_words(seconds: str) -> None:
    shown = CliRunner().invoke(app, ["status", "--every", seconds], env={"COLUMNS": str(COLUMNS), "TERM": "dumb"})

    assert shown.exit_code == 2
    assert re.search(r"must be (at least 0\.2|a number, such as 2\.5)", shown.output), shown.output


def test_an_empty_root_is_not_the_folder_that_one_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(app, ["run", "--once", "--root", ""], env={"COLUMNS": str(COLUMNS), "TERM": "dumb"})

    assert shown.exit_code == 2
    assert "must not be empty" in shown.output
    assert list(tmp_path.iterdir()) == []
