"""Reads a product from the name of a photo, by a pattern such as "{sku}_{position}"."""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath
from string import Formatter

from daemon.errors import Said
from daemon.exports.product_list import MOST_POSITION, ListedProduct, sku_fault
from daemon.settings.export_words import pattern_of

_FIELDS = {"sku": r".+?", "title": r".+?", "position": r"[0-9]{1,4}", "any": r".*?"}
"""What a field may stand for. Only ends decide where it is over, so two may not stand side by side."""


@dataclass(frozen=True, slots=True)
class ProductPattern:
    """A pattern that was checked. Two patterns are equal if their texts are."""

    text: str

    @classmethod
    def of(cls, text: str) -> "ProductPattern":
        """Check a pattern of {sku}, {title}, {position}, {any} and other letters. Raises ValueError with a Said."""
        if not text:
            raise ValueError(Said("pattern_without_sku", pattern=text))
        return cls(pattern_of(text))

    def product_of(self, photo: str) -> ListedProduct | None:
        """The product in a photo's name, without its suffix; None if the name is of another kind.

        Also None if the name could be read in two ways, as A_1_2 by {sku}_{title}: that would be a guess.
        """
        stem = unicodedata.normalize("NFC", PurePosixPath(photo).stem)
        first, second = (re.fullmatch(self._expression(greedy), stem) for greedy in (False, True))
        if not first or not second or first.groupdict() != second.groupdict():
            return None
        found = {name: value.strip() for name, value in first.groupdict().items()}
        position = int(found.get("position") or 0)
        if sku_fault(found["sku"]) or ("position" in found and not 1 <= position <= MOST_POSITION):
            return None
        return ListedProduct(photo, found["sku"], found.get("title", ""), position)

    def _expression(self, greedy: bool) -> str:
        """As a regular expression whose fields take as little as they can, or as much."""
        expression = ""
        for place, (literal, name, _, _) in enumerate(Formatter().parse(unicodedata.normalize("NFC", self.text))):
            expression += re.escape(literal)
            if name:
                field = _FIELDS[name].removesuffix("?") if greedy else _FIELDS[name]
                expression += f"(?P<{name}{place if name == 'any' else ''}>{field})"
        return expression
