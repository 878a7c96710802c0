"""Scripts, styles and icons: kept for ever under URLs that change with their content; no content from elsewhere."""

import re
from pathlib import Path

import pytest

from daemon.web.pages import page_routes
from daemon.web.pages.static_files import StaticFiles, static_files

PAGES = Path(page_routes.__file__).parent


def test_another_content_gives_all_files_another_url() -> None:
    before = StaticFiles({"a.js": b"1", "b.css": b"2"})
    after = StaticFiles({"a.js": b"1", "b.css": b"3"})

    assert before.url("a.js") != after.url("a.js")
    assert before.find(before.version, "a.js") == (b"1", "text/javascript; charset=utf-8")
    assert after.find(before.version, "a.js") is None


@pytest.mark.parametrize("name", ["", "../static_files.py", "a.js/", "..%2fa.js", "none.js"])
def test_nothing_else_is_served(name: str) -> None:
    files = StaticFiles({"a.js": b"1"})

    assert files.find(files.version, name) is None


def test_scripts_name_only_files_that_are_there() -> None:
    files = static_files()
    for path in (PAGES / "static").glob("*.js"):
        for name in re.findall(r'from "\./([\w.]+)"', path.read_text("utf-8")):
            assert files.find(files.version, name), f"{path.name} imports {name}"


def test_templates_have_no_inline_script_or_style_and_nothing_from_elsewhere() -> None:
    for path in (PAGES / "templates").glob("*.j2"):
        text = path.read_text("utf-8")
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*src=)", text), path.name
        assert "//" not in re.sub(r"https?://www\.w3\.org/\S+", "", text), path.name


def test_scripts_and_styles_load_nothing_from_elsewhere_and_make_no_markup_of_texts() -> None:
    bad = re.compile(r"https?://|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(")
    for path in (PAGES / "static").iterdir():
        if path.suffix in (".js", ".css"):
            assert not bad.search(path.read_text("utf-8")), path.name


def test_no_script_is_long() -> None:
    lines = {path.name: path.read_text("utf-8").count("\n") for path in (PAGES / "static").glob("*.js")}

    assert not {name: count for name, count in lines.items() if count > 300}
