"""Sends the corpus of drawn files through every judge, writer and back in, and prints what is kept of each format.

Files are drawn by tests/pictures/corpus.py, the rules are those of tests/pictures/corpus_rules.py.
Run: `.venv/bin/python -m benchmarks.formats [--write docs/formats.md]`. --write also makes that page.
Last line: one JSON object.
"""

import argparse
import json
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from daemon.pictures.known_formats import FORMATS
from daemon.settings.output_formats import OutputFormat
from tests.pictures.corpus import corpus
from tests.pictures.corpus_rules import FORMATS as RESULTS
from tests.pictures.corpus_rules import KEPT, NO_PLACE, Outcome, outcome_of
from tests.pictures.pieces import Kept, Piece

WORDS: Mapping[Kept, str] = {"icc": "ICC profile", "exif": "EXIF", "xmp": "XMP", "iptc": "IPTC", "dpi": "resolution"}
READ_BY = {
    "JPEG": "libvips (libjpeg-turbo)", "PNG": "libvips (libpng)", "TIFF": "libvips (libtiff)",
    "WebP": "libvips (libwebp)", "AVIF": "libvips (libheif)", "HEIC": "pillow-heif, the extra `heic`",
    "camera RAW": "LibRaw, the extra `raw`",
    "BMP": "Freisteller itself", "GIF": "Freisteller itself", "PSD": "Freisteller itself: the flattened picture",
    "JPEG 2000": "OpenCV (OpenJPEG)",
    "JPEG XL": "the system's libvips, where it has libjxl; [not pip's](operations/install.md#1-the-program)",
}  # fmt: skip
NAMES: Mapping[OutputFormat, str] = {
    "png": "`png`", "tiff": "`tiff`", "webp": "`webp`", "jpeg": "`jpeg`", "mask": "`mask`",
    "tiff_on_colour": "`tiff_on_colour`",
}  # fmt: skip
HEAD = """# Formats

For whoever asks what becomes of a file. Made by `python -m benchmarks.formats --write docs/formats.md`, which draws
{files} small files, of every depth, colour model, turn, kind of profile, place of metadata, layout, ending and odd
size, and sends each through the check of its structure, its proof, the reader, every writer and back in. What
stands here was seen in the results by other libraries (Pillow, tifffile, OpenCV).

A file is taken by what it begins with, not by its name. What is opaque in a result has the values that the file had, in
its own depth (8 or 16 bit) and colours (its ICC profile goes along). Grey becomes RGB; CMYK, Lab, values in
floating-point and pictures of high dynamic range become sRGB, and the report says so.

## What is read

yes = in every result that has a place for it; – = the format has no place for it, or none was drawn.
"""
RESULTS_HEAD = """
Of a TIFF each page becomes a result; smaller versions of a page do not. Of other files with several pictures (MPO,
bursts in HEIC) the main one is the photo. Animations are no photos.

## What results keep
"""
REFUSALS_HEAD = """
A WebP has no place for IPTC, and tells its resolution by EXIF only; a mask needs no profile. A JPEG holds no more than
64 kB of EXIF, of XMP and of IPTC: of longer ones the rights stay, and the report says so. Where the photo was taken,
and what makers keep in notes of their own, can be [left out](settings.md): `gps` and `maker_notes` in `[outputs]`.

## What is not done, and what it says
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """A piece, and what came of it."""

    piece: Piece
    outcome: Outcome


def main() -> None:
    """Send all through, print the matrix, and write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    warnings.simplefilter("ignore")
    seen = list(all_seen())
    for each in seen:
        for rule, words in each.outcome.faults.items():
            print(f"{each.piece.name}: {rule}: {'; '.join(words)}")
    print("\n".join((*matrix(seen), "", *of_results(seen))))
    if arguments.write:
        arguments.write.write_text(page(seen), "utf-8")
    print(json.dumps(figures(seen)))


def all_seen() -> Iterator[Seen]:
    """Each piece of the corpus with its outcome."""
    for piece in corpus().values():
        with tempfile.TemporaryDirectory(prefix="freisteller-formats-") as folder:
            yield Seen(piece, outcome_of(piece, Path(folder)))


def figures(seen: Sequence[Seen]) -> dict[str, int]:
    """How many files there are, hold each rule, and break one."""

    def without(*rules: str) -> int:
        return sum(not any(rule in each.outcome.faults for rule in (*rules, "tracebacks")) for each in seen)

    return {
        "files": len(seen),
        "agree": without("agree", "words"),
        "pixels_right": without("pixels"),
        "metadata_kept": without("metadata"),
        "disagreements": sum(bool(set(each.outcome.faults) - {"tracebacks"}) for each in seen),
        "tracebacks": sum("tracebacks" in each.outcome.faults for each in seen),
    }


def matrix(seen: Sequence[Seen]) -> Iterator[str]:
    """The table of formats that are read."""
    yield _row("format", "names end with", "read by", "bits kept", *WORDS.values(), "upright", "files")
    yield _row(*["---"] * (6 + len(WORDS)))
    for name, suffixes in _names():
        of_it = [each for each in seen if each.piece.format == name]
        done = [each for each in of_it if not each.piece.refused]
        bits = sorted({each.outcome.bits for each in done if each.outcome.bits})
        yield _row(
            name,
            " ".join(f"`{suffix}`" for suffix in suffixes),
            READ_BY[name],
            " ".join(map(str, bits)) or "–",
            *(_kept(done, kind) for kind in KEPT),
            _all_right([each for each in done if "orientation" in each.piece.name]),
            str(len(of_it)),
        )


def of_results(seen: Sequence[Seen]) -> Iterator[str]:
    """The table of formats that are written."""
    yield _row("result", *WORDS.values())
    yield _row(*["---"] * (1 + len(WORDS)))
    for output_format in RESULTS:
        yield _row(NAMES[output_format], *(_kept_in(seen, output_format, kind) for kind in KEPT))


def refusals(seen: Sequence[Seen]) -> Iterator[str]:
    """What people read of files that are not done, each sentence once."""
    yield _row("format", "what is said")
    yield _row("---", "---")
    told: dict[tuple[str, str], str] = {}
    for each in seen:
        if each.piece.refused:
            name = f"`photo{Path(each.piece.name).suffix}`"
            told.setdefault((each.piece.format, each.outcome.reason.replace(each.piece.name, "…")), name)
    for (format_, reason), name in told.items():
        yield _row(format_, reason.replace("…", name, 1))


def page(seen: Sequence[Seen]) -> str:
    """docs/formats.md."""
    head = HEAD.format(files=len(seen))
    return "\n".join((head, *matrix(seen), RESULTS_HEAD, *of_results(seen), REFUSALS_HEAD, *refusals(seen), ""))


def _names() -> Iterator[tuple[str, tuple[str, ...]]]:
    suffixes: dict[str, dict[str, None]] = {}
    for each in FORMATS:
        suffixes.setdefault(each.name, {}).update(dict.fromkeys(each.suffixes))
    first = [name for name in READ_BY if name in suffixes]
    for name in first:
        yield name, tuple(suffixes[name])


def _kept(done: Sequence[Seen], kind: Kept) -> str:
    asked = [each for each in done if kind in each.piece.keeps]
    return "yes" if asked and _all_right(asked) == "yes" else "no" if asked else "–"


def _kept_in(seen: Sequence[Seen], output_format: OutputFormat, kind: Kept) -> str:
    if (output_format, kind) in NO_PLACE:
        return "–"
    asked = [each for each in seen if kind in each.piece.keeps]
    return "yes" if all(output_format in each.outcome.kept.get(kind, ()) for each in asked) else "no"


def _all_right(asked: Sequence[Seen]) -> str:
    return "–" if not asked else "no" if any(each.outcome.faults for each in asked) else "yes"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
