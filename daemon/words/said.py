"""Says in a language what the daemon says of failures: by the codes of `said.txt`.

What has no code stays as it is: it is not ours (a server's or a codec's words), or an earlier version kept it.
"""

import math
from collections.abc import Mapping
from typing import Any

from daemon.errors import SAID, Said
from daemon.words.catalogue import N_, Texts

STATES = (N_("waiting"), N_("running"), N_("publishing"), N_("done"), N_("failed"))
"""What the value `state` may be."""


def said_in(said: str, words: Texts) -> str:
    """A sentence in a language."""
    if words.is_source or not isinstance(said, Said) or said.code not in SAID:
        return str(said)
    return words.say(SAID[said.code], **{name: _value(name, value, words) for name, value in said.values.items()})


def sentence(text: str) -> str:
    """A text that another sentence may follow: a list of reasons, say, ends with no full stop."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def failure_values(said: str) -> dict[str, object]:
    """A sentence as JSON values, for programs and for the journal: its code, its values, its English text."""
    if not isinstance(said, Said) or not said.code:
        return {"code": "", "values": {}, "text": str(said)}
    values = {name: failure_values(value) if isinstance(value, Said) else value for name, value in said.values.items()}
    return {"code": said.code, "values": values, "text": str(said)}


def failure_of(said: str | None) -> dict[str, object]:
    """The member `failure` of an answer to a program; None = nothing failed, and nothing waits."""
    return {"failure": failure_values(said) if said else None}


def failure_in(values: Mapping[str, Any]) -> Said:
    """The sentence that `failure_values` wrote. Raises KeyError, TypeError, AttributeError or ValueError if it is none.

    Any: a stranger may have written the JSON.
    """
    text, code = str(values["text"]), str(values["code"])
    text.encode()  # half a character raises ValueError
    return Said.again(text, code, {str(name): _value_in(value) for name, value in values["values"].items()})


def _value_in(value: Any) -> str | int | float:
    if isinstance(value, dict):
        return failure_in(value)
    if isinstance(value, str):
        value.encode()
        return value
    if isinstance(value, int | float) and math.isfinite(value):
        return value
    raise TypeError(f"{value!r:.40} is no value of a sentence")


def _value(name: str, value: str | float, words: Texts) -> str:
    if isinstance(value, str):
        return words.say(value) if name == "state" else said_in(value, words)
    return str(value) if isinstance(value, int) else words.figure(value, len(f"{value}".partition(".")[2]))
