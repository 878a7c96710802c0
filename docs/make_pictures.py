"""Makes the README's picture from photos that scikit-image ships: `.venv/bin/python docs/make_pictures.py`."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from daemon.commands.samples import drop_samples

HEIGHT = 260  # pixels of a row
SQUARE = 10  # pixels of a chequerboard square
CAPTION = 22  # pixels below each row
COLOURS = {"sehr_gut": "#1a7f37", "gut": "#9a6700", "ungenügend": "#cf222e"}


def on_chequerboard(cutout: Image.Image) -> Image.Image:
    """An RGBA picture over light grey squares."""
    rows, columns = np.indices((cutout.height, cutout.width)) // SQUARE
    squares = np.where((rows + columns) % 2, 255, 220).astype(np.uint8)
    ground = Image.fromarray(squares).convert("RGBA")
    return Image.alpha_composite(ground, cutout).convert("RGB")


def row(photo: Path, result: Path) -> Image.Image:
    """Photo, cut-out and alpha side by side, with grade and first reason below."""
    cutout = Image.open(result).convert("RGBA")
    width = round(cutout.width * HEIGHT / cutout.height)
    before = Image.open(photo).convert("RGB").resize((width, HEIGHT), Image.Resampling.LANCZOS)
    small = cutout.resize((width, HEIGHT), Image.Resampling.LANCZOS)
    alpha = small.getchannel("A").convert("RGB")
    report = json.loads(result.with_suffix(".json").read_text("utf-8"))
    whole = Image.new("RGB", (3 * width + 20, HEIGHT + CAPTION), "white")
    for number, picture in enumerate((before, on_chequerboard(small), alpha)):
        whole.paste(picture, (number * (width + 10), 0))
    grade = report["grade"].replace("ü", "ue")  # the font that Pillow ships has no umlauts
    text = f"{grade}  {report['score']:.2f}   {report['reasons'][0] if report['reasons'] else ''}"
    font = ImageFont.load_default(14)
    ImageDraw.Draw(whole).text((0, HEIGHT + 2), text, fill=COLOURS[report["grade"]], font=font)
    return whole


def main() -> None:
    """Cut out the samples with the program itself, and lay out the results in one picture."""
    with tempfile.TemporaryDirectory() as scratch:
        photos = drop_samples(Path(scratch))
        cut = Path(scratch) / "cut"
        command = [sys.executable, "-m", "daemon", "process", *map(str, photos), "--out", str(cut)]
        subprocess.run(command, check=True)
        rows = [row(photo, cut / f"{photo.stem}.png") for photo in photos]
    sheet = Image.new("RGB", (max(each.width for each in rows), sum(each.height + 8 for each in rows)), "white")
    top = 0
    for each in rows:
        sheet.paste(each, (0, top))
        top += each.height + 8
    target = Path(__file__).parent / "before-after.png"
    sheet.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(target, optimize=True)


if __name__ == "__main__":
    main()
