"""What presets, settings and orders make of a rendition."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.jobs import Grade
from daemon.renditions.named_renditions import rendition_of, renditions_of
from daemon.renditions.wanted import ALL_GRADES, Canvas, Ground, Rendition
from daemon.settings import load
from daemon.settings.rendition_presets import shipped_presets

EXPECTED = {
    "amazon-main", "amazon-pt", "ebay", "google-merchant", "shopify", "walmart", "etsy", "otto", "kaufland", "zalando",
    "tiktok-shop", "meta-feed", "meta-portrait", "meta-story", "meta-link", "pinterest", "linkedin", "x",
}  # fmt: skip


def made(**values: object) -> Rendition:
    (rendition,) = renditions_of(load(flags={"renditions": {"own": values}}))
    return rendition


def test_the_presets_are_there() -> None:
    assert shipped_presets().keys() >= EXPECTED


@pytest.mark.parametrize("name", shipped_presets())
def test_a_preset_asks_of_its_pictures_no_more_than_they_are(name: str) -> None:
    rendition = rendition_of(name)
    rules, encoding = rendition.rules, rendition.encoding

    assert (rendition.name, rendition.preset) == (name, name)
    assert encoding.format in rules.formats
    assert encoding.most_bytes == rules.most_bytes
    assert encoding.format != "jpeg" or encoding.quality >= 92
    assert not rules.least_share or rendition.placing.fill >= rules.least_share + 0.01
    assert not rules.most_share or rendition.placing.fill <= rules.most_share - 0.01
    assert rules.exact_ground in (None, rendition.ground.colour)
    assert pickle.loads(pickle.dumps(rendition)) == rendition


def test_amazon_s_main_picture_is_exactly_white_large_uncut_and_of_the_best_only() -> None:
    main = rendition_of("amazon-main")

    assert (main.placing.fill, main.placing.fill_by, main.rules.least_share) == (0.87, "side", 0.85)
    assert (main.ground, main.shadow.kind) == (Ground("colour", (255, 255, 255)), "none")
    assert main.rules.exact_ground == (255, 255, 255)
    assert main.rules.uncut
    assert main.rules.opaque
    assert main.rules.names == "amazon"
    assert main.grades == (Grade.SEHR_GUT,)


def test_own_values_win_over_those_of_the_preset_and_its_rules_stay() -> None:
    own = made(preset="ebay", fill=0.8, shadow="contact", grades=["gut"])

    assert (own.name, own.preset, own.placing.fill, own.shadow.kind) == ("own", "ebay", 0.8, "contact")
    assert own.grades == (Grade.GUT,)
    assert own.canvas == rendition_of("ebay").canvas
    assert own.rules == rendition_of("ebay").rules


@pytest.mark.parametrize(
    ("values", "canvas"),
    [
        ({}, Canvas(1.0, 2000)),
        ({"canvas": "3000x1000"}, Canvas(3.0, 3000)),
        ({"canvas": "4:5"}, Canvas(0.8, 2000)),
        ({"canvas": "4:5", "longest": 500, "grows": True}, Canvas(0.8, 500, grows=True)),
        ({"canvas": "free", "longest": 800}, Canvas(None, 800)),
        ({"preset": "etsy"}, Canvas(1.25, 2500)),
        ({"preset": "etsy", "longest": 1250}, Canvas(1.25, 1250)),
        ({"preset": "etsy", "canvas": "1:1"}, Canvas(1.0, 2500)),
        ({"preset": "etsy", "canvas": "1:1", "longest": 900}, Canvas(1.0, 900)),
        ({"preset": "etsy", "canvas": "640x480"}, Canvas(640 / 480, 640)),
    ],
)
def test_a_canvas_has_its_own_size_else_that_of_the_preset(values: dict[str, object], canvas: Canvas) -> None:
    assert made(**values).canvas == canvas


def test_without_a_preset_the_file_must_be_what_was_asked_for() -> None:
    own = made(canvas="4:5", background="#f0f0f0", most_bytes="200kB", format="webp")

    assert own.rules.ratio == 0.8
    assert own.rules.exact_ground == (0xF0, 0xF0, 0xF0)
    assert own.rules.opaque
    assert own.rules.formats == ("webp",)
    assert own.rules.most_bytes == own.encoding.most_bytes == 200_000
    assert own.grades == ALL_GRADES
    assert not made(background="transparent", format="png").rules.opaque
    assert made(background="blurred").rules.exact_ground is None


def test_margins_in_pixels_become_shares_of_their_side() -> None:
    story = rendition_of("meta-story").placing

    assert story.margins == (250 / 1920, 65 / 1080, 340 / 1920, 65 / 1080)


def test_backgrounds_are_read_from_words(tmp_path: Path) -> None:
    wall = tmp_path / "wall.jpg"

    assert made(background="#f00").ground == Ground("colour", (255, 0, 0), (255, 0, 0))
    assert made(background=["#fff", "#000000"]).ground == Ground("gradient", (255, 255, 255), (0, 0, 0))
    assert made(background=str(wall)).ground.picture == wall
    assert made(background="blurred", blur=0.1).ground == Ground("blurred", blur=0.1)


def variants(**values: object) -> tuple[Rendition, ...]:
    return renditions_of(load(flags={"renditions": {"own": values}}))


def test_each_background_gives_a_rendition_of_its_own_that_differs_in_nothing_else() -> None:
    white, warm = variants(backgrounds={"white": "#fff", "warm": ["#f0ede8", "#000"]}, shadow="contact", fill=0.8)

    assert [(each.name, each.variant, each.label) for each in (white, warm)] == [
        ("own", "white", "own-white"),
        ("own", "warm", "own-warm"),
    ]
    assert warm.ground == Ground("gradient", (0xF0, 0xED, 0xE8), (0, 0, 0))
    assert (white.rules.exact_ground, warm.rules.exact_ground) == ((255, 255, 255), None)
    like_white = replace(warm, ground=white.ground, rules=white.rules, variant="white", template=white.template)
    assert like_white == white


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ({}, ["own/{stem}-white", "own/{stem}-eeeeee"]),
        ({"template": "{sku}_{variant}.{n:02}"}, ["own/{sku}_white.{n:02}", "own/{sku}_eeeeee.{n:02}"]),
        ({"template": "{{variant}} {stem}{variant}"}, ["own/{{variant}} {stem}white", "own/{{variant}} {stem}eeeeee"]),
        ({"template": "{sku}", "folder": "ab/{variant}"}, ["ab/white/{sku}", "ab/eeeeee/{sku}"]),
        ({"preset": "amazon-pt", "folder": "{variant}"}, ["white/{sku}.PT{n:02}", "eeeeee/{sku}.PT{n:02}"]),
    ],
)
def test_variants_have_names_of_their_own_in_an_export(values: dict[str, object], places: list[str]) -> None:
    made = variants(backgrounds=["#fff", "#eee"], **values)

    assert [f"{each.folder}/{each.template}" for each in made] == places
    assert len(set(places)) == len(places)
