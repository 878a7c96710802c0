"""The kinds of failure, a closed list, and which of them a reason is.

A reason is a sentence with a code (`said.txt`), which is named where the error is raised; the code tells the kind.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum

from daemon.errors import Said


class FailureKind(StrEnum):
    """Why a photo went to `failed/`, in a word: for metrics, journal and programs. What it asks of people differs."""

    NOT_WHOLE = "not_whole"
    DAMAGED = "damaged"
    UNKNOWN_FORMAT = "unknown_format"
    TOO_LARGE = "too_large"
    EMPTY = "empty"
    NO_SUBJECT = "no_subject"
    UNREADABLE = "unreadable"
    CHANGED_IN_WORK = "changed_in_work"
    ORIGINAL_GONE = "original_gone"
    NAME_TAKEN = "name_taken"
    NOT_WRITTEN = "not_written"
    PUT_BACK_REFUSED = "put_back_refused"
    ENGINE_REFUSED = "engine_refused"
    ENGINE_FULL = "engine_full"
    TIMED_OUT = "timed_out"
    PROCESS_LOST = "process_lost"
    QUARANTINED = "quarantined"
    INTERNAL_ERROR = "internal_error"
    BAD_PHOTO = "bad_photo"
    """A reason without a code, as earlier versions kept them."""


OURS = frozenset({FailureKind.TIMED_OUT, FailureKind.PROCESS_LOST, FailureKind.QUARANTINED, FailureKind.INTERNAL_ERROR})
"""Kinds that are no fault of the photo, as far as anybody knows."""

OF_THE_FILE = frozenset(
    {
        FailureKind.NOT_WHOLE,
        FailureKind.DAMAGED,
        FailureKind.UNKNOWN_FORMAT,
        FailureKind.TOO_LARGE,
        FailureKind.EMPTY,
        FailureKind.UNREADABLE,
        FailureKind.CHANGED_IN_WORK,
    }
)
"""Kinds that are a fault of the file itself: who brings another file under its name has mended that."""

_CODES: Mapping[FailureKind, tuple[str, ...]] = {
    FailureKind.NOT_WHOLE: ("not_whole", "sent_not_whole"),
    FailureKind.DAMAGED: ("damaged",),
    FailureKind.UNKNOWN_FORMAT: (
        "not_a_photo", "animated", "no_photo_channels", "unreadable_kind", "is_a_folder", "not_a_file", "no_such_page",
    ),
    FailureKind.TOO_LARGE: ("too_many_pixels",),
    FailureKind.EMPTY: ("begins_with_nothing",),
    FailureKind.NO_SUBJECT: ("all_transparent", "nothing_left", "no_foreground"),
    FailureKind.UNREADABLE: ("access_denied", "cannot_open", "cannot_read", "disk_cannot_read"),
    FailureKind.CHANGED_IN_WORK: ("written_while_in_work",),
    FailureKind.ORIGINAL_GONE: ("original_gone", "not_there"),
    FailureKind.NAME_TAKEN: ("name_taken",),
    FailureKind.NOT_WRITTEN: (
        "too_large_for_format", "too_large_for_webp", "cannot_encode", "written_wrong_twice", "whole_photo_left",
        "result_not_written", "file_not_written",
    ),
    FailureKind.PUT_BACK_REFUSED: (
        "put_back_forgotten", "put_back_without_original", "original_just_gone", "result_just_gone",
    ),
    FailureKind.ENGINE_REFUSED: ("no_model_worked", "server_cannot_read_picture"),
    FailureKind.PROCESS_LOST: ("process_lost", "no_process"),
    FailureKind.QUARANTINED: ("crashed_over_photo",),
    FailureKind.INTERNAL_ERROR: ("internal_error",),
}  # fmt: skip
_KINDS = {code: kind for kind, codes in _CODES.items() for code in codes}
_WITHIN: Mapping[tuple[str, str], FailureKind] = {
    ("not_whole", "is_empty"): FailureKind.EMPTY,
    ("sent_not_whole", "is_empty"): FailureKind.EMPTY,
    ("unreadable_kind", "past_decoder_limit"): FailureKind.TOO_LARGE,
    ("process_lost", "needs_much_memory"): FailureKind.TOO_LARGE,
    ("process_lost", "process_hung"): FailureKind.TIMED_OUT,
}
"""Where the sentence within the sentence decides."""
_OUT_OF_MEMORY = frozenset({"server_memory", "local_memory", "local_memory_detail"})
_TOGETHER = frozenset({"sentences", "list"})


def kind_of(reason: object) -> FailureKind:
    """The kind of a reason. Without a code it is BAD_PHOTO."""
    if not isinstance(reason, Said):
        return FailureKind.BAD_PHOTO
    if reason.code in _TOGETHER:
        return kind_of(reason.values.get("first"))
    if reason.code == "no_model_worked" and _leaves(reason.values.get("detail")) <= _OUT_OF_MEMORY:
        return FailureKind.ENGINE_FULL
    detail = reason.values.get("detail")
    within = detail.code if isinstance(detail, Said) else ""
    return _WITHIN.get((reason.code, within)) or _KINDS.get(reason.code, FailureKind.BAD_PHOTO)


def _leaves(said: object) -> frozenset[str]:
    """The codes of what several recipes came to; "" = one that has no code."""

    def each(value: object) -> Iterator[str]:
        if isinstance(value, Said) and value.code in _TOGETHER:
            yield from each(value.values.get("first"))
            yield from each(value.values.get("then"))
        elif isinstance(value, Said) and value.code == "of_recipe":
            yield from each(value.values.get("detail"))
        else:
            yield value.code if isinstance(value, Said) else ""

    return frozenset(each(said))
