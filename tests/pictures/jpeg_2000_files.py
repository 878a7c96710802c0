"""Draws JPEG 2000 files: codestreams by Pillow and OpenCV, boxes by own bytes."""

import io
import struct

import cv2
import numpy as np
from PIL import Image

from daemon.pictures.values import Samples


def codestream(samples: Samples) -> bytes:
    """A bare codestream without loss. samples: (H, W) or (H, W, 2..4), 8 or 16 bit."""
    if samples.dtype == np.uint8:
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(samples)).save(file, "JPEG2000", no_jp2=True)
        return file.getvalue()
    swapped = samples if samples.ndim == 2 else samples[..., [2, 1, 0, 3][: samples.shape[2]]]
    lossless = [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000]
    done, coded = cv2.imencode(".jp2", np.ascontiguousarray(swapped), lossless)
    assert done
    content = coded.tobytes()
    return content[content.index(b"\xff\x4f\xff\x51") :]


def with_bits(coded: bytes, bits: int) -> bytes:
    """The same codestream, as if its samples had so many bits (SIZ and, of what is coded without loss, QCD)."""
    (count,) = struct.unpack_from(">H", coded, 40)
    changed = bytearray(coded)
    for number in range(count):
        changed[42 + 3 * number] = bits - 1
    return bytes(changed)


def box(kind: bytes, content: bytes) -> bytes:
    """A box of an ISO base media file."""
    return struct.pack(">I4s", 8 + len(content), kind) + content


def colours(number: int) -> bytes:
    """A box that names a colour space."""
    return box(b"colr", b"\1\0\0" + number.to_bytes(4))


def profile_box(icc: bytes) -> bytes:
    """A box with an ICC profile."""
    return box(b"colr", b"\2\0\0" + icc)


def meanings(*channels: tuple[int, int, int]) -> bytes:
    """A box that says of channels what they mean: number, kind, colour."""
    return box(b"cdef", len(channels).to_bytes(2) + b"".join(struct.pack(">HHH", *each) for each in channels))


def resolution(across: int, down: int) -> bytes:
    """A box of the resolution, in pixels per metre."""
    return box(b"res ", box(b"resc", struct.pack(">HHHHbb", down, 1, across, 1, 0, 0)))


def jp2(coded: bytes, inside: bytes, behind: bytes = b"", open_end: bool = False) -> bytes:
    """A JP2. inside: boxes of its header. behind: boxes behind the codestream."""
    height, width, left, top = (struct.unpack_from(">I", coded, at)[0] for at in (12, 8, 16, 20))
    (count,) = struct.unpack_from(">H", coded, 40)
    about = struct.pack(">IIHBBBB", height - top, width - left, count, coded[42], 7, 0, 0)
    head = b"\0\0\0\x0cjP  \r\n\x87\n" + box(b"ftyp", b"jp2 \0\0\0\0jp2 ") + box(b"jp2h", box(b"ihdr", about) + inside)
    picture = b"\0\0\0\0jp2c" + coded if open_end else box(b"jp2c", coded)
    return head + picture + behind
