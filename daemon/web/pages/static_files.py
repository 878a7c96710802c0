"""Holds the scripts, styles and icons, under URLs that change with their content."""

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

from daemon.errors import SAID
from daemon.words.catalogue import LANGUAGES, words_in
from daemon.words.reason_texts import ELSEWHERE, PARTS, PLACES, REASONS, WHOLE_PER_CENT

KINDS = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


class StaticFiles:
    """All static files, read once. One hash covers them all, so that a script may name another by a relative URL."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self._contents = dict(contents)
        whole = hashlib.sha256()
        for name in sorted(self._contents):
            whole.update(f"{name}\0{len(self._contents[name])}\0".encode() + self._contents[name])
        self.version = whole.hexdigest()[:16]

    def url(self, name: str) -> str:
        """Where a file is. Raises KeyError if there is none of this name, which is a mistake in a template."""
        self._contents[name]
        return f"/static/{self.version}/{name}"

    def find(self, version: str, name: str) -> tuple[bytes, str] | None:
        """A file and its media type. None if there is none, or if it belongs to another version of the program."""
        content = self._contents.get(name) if version == self.version else None
        return None if content is None else (content, KINDS["." + name.rpartition(".")[2]])


@lru_cache(maxsize=1)
def static_files() -> StaticFiles:
    """The files of `web/pages/static/`; as scripts each language's texts, and the English sentences of the daemon."""
    found = {
        entry.name: entry.read_bytes()
        for entry in files("daemon.web.pages").joinpath("static").iterdir()
        if "." + entry.name.rpartition(".")[2] in KINDS
    }
    for language in LANGUAGES:
        found[f"texts.{language}.js"] = f"export default {_json(words_in(language).all())};\n".encode()
    reasons = {
        "sentences": REASONS,
        "parts": PARTS,
        "places": PLACES,
        "elsewhere": ELSEWHERE,
        "wholePerCent": sorted(WHOLE_PER_CENT),
    }
    script = f"export const reasons = {_json(reasons)};\nexport const said = {_json(SAID)};\n"
    found["sentences.js"] = script.encode()
    return StaticFiles(found)


def _json(values: object) -> str:
    return json.dumps(values, ensure_ascii=False, sort_keys=True)
