"""Draws tiny ONNX networks, as the bytes of their file: convolutions of one pixel, whose numbers anybody can work out.

A file is a protobuf message. The field numbers are those of onnx.proto.
"""

import struct
from collections.abc import Iterable, Sequence

import numpy as np

KINDS = {"float32": 1, "float16": 10}
Channel = tuple[float, float, float, float]
"""How much of the input's three planes goes into a channel of an output, and what is added."""

SUBJECT_IS_RED: Channel = (1.0, 0.0, 0.0, 0.0)


def drawn_table(side: int) -> str:
    """The table of a drawn network whose input has so many pixels on each side: nothing is changed on its way."""
    return f"""fit = "stretch"
size = [{side}, {side}]
divide = 255
mean = [0.0, 0.0, 0.0]
std = [1.0, 1.0, 1.0]
activation = "none"
range = "as is"
"""


def drawn_network(
    *outputs: Sequence[Channel],
    size: tuple[int, int] | None = None,
    kind: str = "float32",
    strides: tuple[int, int] = (1, 1),
    batch: int | None = None,
) -> bytes:
    """An ONNX file. Each output has these channels. size: width, height of the input; None = any, as batch.

    strides: the outputs have every n-th row and column only.
    """
    wide, high = size or (None, None)
    nodes, weights, ends = [], [], []
    for number, channels in enumerate(outputs or [[SUBJECT_IS_RED]]):
        names = [f"{what}{number}" for what in ("weight", "bias", "map")]
        steps = _text(1, "strides") + _numbers(8, strides) + _number(20, 7)
        node = _text(1, "picture", *names[:2]) + _text(2, names[2]) + _text(4, "Conv") + _bytes(5, steps)
        nodes.append(_bytes(1, node))
        planes = [channel[:3] for channel in channels]
        weights.append(_bytes(5, _tensor(names[0], np.asarray(planes)[:, :, None, None], kind)))
        weights.append(_bytes(5, _tensor(names[1], np.asarray([channel[3] for channel in channels]), kind)))
        ends.append(_bytes(12, _end(names[2], kind, (batch, len(channels), None, None))))
    begin = _bytes(11, _end("picture", kind, (batch, 3, high, wide)))
    graph = b"".join([*nodes, _text(2, "drawn"), *weights, begin, *ends])
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _number(2, 13))


def _end(name: str, kind: str, shape: Iterable[int | None]) -> bytes:
    """An input or output: its name, type and shape; None = any length."""
    sides = (_number(1, side) if side else _text(2, f"any{place}") for place, side in enumerate(shape))
    tensor = _number(1, KINDS[kind]) + _bytes(2, b"".join(_bytes(1, side) for side in sides))
    return _text(1, name) + _bytes(2, _bytes(1, tensor))


def _tensor(name: str, values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]", kind: str) -> bytes:
    raw = values.astype(np.dtype(kind).newbyteorder("<")).tobytes()
    return _numbers(1, values.shape) + _number(2, KINDS[kind]) + _text(8, name) + _bytes(9, raw)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _numbers(field: int, values: Iterable[int]) -> bytes:
    return b"".join(_number(field, value) for value in values)


def _text(field: int, *values: str) -> bytes:
    return b"".join(_bytes(field, value.encode()) for value in values)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    found = b""
    while value > 0x7F:
        found += struct.pack("B", value & 0x7F | 0x80)
        value >>= 7
    return found + struct.pack("B", value)
