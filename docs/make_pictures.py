"""Makes the documents' pictures of results: `.venv/bin/python docs/make_pictures.py`.

The program cuts out three photos that scikit-image ships, and a bottle that is drawn here. From that come
before-after.png, contact-sheet.png, and a zoomed rim for each grade.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from daemon.commands.samples import drop_samples

DOCS = Path(__file__).parent
CELL = (330, 220)  # pixels of a picture in a row; each photo is cut to this shape before it is worked on
GAP = 10  # pixels between pictures
TITLE = 26  # pixels of the line above all rows
CAPTION = 26  # pixels below each row
SQUARE = 10  # pixels of a chequerboard square
COLOURS = {"sehr_gut": "#1a7f37", "gut": "#9a6700", "ungenügend": "#cf222e"}
TITLES = ("Photo", "Cut-out", "Alpha")
KINDS = {"astronaut": "a person", "chelsea": "fur", "coffee": "a product", "bottle": "a product (drawn)"}
RIM_ZOOM = 4
RIM_SIDE = 80  # pixels of the photo that a zoomed rim shows


def font(size: int) -> Any:
    """DejaVu if the machine has it, because the font that Pillow ships has no umlauts."""
    try:
        return ImageFont.truetype("DejaVuSans.ttf", size)
    except OSError:
        return ImageFont.load_default(size)


def drawn_bottle() -> Image.Image:
    """A blue bottle with a label before a light wall, softly lit, in 2640 x 1760 pixels."""
    width, height = 4 * CELL[0] * 2, 4 * CELL[1] * 2
    rows, columns = np.mgrid[0:height:8, 0:width:8]
    light = 236 - 46 * (rows / height) - 22 * np.abs(columns / width - 0.4)
    wall = Image.fromarray(np.stack([light, light - 2, light - 7], axis=-1).clip(0, 255).astype(np.uint8))
    scene = wall.resize((width, height), Image.Resampling.BICUBIC)
    shadow = Image.new("L", (width, height), 0)
    ImageDraw.Draw(shadow).ellipse((1040, 1540, 1760, 1640), fill=150)
    scene.paste((70, 70, 76), (0, 0), shadow.filter(ImageFilter.GaussianBlur(30)))
    shape = Image.new("L", (width, height), 0)
    pen = ImageDraw.Draw(shape)
    pen.rounded_rectangle((1070, 560, 1570, 1600), 110, fill=255)
    pen.rounded_rectangle((1220, 160, 1420, 800), 40, fill=255)
    shape = shape.filter(ImageFilter.GaussianBlur(18)).point(lambda value: 255 if value > 127 else 0)
    across = np.linspace(-1, 1, 500)
    shade = np.clip(1.05 - 0.75 * np.abs(across) ** 2.2 + 0.45 * np.exp(-(((across + 0.45) / 0.12) ** 2)), 0.2, 1.6)
    glass = np.clip(shade[None, :, None] * np.array([26, 74, 132]), 0, 255).astype(np.uint8)
    scene.paste(Image.fromarray(glass).resize((500, 1600)), (1070, 50), shape.crop((1070, 50, 1570, 1650)))
    pen = ImageDraw.Draw(scene)
    pen.rectangle((1070, 930, 1570, 1300), fill=(240, 233, 214))
    pen.rectangle((1070, 960, 1570, 980), fill=(176, 40, 44))
    pen.text((1320, 1130), "No 9", fill=(40, 40, 44), font=font(150), anchor="mm")
    pen.rounded_rectangle((1210, 130, 1430, 260), 24, fill=(176, 40, 44))
    return scene


def photos_in(folder: Path) -> list[Path]:
    """All photos, each cut to the shape of a cell from its top."""
    found = []
    for path in drop_samples(folder):
        photo = Image.open(path).convert("RGB")
        width = min(photo.width, photo.height * CELL[0] // CELL[1])
        left = (photo.width - width) // 2
        photo.crop((left, 0, left + width, width * CELL[1] // CELL[0])).save(path)
        found.append(path)
    smooth = drawn_bottle().resize((2 * CELL[0], 2 * CELL[1]), Image.Resampling.LANCZOS)
    smooth.save(folder / "bottle.png")
    return [*found, folder / "bottle.png"]


def on_chequerboard(cutout: Image.Image, square: int = SQUARE) -> Image.Image:
    """An RGBA picture over light grey squares."""
    rows, columns = np.indices((cutout.height, cutout.width)) // square
    squares = np.where((rows + columns) % 2, 255, 220).astype(np.uint8)
    ground = Image.fromarray(squares).convert("RGBA")
    return Image.alpha_composite(ground, cutout).convert("RGB")


def caption(report: dict[str, Any], kind: str) -> str:
    """What is said of a result: what it shows, its grade, both promises and the first reason."""
    rim = report["rim"]
    promises = f"score {report['score']:.2f}" + ("" if rim is None else f", rim {rim:.2f}")
    reason = f": {report['reasons'][0]}" if report["reasons"] else ""
    return f"{report['grade']}  ({promises})   {kind}{reason}"


def before_after(photos: list[Path], cut: Path) -> Image.Image:
    """Photo, cut-out and alpha side by side: rows of one height, titles above, grade and first reason below each."""
    width = 3 * CELL[0] + 2 * GAP
    sheet = Image.new("RGB", (width, TITLE + len(photos) * (CELL[1] + CAPTION + GAP)), "white")
    pen = ImageDraw.Draw(sheet)
    for number, title in enumerate(TITLES):
        pen.text((number * (CELL[0] + GAP), 3), title, fill="#57606a", font=font(15))
    for row, photo in enumerate(photos):
        top = TITLE + row * (CELL[1] + CAPTION + GAP)
        small = Image.open(cut / photo.name).convert("RGBA").resize(CELL, Image.Resampling.LANCZOS)
        before = Image.open(photo).convert("RGB").resize(CELL, Image.Resampling.LANCZOS)
        for number, picture in enumerate((before, on_chequerboard(small), small.getchannel("A").convert("RGB"))):
            sheet.paste(picture, (number * (CELL[0] + GAP), top))
        report = report_of(photo, cut)
        text = caption(report, KINDS[photo.stem])
        while pen.textlength(text, font=font(14)) > width:
            text = text.removesuffix("…")[:-1] + "…"
        pen.text((0, top + CELL[1] + 4), text, fill=COLOURS[report["grade"]], font=font(14))
    return sheet


def report_of(photo: Path, cut: Path) -> dict[str, Any]:
    """The report beside a result."""
    report: dict[str, Any] = json.loads((cut / photo.name).with_suffix(".json").read_text("utf-8"))
    return report


def rim_picture(photo: Path, cut: Path) -> Image.Image:
    """A part of the border, enlarged: the photo, the cut-out on a chequerboard, and on a loud colour.

    It is the part with the most half-transparent pixels: there the border is at its worst.
    """
    cutout = Image.open(cut / photo.name).convert("RGBA")
    alpha = np.asarray(cutout.getchannel("A"), np.float32) / 255
    soft = Image.fromarray((4 * alpha * (1 - alpha) * 255).astype(np.uint8)).filter(ImageFilter.BoxBlur(RIM_SIDE // 4))
    half = RIM_SIDE // 2
    inner = np.asarray(soft)[half:-half, half:-half]
    top, left = np.unravel_index(int(inner.argmax()), inner.shape)
    box = (int(left), int(top), int(left) + RIM_SIDE, int(top) + RIM_SIDE)
    side = RIM_SIDE * RIM_ZOOM
    before = Image.open(photo).convert("RGB").crop(box).resize((side, side), Image.Resampling.NEAREST)
    near = cutout.crop(box).resize((side, side), Image.Resampling.NEAREST)
    loud = Image.alpha_composite(Image.new("RGBA", near.size, "#ff2fa0"), near).convert("RGB")
    whole = Image.new("RGB", (3 * side + 2 * GAP, side), "white")
    for number, picture in enumerate((before, on_chequerboard(near, 16), loud)):
        whole.paste(picture, (number * (side + GAP), 0))
    return whole


def save(picture: Image.Image, name: str) -> None:
    """Write a picture as a small PNG. libvips chooses the colours of its palette better than Pillow does."""
    pixels = pyvips.Image.new_from_array(np.asarray(picture.convert("RGB")))
    pixels.write_to_file(str(DOCS / name), palette=True, Q=95, compression=9, strip=True)


def main() -> None:
    """Cut out the photos with the program itself, and lay out the results."""
    with tempfile.TemporaryDirectory() as scratch:
        inbox, cut = Path(scratch) / "photos", Path(scratch) / "autumn"
        inbox.mkdir()
        photos = photos_in(inbox)
        freisteller = [sys.executable, "-m", "daemon"]
        subprocess.run([*freisteller, "process", *map(str, photos), "--out", str(cut)], check=True)
        save(before_after(photos, cut), "before-after.png")
        worst_first = sorted(photos, key=lambda photo: report_of(photo, cut)["rim"] or 0)
        for photo in worst_first:  # of each grade of rims, the best one stays
            rim = report_of(photo, cut)["rim"]
            if rim is not None:
                grade = "sehr_gut" if rim >= 0.92 else "gut" if rim >= 0.5 else "ungenuegend"
                save(rim_picture(photo, cut), f"rim-{grade}.png")
        sheet = Path(scratch) / "contact-sheet"
        command = [*freisteller, "sheet", str(cut), "--originals", str(inbox), "--out", str(sheet)]
        subprocess.run(command, check=True)
        save(Image.open(sheet.with_suffix(".png")).convert("RGB"), "contact-sheet.png")


if __name__ == "__main__":
    main()
