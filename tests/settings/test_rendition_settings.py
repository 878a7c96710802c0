"""Renditions in settings and orders: what may be said of one, and what is said of a bad one."""

import pickle
from pathlib import Path

import pytest

from daemon.disk.shipped import shipped
from daemon.errors import BadSettings
from daemon.settings import load, with_order
from daemon.settings.differences import settings_change
from daemon.settings.rendition_presets import read_presets, shipped_presets


def told(table: str, folder: Path) -> str:
    """What is said of settings with this content."""
    file = folder / "studio.toml"
    file.write_text(table, "utf-8")
    with pytest.raises(BadSettings) as bad:
        load(file)
    return str(bad.value)


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ('preset = "ebai"', "renditions.shop.preset = 'ebai': there is no such preset: did you mean ebay?"),
        ("fil = 0.8", "Unknown setting renditions.shop.fil: did you mean fill?"),
        ("fill = 0", "renditions.shop.fill = 0: must be more than 0"),
        ("fill = 1.01", "must be at most 1"),
        ('fill = "much"', "must be a number"),
        ('canvas = "2000"', 'must be pixels like "2000x2000", a ratio like "4:5", or "free"'),
        ("canvas = 2000", 'must be pixels like "2000x2000"'),
        ('canvas = "1x1"', "each side must have from 32 to 10000 pixels"),
        ('canvas = "20000x20000"', "each side must have from 32 to 10000 pixels"),
        ('canvas = "0:5"', 'must be a ratio like "4:5"'),
        ('canvas = "1:100"', 'from "1:10" to "10:1"'),
        ('canvas = "2000x2000"\nlongest = 1500', "is a size already: leave out longest = 1500"),
        ("longest = 31", "must be at least 32"),
        (
            'background = "blured"',
            "renditions.shop.background = 'blured': must be a colour like \"#ffffff\", two colours",
        ),
        ('background = "#ffff"', "must be a colour"),
        ("background = 3", "must be a colour"),
        ('background = ["#fff"]', "two colours"),
        ('background = ["#fff", "red"]', "two colours"),
        ('background = "wall.psd"', "or a picture (.jpg, .png, .webp, .tif)"),
        ('background = "transparent"', 'needs format = "png", "webp" or "tiff": JPEG has no transparency'),
        ("margins = 0.5", "a margin must be a share from 0 to 0.45"),
        ("margins = [0.1, 0.1]", "must be one margin, or four: top, right, bottom, left"),
        ('margins = "64"', 'or pixels like "64px"'),
        ("margins = true", "a margin must be a share"),
        ('canvas = "free"\nmargins = "64px"', "margins in pixels need a canvas of a size or ratio"),
        ('canvas = "100x100"\nmargins = "64px"', "the margins leave no room for the subject"),
        ('most_bytes = "5 GB"', 'must be a number of bytes, such as 5000000, "5MB" or "800kB"'),
        ("most_bytes = -1", "must be a number of bytes"),
        ("most_bytes = true", "must be a number of bytes"),
        ('format = "gif"', "must be 'jpeg', 'png', 'webp' or 'tiff'"),
        ("quality = 101", "must be at most 100"),
        ("least_quality = 95", "least_quality = 95 is higher than quality = 92"),
        ('shadow = "big"', "'contact', 'drop' or 'reflection'"),
        ('grades = ["good"]', "must be 'sehr_gut', 'gut' or 'ungenügend'"),
        ('template = "{sku"', "its brackets do not fit together"),
        (
            'template = "{ean}"',
            "{sku}, {n}, {grade}, {variant}, and nothing else in brackets",
        ),
        ('template = "{stem.__class__}"', "nothing else in brackets"),
        ('template = "{stem!r}"', "nothing else in brackets"),
        ('template = "{n:999999999}-{stem}"', "only {n} can be filled with zeros"),
        ('template = "{order}"', "or all pictures would get one name"),
        ('template = "../{stem}"', "must be a name: no slashes"),
        ('template = "a\\u0000{stem}"', "must be a name"),
        ('folder = "../amazon"', "must be a folder below the export"),
        ('folder = "/amazon"', "must be a folder below the export"),
        ('folder = "a\\\\b"', "must be a folder below the export"),
    ],
)
def test_a_bad_value_of_a_rendition_is_named_with_what_is_allowed_and_its_line(
    said: str, answer: str, tmp_path: Path
) -> None:
    message = told(f'root = "hot"\n\n[renditions.shop]\n{said}', tmp_path)

    assert answer in message
    assert f"of {tmp_path / 'studio.toml'})" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ('preset = "zalando"\nformat = "png"', 'format = "png" is not taken: zalando takes jpeg'),
        ('preset = "amazon-main"\nbackground = "#fefefe"', "amazon-main wants the background #ffffff exactly"),
        ('preset = "otto"\nbackground = "transparent"\nformat = "png"', "otto wants no transparency"),
        ('preset = "amazon-main"\nfill = 0.8', "fill = 0.8 is too little: amazon-main asks for 0.85"),
        ('preset = "google-merchant"\nfill = 0.95', "fill = 0.95 is too much: google-merchant takes 0.9"),
        ('preset = "amazon-main"\nmargins = 0.1', "the margins leave 80% for the subject: amazon-main asks for 85%"),
        ('preset = "walmart"\nlongest = 1000', "1000 pixels on the longest side are too few: walmart asks for 1500"),
        ('preset = "ebay"\nlongest = 9500', "9500 pixels on the longest side are too many: ebay takes 9000"),
        ('preset = "meta-link"\nlongest = 500', "500x262 pixels are too few: meta-link asks for 600x315"),
        ('preset = "walmart"\ncanvas = "4:5"', "1760x2200 is no ratio that is taken: walmart asks for 1:1"),
        ('preset = "walmart"\ncanvas = "free"', 'canvas = "free" is not taken: walmart asks for 1:1'),
        ('preset = "google-merchant"\nlongest = 9000', "takes 64 megapixels"),
        ('preset = "walmart"\nmost_bytes = "6MB"', "most_bytes = 6000000 is too many: walmart takes 5000000"),
    ],
)
def test_what_the_shop_would_never_take_is_refused_before_any_photo(said: str, answer: str, tmp_path: Path) -> None:
    message = told(f"[renditions.shop]\n{said}", tmp_path)

    assert message.startswith("Bad setting renditions.shop: ")
    assert answer in message
    assert message.endswith(f"(line 1 of {tmp_path / 'studio.toml'})")


@pytest.mark.parametrize("name", ["Shop", "a_b", "-a", "a-", "a--b", "ä", "a.b", "a/b", "..", "", "x" * 41])
def test_a_rendition_has_a_name_that_may_stand_in_a_file_s_name(name: str, tmp_path: Path) -> None:
    message = told(f'[renditions."{name}"]\npreset = "ebay"', tmp_path)

    assert "lower-case letters, digits" in message or "at most 40 characters" in message
    assert "line 1" in message or "." in name


def test_what_fits_is_read() -> None:
    shop = load(
        flags={
            "renditions": {
                "a": {"canvas": "1.91:1", "longest": 1200, "margins": ["5%", 0.1, "64px", 0], "most_bytes": "0.5MB"},
                "b": {"background": ["#fff", "#cccccc"], "template": "{order}-{sku}.{n:02}", "folder": "shops/b"},
                "c": {"background": "transparent", "format": "png", "grades": []},
                "d": {"background": "wall.jpg", "shadow": "contact", "quality": 60},
            }
        }
    ).renditions

    assert shop["a"].margins == (0.05, 0.1, "64px", 0.0)
    assert shop["a"].most_bytes == 500_000
    assert shop["d"].whole.least_quality == 60  # nobody asked for less than 70


def test_too_many_renditions_are_refused(tmp_path: Path) -> None:
    assert "at most 40" in told("\n".join(f"renditions.r{at}.fill = 0.8" for at in range(41)), tmp_path)


def test_an_order_s_renditions_come_beside_those_of_the_settings_or_in_their_place() -> None:
    settings = load(flags={"renditions": {"shop": {"preset": "ebay", "shadow": "drop"}, "web": {"canvas": "4:5"}}})

    ordered = with_order(settings, {"renditions": {"shop": {"preset": "ebay", "fill": 0.8}, "own": {}}})

    assert set(ordered.renditions) == {"shop", "web", "own"}
    assert (ordered.renditions["shop"].fill, ordered.renditions["shop"].shadow) == (0.8, "none")
    assert ordered.renditions["web"] == settings.renditions["web"]
    assert with_order(ordered, {"grading": {"gut": 0.5}}).renditions == ordered.renditions


def test_settings_with_renditions_travel_and_are_taken_over_by_a_reload() -> None:
    old, new = load(), load(flags={"renditions": {"shop": {"preset": "amazon-main", "margins": "2%"}}})

    change = settings_change(old, new)

    assert pickle.loads(pickle.dumps(new)).renditions == new.renditions
    assert change.settings.renditions == new.renditions
    assert change.at_once
    assert not change.after_restart


def test_every_preset_says_where_it_was_read_and_when() -> None:
    for name, preset in shipped_presets().items():
        assert len(preset.source) > 3, name
        assert preset.checked.year >= 2026, name


def test_every_uncertain_figure_is_said_to_be_uncertain() -> None:
    text = shipped("config", "renditions.toml").read_text("utf-8")
    tables = text.split("\n[")[1:]
    marked = {table.split("]")[0].removesuffix(".rules") for table in tables if "# [?]" in table}

    assert len(marked) > 10
    assert {name for name in marked if not shipped_presets()[name].unsure} == set()


@pytest.mark.parametrize(
    ("wrong", "answer"),
    [
        ("fil = 0.8", "Unknown setting shop.fil: did you mean fill? (line 5 of "),
        ("fill = 2", "Bad setting shop.fill = 2: must be at most 1 (line 5 of "),
        (
            "[shop.rules]\nleast_longets = 5",
            "Unknown setting shop.rules.least_longets: did you mean least_longest? (line 6",
        ),
        ('[shop.rules]\nratio = "1x1"', 'must be a ratio like "4:5"'),
        ('[shop.rules]\nexact_ground = "white"', "must be a colour like #ffffff (line 6 of "),
        ('[shop.rules]\nnames = "asin"', "must be '', 'amazon' or 'gtin' (line 6 of "),
    ],
)
def test_a_table_of_presets_with_a_mistake_is_refused_with_its_place(wrong: str, answer: str, tmp_path: Path) -> None:
    file = tmp_path / "renditions.toml"
    file.write_text(f'[shop]\ntitle = "Shop"\nsource = "its help"\nchecked = 2026-11-30\n{wrong}\n')

    with pytest.raises(BadSettings) as bad:
        read_presets(file)

    assert answer in str(bad.value)


def test_a_preset_without_its_source_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "renditions.toml"
    file.write_text('[shop]\ntitle = "Shop"\n')

    with pytest.raises(BadSettings, match=r"shop\.source: is missing[^\n]*\n[^\n]*shop\.checked: is missing"):
        read_presets(file)
