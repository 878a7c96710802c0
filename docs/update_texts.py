"""Gathers the texts that people read, in files, notices and pages, into their catalogue and compiles it.

Run it from the checkout after you changed a text: python docs/update_texts.py. It names what has no translation yet.
Write those into daemon/words/texts/de.po, and run it again. `tests/words/test_texts.py` fails if somebody forgot to.
"""

import io
import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from daemon.errors import SAID

HOUSE = Path(__file__).parent.parent / "daemon"
TEXTS = HOUSE / "words" / "texts"
PO = TEXTS / "de.po"
IN_PYTHON = {"N_": None, "say": None, "count": (1, 2)}
JINJA = {"trim_blocks": "true", "lstrip_blocks": "true"}
STRING = r'\s*("(?:[^"\\\n]|\\.)*")'
IN_SCRIPTS = re.compile(rf"\bngettext\({STRING},{STRING}|\bN?_\({STRING}")
"""Babel's own reader of JavaScript does not see a text within the values of another one."""

DAY = datetime(2026, 11, 29, tzinfo=UTC)  # fixed, so that the same texts give the same files

Message = str | tuple[str, ...]


def texts_in_sources() -> Iterator[tuple[Message, str]]:
    """Each text with the file that has it. A tuple is a text for one thing and one for more."""
    for path in sorted(HOUSE.rglob("*.js")):
        for found in IN_SCRIPTS.finditer(path.read_text("utf-8")):
            one, many, only = (each and json.loads(each) for each in found.groups())
            yield only or (one, many), _named(path)
    for path in sorted(HOUSE.rglob("*.j2")):
        with path.open("rb") as source:
            for _, message, _, _ in extract("jinja2.ext:babel_extract", source, options=JINJA):
                yield message, _named(path)
    for path in sorted(HOUSE.rglob("*.py")):
        with path.open("rb") as source:
            for _, message, _, _ in extract("python", source, keywords=IN_PYTHON):
                yield message, _named(path)
    for said in SAID.values():
        yield said, "said.txt"


def _named(path: Path) -> str:
    return path.relative_to(HOUSE).as_posix()


def gathered() -> Catalog:
    """The catalogue as the sources have it, with the translations that the committed one has for them."""
    with PO.open("rb") as committed:
        old = read_po(committed, locale="de", charset="utf-8")
    new = Catalog(
        locale="de",
        header_comment="# German texts of files, notices and pages.",
        project="freisteller",
        version="1",
        msgid_bugs_address="-",
        last_translator="-",
        language_team="de",
        charset="utf-8",
        creation_date=DAY,
        revision_date=DAY,
        fuzzy=False,
    )
    for message, where in texts_in_sources():
        known = old.get(message)
        new.add(message, known.string if known else None, locations=[(where, 0)])
    return new


def as_po(catalogue: Catalog) -> bytes:
    """The catalogue as people edit it."""
    written = io.BytesIO()
    write_po(written, catalogue, width=120, sort_output=True, include_lineno=False, omit_header=False)
    return written.getvalue()


def as_mo(catalogue: Catalog) -> bytes:
    """The catalogue as programs read it."""
    written = io.BytesIO()
    write_mo(written, catalogue)
    return written.getvalue()


def untranslated(catalogue: Catalog) -> list[str]:
    """The texts that lack a translation."""
    own = (each for each in catalogue if each.id)
    return [str(each.id) for each in own if not (all(each.string) if each.pluralizable else each.string)]


def main() -> int:
    """Write both files. Returns 1 if a text has no translation."""
    catalogue = gathered()
    PO.write_bytes(as_po(catalogue))
    PO.with_suffix(".mo").write_bytes(as_mo(catalogue))
    missing = untranslated(catalogue)
    for text in missing:
        print(f"no translation: {text}", file=sys.stderr)  # noqa: T201  # a tool for people
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
