"""The rules that a shop's picture is held against: one small function for each."""

from collections.abc import Callable, Mapping
from pathlib import PurePath

import numpy as np

from daemon.renditions.encoded_rendition import most_bytes
from daemon.renditions.evidence import FileEvidence
from daemon.renditions.ground_proof import MOST_BESIDE, frame_of
from daemon.renditions.product_codes import NAME_FAULTS
from daemon.renditions.wanted import WHITE

_FORMATS = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png", ".webp": "webp", ".tif": "tiff", ".tiff": "tiff"}
_SAME_RATIO = 0.005  # shops round their own: 1200 x 628 is called 1.91:1, 1801 x 2600 is called 1:1.44
_ROUNDING = 1e-9  # of a share that was computed

Finding = tuple[bool, str, str] | None
"""Whether a rule holds, what was found, what was wanted; None = the rule is not asked."""


def _format(evidence: FileEvidence) -> Finding:
    names = [name for name in (evidence.name, evidence.asked.export_name) if name]
    said = {_FORMATS.get(PurePath(name).suffix.lower(), PurePath(name).suffix) for name in names}
    wanted = evidence.rules.formats or (evidence.asked.rendition.encoding.format,)
    found = evidence.file.format
    return said == {found} and found in wanted, ", ".join(sorted({found, *said})), ", ".join(wanted)


def _size(evidence: FileEvidence) -> Finding:
    height, width = evidence.asked.cover.shape
    return evidence.file.size == (width, height), _by(evidence.file.size), _by((width, height))


def _longest(evidence: FileEvidence) -> Finding:
    return _between(max(evidence.file.size), evidence.rules.least_longest, evidence.rules.most_longest)


def _width(evidence: FileEvidence) -> Finding:
    return _between(evidence.file.size[0], evidence.rules.least_width, 0)


def _height(evidence: FileEvidence) -> Finding:
    return _between(evidence.file.size[1], evidence.rules.least_height, 0)


def _pixels(evidence: FileEvidence) -> Finding:
    width, height = evidence.file.size
    return _between(width * height, 0, evidence.rules.most_pixels)


def _ratio(evidence: FileEvidence) -> Finding:
    wanted = evidence.rules.ratio
    if not wanted:
        return None
    width, height = evidence.file.size
    # Half a pixel, too: a small picture cannot be nearer.
    holds = abs(width / height / wanted - 1) <= _SAME_RATIO or abs(width - wanted * height) <= max(1.0, wanted) / 2
    return holds, _figure(width / height), _figure(wanted)


def _bytes(evidence: FileEvidence) -> Finding:
    return _between(evidence.file.bytes, 0, most_bytes(evidence.asked.rendition))


def _share(evidence: FileEvidence) -> Finding:
    share = evidence.asked.share[evidence.asked.rendition.placing.fill_by == "area"]
    return _between(share, evidence.rules.least_share, evidence.rules.most_share)


def _space(evidence: FileEvidence) -> Finding:
    return evidence.file.space == "rgb", evidence.file.space, "rgb"


def _bits(evidence: FileEvidence) -> Finding:
    return evidence.file.bits == 8, str(evidence.file.bits), "8"


def _profile(evidence: FileEvidence) -> Finding:
    wanted = ("srgb",) if evidence.asked.rendition.encoding.colours == "srgb" else ("srgb", "other")
    return evidence.file.profile in wanted, evidence.file.profile, ", ".join(wanted)


def _frames(evidence: FileEvidence) -> Finding:
    return evidence.file.frames == 1, str(evidence.file.frames), "1"


def _upright(evidence: FileEvidence) -> Finding:
    return evidence.file.orientation == 1, str(evidence.file.orientation), "1"


def _private(evidence: FileEvidence) -> Finding:
    return not evidence.file.private, ", ".join(evidence.file.private) or "0", "0"


def _opaque(evidence: FileEvidence) -> Finding:
    if not evidence.rules.opaque:
        return None
    if not evidence.file.has_alpha:
        return True, "1", "1"
    alpha = evidence.file.pixels[..., -1]
    return False, f"alpha {_figure(int(alpha.min()) / int(np.iinfo(alpha.dtype).max))} .. 1", "1"


def _ground(evidence: FileEvidence) -> Finding:
    if evidence.rules.exact_ground is None:
        return None
    ground = evidence.ground
    return (False, "-", "0") if ground is None else (ground.wrong == 0, f"{ground.wrong} / {ground.pixels}", "0")


def _frame_exact(evidence: FileEvidence) -> Finding:
    if evidence.rules.exact_ground is None:
        return None
    ground = evidence.ground
    if ground is None:
        return False, "-", "0"
    return ground.frame_wrong == 0, f"{ground.frame_wrong} / {ground.frame}", "0"


def _edge_white_min(evidence: FileEvidence) -> Finding:
    if evidence.rules.exact_ground != WHITE or evidence.file.format != "jpeg":
        return None
    wanted = f"≥ {WHITE[0] - MOST_BESIDE}"
    ground = evidence.ground
    return (False, "-", wanted) if ground is None else (ground.off <= MOST_BESIDE, f"{WHITE[0] - ground.off}", wanted)


def _edge_ground_off(evidence: FileEvidence) -> Finding:
    if evidence.rules.exact_ground in (None, WHITE) or evidence.file.format != "jpeg":
        return None
    ground = evidence.ground
    found = (False, "-") if ground is None else (ground.off <= MOST_BESIDE, str(ground.off))
    return (*found, f"≤ {MOST_BESIDE}")


def _free_frame(evidence: FileEvidence) -> Finding:
    if not evidence.rules.free_frame:
        return None
    touched = evidence.asked.touched | (evidence.asked.cover > 0)
    there = int((frame_of(touched.shape) & touched).sum())
    return there == 0, str(there), "0"


def _uncut(evidence: FileEvidence) -> Finding:
    return (not evidence.asked.cut, ", ".join(evidence.asked.cut) or "-", "-") if evidence.rules.uncut else None


def _name(evidence: FileEvidence) -> Finding:
    rule, name = evidence.rules.names, evidence.asked.export_name
    if not rule or not name:
        return None  # the file beside the result is called after its photo
    fault = NAME_FAULTS[rule](name)
    return fault is None, fault or name, rule


RULES: Mapping[str, Callable[[FileEvidence], Finding]] = {
    "format": _format,
    "size": _size,
    "longest_side": _longest,
    "width": _width,
    "height": _height,
    "pixels": _pixels,
    "ratio": _ratio,
    "bytes": _bytes,
    "share": _share,
    "colour_space": _space,
    "bits": _bits,
    "profile": _profile,
    "frames": _frames,
    "upright": _upright,
    "private": _private,
    "opaque": _opaque,
    "ground": _ground,
    "frame_exact": _frame_exact,
    "edge_white_min": _edge_white_min,
    "edge_ground_off": _edge_ground_off,
    "free_frame": _free_frame,
    "uncut": _uncut,
    "name": _name,
}
"""All rules, by their short names."""


def _between(found: float, least: float, most: float) -> Finding:
    """A figure between two limits, 0 = none."""
    if not least and not most:
        return None
    wanted = [f"≥ {_figure(least)}"] if least else []
    wanted += [f"≤ {_figure(most)}"] if most else []
    holds = found >= least - _ROUNDING and (not most or found <= most + _ROUNDING)
    return holds, _figure(found), ", ".join(wanted)


def _figure(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4f}".rstrip("0").rstrip(".")


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]} × {size[1]}"
