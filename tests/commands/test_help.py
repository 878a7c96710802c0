"""Help pages, as a newcomer reads them on a terminal of 80 columns."""

import re
import shlex
from collections.abc import Iterator
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

    assert not re.search(r"<\w+>|list\[|BOOLEAN|INTEGER|<list", page), page
    assert max(map(len, page.splitlines())) <= COLUMNS


@pytest.mark.parametrize("words", [words for words in commands() if words], ids=" ".join)
def test_a_command_has_an_example_that_it_understands(words: tuple[str, ...]) -> None:
    group = get_command(app)
    for word in words:
        group = group.commands[word] if hasattr(group, "commands") else group
    if hasattr(group, "commands"):
        return  # each of its commands has one

    text = " ".join((group.help or "").split())
    example = text.split("Example: ")[1].strip()
    typed = shlex.split(example.removeprefix("sudo ").removeprefix("freisteller "))

    assert tuple(typed[: len(words)]) == words
    assert group.make_context(" ".join(words), typed[len(words) :])


def test_commands_are_listed_by_what_a_person_wants() -> None:
    headings = re.findall(r"[╭+][─-]+ (.+?) [─-]+[╮+]", helped(()))

    assert headings == ["Options", "Work", "Look", "Decide", "Set up"]
