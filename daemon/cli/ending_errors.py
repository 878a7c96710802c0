"""What a command says and returns when an error ends it."""

from rich.text import Text

from daemon.cli.console import LATER, USAGE, err
from daemon.disk.os_errors import translate
from daemon.errors import AlreadyRunning, BadSettings, IllegalMove, JournalDamaged, NoRoom, RootAway, Vanished
from daemon.logs.fitted import wrapped
from daemon.logs.formats import on_one_line

_BY_A_PERSON = (BadSettings, AlreadyRunning, IllegalMove, JournalDamaged, Vanished)
_BY_ITSELF = (RootAway, NoRoom)
ENDING = (*_BY_A_PERSON, *_BY_ITSELF, OSError)
"""The errors that end a command with a message and no traceback."""


def answer_to(error: Exception) -> tuple[int, str]:
    """The exit code for one of ENDING, and what to say: 75 if a disk or share must come back, else 2."""
    if isinstance(error, OSError):
        text = f"{error.filename or 'A file'} cannot be used: {error.strerror or error}"
        return LATER if translate(error, "") else USAGE, text
    return LATER if isinstance(error, _BY_ITSELF) else USAGE, str(error)


def print_error(text: str) -> None:
    """Print the message of an error for people; on a terminal in its width."""
    lines = text.splitlines() or [""]
    lines[0] = f"Error: {lines[0]}"
    if err.is_terminal:
        lines = [part for line in lines for part in wrapped(on_one_line(line), err.width)]
    said = Text("\n".join(lines))
    said.stylize("bold red", 0, len("Error:"))
    err.print(said)
