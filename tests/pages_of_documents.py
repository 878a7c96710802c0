"""Reads the documents as GitHub shows them: blocks of code, headings and their anchors, links and pictures."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENTS = tuple(
    sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "workflows").rglob("*.md")]),
)
FENCE = re.compile(r"^ *```(\S*) *(.*)$")
LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Block:
    """One block of code. reason: what stands behind its language, i.e. why it is not run as it is."""

    page: Path
    line: int
    language: str
    reason: str
    text: str

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """All blocks of code of a document."""
    opened: tuple[int, str, str] | None = None
    inside: list[str] = []
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        fence = FENCE.match(line)
        if fence and opened is None:
            opened, inside = (number, fence[1], fence[2].strip()), []
        elif fence and opened:
            indent = min((len(each) - len(each.lstrip()) for each in inside if each.strip()), default=0)
            yield Block(page, *opened, "\n".join(each[indent:] for each in inside) + "\n")
            opened = None
        else:
            inside.append(line)
    assert opened is None, f"{page}: a block is not closed"


@cache
def prose(page: Path) -> str:
    """A document without its blocks of code."""
    kept, inside = [], False
    for line in page.read_text("utf-8").splitlines():
        if FENCE.match(line):
            inside = not inside
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that GitHub makes of the headings of a document."""
    found: list[str] = []
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        found.append(f"{slug}-{found.count(slug)}" if slug in found else slug)
    return frozenset(found)


def links(page: Path) -> list[str]:
    """Where the links and pictures of a document lead, those within the project."""
    return [to for to in LINK.findall(prose(page)) if not re.match(r"[a-z]+:", to)]
