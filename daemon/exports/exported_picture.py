"""A rendition as an export or a shop takes it."""

from dataclasses import dataclass
from pathlib import Path

from daemon.jobs import Grade
from daemon.settings.rendition_words import rendition_label


@dataclass(frozen=True, slots=True)
class ExportedPicture:
    """One picture of one product.

    path: of the file beside the result. name: its place below the export, with "/". photo: place of the photo below
    its order. sku, title, position: the product, and the place from 1 among its pictures; "", "" and 0 if nobody said
    which product it shows. rendition, variant: names; "" = no variant. size: width and height in pixels. sha256: of the
    file, in hexadecimal digits.
    """

    path: Path
    name: str
    photo: str
    sku: str
    title: str
    position: int
    rendition: str
    variant: str
    grade: Grade
    size: tuple[int, int]
    bytes: int
    sha256: str

    @property
    def label(self) -> str:
        """Which of a photo's pictures it is, for people and in settings; as `Rendition.label`."""
        return rendition_label(self.rendition, self.variant)
