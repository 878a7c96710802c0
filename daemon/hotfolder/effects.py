"""Every effect of the daemon on folders and journal, by name: a crash may come before each one."""

from collections.abc import Callable
from enum import StrEnum


class Effect(StrEnum):
    """What is about to be done. `fenced`: it changes the hot folder, so it needs a lease that is sure."""

    fenced: bool

    def __new__(cls, name: str, fenced: bool) -> "Effect":
        """name: what logs and tests call it."""
        effect = str.__new__(cls, name)
        effect._value_ = name
        effect.fenced = fenced
        return effect

    # A photo is taken into work.
    ADMIT = "admit", True
    CLAIM = "claim", False
    # It is cut out.
    RECORD_CONTENT = "record content", False
    ASK_ENGINE = "ask engine", False
    KEEP_ALPHA = "keep alpha", False
    RECORD_ATTEMPT = "record attempt", False
    DECIDE = "decide", False
    POSTPONE = "postpone", False
    # It is published, or ends otherwise.
    WRITE_RESULT = "write result", False
    KEEP_RESULT = "keep result", False
    STAGE_REPORT = "stage report", False
    PUBLISH = "publish", True
    RECORD_RESULTS = "record results", False
    ARCHIVE = "archive", True
    COMPLETE = "complete", False
    CLEAR = "clear", False
    ADOPT = "adopt", False
    LEAVE_OUT = "leave out", False
    GIVE_UP = "give up", False
    MOVE_TO_FAILED = "move to failed", True
    RECORD_PLACES = "record places", False
    # A person asks for another try.
    PUT_ASIDE = "put aside", True
    TAKE_BACK = "take back", False
    REQUEUE = "requeue", True
    ORIGINAL_INTO_WORK = "original into work", True
    ARCHIVE_EARLIER_RESULT = "archive the earlier result", True
    REMOVE_EARLIER_RESULT = "remove the earlier result", True
    REMOVE_NOTE = "remove note", True
    END_PUT_BACK = "end put-back", True
    # A person moved a result.
    RECORD_VERDICT = "record verdict", False
    BRING_ALONG = "bring along", True


Tick = Callable[[Effect], None]
"""Called with an effect before it happens. It raises RootAway if the lease forbids it; a test may stop there."""
