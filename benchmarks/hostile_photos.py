"""Draws the files that try to stop a program: small, huge, nested, endless. Nothing but code is needed."""

import io
import re
import struct
import tempfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pillow_heif
import pyvips
from PIL import Image

from tests.drawing import drawn_photo

Files = dict[str, bytes]
"""Name -> content."""
Fields = list[tuple[int, int, int, int]]
"""Of a TIFF: tag, type, count, value."""

MEGABYTE = 1_000_000
BOMB_BYTES = 512 << 20  # what the bombs inflate to


def encoded(suffix: str, width: int = 320, height: int = 240, seed: int = 0, **options: object) -> bytes:
    """A drawn photo in a format."""
    rgb = np.ascontiguousarray(drawn_photo(width, height, seed))
    return bytes(pyvips.Image.new_from_array(rgb, interpretation="srgb").write_to_buffer(suffix, **options))


# --- pieces of formats


def jpeg_with(*segments: tuple[int, bytes], seed: int = 0) -> bytes:
    """A JPEG with more segments after its start: (marker, body)."""
    whole = encoded(".jpg", seed=seed)
    added = b"".join(b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body for marker, body in segments)
    return whole[:2] + added + whole[2:]


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with(kind: bytes, body: bytes, seed: int = 0) -> bytes:
    """A PNG with another chunk after its header."""
    whole = encoded(".png", seed=seed)
    return whole[:33] + png_chunk(kind, body) + whole[33:]


def png_of(width: int, height: int, data: bytes, bits: int = 8, colour: int = 0) -> bytes:
    """A PNG of a header and compressed data, whether they fit or not."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")


def tiff_of(fields: Fields, following: int = 0, tail: bytes = b"") -> bytes:
    """A little-endian TIFF of one directory at byte 8, the offset of the next one, and what comes after it."""
    directory = struct.pack("<H", len(fields)) + b"".join(struct.pack("<HHII", *field) for field in fields)
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<I", following) + tail


def grey_page(width: int, height: int, strip_at: int, size: int, compression: int = 1) -> Fields:
    """The fields of a grey page of 8 bit in one strip."""
    return [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, compression), (262, 3, 1, 1),
            (273, 4, 1, strip_at), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, size)]  # fmt: skip


def xmp(inside: str) -> bytes:
    """A packet with this inside its description."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:xmp="http://ns.adobe.com/xap/1.0/">'
        f"<rdf:Description {inside}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode() + b'<?xpacket end="w"?>'


def itxt(packet: bytes) -> bytes:
    """The body of a PNG's chunk that holds an XMP packet."""
    return b"XML:com.adobe.xmp\0\0\0\0\0" + packet


@cache
def bomb() -> bytes:
    """Zeros, deflated: half a megabyte that inflates to half a gigabyte."""
    deflate, out = zlib.compressobj(9), io.BytesIO()
    for _ in range(BOMB_BYTES >> 20):
        out.write(deflate.compress(bytes(1 << 20)))
    out.write(deflate.flush())
    return out.getvalue()


# --- the files


def half_jpeg_and_ff() -> Files:
    whole = encoded(".jpg")
    return {"half and 1 MB of FF.jpg": whole[: len(whole) // 2] + b"\xff" * MEGABYTE}


def blanks_in_xmp() -> Files:
    many, few = " " * MEGABYTE, " " * 60_000
    return {
        "blanks in a tag.png": png_with(b"iTXt", itxt(xmp(f"{many}>")), seed=1),
        "blanks before an equals sign.png": png_with(b"iTXt", itxt(xmp(f'xmp:CreatorTool{many}="x">')), seed=2),
        "blanks and nothing.png": png_with(b"iTXt", itxt(b"<?xpacket" + many.encode()), seed=3),
        "line ends.png": png_with(b"iTXt", itxt(xmp(">" + "\n" * MEGABYTE)), seed=4),
        "blanks.jpg": jpeg_with((0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp(f"{few}>")), seed=5),
    }


def nested_metadata() -> Files:
    deep = "<a>" * 100_000
    laughs = '<!DOCTYPE x [<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {new} "{f"&{old};" * 30}">' for old, new in zip("abcdefg", "bcdefgh", strict=True)
    )
    loop = b"Exif\0\0II*\0" + struct.pack("<I", 8)
    loop += struct.pack("<HHHIIHHII", 2, 0x8769, 4, 1, 8, 0x8825, 4, 1, 8) + struct.pack("<I", 8)
    icc = struct.pack(">I", 200) + bytes(32) + b"acsp" + bytes(88) + struct.pack(">I", 0xFFFFFFF0) + b"desc" * 17
    profiles = [(0xE2, b"ICC_PROFILE\0" + bytes([part, 255]) + bytes(60_000)) for part in range(1, 256)]
    return {
        "xmp nested.png": png_with(b"iTXt", itxt(xmp(f">{deep}")), seed=6),
        "xmp of entities.png": png_with(b"iTXt", itxt(laughs.encode() + b"]>" + xmp(">&h;")), seed=7),
        "exif that loops.jpg": jpeg_with((0xE1, loop), seed=8),
        "icc with endless tags.jpg": jpeg_with((0xE2, b"ICC_PROFILE\0\1\1" + icc), seed=9),
        "icc of 15 MB.jpg": jpeg_with(*profiles, seed=10),
        "a million marks.jpg": jpeg_with(*[(0xFE, b"")] * 250_000, seed=11),
    }


def tiff_chains() -> Files:
    pixels = bytes(range(100)) * 4
    page = grey_page(20, 20, 1000, len(pixels))
    tail = bytes(1000 - 8 - 2 - 12 * len(page) - 4) + pixels
    empty = b"".join(struct.pack("<HI", 0, 1400 + 6 * (number + 1)) for number in range(170_000))
    sub = [*page, (330, 4, 1, 8)]
    return {
        "follows itself.tif": tiff_of(page, 8, tail),
        "two that follow each other.tif": tiff_of(page, 1400, tail + struct.pack("<HI", 0, 8)),
        "170,000 directories.tif": tiff_of(page, 1400, tail + empty),
        "its own child.tif": tiff_of(sub, 0, tail[12:]),
        "65,535 fields.tif": b"II*\0" + struct.pack("<IH", 8, 65_535) + struct.pack("<HHII", 330, 4, 1, 8) * 65_535,
    }


def bmp_320_megapixels() -> Files:
    row = (20_000 + 31) // 32 * 4
    head = b"BM" + struct.pack("<IHHI", 62 + row * 16_000, 0, 0, 62)
    head += struct.pack("<IiiHHIIiiII", 40, 20_000, 16_000, 1, 1, 0, 0, 0, 0, 0, 0) + b"\0\0\0\0\xff\xff\xff\0"
    return {"320 megapixels of 1 bit.bmp": head + bytes(row * 16_000)}


def header_bombs() -> Files:
    bitmap = b"BM" + struct.pack("<IHHIIiiHHIIiiII", 4054, 0, 0, 54, 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0)
    heic, avif, lossless = io.BytesIO(), io.BytesIO(), encoded(".webp", 64, 48, lossless=True)
    small = Image.fromarray(drawn_photo(64, 48))
    pillow_heif.from_pillow(small).save(heic, quality=50)
    small.save(avif, "AVIF")
    canvas = b"VP8X" + struct.pack("<I", 10) + bytes(4) + b"\xfe\x3f\x00" * 2 + lossless[12:]
    page = grey_page(100_000, 100_000, 200, 100)
    stream, gif = io.BytesIO(), io.BytesIO()
    small.save(stream, "JPEG2000", no_jp2=True)
    small.save(gif, "GIF")
    sides = struct.pack(">II", 60_000, 60_000)
    return {
        "bomb.bmp": bitmap + bytes(4000),
        "bomb.png": png_of(60_000, 60_000, zlib.compress(bytes(60_001))),
        "bomb just below.png": png_of(6000, 6000, zlib.compress(bytes(6001))),
        "bomb.webp": b"RIFF" + struct.pack("<I", len(canvas) + 4) + b"WEBP" + canvas,
        "bomb.heic": _of_giant_size(heic.getvalue()),
        "bomb.avif": _of_giant_size(avif.getvalue()),
        "bomb.j2k": stream.getvalue()[:8] + sides + stream.getvalue()[16:],
        "bomb.gif": gif.getvalue()[:6] + struct.pack("<HH", 60_000, 60_000) + gif.getvalue()[10:],
        "bomb.psd": b"8BPS\0\1" + bytes(6) + b"\0\3" + sides + b"\0\x08\0\3" + bytes(14) + bytes(4000),
        "bomb.tif": tiff_of(page, 0, bytes(300)),
        "bomb.dng": tiff_of([*page, (50706, 1, 4, 0x00000401)], 0, bytes(300)),
    }


def _of_giant_size(heif: bytes) -> bytes:
    """The same file with another size in each box "ispe" (of which 4 bytes are its version and flags)."""
    return re.sub(rb"(?s)(ispe.{4}).{8}", lambda box: box[1] + struct.pack(">II", 60_000, 60_000), heif)


def _large_disc() -> pyvips.Image:
    ground = pyvips.Image.black(6000, 6000, bands=3).copy(interpretation="srgb").linear(1, 205).cast("uchar")
    return ground.draw_circle([180, 30, 30], 3000, 3000, 1500, fill=True)


def just_below_the_limit() -> Files:
    """Whole photos of 36 megapixels, several at once: each is allowed, all together need much memory."""
    disc, row = _large_disc(), 6000 // 8 + 2
    head = b"BM" + struct.pack("<IHHI", 62 + row * 6000, 0, 0, 62)
    head += struct.pack("<IiiHHIIiiII", 40, 6000, 6000, 1, 1, 0, 0, 0, 0, 0, 0) + b"\0\0\0\0\xff\xff\xff\0"
    return {
        "large.png": bytes(disc.pngsave_buffer(compression=1)),
        "large.webp": bytes(disc.webpsave_buffer(Q=70, effort=0)),
        "large.avif": bytes(disc.heifsave_buffer(compression="av1", effort=0)),
        "large.bmp": head + (b"\xff" * 300 + b"\0" * (row - 300)) * 6000,
    }


def deflate_bombs() -> Files:
    pixels = bomb()
    page = grey_page(4000, 4000, 200, len(pixels), compression=8)
    head = tiff_of(page)
    return {
        "too much data.png": png_of(4000, 4000, pixels),
        "icc bomb.png": png_with(b"iCCP", b"icc\0\0" + pixels, seed=12),
        "text bomb.png": png_with(b"zTXt", b"Comment\0\0" + pixels, seed=13),
        "xmp bomb.png": png_with(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + pixels, seed=14),
        "too much data.tif": head + bytes(200 - len(head)) + pixels,
    }


@cache
def many_scans() -> Files:
    """A grey JPEG of 36 megapixels and 150 kB whose every bit of every coefficient has a scan of its own."""
    width, height = 6000, 6000
    blocks = (width // 8) * (height // 8)
    runs, left = "", blocks
    while left:  # each "end of block" may say in 14 more bits for how many blocks it counts: 16,384 to 32,767
        run = left if left <= 32_767 else min(32_767, left - 16_384)
        runs += f"00{run - 16_384:014b}"
        left -= run
    parts = [b"\xff\xd8\xff\xdb" + struct.pack(">HB", 67, 0) + b"\1" * 64]
    parts.append(b"\xff\xc2" + struct.pack(">HBHHBBBB", 11, 8, height, width, 1, 1, 0x11, 0))
    parts += [_code(0x00, 0), _code(0x10, 0xE0), _scan(0, 0, 0, "00" * blocks)]
    for band in range(1, 64):
        parts += [_scan(band, low + 1 if low < 13 else 0, low, runs) for low in range(13, -1, -1)]
    return {"882 scans.jpg": b"".join(parts) + b"\xff\xd9"}


def _code(kind: int, symbol: int) -> bytes:
    """A table in which this symbol is the bits 00."""
    return b"\xff\xc4" + struct.pack(">HBBB", 20, kind, 0, 1) + bytes(14) + bytes([symbol])


def _scan(band: int, high: int, low: int, bits: str) -> bytes:
    return b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, band, band, high << 4 | low) + _packed(bits)


def _packed(bits: str) -> bytes:
    """Bits as bytes, filled up with ones, each 0xFF followed by 0."""
    whole = bits + "1" * (-len(bits) % 8)
    return int(whole, 2).to_bytes(len(whole) // 8, "big").replace(b"\xff", b"\xff\0")


def slow_photos() -> Files:
    """A JPEG that takes long to be proven, and one that is proven at once and takes long in work."""
    return {"inbox": many_scans()["882 scans.jpg"], "work": bytes(_large_disc().jpegsave_buffer(Q=80))}


def strips() -> Files:
    sizes = ((1, 600), (600, 1), (2, 3000), (12_000, 3), (1, 1), (16_000, 8))
    return {f"strip {width} x {height}.png": encoded(".png", width, height) for width, height in sizes}


def odd_names() -> dict[bytes, bytes]:
    """Names in bytes, of good photos."""
    names = (b"line\nend.jpg", b"no \xff\xfe text.jpg", b"n" * 251 + b".jpg", b"-rf.jpg", "\u202egpj.jpg".encode(),
             b" .jpg", b"%s %n {0}.jpg", b"\x1b[31mred\x07.jpg")  # fmt: skip
    return {name: encoded(".jpg", seed=100 + number) for number, name in enumerate(names)}


FILES: dict[str, Callable[[], Files]] = {
    "half-jpeg": half_jpeg_and_ff,
    "xmp-blanks": blanks_in_xmp,
    "nested-metadata": nested_metadata,
    "tiff-chains": tiff_chains,
    "bmp-320-megapixels": bmp_320_megapixels,
    "header-bombs": header_bombs,
    "large-photos": just_below_the_limit,
    "deflate-bombs": deflate_bombs,
    "many-scans": many_scans,
    "strips": strips,
}
"""Things that are nothing but files to be dropped."""


def main() -> None:
    """Write all of them into a new folder, to look at them."""
    folder = Path(tempfile.mkdtemp(prefix="hostile-"))
    for thing, draw in FILES.items():
        for name, content in draw().items():
            path = folder / thing / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
            print(f"{len(content):>12,}  {path}")


if __name__ == "__main__":
    main()
