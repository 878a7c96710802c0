"""Makes ICC profiles of colours that a file tells in numbers: three primaries, a white, and a curve.

Profiles of version 2 (ICC.1:2001-04, 6.3.1.2 and 6.3.2), which every program reads: a matrix with curves for RGB, a
curve alone for grey. Colours are brought to the white of profiles, D50, by the Bradford transform (ICC.1:2022, E.3).
"""

import struct
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_CURVE_POINTS = 1024  # between which programs interpolate; sRGB is met to a hundredth of one of 255 steps
_VERSION, _RELATIVE_XYZ = 0x02400000, b"XYZ "
_REMEMBERED = 4  # photos of one series tell the same

Point = tuple[float, float]
"""A colour as CIE x and y."""


class Primaries(NamedTuple):
    """The colours of full red, green and blue, and of white."""

    red: Point
    green: Point
    blue: Point
    white: Point

    def to_xyz(self) -> NDArray[np.float64]:
        """(3, 3): what turns linear RGB into XYZ, white's Y being 1. Raises ValueError if they span no colours."""
        x, y = np.array(self, float).T
        if (y <= 0).any():
            raise ValueError("a colour has no y")
        columns = np.array([x / y, np.ones(4), (1 - x - y) / y])
        try:
            matrix: NDArray[np.float64] = columns[:, :3] * np.linalg.solve(columns[:, :3], columns[:, 3])
        except np.linalg.LinAlgError as error:
            raise ValueError("the three colours lie in a line") from error
        return matrix


@lru_cache(maxsize=_REMEMBERED)
def matching_profile(name: str, primaries: Primaries, gamma: float | None, colours: int) -> bytes:
    """A profile for pixels of 3 channels (RGB) or 1 (grey).

    gamma: light is a value to this power; None for sRGB's curve. Raises ValueError if there can be no such profile.
    """
    curve = _curve(gamma)
    if colours == 1:
        tags = {b"kTRC": curve}
    else:
        white = primaries.to_xyz() @ np.ones(3)
        cones = np.diag((_BRADFORD @ _D50) / (_BRADFORD @ white))
        matrix = np.linalg.inv(_BRADFORD) @ cones @ _BRADFORD @ primaries.to_xyz()
        tags = {letter + b"XYZ": _xyz(column) for letter, column in zip((b"r", b"g", b"b"), matrix.T, strict=True)}
        tags |= {letter + b"TRC": curve for letter in (b"r", b"g", b"b")}
    text = name.encode("ascii") + b"\0"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)  # no other alphabets
    general = {b"desc": description, b"cprt": b"text\0\0\0\0No copyright\0", b"wtpt": _xyz(_D50)}
    return _laid_out(b"GRAY" if colours == 1 else b"RGB ", general | tags)


def srgb_light(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The light of sRGB's values, both 0..1 (IEC 61966-2-1)."""
    light: NDArray[np.float64] = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return light


def _curve(gamma: float | None) -> bytes:
    if gamma is not None:
        if not 0 < gamma < 16:  # it is written in 8 bits and 8 behind the point
            raise ValueError(f"no curve has a gamma of {gamma}")
        return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    points = np.rint(srgb_light(np.linspace(0, 1, _CURVE_POINTS)) * 65535).astype(">u2")
    return b"curv\0\0\0\0" + struct.pack(">I", _CURVE_POINTS) + points.tobytes()


def _xyz(colour: NDArray[np.float64]) -> bytes:
    if np.abs(colour).max() >= 2**15:
        raise ValueError("a colour is too far away")
    return b"XYZ \0\0\0\0" + _fixed(colour)


def _fixed(values: NDArray[np.float64]) -> bytes:
    return struct.pack(">3i", *(round(float(value) * 65536) for value in values))


def _laid_out(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Header, table of tags, and each content once."""
    places: dict[bytes, int] = {}
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for tag, content in tags.items():
        if content not in places:
            places[content] = start + len(body)
            body += content + bytes(-len(content) % 4)
        table += struct.pack(">4sII", tag, places[content], len(content))
    head = struct.pack(
        ">I4sI4s4s4s12s4s", start + len(body), bytes(4), _VERSION, b"mntr", space, _RELATIVE_XYZ, bytes(12), b"acsp"
    )
    head = head.ljust(68, b"\0") + _fixed(_D50)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
