"""Makes the files of a result from a photo and its alpha."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from daemon.observe.stage_clock import Timed, untimed
from daemon.pictures import comparing, compositing, framing, vips, writing
from daemon.pictures.large_photo import LargePhoto
from daemon.pictures.photo import Coverage, Photo
from daemon.pictures.saving import Meant
from daemon.pictures.strip_picture import StripPicture
from daemon.pictures.values import Frame, Samples
from daemon.pictures.written_metadata import Private
from daemon.settings.output_formats import OutputFormat
from daemon.settings.pixel_settings import PixelOutputs


@dataclass(frozen=True, slots=True, eq=False)
class ComposedResult:
    """A photo that is cut out, at full size. rgba: (H, W, 4), at the photo's depth. frame: what of it is written."""

    photo: Photo | LargePhoto
    rgba: Samples | StripPicture
    frame: Frame | None
    coverage: Coverage
    outputs: PixelOutputs
    timed: Timed

    @classmethod
    def of(
        cls, photo: Photo | LargePhoto, alpha: Callable[[], Samples], outputs: PixelOutputs, timed: Timed = untimed
    ) -> "ComposedResult":
        """Cut a photo out. alpha: makes its alpha, (H, W) at the photo's size and depth."""
        with timed("refine"):
            full = alpha()
            coverage = Coverage(is_empty=not full.any(), is_full=int(full.min()) == photo.full_scale)
            frame = framing.frame_of(full, trim=outputs.trim, margin=outputs.margin, max_side=outputs.max_side)
        rgba: Samples | StripPicture
        with timed("rims"):
            if isinstance(photo, LargePhoto):
                photo.forget_half()
                rgba = compositing.cut_out_in_strips(photo, full, outputs.clean_rims)
            else:
                rgba = compositing.cut_out(photo, full, outputs.clean_rims)
        return cls(photo, rgba, frame, coverage, outputs, timed)

    @property
    def framed(self) -> Samples | None:
        """The pixels as they are written; None if they are too many to be in memory."""
        if isinstance(self.rgba, StripPicture) or self.frame is None:
            return None if isinstance(self.rgba, StripPicture) else self.rgba
        with writing.meant(self.rgba, "png", self.frame).read() as image:
            return vips.array_of(image)

    def write(self, path: Path, output_format: OutputFormat, job_id: str) -> tuple[int, int]:
        """Write it and read it back; if it is wrong, write it once more. Returns width and height.

        Raises ValueError, OSError, BadPhoto.
        """
        try:
            return self._verified(path, output_format, job_id)
        except ValueError:
            path.unlink(missing_ok=True)
            return self._verified(path, output_format, job_id)

    def _verified(self, path: Path, output_format: OutputFormat, job_id: str) -> tuple[int, int]:
        meant = self._written(path, output_format, job_id)
        with self.timed("read_back"):
            return comparing.verify(path, meant)

    def _written(self, path: Path, output_format: OutputFormat, job_id: str) -> Meant:
        outputs = self.outputs
        with self.timed("encode"):
            return writing.write(
                path,
                self.rgba,
                self.photo,
                output_format,
                job_id,
                self.frame,
                outputs.ground,
                outputs.jpeg_quality,
                Private(outputs.gps, outputs.maker_notes),
            )
