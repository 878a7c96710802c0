"""Reads several backgrounds of one rendition: each is a variant of it, with a name that people read in file names."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import PurePath

from daemon.settings.rendition_words import NAME_PATTERN, GroundWords, ground_words

BackgroundValue = str | tuple[str, ...]
MOST_VARIANTS = 20  # of one rendition; a test with more asks for more visitors than a shop has
MOST_LETTERS = 24  # of a variant's name
_BY_COLOUR = {(255, 255, 255): "white", (0, 0, 0): "black"}


def backgrounds_of(value: object) -> dict[str, BackgroundValue]:
    """The backgrounds by the names of their variants.

    value: a table of names and backgrounds, or a list of backgrounds, of which each is called after what it is, so that
    another order of the list, or one more, renames none. Raises ValueError, which says which one is wrong.
    """
    if isinstance(value, Mapping):
        named = {str(name): _background(each, f"{name}: ") for name, each in value.items()}
        for name in named:
            _refuse_bad_name(name)
    elif isinstance(value, list | tuple):
        named = {}
        for number, each in enumerate(value, 1):
            background = _background(each, f"entry {number}: ")
            name = _named_after(ground_words(background), number)
            if name in named:
                raise ValueError(f'{_shown(named[name])} and {_shown(background)} are both called "{name}": {_TABLE}')
            named[name] = background
    else:
        raise ValueError(f"must be a list of backgrounds, or a table with a name for each: {_EXAMPLE}")
    if len(named) > MOST_VARIANTS:
        raise ValueError(f"has {len(named)} backgrounds; at most {MOST_VARIANTS}")
    for name, other in _equal(named):
        raise ValueError(f'"{name}" and "{other}" are the same background')
    return named


_EXAMPLE = '{ white = "#ffffff", warm = "#f0ede8" }'
_TABLE = f"leave one out, or give them names: backgrounds = {_EXAMPLE}"


def _background(value: object, where: str) -> BackgroundValue:
    try:
        ground_words(value if isinstance(value, str | list | tuple) else ())
    except ValueError as error:
        raise ValueError(f"{where}{error}") from error
    return value if isinstance(value, str) else tuple(value)  # type: ignore[arg-type]  # ground_words took it


def _named_after(ground: GroundWords, number: int) -> str:
    """Such as "white", "f0ede8", "ffffff-cccccc", "blurred", or the name of a picture's file."""
    if ground.kind == "colour":
        return _BY_COLOUR.get(ground.colours[0]) or bytes(ground.colours[0]).hex()
    if ground.kind == "gradient":
        return "-".join(bytes(colour).hex() for colour in ground.colours)
    if ground.kind != "picture":
        return ground.kind
    plain = unicodedata.normalize("NFKD", PurePath(ground.picture).stem.lower().replace("ß", "ss"))
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    name = re.sub(r"[^a-z0-9]+", "-", letters)[:MOST_LETTERS].strip("-")
    if not name:
        raise ValueError(f"entry {number}: {ground.picture} gives no name: {_TABLE}")
    return name


def _refuse_bad_name(name: str) -> None:
    if not re.fullmatch(NAME_PATTERN, name):
        raise ValueError(f'"{name}": a name has lower-case letters, digits, and dashes between them')
    if len(name) > MOST_LETTERS:
        raise ValueError(f'"{name}": a name has at most {MOST_LETTERS} letters')


def _equal(named: Mapping[str, BackgroundValue]) -> Iterator[tuple[str, str]]:
    first: dict[GroundWords, str] = {}
    for name, background in named.items():
        other = first.setdefault(ground_words(background), name)
        if other != name:
            yield other, name


def _shown(background: BackgroundValue) -> str:
    return background if isinstance(background, str) else f"[{', '.join(background)}]"
