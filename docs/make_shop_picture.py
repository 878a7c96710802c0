"""Makes the document's picture of one photo as nine renditions: `.venv/bin/python docs/make_shop_picture.py`.

The program itself cuts out the bottle that make_pictures.py draws, makes six presets and three renditions of our own,
and proves each; one that breaks a rule ends this.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from make_pictures import GAP, drawn_bottle, font, on_chequerboard, save
from PIL import Image, ImageDraw

OWN = """
[renditions.gradient]
background = ["#fbf7ef", "#d8cbb3"]
shadow = "contact"
at = "bottom"
fill = 0.8

[renditions.blurred]
canvas = "4:5"
background = "blurred"
blur = 0.06
fill = 0.8

[renditions.polished]
background = "#e9eef4"
shadow = "reflection"
shadow_strength = 0.6
fill = 0.68
"""
ROWS = (
    ("photo", "amazon-main", "zalando"),
    ("etsy", "pinterest", "meta-story", "gradient"),
    ("meta-link", "blurred", "polished"),
)
TITLES = {
    "photo": "the photo",
    "gradient": "own: gradient, shadow",
    "blurred": "own: blurred",
    "polished": "own: colour, reflection",
}
WIDTH = 1000  # pixels of the whole picture
CAPTION = 24  # pixels below each row
FRAME = "#d0d7de"  # a white picture would have no edge on a white page


def made(scratch: Path) -> dict[str, Path]:
    """The photo and its renditions, each by its name."""
    photo, settings, shop = scratch / "bottle.png", scratch / "own.toml", scratch / "shop"
    drawn_bottle().save(photo)
    settings.write_text(OWN, "utf-8")
    names = [name for row in ROWS for name in row if name != "photo"]
    wanted = [word for name in names for word in ("--preset", name)]
    command = [sys.executable, "-m", "daemon", "renditions", "try", str(photo), *wanted]
    subprocess.run([*command, "--config", str(settings), "--out", str(shop)], check=True)
    return {"photo": photo, **{name: next(shop.glob(f"bottle_for-{name}.*")) for name in names}}


def row_of(names: tuple[str, ...], paths: dict[str, Path]) -> Image.Image:
    """Pictures side by side, all of the height that fills the width, with what each is below it."""
    pictures = [Image.open(paths[name]) for name in names]
    ratios = [picture.width / picture.height for picture in pictures]
    height = round((WIDTH - GAP * (len(names) - 1)) / sum(ratios))
    row = Image.new("RGB", (WIDTH, height + CAPTION + GAP), "white")
    pen, left = ImageDraw.Draw(row), 0
    for name, picture, ratio in zip(names, pictures, ratios, strict=True):
        width = min(round(ratio * height), WIDTH - left)
        small = picture.convert("RGBA").resize((width, height), Image.Resampling.LANCZOS)
        row.paste(on_chequerboard(small), (left, 0))
        pen.rectangle((left, 0, left + width - 1, height - 1), outline=FRAME)
        text = f"{TITLES.get(name, name)}  {picture.width} x {picture.height}"
        pen.text((left, height + 4), text, fill="#57606a", font=font(13))
        left += width + GAP
    return row


def main() -> None:
    """Lay out the photo and its renditions in rows."""
    with tempfile.TemporaryDirectory() as scratch:
        paths = made(Path(scratch))
        rows = [row_of(names, paths) for names in ROWS]
    whole = Image.new("RGB", (WIDTH, sum(row.height for row in rows)), "white")
    top = 0
    for row in rows:
        whole.paste(row, (0, top))
        top += row.height
    save(whole, "shops.png")


if __name__ == "__main__":
    main()
