"""Writes what an audit found: a picture to look at, audit.png, and its figures, audit.json."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from daemon.arrays import Alpha, Rgb
from daemon.errors import NoRoom
from daemon.judgement.parameter_effects import OURS, PROCESS_RES
from daemon.pictures import codec, mosaic, thumbs

BOX = 150  # pixels
MOST_ROWS = 60  # photos times models; no viewer opens a taller picture


class AuditSheet:
    """Collects small pictures while an audit goes on: a row for each photo and model, a tile for each parameter."""

    def __init__(self, names: Sequence[str], proxies: Sequence[Rgb]) -> None:
        self._names = names
        self._proxies = [thumbs.fitted(proxy, BOX) for proxy in proxies]
        self._rows: dict[tuple[int, str], list[mosaic.Tile]] = {}

    def add(self, model: str, photo: int, raw: Alpha, outputs: Mapping[str, Mapping[float, Alpha]]) -> None:
        """Add what one model gave for one photo: its raw alpha, and the outputs by parameter and value."""
        if len(self._rows) >= MOST_ROWS:
            return
        rgb = self._proxies[photo]
        first = mosaic.Tile(
            (rgb, thumbs.on_chequerboard(rgb, _small(raw)), thumbs.grey(_small(raw))),
            ((mosaic.Words(model, bold=True), mosaic.Words(self._names[photo])),),
        )
        self._rows[photo, model] = [first, *(_tile(name, outputs.get(name, {})) for name in (PROCESS_RES, *OURS))]

    def write(self, folder: Path, values: Mapping[str, Any]) -> tuple[Path, ...]:
        """Write audit.json and audit.png into `folder`, in place of older ones. Raises NoRoom."""
        rows = [self._rows[key] for key in sorted(self._rows, key=lambda key: key[0])]  # by photo
        tiles = [tile for row in rows for tile in row]
        picture = mosaic.lay_out("What each parameter changes", tiles, BOX, 2 + len(OURS), lines=2)
        png, figures = folder / "audit.png", folder / "audit.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            png.write_bytes(codec.encode_png(picture))
            figures.write_text(json.dumps(dict(values), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise NoRoom(f"{folder} cannot be written: {error.strerror}. Name another --out.") from error
        return figures, png


def _tile(parameter: str, outputs: Mapping[float, Alpha]) -> mosaic.Tile:
    values = ", ".join(f"{value:g}" for value in outputs) or "none"
    pictures = tuple(thumbs.grey(_small(alpha)) for alpha in outputs.values())
    return mosaic.Tile(pictures or (None,), ((mosaic.Words(parameter, bold=True), mosaic.Words(values)),))


def _small(alpha: Alpha) -> thumbs.Mask:
    steps = np.rint(alpha * np.float32(255)).astype(np.uint8)
    return thumbs.fitted(steps, BOX)
