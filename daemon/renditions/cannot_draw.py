"""The error of a rendition that cannot be drawn."""

from daemon.errors import FreistellerError


class CannotDraw(FreistellerError):
    """A rendition cannot be made of this result. Answer: leave this one out and name it; the result itself is fine."""

    reason = "cannot_draw"
