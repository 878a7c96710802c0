"""A decoded photo."""

from dataclasses import dataclass

import numpy as np

from daemon.pictures.values import Metadata, Samples


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A decoded original.

    rgba: (H, W, 4), upright, uint8 or uint16, the original's own values; the fourth channel is its own alpha, or full.
    metadata: as it lay in the file; but the ICC profile is that of the pixels now, and the orientation that EXIF names
    is applied. format: "jpeg", "png", … remarks: what was wrong with the file and was put right, for the report.
    """

    rgba: Samples
    has_alpha: bool
    metadata: Metadata
    format: str
    remarks: tuple[str, ...] = ()

    @property
    def pixels(self) -> Samples:
        """(H, W, 3): the colours, without a copy."""
        return self.rgba[..., :3]

    @property
    def own_alpha(self) -> Samples | None:
        """(H, W), at the photo's depth: the alpha that was in the file; None if it had none."""
        return self.rgba[..., 3] if self.has_alpha else None

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return int(self.rgba.shape[1])

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return int(self.rgba.shape[0])

    @property
    def full_scale(self) -> int:
        """The value of full light and full alpha: 255 or 65535."""
        return int(np.iinfo(self.rgba.dtype).max)

    @property
    def icc(self) -> bytes | None:
        """The ICC profile of the pixels; None stands for sRGB."""
        return self.metadata.icc
