"""What becomes of a picture that is sent to a shop."""

from typing import Literal

What = Literal["new", "replaced", "same", "processing", "failed", "unknown", "waits", "login"]
"""What became of a picture. processing: the shop has it and still works on it. failed: it does not take it. unknown: it
has no such product. waits: the shop is away. login: the shop does not know us."""
DONE = frozenset[What]({"new", "replaced", "same"})
"""It stands in its place."""
LATER = frozenset[What]({"waits", "processing"})
"""Sending once more is all that it needs."""
