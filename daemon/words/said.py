"""Says in a language what the daemon says of failures, whose sentences stand in the sources in English.

`texts/said.txt` lists them. A sentence that is not there is said as it is.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from daemon.words.catalogue import Texts

_NAME = re.compile(r"%\((\w+)\)s")
_VALUE = "(.+?)"
_LONGEST = 4000  # characters; what a stranger's server says may be of any length
_VALUE_OF_ONE_SENTENCE = r"((?:(?!\. ).)+?)"


@dataclass(frozen=True, slots=True)
class _Known:
    """One text of the list, and what finds it. beginning: it with more after it; None if it is no sentence."""

    text: str
    whole: re.Pattern[str]
    beginning: re.Pattern[str] | None


@lru_cache(maxsize=1)
def said_texts() -> tuple[str, ...]:
    """All texts of the list, as they stand there."""
    lines = files("daemon.words").joinpath("texts", "said.txt").read_text("utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


def said_in(said: str, words: Texts) -> str:
    """A text in a language: a sentence, or several that are known."""
    if words.is_source or len(said) > _LONGEST:
        return said
    if whole := _found(_known(), said, words):
        return whole[0]
    sentences, rest = [], said
    while rest:
        found = _found(_known(), rest, words, beginning=True)
        if found is None:
            return said
        sentences.append(found[0])
        rest = rest[found[1] :]
    return " ".join(sentences)


@lru_cache(maxsize=1)
def _known() -> tuple[_Known, ...]:
    return tuple(
        _Known(
            text,
            re.compile(_pattern(text, _VALUE), re.DOTALL),
            re.compile(f"{_pattern(text, _VALUE_OF_ONE_SENTENCE)}(?: |$)", re.DOTALL) if text.endswith(".") else None,
        )
        for text in said_texts()
    )


def _pattern(text: str, value: str) -> str:
    return value.join(re.escape(piece) for piece in _NAME.split(text)[::2])


def _found(known: Sequence[_Known], said: str, words: Texts, *, beginning: bool = False) -> tuple[str, int] | None:
    """The first known text that is all of `said`, or begins it: in the language, and how many characters it took."""
    for each in known:
        match = each.beginning.match(said) if beginning and each.beginning else None
        if not beginning:
            match = each.whole.fullmatch(said)
        if match:
            values = dict(zip(_NAME.findall(each.text), match.groups(), strict=True))
            # A value within a sentence may be a known one itself.
            return words.say(each.text, **{name: _value(value, words) for name, value in values.items()}), match.end()
    return None


def _value(value: str, words: Texts) -> str:
    whole = _found(_known(), value, words)
    return whole[0] if whole else value
