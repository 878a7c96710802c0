"""Names the files of `inbox/` that are left alone, for people."""

from collections.abc import Sequence
from itertools import islice

from daemon.errors import Said, said_together
from daemon.intake.scan_values import LeftFile

MOST_NAMES = 5


def left_in_words(left: Sequence[LeftFile], most: int = MOST_NAMES) -> Said:
    """The first of them by name, each with why, and how many more there are; "" = none is left alone."""
    told = [Said("left_named", name=each.name, why=each.why) for each in islice(left, most)]
    if len(left) > most:
        told.append(Said("left_more", n=len(left) - most))
    return said_together(told, "list")
