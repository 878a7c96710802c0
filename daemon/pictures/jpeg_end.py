"""Puts the end mark behind a JPEG that lacks it, if all of its picture is there.

Some cameras leave the mark out, or write their own trailer in its place. libvips calls such a file cut off, although
nothing of the picture is missing. libjpeg itself cannot tell: it fills what is missing with grey. So the file is
decoded four times, with different bytes behind its end. If a row were missing, its pixels would come from those bytes,
and differ. A decoder that meets a mark in the middle of a picture reads nothing behind it, but warns.
"""

from typing import Any

from daemon.pictures import vips

EOI = b"\xff\xd9"
_FILLERS = tuple(
    b"".join(bits * 40 + bytes((0xFF, 0xD0 + number)) for number in range(8))
    for bits in (b"\x5a\xa5\x3c", b"\xc7\x39\xe1", b"\x2d\x93\x6e")
)
"""Coded data of no picture, with each restart mark, since a decoder waits for the next one in its order.

They begin with 0 and with 1, and none with what ends a block in the usual tables (T.81, K.3.3): what a decoder makes of
missing bits, zeros, must not look like all of them.
"""
_FILL = b"\xff"  # before a mark, as many as you like (ITU-T T.81, B.1.1.2); cards that were erased are full of them
_ROWS = 64


def with_end(content: bytes) -> bytes:
    """The bytes of a JPEG without an end mark, with one; as they are if some of the picture is missing.

    Decodes the picture four times, a few rows at a time. Raises what libvips raises.
    """
    picture = content.rstrip(_FILL)
    ended = picture + EOI
    if _meets_a_mark(ended):
        return content
    decoded = (_strips(each) for each in (ended, *(picture + filler + EOI for filler in _FILLERS)))
    is_whole = all((one == each).all() for one, *others in zip(*decoded, strict=True) for each in others)
    return ended if is_whole else content


def _meets_a_mark(content: bytes) -> bool:
    """Whether the picture breaks off at a mark, as far as libvips sees its decoder's warnings: not in the last rows."""
    try:
        vips.Image.jpegload_buffer(content, access="sequential", fail_on="warning").avg()
    except vips.Error as error:
        return "premature end" in str(error.detail)
    return False


def _strips(content: bytes) -> Any:
    image = vips.Image.jpegload_buffer(content, access="sequential", fail_on="none")
    return vips.strips_of(image, _ROWS)
