"""What several models made of several photos, as a web page to compare them on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from daemon.arrays import Alpha, Rgb
from daemon.contact_sheet import html_sheet
from daemon.jobs import Grade
from daemon.pictures import codec, thumbs
from daemon.words.catalogue import Texts

THUMB = 300  # pixels: shows a lost finger, and a page of 100 photos and 10 models stays below 50 MB
QUALITY = 75  # of the JPEGs on the page


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """What one model made of one photo. trouble: why there is nothing. cutout, alpha: JPEGs, None = nothing."""

    grade: Grade | None = None
    score: float | None = None
    seconds: float | None = None
    cutout: bytes | None = None
    alpha: bytes | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ComparedPhoto:
    """A row: a photo, as a JPEG, and what each model made of it, in the order of the models."""

    name: str
    before: bytes
    cells: tuple[Cell, ...]

    @property
    def best(self) -> float | None:
        """The best score, None if no model gave an alpha."""
        return max((cell.score for cell in self.cells if cell.score is not None), default=None)


@dataclass(frozen=True, slots=True)
class ComparedModel:
    """A column: a model, with what one should know of it, and how it did on all photos."""

    name: str
    licence: str
    mean_score: float | None
    mean_seconds: float | None


def cell_of(rgb: Rgb, alpha: Alpha, grade: Grade, score: float, seconds: float) -> Cell:
    """A cell with its small pictures. rgb: (H, W, 3) uint8 sRGB. alpha: (H', W') float32, 0..1, of the same frame."""
    small = thumbs.fitted(_grey(alpha), THUMB)
    cutout = codec.encode_jpeg(thumbs.on_chequerboard(rgb, small), QUALITY)
    return Cell(grade, score, seconds, cutout, codec.encode_jpeg(thumbs.grey(small), QUALITY))


def small_photo(rgb: Rgb) -> bytes:
    """A photo as the JPEG of its row."""
    return codec.encode_jpeg(thumbs.fitted(rgb, THUMB), QUALITY)


def models_compared(names: Sequence[tuple[str, str]], photos: Sequence[ComparedPhoto]) -> list[ComparedModel]:
    """How each model did. names: each model's name and licence, in the order of the cells."""
    found = []
    for at, (name, licence) in enumerate(names):
        cells = [photo.cells[at] for photo in photos]
        scores = [cell.score for cell in cells if cell.score is not None]
        seconds = [cell.seconds for cell in cells if cell.seconds is not None]
        found.append(
            ComparedModel(name, licence, fmean(scores) if scores else None, fmean(seconds) if seconds else None)
        )
    return found


def comparison_page(models: Sequence[ComparedModel], photos: Sequence[ComparedPhoto], words: Texts) -> Iterator[str]:
    """The page, piece by piece."""
    return html_sheet.pieces_of_template("models.html.j2", words, models=models, photos=photos)


def _grey(alpha: Alpha) -> thumbs.Mask:
    return (alpha * 255 + 0.5).astype("uint8")
