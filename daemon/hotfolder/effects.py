"""Every effect of the daemon on folders and journal, by name: a crash may come before each one."""

from collections.abc import Callable
from enum import StrEnum

_SHARE = "the hot folder, our folders in it included: who takes over goes on there under the same job ids"
_LEADS_TO_SHARE = "the journal, and is worth nothing unless the hot folder is changed next"
_JOURNAL = "the journal, which is this machine's own"
_STATE = "the state directory, which is this machine's own"
_ENGINE = "nothing here; an engine is asked"


class Effect(StrEnum):
    """What is about to be done. `fenced`: needs a lease that is sure, as another machine may have the same job."""

    fenced: bool

    def __new__(cls, name: str, changes: str) -> "Effect":
        """name: what logs and tests call it. changes: what it changes first; everything on the share is fenced."""
        effect = str.__new__(cls, name)
        effect._value_ = name
        effect.fenced = changes in (_SHARE, _LEADS_TO_SHARE)
        return effect

    # A photo is sent.
    RECEIVE_UPLOAD = "receive upload", _SHARE
    CLEAR_UPLOAD = "clear upload", _SHARE
    # A photo is taken into work.
    ADMIT = "admit", _LEADS_TO_SHARE
    CLAIM = "claim", _SHARE
    FINISH_CLAIM = "finish claim", _SHARE
    GIVE_BACK = "give back", _SHARE
    # It is cut out.
    KEEP_CORRECTIONS = "keep corrections", _JOURNAL
    RECORD_CONTENT = "record content", _JOURNAL
    ASK_ENGINE = "ask engine", _ENGINE
    KEEP_ALPHA = "keep alpha", _STATE
    RECORD_ATTEMPT = "record attempt", _JOURNAL
    DECIDE = "decide", _JOURNAL
    POSTPONE = "postpone", _JOURNAL
    # It is published, or ends otherwise.
    MAKE_STAGING = "make staging folder", _SHARE
    WRITE_RESULT = "write result", _SHARE
    KEEP_RESULT = "keep result", _SHARE
    STAGE_REPORT = "stage report", _SHARE
    PUBLISH = "publish", _SHARE
    RECORD_RESULTS = "record results", _JOURNAL
    ARCHIVE = "archive", _SHARE
    COMPLETE = "complete", _JOURNAL
    CLEAR = "clear", _SHARE
    BRING_COMPANION = "bring a companion", _SHARE
    KEEP_FAILED_FILE = "keep the file of a mended failure", _SHARE
    REMOVE_FAILED_FILE = "remove the file of a mended failure", _SHARE
    CLOSE_FAILURE = "close a mended failure", _JOURNAL
    ADOPT = "adopt", _JOURNAL
    LEAVE_OUT = "leave out", _JOURNAL
    GIVE_UP = "give up", _JOURNAL
    MOVE_TO_FAILED = "move to failed", _SHARE
    RECORD_PLACES = "record places", _JOURNAL
    # A person asks for another try.
    PUT_ASIDE = "put aside", _SHARE
    TAKE_BACK = "take back", _SHARE
    REQUEUE = "requeue", _LEADS_TO_SHARE
    ORIGINAL_INTO_WORK = "original into work", _SHARE
    ARCHIVE_EARLIER_RESULT = "archive the earlier result", _SHARE
    REMOVE_EARLIER_RESULT = "remove the earlier result", _SHARE
    FORGET_EARLIER_RESULT = "forget the earlier result", _JOURNAL
    TAKE_ATTEMPT = "take attempt", _LEADS_TO_SHARE
    REMOVE_NOTE = "remove note", _SHARE
    END_PUT_BACK = "end put-back", _SHARE
    # A person moved a result.
    RECORD_VERDICT = "record verdict", _JOURNAL
    BRING_ALONG = "bring along", _SHARE
    # A person decides on a page, or takes that back.
    BEGIN_DEED = "begin deed", _LEADS_TO_SHARE
    END_DEED = "end deed", _JOURNAL
    BRING_BACK_RESULT = "bring an earlier result back", _SHARE
    BRING_BACK_ORIGINAL = "bring the original back", _SHARE
    REINSTATE = "reinstate", _JOURNAL
    # People are told, by files in their folders.
    WRITE_ORDER_NOTE = "write the note of an order", _SHARE
    REMOVE_ORDER_NOTE = "remove the note of an order", _SHARE
    TELL_LEFT_ALONE = "tell what is left alone", _SHARE
    WRITE_SHEET = "write contact sheet", _SHARE


Tick = Callable[[Effect], None]
"""Called with an effect before it happens. It raises RootAway if the lease forbids it; a test may stop there."""
