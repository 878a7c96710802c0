"""What several models made of several photos, as a web page to compare them on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from daemon.arrays import Alpha, Rgb
from daemon.contact_sheet import html_sheet
from daemon.jobs import Verdict
from daemon.judgement.best_of_pages import standing
from daemon.pictures import codec, thumbs
from daemon.words.catalogue import Texts

THUMB = 300  # pixels: shows a lost finger, and a page of 100 photos and 10 models stays below 50 MB
QUALITY = 75  # of the JPEGs on the page


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """What one model made of one photo. trouble: why there is nothing. cutout, alpha: JPEGs, None = nothing."""

    verdict: Verdict | None = None
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
    def best(self) -> Cell | None:
        """The best of the cells, by both promises; of equal ones the first. None if no model gave an alpha."""
        judged = [(standing(cell.verdict), -at, cell) for at, cell in enumerate(self.cells) if cell.verdict]
        return max(judged, key=lambda row: row[:2])[2] if judged else None


@dataclass(frozen=True, slots=True)
class ComparedModel:
    """A column: a model, with what one should know of it, and how it did on all photos."""

    name: str
    licence: str
    mean_score: float | None
    mean_rim: float | None
    mean_seconds: float | None


def cell_of(rgb: Rgb, alpha: Alpha, verdict: Verdict, seconds: float) -> Cell:
    """A cell with its small pictures. rgb: (H, W, 3) uint8 sRGB. alpha: (H', W') float32, 0..1, of the same frame."""
    small = thumbs.fitted(_grey(alpha), THUMB)
    cutout = codec.encode_jpeg(thumbs.on_chequerboard(rgb, small), QUALITY)
    return Cell(verdict, seconds, cutout, codec.encode_jpeg(thumbs.grey(small), QUALITY))


def small_photo(rgb: Rgb) -> bytes:
    """A photo as the JPEG of its row."""
    return codec.encode_jpeg(thumbs.fitted(rgb, THUMB), QUALITY)


def models_compared(names: Sequence[tuple[str, str]], photos: Sequence[ComparedPhoto]) -> list[ComparedModel]:
    """How each model did. names: each model's name and licence, in the order of the cells."""
    found = []
    for at, (name, licence) in enumerate(names):
        cells = [photo.cells[at] for photo in photos]
        verdicts = [cell.verdict for cell in cells if cell.verdict]
        rims = [verdict.rim for verdict in verdicts if verdict.rim is not None]
        seconds = [cell.seconds for cell in cells if cell.seconds is not None]
        means = (fmean(some) if some else None for some in ([each.score for each in verdicts], rims, seconds))
        found.append(ComparedModel(name, licence, *means))
    return found


def comparison_page(models: Sequence[ComparedModel], photos: Sequence[ComparedPhoto], words: Texts) -> Iterator[str]:
    """The page, piece by piece."""
    return html_sheet.pieces_of_template("models.html.j2", words, models=models, photos=photos)


def _grey(alpha: Alpha) -> thumbs.Mask:
    return (alpha * 255 + 0.5).astype("uint8")
