"""Says texts in a language, from the one catalogue: `texts/LANGUAGE.po`, which docs/update_texts.py gathers."""

import gettext
from functools import lru_cache
from importlib.resources import files

from daemon.errors import filled

LANGUAGES = ("en", "de")
"""English stands in the sources; each other one has a compiled catalogue `texts/LANGUAGE.mo`."""

_MARKS = {"en": (",", "."), "de": (".", ",")}
"""Between thousands, and before the decimals."""


def N_(text: str) -> str:  # noqa: N802 - what gettext's tools call it
    """Mark a text for the catalogue. It is translated where it is said."""
    return text


class Texts:
    """Texts in one of LANGUAGES."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.is_source = language == LANGUAGES[0]
        self.catalogue = gettext.NullTranslations()
        if not self.is_source:
            with files("daemon.words").joinpath("texts", f"{language}.mo").open("rb") as compiled:
                self.catalogue = gettext.GNUTranslations(compiled)

    def say(self, text: str, **values: object) -> str:
        """A text in this language, with values for its %(names)s."""
        return filled(self.catalogue.gettext(text), values) if text else ""  # gettext's answer to "" is its head

    def count(self, one: str, many: str, number: int, **values: object) -> str:
        """One of two texts, for one and for another number of things; %(num)s is the number."""
        return filled(self.catalogue.ngettext(one, many, number), {"num": self.figure(number), **values})

    def figure(self, number: float, decimals: int = 0) -> str:
        """A number as people of this language write it, with so many decimals."""
        thousands, point = _MARKS[self.language]
        return f"{number:,.{decimals}f}".translate({ord(","): thousands, ord("."): point})

    def all(self) -> dict[str, str | list[str]]:
        """The catalogue as values for JSON: each English text and its translation, or its forms for one, more."""
        if not isinstance(self.catalogue, gettext.GNUTranslations):
            return {}
        found: dict[str, str | list[str]] = {}
        for key, text in self.catalogue._catalog.items():  # type: ignore[attr-defined]  # there is no public way
            if isinstance(key, tuple):
                forms = found.setdefault(key[0], [])
                assert isinstance(forms, list)
                forms.append(text)  # GNU's order is one, then more
            elif key:
                found[key] = text
        return found


@lru_cache(maxsize=len(LANGUAGES))
def words_in(language: str) -> Texts:
    """The texts in one of LANGUAGES, read once."""
    return Texts(language)
