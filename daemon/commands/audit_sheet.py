"""The contact sheet and the JSON of an audit."""

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
MOST_ROWS = 60  # of photos times models: what a viewer still opens


class AuditSheet:
    """Collects small pictures while an audit goes on: a row per photo and model, a tile per parameter."""

    def __init__(self, names: Sequence[str], proxies: Sequence[Rgb]) -> None:
        self._names = names
        self._proxies = [thumbs.fitted(proxy, BOX) for proxy in proxies]
        self._rows: dict[tuple[int, str], list[mosaic.Tile]] = {}

    def add(self, model: str, photo: int, raw: Alpha, outputs: Mapping[str, Mapping[float, Alpha]]) -> None:
        """What one model gave for one photo: its raw alpha, and the outputs by parameter and value."""
        if len(self._rows) >= MOST_ROWS:
            return
        rgb = self._proxies[photo]
        first = mosaic.Tile(
            (rgb, thumbs.on_chequerboard(rgb, _small(raw)), thumbs.grey(_small(raw))),
            ((mosaic.Words(model, bold=True), mosaic.Words(self._names[photo])),),
        )
        self._rows[photo, model] = [first, *(_tile(name, outputs.get(name, {})) for name in (PROCESS_RES, *OURS))]

    def write(self, folder: Path, values: Mapping[str, Any]) -> tuple[Path, ...]:
        """Write audit.png and audit.json into `folder`; older ones are replaced. Raises NoRoom."""
        rows = [self._rows[key] for key in sorted(self._rows, key=lambda key: key[0])]  # models of one photo together
        tiles = [tile for row in rows for tile in row]
        picture = mosaic.lay_out("What each parameter changes", tiles, BOX, 2 + len(OURS), lines=2)
        png, told = folder / "audit.png", folder / "audit.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            png.write_bytes(codec.encode_png(picture))
            told.write_text(json.dumps(dict(values), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise NoRoom(f"{folder} cannot be written: {error.strerror}. Name another --out.") from error
        return told, png


def _tile(parameter: str, outputs: Mapping[float, Alpha]) -> mosaic.Tile:
    values = ", ".join(f"{value:g}" for value in outputs) or "none"
    pictures = tuple(thumbs.grey(_small(alpha)) for alpha in outputs.values())
    return mosaic.Tile(pictures or (None,), ((mosaic.Words(parameter, bold=True), mosaic.Words(values)),))


def _small(alpha: Alpha) -> thumbs.Mask:
    steps = np.rint(alpha * np.float32(255)).astype(np.uint8)
    return thumbs.fitted(steps, BOX)
