"""What must hold for every file of the corpus: its judges agree, its pixels are right, its metadata survive."""

import os
import re
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from daemon.errors import BadPhoto, FreistellerError, NotWholeYet
from daemon.pictures import icc
from daemon.pictures.compositing import cut_out
from daemon.pictures.file_structure import follow_to_end
from daemon.pictures.partial_file import EndMissing
from daemon.pictures.photo import Photo
from daemon.pictures.reading import memory_need, open_for_work, open_photo, open_small, pages_of, prove_decodes
from daemon.pictures.values import Samples
from daemon.pictures.writing import suffix_of, write
from daemon.settings.output_formats import OutputFormat
from tests.pictures.drawing import disc
from tests.pictures.independent import Told, colours_of, srgb_of, told_by
from tests.pictures.pieces import CAMERA, CAPTION, DPI, TITLE, Kept, Piece

LIMIT = 10.0  # megapixels
FORMATS: tuple[OutputFormat, ...] = ("png", "tiff", "webp", "jpeg", "mask", "tiff_on_colour")
KEPT: tuple[Kept, ...] = ("icc", "exif", "xmp", "iptc", "dpi")
NO_PLACE = {("webp", "iptc"), ("mask", "icc")}
"""What a format of results cannot hold, or a mask has no use for."""
_LOSSLESS: tuple[OutputFormat, ...] = ("png", "tiff", "webp", "tiff_on_colour")
_AS_JPEG = 16.0  # of 255, on average: what a JPEG of quality 95 may differ by; tiny pictures of steep colours do most
_SAME_VALUES = 2  # of 255: what two decoders of lossy pictures differ by in rounding
_JARGON = re.compile(
    r"vips|Traceback|no reason was given|0x[0-9a-f]|\bNone\b|Exception|errno|\w\(\)|heif:|webp:|\bIFD\b", re.IGNORECASE
)
_GROUND = (230, 120, 40)
_GROUND_OFF = 8  # of 255: a JPEG's own, and the steps of a profile of 8 bit


@dataclass(slots=True)
class Outcome:
    """What came of a piece. faults: what does not hold, in words, by the rule. kept: which results have what."""

    faults: dict[str, list[str]] = field(default_factory=dict)
    kept: dict[Kept, set[OutputFormat]] = field(default_factory=dict)
    bits: int = 0
    remarks: tuple[str, ...] = ()
    reason: str = ""

    def fault(self, rule: str, words: str) -> None:
        self.faults.setdefault(rule, []).append(words)


def outcome_of(piece: Piece, folder: Path) -> Outcome:
    """Send a piece through every judge, every writer, and back in. folder: an empty one, for its files."""
    path = folder / piece.name
    path.write_bytes(piece.content)
    outcome = Outcome()
    try:
        _judge(piece, path, outcome)
    except Exception:  # noqa: BLE001 whatever it is, it is the fault that is looked for
        outcome.fault("tracebacks", traceback.format_exc(limit=-4))
    return outcome


def _judge(piece: Piece, path: Path, outcome: Outcome) -> None:
    taken, intake_says = intake_takes(path)
    photos, reader_says = photos_of(path)
    intake_says = "" if taken else intake_says
    outcome.reason = intake_says or reader_says
    if bool(photos) != taken:
        outcome.fault("agree", f"the hot folder says {intake_says or 'done'!r}, the reader {reader_says or 'done'!r}")
    if taken == piece.refused:
        outcome.fault("agree", f"it is {'taken' if taken else 'refused: ' + outcome.reason}")
    for words in filter(None, (intake_says, reader_says)):
        if piece.name not in words or (found := _JARGON.search(words.replace(piece.name, ""))):
            outcome.fault("words", f"{words!r} {'has ' + found[0] if piece.name in words and found else 'has no name'}")
    if not photos or piece.refused:
        return
    if len(photos) != piece.pages:
        outcome.fault("agree", f"{len(photos)} photos come of it, and not {piece.pages}")
    outcome.remarks, outcome.bits = photos[0].remarks, photos[0].seen.bits
    _look(piece, photos[0], outcome)
    _see_other_readings(path, photos[0], outcome)
    for photo in photos[:3]:
        _send_through_writers(piece, photo, path.parent, outcome)


def intake_takes(path: Path) -> tuple[bool, str]:
    """Whether the hot folder takes a file at last, as `intake.proving` asks; what it says if not, or its doubt."""
    descriptor, doubt = os.open(path, os.O_RDONLY), None
    try:
        doubt = follow_to_end(descriptor)
    except EndMissing:
        pass
    except NotWholeYet as error:
        return False, f"{path.name}: {error}"
    finally:
        os.close(descriptor)
    try:
        prove_decodes(path, LIMIT)
    except (BadPhoto, NotWholeYet) as error:
        return False, str(error)
    return True, str(doubt or "")


def photos_of(path: Path) -> tuple[list[Photo], str]:
    """All photos of a file, as work opens them, and what is said if there are none."""
    photos: list[Photo] = []
    said = ""
    try:
        for page in pages_of(path):
            memory_need(path, LIMIT, page)
            photos.append(open_photo(path, LIMIT, page))
    except FreistellerError as error:
        said = str(error)
    return photos, "" if photos else said


def _look(piece: Piece, photo: Photo, outcome: Outcome) -> None:
    """Its pixels, against what was drawn, and against another decoder."""
    full = photo.rgba[..., 3] == photo.full_scale
    if not full.any() and piece.shown is not None:
        outcome.fault("pixels", "all of it is transparent")
        return
    if piece.shown is not None:
        seen = icc.to_srgb(np.ascontiguousarray(photo.pixels), photo.icc)
        if seen.shape != piece.shown.shape:
            outcome.fault("pixels", f"its size is {seen.shape}, and not {piece.shown.shape}")
            return
        off = float(np.abs(seen[full].astype(int) - piece.shown[full]).mean())
        if off > piece.within:
            outcome.fault("pixels", f"it is {off:.2f} of 255 away from what was drawn, more than {piece.within}")
    if not piece.as_is or not full.any():
        return
    elsewhere = colours_of(piece.content)
    if elsewhere is None:
        outcome.fault("pixels", "no other decoder reads it: as_is cannot be asked")
    elif elsewhere.shape != photo.pixels.shape:
        outcome.fault("pixels", f"another decoder finds {elsewhere.shape}, and not {photo.pixels.shape}")
    elif (far := _farthest(photo.pixels, elsewhere, full)) > (_SAME_VALUES if piece.within > 1 else 0):
        outcome.fault("pixels", f"another decoder finds values that are {far} of 255 away")


def _farthest(ours: Samples, theirs: Samples, where: NDArray[np.bool_]) -> int:
    """The largest difference of two pictures, in steps of 255; of 16 bit, 0 if they are equal and else 256."""
    if not where.any():
        return 0
    if ours.dtype == theirs.dtype == np.uint16:
        return 0 if np.array_equal(ours[where], theirs[where]) else 256
    return int(np.abs(_eight_bit(ours)[where] - _eight_bit(theirs)[where]).max())


def _eight_bit(values: Samples) -> NDArray[np.int64]:
    return values.astype(np.int64) if values.dtype == np.uint8 else np.rint(values / 257).astype(np.int64)


def _see_other_readings(path: Path, photo: Photo, outcome: Outcome) -> None:
    """What work and the pages open is the same photo."""
    for_work = open_for_work(path, LIMIT)
    if isinstance(for_work, Photo) and not np.array_equal(for_work.rgba, photo.rgba):
        outcome.fault("pixels", "work opens another picture")
    longest = max(1, max(photo.width, photo.height) // 2)
    small = open_small(path, longest, LIMIT)
    if max(small.width, small.height) > longest:
        outcome.fault("pixels", f"its small version is {small.width} x {small.height}, asked for {longest}")


def _send_through_writers(piece: Piece, photo: Photo, folder: Path, outcome: Outcome) -> None:
    own = photo.rgba[..., 3]
    matte = np.rint(disc(photo.width, photo.height) * photo.full_scale).astype(photo.dtype)
    if not matte.any():
        matte = np.full_like(matte, photo.full_scale)
    rgba = cut_out(photo, np.minimum(matte, own), clean_rims=False)
    full = rgba[..., 3] == photo.full_scale
    for output_format in FORMATS:
        result = folder / f"result-{outcome.bits}{suffix_of(output_format)}"
        result.unlink(missing_ok=True)
        write(result, rgba, photo, output_format, "a-job", ground=_GROUND)
        _compare(rgba, full, output_format, result, outcome)
        if output_format in ("jpeg", "tiff_on_colour"):
            _see_ground(rgba, result, output_format, outcome)
        _see_metadata(piece, photo, output_format, told_by(result.read_bytes()), outcome)


def _compare(
    rgba: Samples, full: NDArray[np.bool_], output_format: OutputFormat, result: Path, outcome: Outcome
) -> None:
    """A result, as another decoder and as our own reader find it."""
    elsewhere = colours_of(result.read_bytes())
    if elsewhere is None or elsewhere.shape[:2] != rgba.shape[:2]:
        outcome.fault("pixels", f"another decoder cannot read its {output_format}")
        return
    back = open_photo(result, LIMIT)
    if output_format == "mask":
        expected = np.repeat(rgba[..., 3:], 3, -1)
        if not (np.array_equal(elsewhere, expected) and np.array_equal(back.pixels, expected)):
            outcome.fault("pixels", "the mask is not the alpha")
    elif output_format in _LOSSLESS and full.any():
        far = _farthest(elsewhere, rgba[..., :3], full), _farthest(back.pixels, rgba[..., :3], full)
        if max(far) > 0:
            outcome.fault("pixels", f"its {output_format} differs by {far[0]} for others, by {far[1]} for us")
    elif full.any():
        off = float(np.abs(_eight_bit(elsewhere)[full] - _eight_bit(rgba[..., :3])[full]).mean())
        if off > _AS_JPEG:
            outcome.fault("pixels", f"its {output_format} is {off:.1f} of 255 away")
    if output_format in ("png", "tiff", "webp") and _farthest(back.rgba, rgba, rgba[..., 3] > 0) > 0:
        outcome.fault("pixels", f"its {output_format} does not come back in as it went out")


def _see_ground(rgba: Samples, result: Path, output_format: OutputFormat, outcome: Outcome) -> None:
    """The colour behind the subject, as others see it with the profile in the file."""
    seen = srgb_of(result.read_bytes())
    clear = rgba[..., 3] == 0
    if not clear.any():
        return
    off = np.abs(np.median(seen[clear], axis=0) - _GROUND).max()
    if off > _GROUND_OFF:
        outcome.fault("pixels", f"the colour behind its {output_format} is {off:.0f} of 255 away")


def _see_metadata(piece: Piece, photo: Photo, output_format: OutputFormat, told: Told, outcome: Outcome) -> None:
    found: Mapping[Kept, bool] = {
        "icc": told.icc is not None and told.icc == photo.icc,
        "exif": told.camera == CAMERA,
        "xmp": TITLE in told.xmp,
        "iptc": CAPTION.encode() in told.iptc,
        "dpi": told.dpi is not None and abs(told.dpi - DPI) < 1,
    }
    for kind in _asked(piece, output_format):
        if found[kind]:
            outcome.kept.setdefault(kind, set()).add(output_format)
        else:
            outcome.fault("metadata", f"its {output_format} has no {kind}")
    if photo.icc and not found["icc"] and output_format != "mask":
        outcome.fault("metadata", f"its {output_format} has not the profile of its pixels")
    needs_exif = output_format == "tiff" or (output_format == "webp" and photo.metadata.dpi)  # for its size
    if told.has_exif and photo.metadata.exif is None and not needs_exif:
        outcome.fault("metadata", f"its {output_format} has EXIF, of which the photo has none")
    if "a-job" not in told.xmp:
        outcome.fault("metadata", f"its {output_format} has not our mark")


def _asked(piece: Piece, output_format: OutputFormat) -> Iterator[Kept]:
    for kind in KEPT:
        if kind not in piece.keeps or (output_format, kind) in NO_PLACE:
            continue
        yield kind
