"""Each document is for one reader: short where it must be, in that reader's words, and without another one's things."""

import re
from pathlib import Path

import pytest

from tests.pages_of_documents import ROOT, blocks, links, prose

SCREEN = 50  # lines
OF_THE_HOUSE = ("rim", "witness", "canary", "ladder", "recipe", "journal", "alpha", "engine", "finish")
"""Words that a page may use once it has said what they mean, with the word *in italics* or **bold** there."""
FOR_READERS = (
    "README.md", "docs/studio.md", "docs/scanning.md", "docs/operations.md", "docs/operations/install.md",
    "docs/operations/every-day.md", "docs/integrating.md", "docs/models.md", "docs/metrics.md", "docs/shops.md",
)  # fmt: skip
STUDIO = ("docs/studio.md", "docs/studio.de.md", "docs/scanning.md")


def plain(page: Path) -> str:
    """The prose of a page without code, pictures, the targets of links, and headings."""
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)|`[^`]*`|\]\([^)]*\)", "", prose(page))
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))


@pytest.mark.parametrize("name", FOR_READERS)
def test_a_page_explains_the_words_of_the_house_that_it_uses(name: str) -> None:
    text = plain(ROOT / name).lower()

    used = {word for word in OF_THE_HOUSE if re.search(rf"\b(?:a|the|its|this|each|no|another) {word}s?\b", text)}
    explained = {word for word in OF_THE_HOUSE if re.search(rf"\*{word}s?\*", text)}
    assert used - explained == set()


@pytest.mark.parametrize("name", STUDIO)
def test_a_page_for_the_studio_has_nothing_of_logs_figures_and_programs(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")

    assert re.findall(r"freisteller_\w+|`action`|journal|curl|systemctl|Prometheus", text) == []


def test_the_first_screen_of_the_readme_shows_what_it_is_and_the_second_one_who_does_what() -> None:
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    first, second = lines[:SCREEN], lines[SCREEN : 2 * SCREEN]

    assert len(lines) <= 2 * SCREEN
    assert any(line.startswith("![") for line in first)
    assert [line.split()[:2] for line in first if line.startswith("make ")] == [["make", "run"], ["make", "test"]]
    assert sum(line.startswith("- **") for line in first) == 5
    assert "  inbox/" in "\n".join(first)
    assert {line for line in second if line.startswith("## ")} >= {
        "## You run a studio", "## You scan", "## You have a shop, or write programs", "## You operate it",
    }  # fmt: skip


def test_the_german_page_has_the_same_parts_as_the_english_one() -> None:
    english, german = ROOT / "docs" / "studio.md", ROOT / "docs" / "studio.de.md"

    assert prose(german).count("\n## ") == prose(english).count("\n## ")
    assert set(links(german)) - {"studio.md"} == set(links(english)) - {"studio.de.md"}
    orders = [[block.text for block in blocks(page) if "[outputs]" in block.text] for page in (english, german)]
    assert orders[0] == orders[1]
    points = [re.findall(r"^- ", prose(page), re.MULTILINE) for page in (english, german)]
    assert len(points[0]) == len(points[1])
