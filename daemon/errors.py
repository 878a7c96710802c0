"""The errors that this program raises on purpose: one class for each answer, and what they say.

The class says whose fault it was, and so what happens next. The message says what happened, to which file, and what to
do. `reason` is the short, fixed name of a class in metrics and logs.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

_VALUE = re.compile(r"%\((\w+)\)s")


def _texts() -> dict[str, str]:
    lines = Path(__file__).with_name("said.txt").read_text("utf-8").splitlines()
    pairs = (line.partition(": ") for line in lines if line and not line.startswith("#"))
    return {code: text for code, _, text in pairs}


SAID: Mapping[str, str] = _texts()
"""The English text of each code, from `said.txt`. It is read at once: an error may say that no file can be read."""


class Said(str):
    """A sentence of ours for people: the English text, and what it was made of, so that others can be made of it.

    code: its short, fixed name, a key of SAID; `words.said` finds the sentence of another language by it. "" = a text
    without a code: it is not ours, or an earlier version kept it. values: what stands in place of the text's %(names)s;
    a sentence within the sentence is a `Said` too.
    """

    code: str
    values: Mapping[str, str | int | float]

    def __new__(cls, code: str, /, **values: object) -> "Said":
        """Say the text of a code, with values for its %(names)s. An error as a value stands for what it says."""
        kept = {name: _as_value(value) for name, value in values.items()}
        return cls.again(filled(SAID.get(code, code), kept), code, kept)

    @classmethod
    def again(cls, sentence: str, code: str = "", values: Mapping[str, str | int | float] | None = None) -> "Said":
        """A whole sentence as it was said before."""
        said = super().__new__(cls, sentence)
        said.code = code
        said.values = dict(values or {})
        return said

    def __reduce__(self) -> tuple[object, ...]:
        return Said.again, (str(self), self.code, self.values)


NOTHING_SAID = Said.again("")


def as_said(text: str) -> Said:
    """A text that may be plain; without a code then."""
    return text if isinstance(text, Said) else Said.again(text)


def said_of(error: BaseException) -> Said:
    """What an error says; without a code if it is plain text."""
    said = error.args[0] if error.args else ""
    return said if isinstance(said, Said) else Said.again(str(error))


def said_together(parts: Iterable[Said], how: str = "sentences") -> Said:
    """Several of them as one. how: "sentences" = one after the other, "list" = with semicolons between them."""
    together = NOTHING_SAID
    for part in parts:
        between = "sentences" if together.endswith(".") else how  # no ".;"
        together = Said(between, first=together, then=part) if together else part
    return together


def filled(text: str, values: Mapping[str, object]) -> str:
    """A text with its values. What has none stays as it is, and a % alone is a %."""
    return _VALUE.sub(lambda found: str(values.get(found[1], found[0])), text)


def _as_value(value: object) -> str | int | float:
    if isinstance(value, BaseException):
        value = said_of(value)
    if isinstance(value, Said) and not value.code:
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, str | int | float) else str(value)


class FreistellerError(Exception):
    """The base of all errors below."""

    reason = "error"


class BadSettings(FreistellerError):
    """A setting is unknown or has a bad value. Answer: refuse to start, with exit code 2."""

    reason = "bad_settings"


class BadPhoto(FreistellerError):
    """This one photo cannot be processed, whatever we try. Answer: move it to `failed/` with this message."""

    reason = "bad_photo"


class BadPage(BadPhoto):
    """One picture of a file cannot be decoded, whatever we try. Answer: do the others, and say so in the report.

    Where it is the only one, it is a BadPhoto as any other.
    """


class NotWholeYet(FreistellerError):
    """A file is not proven whole. Answer: leave it where it is and look again later."""

    reason = "not_whole_yet"


class BadOrder(FreistellerError):
    """The `freisteller.toml` of a folder in the inbox is wrong. Answer: let its photos wait until the file is right."""

    reason = "bad_order"


class Vanished(FreistellerError):
    """A file went away between two steps. Answer: forget it, because somebody else took it."""

    reason = "vanished"


class RootAway(FreistellerError):
    """The hot folder cannot be reached, or is not the one we know. Answer: stop, touch nothing, look again later."""

    reason = "root_away"


class JournalDamaged(FreistellerError):
    """The journal's file is damaged. Answer: end. The next start sets it aside and reads the folders."""

    reason = "journal_damaged"


class NoRoom(FreistellerError):
    """A disk is full or read-only. Answer: publish nothing, put the job off, look again later."""

    reason = "no_room"


class JournalLocked(NoRoom):
    """Another program keeps the journal locked. Answer: as if there were no room, until it lets go."""

    reason = "journal_locked"


class EngineAway(FreistellerError):
    """No engine answered. Answer: put the job off. It costs no attempt and never brings a photo to `failed/`."""

    reason = "engine_away"


class EngineMisconfigured(FreistellerError):
    """The engine lacks a node, a model or a library. Answer: alert, try another model; else put the job off."""

    reason = "engine_misconfigured"


class EngineFull(FreistellerError):
    """The engine ran out of memory. Answer: let it free memory, then ask for a smaller recipe."""

    reason = "engine_full"


class RecipeRefused(FreistellerError):
    """The engine answered that it cannot do this recipe. Answer: record the attempt as failed, try the next recipe."""

    reason = "recipe_refused"


class WorkerLost(FreistellerError):
    """The process that worked on this photo died or hung. Answer: try the photo again, and count the try."""

    reason = "worker_lost"


class IllegalMove(FreistellerError):
    """A job is not in a state that the move starts from. Answer: change nothing; somebody else moved the job."""

    reason = "illegal_move"


class AlreadyRunning(FreistellerError):
    """Another daemon uses this hot folder or this state directory. Answer: refuse to start, with exit code 2."""

    reason = "already_running"
