"""Puts the end mark behind a JPEG that lacks it, if all of its picture is there.

Some cameras leave the mark out, or write their own trailer in its place. libvips calls such a file cut off, although
nothing of the picture is missing. libjpeg itself cannot tell: it fills what is missing with grey. So the file is
decoded twice, with different bytes behind its end. If a row were missing, its pixels would come from those bytes, and
differ. A decoder that meets a mark in the middle of a picture reads nothing behind it, but warns.
"""

from typing import Any

from daemon.pictures import vips

EOI = b"\xff\xd9"
_FILLER = b"".join(b"\xa5\x5a\x3c" * 40 + bytes((0xFF, 0xD0 + number)) for number in range(8))
"""Coded data of no picture, with each restart mark, since a decoder waits for the next one in its order."""
_FILL = b"\xff"  # before a mark, as many as you like (ITU-T T.81, B.1.1.2); cards that were erased are full of them
_ROWS = 64


def with_end(content: bytes) -> bytes:
    """The bytes of a JPEG without an end mark, with one; as they are if some of the picture is missing.

    Decodes the picture twice, a few rows at a time. Raises what libvips raises.
    """
    picture = content.rstrip(_FILL)
    ended = picture + EOI
    if _meets_a_mark(ended):
        return content
    pairs = zip(_strips(ended), _strips(picture + _FILLER + EOI), strict=True)
    is_whole = all((one == other).all() for one, other in pairs)
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
