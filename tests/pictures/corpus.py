"""Some 500 small files: every format, depth, colour model, turn, profile, place of metadata, layout, end and odd size.

All of them are drawn here; what each shows and keeps is known before a reader has seen it (`pieces.Piece`).
`corpus_rules` says what must hold for all of them, `test_corpus.py` asks that, `benchmarks/formats.py` prints it.
"""

from functools import cache
from types import ModuleType

from tests.pictures import corpus_jpeg, corpus_phone, corpus_plain, corpus_png, corpus_studio, corpus_tiff
from tests.pictures.pieces import Piece

_PARTS: tuple[ModuleType, ...] = (corpus_jpeg, corpus_png, corpus_tiff, corpus_phone, corpus_studio, corpus_plain)


@cache
def corpus() -> dict[str, Piece]:
    """All pieces by their names."""
    drawn = [piece for part in _PARTS for piece in part.pieces()]
    by_name = {piece.name: piece for piece in drawn}
    assert len(by_name) == len(drawn), "two pieces have one name"
    return by_name
