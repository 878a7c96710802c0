"""Says a reason for a grade in a language: what is wrong, where, and how much."""

from collections.abc import Mapping

from daemon.jobs import Reason
from daemon.words.catalogue import N_, Texts
from daemon.words.said import failure_values, said_in

REASONS: Mapping[str, str] = {
    "empty": N_("nothing was kept: no subject found"),
    "full": N_("nothing was removed: the whole picture was taken for the subject"),
    "residue": N_("remains of background %(place)s, %(share)s % of the picture"),
    "stray": N_("a stray part away from the subject %(place)s, %(share)s % of the picture"),
    "holes": N_("an opening inside the subject %(place)s, %(share)s % of the picture"),
    "hollow": N_("part of the subject is half-transparent %(place)s, %(share)s % of the picture"),
    "doubtful": N_("it was unclear what belongs to the subject %(place)s, %(share)s % of the picture"),
    "soft_rim": N_("the border is soft, about %(share)s % of the picture's longest side wide"),
    "apart": N_("independent passes disagree about %(share)s % of the subject"),
    "witness_differs": N_("another model sees something else %(place)s, %(share)s % of the picture"),
    "small_subject": N_("the subject is small, %(share)s % of the picture"),
    "rim_rough": N_("the border is rough where the photo's own edge is smooth"),
    "rim_off_edge": N_("the border does not lie on the photo's edge"),
    "rim_soft": N_("the border is softer than the photo is there"),
    "rim_fringe": N_("the border has a fringe of the background's colour"),
    "rim_coarse": N_("the border is coarser than the photo: the engine saw %(seen)s of its %(pixels)s pixels"),
    "rim_indistinct": N_("subject and background hardly differ along the border"),
    "rim_busy": N_("the photo has many edges along the border, and it may lie on a wrong one"),
    "rim_unsure": N_("the engine was unsure where the border runs"),
    "rim_doubt": N_("the engine was unsure of parts along the border"),
    "rim_weighs_most": N_("the border as a whole is less exact; what weighs most: %(parts)s"),
    "good": "%(parts)s",
    "weighs_most": N_("no single fault stands out; what weighs most: %(parts)s"),
}
"""The sentence of each code."""

WHOLE_PER_CENT = {"apart"}
"""Codes whose share is too rough for a decimal."""

PARTS: Mapping[str, str] = {
    "clean_edges": N_("clean edges"),
    "nothing_left": N_("nothing left of the background"),
    "passes_agree": N_("independent passes agree"),
    "witness_agrees": N_("another model sees the same"),
    "veil": N_("a faint veil away from the subject"),
    "faint": N_("parts of the subject that were found only faintly"),
    "line": N_("much depends on where the line between subject and background is drawn"),
    "blurred": N_("the border was blurred in places"),
    "outline": N_("an outline that is fine or broken, where parts are easily missed"),
    "specks": N_("specks and small openings"),
    "high": N_("it lies high in the picture, and what belongs to it below may be missing"),
    "runs_out": N_("it runs out of the picture above or at the sides, as background does"),
    "small": N_("the subject is small in the picture"),
    "shape": N_("the shape is unusual and may be only a part of the subject"),
    "passes_differ": N_("independent passes differ"),
    "alike": N_("subject and surroundings are alike in colour"),
    "stands_out": N_("only what stands out most may have been found"),
    "rim_rough": N_("a rough border"),
    "rim_off_edge": N_("a border beside the photo's edges"),
    "rim_soft": N_("a soft border"),
    "rim_fringe": N_("colours of the background in the border"),
    "rim_coarse": N_("an engine that saw less than the photo shows"),
    "rim_indistinct": N_("a border that the photo hardly shows"),
    "rim_busy": N_("many edges beside the border"),
    "rim_unsure": N_("an engine that was unsure where the border runs"),
    "rim_doubt": N_("parts along the border of which the engine was unsure"),
    "rim_other": N_("many small things"),
}
"""What a sentence may be made of."""

PLACES: Mapping[str, str] = {
    "upper left": N_("at the upper left"),
    "top": N_("at the top"),
    "upper right": N_("at the upper right"),
    "left": N_("at the left"),
    "middle": N_("in the middle"),
    "right": N_("at the right"),
    "lower left": N_("at the lower left"),
    "bottom": N_("at the bottom"),
    "lower right": N_("at the lower right"),
}
"""The ninths of a picture."""

ELSEWHERE = N_("%(place)s and elsewhere")


def reason_text(reason: Reason | str, words: Texts) -> str:
    """The sentence of a reason, without a capital letter. One that was kept as text is said as `said_in` can."""
    if isinstance(reason, str):
        return said_in(reason, words)
    decimals = 0 if reason.code in WHOLE_PER_CENT else 1
    place = words.say(PLACES.get(reason.place, reason.place))
    return words.say(
        REASONS.get(reason.code, reason.code),
        place=words.say(ELSEWHERE, place=place) if reason.elsewhere else place,
        share="" if reason.share is None else words.figure(100 * reason.share, decimals),
        parts=", ".join(words.say(PARTS.get(part, part)) for part in reason.parts),
        seen=words.figure(reason.pixels[0]) if reason.pixels else "",
        pixels=words.figure(reason.pixels[-1]) if reason.pixels else "",
    )


def reason_values(reason: Reason | str) -> dict[str, object]:
    """A reason as JSON values, for programs: its code and what belongs to it; or the text that was kept."""
    if isinstance(reason, str):
        failure = failure_values(reason)
        return {"code": "", "text": reason, **({"failure": failure} if failure["code"] else {})}
    return {
        "code": reason.code,
        **({"place": reason.place, "elsewhere": reason.elsewhere} if reason.place else {}),
        **({} if reason.share is None else {"share": reason.share}),
        **({"parts": list(reason.parts)} if reason.parts else {}),
        **({"pixels": list(reason.pixels)} if reason.pixels else {}),
    }
