"""Says what is wrong with a picture for a shop: the rule that it breaks, and what people should know besides."""

import re
from collections.abc import Mapping

from daemon.words.catalogue import N_, Texts
from daemon.words.reason_texts import PLACES
from daemon.words.said import said_in

RULES: Mapping[str, str] = {
    "made": "%(found)s",
    "readable": N_("the written file cannot be read again: %(found)s"),
    "format": N_("it is a file of the kind %(found)s; wanted: %(wanted)s"),
    "size": N_("it has %(found)s pixels; wanted: %(wanted)s"),
    "longest_side": N_("its longest side has %(found)s pixels; wanted: %(wanted)s"),
    "width": N_("it is %(found)s pixels wide; wanted: %(wanted)s"),
    "height": N_("it is %(found)s pixels high; wanted: %(wanted)s"),
    "pixels": N_("it has %(found)s pixels in all; wanted: %(wanted)s"),
    "ratio": N_("its width is %(found)s times its height; wanted: %(wanted)s"),
    "bytes": N_("the file has %(found)s bytes; wanted: %(wanted)s"),
    "share": N_("the subject's share of the picture is %(found)s; wanted: %(wanted)s"),
    "colour_space": N_("its colours are %(found)s; wanted: %(wanted)s"),
    "bits": N_("each colour has %(found)s bits; wanted: %(wanted)s"),
    "profile": N_("its colour profile is %(found)s; wanted: %(wanted)s"),
    "frames": N_("the file holds %(found)s pictures; wanted: %(wanted)s"),
    "upright": N_("a mark in the file turns it (EXIF orientation %(found)s)"),
    "private": N_("the file tells where the photo was taken, or with which camera: %(found)s"),
    "opaque": N_("it is transparent in places (%(found)s), and shall not be"),
    "ground": N_("pixels of the background that have another colour than wanted: %(found)s"),
    "frame_exact": N_("pixels of the background at the frame that have another colour than wanted: %(found)s"),
    "edge_white_min": N_("the darkest white close to the subject is %(found)s of 255; wanted: %(wanted)s"),
    "edge_ground_off": N_("the background close to the subject is off by %(found)s of 255; wanted: %(wanted)s"),
    "free_frame": N_("pixels of the subject or its shadow that touch the frame: %(found)s"),
    "uncut": N_("the photo's edge cuts the subject off %(found)s"),
    "name": N_("its name in an export is wrong: %(found)s"),
}
"""The sentence of each rule that is broken: those of `renditions.shop_rules`, whether it was made, and can be read."""

REMARKS: Mapping[str, str] = {
    "enlarged": N_("the subject is larger than in the photo, so it is less sharp"),
    "smaller_than_asked": N_(
        "the subject is smaller than asked: the photo has no more pixels, or margins keep it small"
    ),
    "spans": N_("the photo's edges cut the subject off on both sides, so it goes from edge to edge"),
    "cut_edge_inside": N_("the photo's edge cuts the subject off, and that cut shows inside the picture"),
    "outside_clipped": N_("hairs or other fine parts of the subject reach beyond the picture"),
    "no_shadow_cut": N_("it has no shadow: the photo's edge cuts the subject off where it stands"),
    "no_shadow_own": N_("no shadow was drawn: the cut-out has the photo's own one"),
    "reflection_hovers": N_("most of the subject does not touch the ground, so its reflection may look wrong"),
}
"""The sentence of each remark: what people should know of a picture that breaks no rule by it."""

_AT_LEAST, _AT_MOST = N_("at least %(figure)s"), N_("at most %(figure)s")
_LIMITS = {"≥": _AT_LEAST, "≤": _AT_MOST}
_ONLY_FIGURES = re.compile(r"[-\d. /×≥≤,]+")
_TO_WRITE_OUT = re.compile(r"\d+\.\d+|\d{5,}")


def rule_text(rule: str, found: str, wanted: str, words: Texts) -> str:
    """What breaks a rule, without a capital letter unless it is a sentence of its own.

    rule: its short name; one that is not known is said as it is. found, wanted: as `Proved` has them.
    """
    sentence = RULES.get(rule, f"{rule.replace('_', ' ')}: %(found)s; wanted: %(wanted)s")
    told = _places(found, words) if rule == "uncut" else _figures(found, words)
    return words.say(sentence, found=told, wanted=_figures(wanted, words))


def remark_text(remark: str, words: Texts) -> str:
    """What people should know, without a capital letter; a remark that is not known is said as it is."""
    return words.say(REMARKS.get(remark, remark.replace("_", " ")))


def _places(sides: str, words: Texts) -> str:
    return ", ".join(words.say(PLACES.get(side, side)) for side in sides.split(", "))


def _figures(text: str, words: Texts) -> str:
    """Figures and limits as people of a language write them; anything else may be a code or a name, and stays."""
    if not _ONLY_FIGURES.fullmatch(text):
        return said_in(text, words)
    parts = (_TO_WRITE_OUT.sub(lambda found: _figure(found[0], words), part) for part in text.split(", "))
    return ", ".join(
        words.say(_LIMITS[part[0]], figure=part[1:].strip()) if part[:1] in _LIMITS else part for part in parts
    )


def _figure(digits: str, words: Texts) -> str:
    return words.figure(float(digits), len(digits.partition(".")[2]))
