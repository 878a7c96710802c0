"""What an export leaves out, and why: a photo, one of its pictures, or a row of the list of products."""

from dataclasses import dataclass

from daemon.errors import Said
from daemon.words.catalogue import Texts
from daemon.words.rendition_texts import rule_text
from daemon.words.said import said_in

BrokenRule = tuple[str, str, str]
"""A rule of a shop, what was found, and what was wanted."""

NO_PRODUCT = Said("export_no_product")


@dataclass(frozen=True, slots=True)
class NotExported:
    """Something that is not in an export.

    photo: its place below the order; "" = it is not about one. rendition: the picture's; "" = all of the photo, or no
    photo. why: the reason, or the rules that a picture breaks.
    """

    photo: str
    rendition: str
    why: Said | tuple[BrokenRule, ...]

    def reason(self, words: Texts) -> str:
        """Why, in a language."""
        if isinstance(self.why, Said):
            return said_in(self.why, words)
        return "; ".join(rule_text(rule, found, wanted, words) for rule, found, wanted in self.why)

    def line(self, words: Texts) -> str:
        """What is left out and why, in a language."""
        named = f"{self.photo} ({self.rendition})" if self.rendition else self.photo
        return f"{named}: {self.reason(words)}" if named else self.reason(words)
