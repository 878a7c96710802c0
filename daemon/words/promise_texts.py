"""Says promises, 0..1, to people: with three decimals, cut off, since rounding could lift one over its limit."""

from math import floor

from daemon.jobs import Limits, Verdict
from daemon.words.catalogue import N_, Texts

KINDS: dict[str, str] = {
    "veil": N_("how clean it is away from the subject"),
    "faint": N_("how solid the subject is"),
    "line": N_("how clear it is where the subject ends"),
    "blurred": N_("how crisp the engine's border is"),
    "outline": N_("how simple the outline is"),
    "specks": N_("specks and small openings"),
    "high": N_("how high it lies in the picture"),
    "runs_out": N_("where it runs out of the picture"),
    "small": N_("how large the subject is"),
    "shape": N_("how compact the shape is"),
    "contrast": N_("how far subject and surroundings differ in colour"),
    "passes_differ": N_("how far independent passes agree"),
    "implausible": N_("whether it can be a subject at all"),
    "witness": N_("how far a second model agrees"),
    "correction": N_("what people's verdicts corrected"),
    "rough": N_("how smooth the border is beside the photo's edge"),
    "off_edge": N_("how well the border lies on an edge of the photo"),
    "soft": N_("how wide the border is beside the photo's own blur"),
    "fringe": N_("whose colour the border has"),
    "coarse": N_("how fine the engine saw the photo"),
    "indistinct": N_("how far subject and background differ along the border"),
    "busy": N_("how many other edges the photo has along the border"),
    "unsure": N_("how sure the engine was where the border runs"),
    "doubt": N_("how sure the engine was of the parts along the border"),
    "other": N_("all else"),
}
"""What a promise is made of, by the codes of `MadeOf`."""

_EXACT = 1e-6  # less than any promise is kept with


def promise_text(promise: float, words: Texts, *limits: float) -> str:
    """A promise in figures, e.g. "0.929" of 0.9296, which must not look like 0.93; "0.93" if it is exactly that.

    limits: those of its grades, if they are known. Only where even three decimals look like another side of one, as
    0.9296 does at a limit of 0.9295, all four are said that a promise is kept with.
    """
    for decimals in (2, 3, 4):
        steps = 10**decimals
        said = floor(promise * steps + _EXACT) / steps
        if promise - said < _EXACT or (decimals > 2 and all((said >= each) == (promise >= each) for each in limits)):
            break
    return words.figure(said, decimals)


def promises_text(score: float, rim: float | None, limits: Limits | None, words: Texts) -> str:
    """Both promises of a result, e.g. "0.965, rim 0.812"; the first alone if the rim was not judged."""
    region = promise_text(score, words, *((limits.sehr_gut, limits.gut) if limits else ()))
    if rim is None:
        return region
    of_rim = promise_text(rim, words, *((limits.rim_sehr_gut, limits.rim_gut) if limits else ()))
    return words.say(N_("%(score)s, rim %(rim)s"), score=region, rim=of_rim)


def both_promises_text(verdict: Verdict, words: Texts) -> str:
    """The same of a verdict."""
    return promises_text(verdict.score, verdict.rim, verdict.limits, words)


def correction_text(verdict: Verdict, words: Texts) -> str:
    """What people's verdicts did to the score: "corrected from 0.961 by -0.030 …"; "" if nothing."""
    correction, limits = verdict.correction, verdict.limits
    if correction is None:
        return ""
    return words.say(
        N_("corrected from %(before)s by %(shift)s for %(n)s verdicts of people"),
        before=promise_text(verdict.own_score, words, *((limits.sehr_gut, limits.gut) if limits else ())),
        shift=("+" if correction.shift > 0 else "") + words.figure(correction.shift, 3),
        n=correction.verdicts,
    )
