"""Several backgrounds of one rendition: their names, and what is said of those that cannot be."""

from pathlib import Path

import pytest

from daemon.errors import BadSettings
from daemon.settings import load, with_order
from daemon.settings.rendition_backgrounds import backgrounds_of


def told(table: str, folder: Path) -> str:
    """What is said of settings with this content."""
    file = folder / "studio.toml"
    file.write_text(table, "utf-8")
    with pytest.raises(BadSettings) as bad:
        load(file)
    return str(bad.value)


def test_each_background_of_a_list_is_called_after_what_it_is() -> None:
    listed = ["#fff", "#000000", "#F0EDE8", ["#fff", "#dddddd"], "blurred", "original", ".pictures/Große Wand 1.JPG"]

    assert backgrounds_of(listed) == {
        "white": "#fff",
        "black": "#000000",
        "f0ede8": "#F0EDE8",
        "ffffff-dddddd": ("#fff", "#dddddd"),
        "blurred": "blurred",
        "original": "original",
        "grosse-wand-1": ".pictures/Große Wand 1.JPG",
    }


def test_another_order_of_the_list_renames_no_variant() -> None:
    assert backgrounds_of(["#fff", "blurred"]) == backgrounds_of(["blurred", "#fff"])


def test_a_table_names_variants_as_people_call_them() -> None:
    named = {"white": "#ffffff", "warm": ["#f0ede8", "#e0d8c8"]}

    assert backgrounds_of(named) == {"white": "#ffffff", "warm": ("#f0ede8", "#e0d8c8")}
    assert backgrounds_of(backgrounds_of(named)) == backgrounds_of(named)


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ('["#fff", "#ffffff"]', '#fff and #ffffff are both called "white": leave one out, or give them names'),
        ('["a/wall.jpg", "b/wall.png"]', 'a/wall.jpg and b/wall.png are both called "wall"'),
        ('{ white = "#fff", pure = "#FFFFFF" }', '"white" and "pure" are the same background'),
        ('["#fff", "blured"]', 'entry 2: must be a colour like "#ffffff", two colours'),
        ('["#fff", 3]', "entry 2: must be a colour"),
        ('["#fff", ["#fff", "#ddd", "#ccc"]]', "entry 2: must be a colour"),
        ('{ warm = "f0ede8" }', "warm: must be a colour"),
        ('{ Warm = "#f0ede8" }', '"Warm": a name has lower-case letters, digits, and dashes between them'),
        ('{ "../a" = "#f0ede8" }', "a name has lower-case letters"),
        ('{ a-name-of-twenty-five-lette = "#f0ede8" }', "a name has at most 24 letters"),
        ('["靴.jpg"]', 'entry 1: 靴.jpg gives no name: leave one out, or give them names: backgrounds = { white = "#'),
        ('"#ffffff"', "must be a list of backgrounds, or a table with a name for each"),
        ("3", "must be a list of backgrounds, or a table"),
        (str([f"#{number:06x}" for number in range(1, 22)]), "has 21 backgrounds; at most 20"),
        ('["#fff", "#eee"]\nbackground = "#fff"', "background and backgrounds are both set: leave one of them out"),
        ('["#fff", "transparent"]', '"transparent" of its backgrounds: background = "transparent" needs format'),
        ('["#fff", "#eee"]\npreset = "walmart"', '"eeeeee" of its backgrounds: walmart wants the background #ffffff'),
        (
            '["#fff", "#eee"]\ntemplate = "{sku}"',
            'its 2 backgrounds would all be called "{sku}" in an export: put {variant} into template or folder',
        ),
        ('["#fff", "#eee"]\npreset = "amazon-pt"', 'would all be called "{sku}.PT{n:02}" in an export'),
        ('[]\ntemplate = "{stem}-{variant}"', "{variant} is the name of one of its backgrounds, and it has no"),
        ('[]\nfolder = "{variant}"', "{variant} is the name of one of its backgrounds, and it has no"),
    ],
)
def test_backgrounds_that_cannot_be_are_named_with_what_is_allowed(said: str, answer: str, tmp_path: Path) -> None:
    message = told(f"[renditions.shop]\nbackgrounds = {said}", tmp_path)

    assert answer in message
    assert "renditions.shop" in message


def test_a_variant_never_has_the_name_of_another_rendition(tmp_path: Path) -> None:
    table = '[renditions.shop]\nbackgrounds = ["#fff", "blurred"]\n[renditions.shop-white]\npreset = "ebay"'

    assert (
        'the background "white" of shop and the rendition shop-white would both be called "shop-white": '
        "give one another name"
    ) in told(table, tmp_path)


def test_an_order_s_variant_never_has_the_name_of_a_rendition_of_the_settings() -> None:
    settings = load(flags={"renditions": {"shop-white": {}}})

    with pytest.raises(BadSettings, match='the rendition shop-white and the background "white" of shop'):
        with_order(settings, {"renditions": {"shop": {"backgrounds": ["#fff", "#eee"]}}})


def test_more_pictures_of_a_photo_than_allowed_are_refused(tmp_path: Path) -> None:
    colours = [f"#{number:06x}" for number in range(1, 16)]
    table = "\n".join(f"[renditions.r{at}]\nbackgrounds = {colours}" for at in range(3))

    assert "they are 45 pictures of each photo, one for each background; at most 40" in told(table, tmp_path)


def test_no_backgrounds_are_as_if_nothing_had_been_said() -> None:
    shop = load(flags={"renditions": {"a": {"backgrounds": []}, "b": {"backgrounds": {}, "background": "#eee"}}})

    assert [list(each.variants) for each in shop.renditions.values()] == [[""], [""]]
