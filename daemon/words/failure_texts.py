"""Says what a person can do in the folder about a photo that failed, for each kind of failure."""

from collections.abc import Mapping

from daemon.jobs.failure_kinds import FailureKind
from daemon.words.catalogue import N_, Texts

_COPY_AGAIN = N_("Copy the photo into inbox/ once more, and let the copying end.")
_EXPORT_AGAIN = N_("Open the photo in an image editor, export it anew, and put that file into inbox/.")
_SMALLER = N_("Open the photo in an image editor, make it smaller or export it anew, and put that file into inbox/.")
_ASK = N_("Ask whoever runs Freisteller to look at the cause; then move the photo from failed/ into inbox/.")

ADVICE: Mapping[str, str] = {
    FailureKind.NOT_WHOLE: _COPY_AGAIN,
    FailureKind.DAMAGED: _EXPORT_AGAIN,
    FailureKind.UNKNOWN_FORMAT: N_("Save the picture as JPEG, PNG or TIFF, and put that file into inbox/."),
    FailureKind.TOO_LARGE: N_("Make the photo smaller, and put the smaller one into inbox/."),
    FailureKind.EMPTY: _COPY_AGAIN,
    FailureKind.NO_SUBJECT: N_("Put a photo into inbox/ that shows its subject."),
    FailureKind.UNREADABLE: N_("Copy the photo anew, readable for everybody, and put the copy into inbox/."),
    FailureKind.CHANGED_IN_WORK: N_("Wait until all of the photo is written, then move it from failed/ into inbox/."),
    FailureKind.ORIGINAL_GONE: N_("Put the photo into inbox/ once more, if it is still to be cut out."),
    FailureKind.NAME_TAKEN: N_("Give the photo another name, and move it from failed/ into inbox/."),
    FailureKind.NOT_WRITTEN: _ASK,
    FailureKind.PUT_BACK_REFUSED: N_("Put the original photo into inbox/."),
    FailureKind.ENGINE_REFUSED: _ASK,
    FailureKind.ENGINE_FULL: _ASK,
    FailureKind.TIMED_OUT: _SMALLER,
    FailureKind.PROCESS_LOST: _SMALLER,
    FailureKind.QUARANTINED: _SMALLER,
    FailureKind.INTERNAL_ERROR: _ASK,
    FailureKind.BAD_PHOTO: N_("Repair or replace the photo, and put it into inbox/ again."),
    "cancelled": N_("If it is to be cut out after all, move it from failed/ into inbox/."),
    "rejected": N_("If it is to be cut out after all, move it from failed/ into inbox/."),
}
"""What to do, by the short name of the reason. The two last ones are what a person decides."""


def advice(kind: str | None, words: Texts) -> str:
    """What to do about a photo that failed for this kind of reason; an unknown one counts as a bad photo."""
    return words.say(ADVICE.get(kind or "", ADVICE[FailureKind.BAD_PHOTO]))
