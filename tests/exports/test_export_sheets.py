"""A contact sheet of each shop shows what is exported for it, and tells what is not."""

import re
from pathlib import Path
from urllib.parse import unquote

import cv2
import numpy as np

from daemon.errors import Said
from daemon.exports.export_sheets import write_sheets
from daemon.exports.exported_picture import ExportedPicture
from daemon.exports.left_out import NotExported
from daemon.jobs import Grade
from daemon.words.catalogue import words_in
from tests.drawing import save_photo


def picture(folder: Path, name: str, sku: str = "A", position: int = 1, rendition: str = "shop") -> ExportedPicture:
    save_photo(folder / name)
    return ExportedPicture(
        folder / name, name, f"{name}.png", sku, "Hut & <b>", position, rendition, "", Grade.GUT, (320, 240), 9, "ab"
    )


def sheets(folder: Path, *pictures: ExportedPicture, left_out: tuple[NotExported, ...] = ()) -> list[str]:
    return write_sheets(folder, "kunde", pictures, left_out, words_in("en"))


def page(folder: Path, name: str) -> str:
    return (folder / "contact-sheets" / f"{name}.html").read_text("utf-8")


def test_each_folder_has_a_sheet_that_leads_to_its_files(tmp_path: Path) -> None:
    names = sheets(
        tmp_path,
        picture(tmp_path, "amazon/B0.MAIN.png", rendition="amazon-main"),
        picture(tmp_path, "amazon/B0.PT01.png", position=2, rendition="amazon-pt"),
        picture(tmp_path, "web/deep/a b.png"),
        picture(tmp_path, "top.png", rendition="own"),
    )

    assert names == [f"contact-sheets/{shop}.{end}" for shop in ("amazon", "web", "own") for end in ("html", "png")]
    links = [unquote(link) for link in re.findall(r'href="([^"]+)"', page(tmp_path, "amazon") + page(tmp_path, "web"))]
    assert links == ["./../amazon/B0.MAIN.png", "./../amazon/B0.PT01.png", "./../web/deep/a b.png"]
    assert all((tmp_path / "contact-sheets" / link).is_file() for link in links)
    assert "data:image/jpeg;base64," in page(tmp_path, "own")


def test_products_stand_together_and_their_words_are_no_page(tmp_path: Path) -> None:
    sheets(
        tmp_path,
        picture(tmp_path, "w/1.png"),
        picture(tmp_path, "w/2.png", position=2),
        picture(tmp_path, "w/3.png", ""),
    )

    shown = page(tmp_path, "w")
    assert shown.count("<article>") == 2
    assert "Hut &amp; &lt;b&gt;" in shown
    assert "no product" in shown
    assert "320 x 240, 0.00 MB, gut" in shown


def test_a_sheet_tells_what_is_left_out_of_its_own_pictures(tmp_path: Path) -> None:
    left_out = (
        NotExported("a.jpg", "shop", Said("export_file_gone")),
        NotExported("b.jpg", "other", Said("export_file_gone")),
        NotExported("c.jpg", "", Said("export_in_work")),
        NotExported("", "", Said("export_no_products")),
    )

    sheets(tmp_path, picture(tmp_path, "w/1.png"), left_out=left_out)

    assert re.findall("<li>(.*)</li>", page(tmp_path, "w")) == [
        "a.jpg (shop): its file is gone",
        "c.jpg: it is still in work",
    ]


def test_a_picture_of_the_sheet_can_be_looked_at(tmp_path: Path) -> None:
    sheets(tmp_path, *(picture(tmp_path, f"w/{n}.png", position=n) for n in range(1, 9)))

    shown = cv2.imread(str(tmp_path / "contact-sheets" / "w.png"))

    assert shown is not None
    assert shown.shape[1] > 6 * 200  # six stand side by side, two below
    assert np.ptp(shown) > 100


def test_a_picture_that_cannot_be_read_is_shown_by_its_name(tmp_path: Path) -> None:
    one = picture(tmp_path, "w/1.png")
    (tmp_path / "w" / "1.png").write_bytes(b"no picture")

    sheets(tmp_path, one)

    assert ">none</a>" in page(tmp_path, "w")
