"""Every link of a document leads to a file, a heading or a picture that is there."""

from pathlib import Path

import pytest
import pyvips

from tests.pages_of_documents import DOCUMENTS, ROOT, anchors, links


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", DOCUMENTS, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or not target.is_relative_to(ROOT):
            broken.append(f"{link}: no such file")
        elif anchor and anchor not in anchors(target):
            broken.append(f"{link}: no such heading")

    assert broken == []


def test_every_document_is_reached_from_the_readme() -> None:
    seen, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page not in seen and page.suffix == ".md":
            seen.add(page)
            ahead += [(page.parent / link.partition("#")[0]).resolve() for link in links(page) if link[0] != "#"]

    pointers = {ROOT / "docs" / "api.md"}  # for bookmarks
    assert set(DOCUMENTS) - seen - pointers == set()


@pytest.mark.parametrize("picture", sorted((ROOT / "docs").glob("*.png")), ids=lambda path: str(path.name))
def test_every_picture_can_be_shown_and_is_used(picture: Path) -> None:
    shown = {(page.parent / link).resolve() for page in DOCUMENTS for link in links(page)}

    assert picture in shown
    assert pyvips.Image.new_from_file(str(picture)).copy_memory().width > 300
    assert picture.stat().st_size < 600_000


def test_anchors_are_those_that_github_makes(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# 6. Prometheus and Grafana\n## The journal's size\n## A `code`, [a link](x.md)\n## Two\n## Two\n")

    assert anchors(page) == {"6-prometheus-and-grafana", "the-journals-size", "a-code-a-link", "two", "two-1"}
