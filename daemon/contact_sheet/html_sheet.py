"""The contact sheet as one web page: no script, no other file, nothing taken from the names it shows."""

import base64
from collections import Counter
from collections.abc import Mapping
from html import escape
from urllib.parse import quote

from daemon.contact_sheet.shown_results import Shown
from daemon.jobs import Grade

FAILED = "failed"
ORDER = (FAILED, *(grade.value for grade in sorted(Grade, key=lambda grade: grade.rank)))

_STYLE = """
:root { color-scheme: light dark; --paper: light-dark(#f4f4f2, #1c1d1f); --card: light-dark(#fff, #27292c);
  --ink: light-dark(#1d1d1f, #ececec); --faint: light-dark(#6b6b70, #a0a0a6); --line: light-dark(#e0e0dc, #3a3c40);
  --sehr_gut: light-dark(#1a7f37, #4ac26b); --gut: light-dark(#9a6700, #d9a520);
  --ungenuegend: light-dark(#cf222e, #ff7b72); --failed: light-dark(#8250df, #bc8cff); }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
header { position: sticky; top: 0; z-index: 1; background: var(--paper); border-bottom: 1px solid var(--line);
  padding: .7rem 1.2rem; display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: baseline; }
h1 { font-size: 1.1rem; margin: 0; overflow-wrap: anywhere; }
header p { margin: 0; color: var(--faint); }
header label { cursor: pointer; padding: .15rem .6rem; border: 1px solid var(--line); border-radius: 1rem;
  background: var(--card); }
header label:has(:checked) { border-color: currentColor; font-weight: 600; }
header label:has(:focus-visible) { outline: 2px solid; }
header input { position: absolute; opacity: 0; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 35rem), 1fr)); gap: .8rem;
  padding: 1.2rem; }
article { background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--tone);
  border-radius: .4rem; padding: .7rem; content-visibility: auto; contain-intrinsic-size: auto 20rem; }
.pictures { display: grid; grid-template-columns: repeat(3, 1fr); gap: .4rem; }
figure { margin: 0; }
figure > * { display: flex; align-items: center; justify-content: center; width: 100%; aspect-ratio: 1;
  background: light-dark(#e8e8e5, #1c1d1f); border-radius: .2rem; color: var(--faint); font-size: .8rem; }
img { max-width: 100%; max-height: 100%; }
figcaption { all: unset; display: block; font-size: .75rem; color: var(--faint); }
h2 { font-size: 1rem; margin: .5rem 0 .1rem; overflow-wrap: anywhere; }
h2 b { color: var(--tone); margin-right: .5rem; white-space: nowrap; }
ul { margin: .2rem 0; padding-left: 1.1rem; }
small { color: var(--faint); }
.sehr_gut { --tone: var(--sehr_gut); } .gut { --tone: var(--gut); } .ungenuegend { --tone: var(--ungenuegend); }
.failed { --tone: var(--failed); }
"""


def head(title: str, counts: Counter[str], remark: str) -> str:
    """Everything before the first photo. counts: photos by grade label or "failed"; each becomes a filter."""
    tabs, rules = [], []
    for name in ("all", *(name for name in ORDER if counts[name])):
        label = _label(name)
        count = counts.total() if name == "all" else counts[name]
        checked = " checked" if name == "all" else ""
        tabs.append(
            f'<label class="{label}" style="color: var(--tone)">'
            f'<input type="radio" name="show" id="show-{label}"{checked}>{escape(name)} {count}</label>'
        )
        if name != "all":
            rules.append(f"body:has(#show-{label}:checked) article:not(.{label}) {{ display: none; }}")
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}{chr(10).join(rules)}\n</style>\n"
        f"<header><h1>{escape(title)}</h1>{''.join(tabs)}<p>{escape(remark)}</p></header>\n<main>\n"
    )


def article(shown: Shown, pictures: Mapping[str, bytes | None], links: Mapping[str, str]) -> str:
    """One photo. pictures: JPEG by caption, None where there is none. links: where a click leads, by caption."""
    grade = grade_of(shown)
    score = "" if shown.score is None else f" {shown.score:.2f}"
    figures = "".join(_figure(caption, jpeg, links.get(caption, "")) for caption, jpeg in pictures.items())
    reasons = "".join(f"<li>{escape(_text(reason))}</li>" for reason in shown.reasons)
    moved = "" if shown.moved_from is None else f"<li>moved here by a person from {escape(shown.moved_from.value)}</li>"
    how = f"<small>{escape(_text(shown.how))}</small>" if shown.how else ""
    return (
        f'<article class="{_label(grade)}"><div class="pictures">{figures}</div>'
        f"<h2><b>{escape(grade)}{score}</b>{escape(_text(shown.name))}</h2>"
        f"<ul>{moved}{reasons}</ul>{how}</article>\n"
    )


TAIL = "</main>\n</html>\n"


def grade_of(shown: Shown) -> str:
    """The name of a photo's grade, or "failed"."""
    return shown.grade.value if shown.grade else FAILED


def link(path: str) -> str:
    """A relative way to a file as a URL; ./ keeps a name like "javascript:x" a name."""
    return "./" + quote(path.encode("utf-8", "surrogateescape"))


def _figure(caption: str, jpeg: bytes | None, url: str) -> str:
    below = f"<figcaption>{escape(caption)}</figcaption>"
    if jpeg is None:
        return f"<figure><div>none</div>{below}</figure>"
    source = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
    picture = f'<img loading="lazy" alt="{escape(caption)}" src="{source}">'
    place = f'<a href="{escape(url)}">{picture}</a>' if url else f"<div>{picture}</div>"
    return f"<figure>{place}{below}</figure>"


def _label(name: str) -> str:
    return name.replace("ü", "ue")


def _text(text: str) -> str:
    """What a page of UTF-8 can hold: a name that is no text keeps its readable part."""
    return text.encode("utf-8", "replace").decode()
