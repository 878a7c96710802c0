"""Renditions come with their result, go where it goes, and are told of in its report."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daemon.jobs import Grade
from daemon.pictures import icc
from daemon.service.lifecycle import Daemon
from daemon.settings import Settings
from daemon.settings.rendition_section import RenditionSettings
from daemon.work.memory_budget import MemoryBudget
from tests.doubles import ScriptedEngine
from tests.drawing import drawn_photo, save_photo
from tests.people.places import in_another_grade
from tests.pictures.drawing import profile
from tests.test_crash_at_every_step import deaths_at_every_step, files_below, one_life, settings_for

pytestmark = pytest.mark.usefixtures("deaf")

PLAIN = {"canvas": "300x300", "format": "png"}


def wanting(folder: Path, **renditions: Mapping[str, object]) -> Settings:
    wanted = {name: RenditionSettings.model_validate(values) for name, values in renditions.items()}
    return settings_for(folder).model_copy(update={"renditions": wanted})


def done(settings: Settings) -> Path:
    """Let the daemon cut out what lies in the inbox; returns the report of kunde/a.png."""
    one_life(settings, ScriptedEngine(), lambda _: None)
    (report,) = (path for grade in Grade for path in (settings.root_path / grade.value).rglob("a.json"))
    return report


def test_a_rendition_lies_beside_its_result_and_is_in_its_report(tmp_path: Path) -> None:
    settings = wanting(tmp_path, square=PLAIN)
    save_photo(settings.root_path / "inbox" / "kunde" / "a.png")

    report = done(settings)

    assert sorted(path.name for path in report.parent.iterdir()) == ["a.json", "a.png", "a_for-square.png"]
    (told,) = json.loads(report.read_bytes())["renditions"]
    assert (told["name"], told["kept"], told["width"], told["height"]) == ("square", True, 300, 300)
    assert {rule["rule"]: rule["holds"] for rule in told["rules"]}["ground"]


def test_one_that_breaks_a_rule_of_its_shop_is_left_out_and_named(tmp_path: Path) -> None:
    settings = wanting(tmp_path, shop={"preset": "ebay"}, square=PLAIN)
    save_photo(settings.root_path / "inbox" / "kunde" / "a.png")  # 320 x 240: too small for eBay

    report = done(settings)

    assert [path.name for path in report.parent.glob("*_for-*")] == ["a_for-square.png"]
    told = {each["name"]: each for each in json.loads(report.read_bytes())["renditions"]}
    assert not told["shop"]["kept"]
    assert [rule["rule"] for rule in told["shop"]["rules"] if not rule["holds"]] == ["longest_side"]


def test_one_that_takes_too_much_memory_harms_neither_the_result_nor_the_others(tmp_path: Path) -> None:
    huge = {"canvas": "10000x10000", "fill": 1.0, "enlarge": True, "format": "png"}
    settings = wanting(tmp_path, huge=huge, square=PLAIN)
    save_photo(settings.root_path / "inbox" / "kunde" / "a.png")

    report = done(settings)

    assert sorted(path.name for path in report.parent.iterdir()) == ["a.json", "a.png", "a_for-square.png"]
    (rule,) = json.loads(report.read_bytes())["renditions"][0]["rules"]
    assert (rule["rule"], rule["holds"]) == ("made", False)
    assert "memory" in rule["found"]


def test_a_rendition_goes_where_a_person_moves_the_result(tmp_path: Path) -> None:
    settings = wanting(tmp_path, square=PLAIN)
    save_photo(settings.root_path / "inbox" / "kunde" / "a.png")
    picture = done(settings).with_name("a.png")
    there = in_another_grade(settings.root_path, picture)
    there.parent.mkdir(parents=True, exist_ok=True)
    picture.rename(there)

    daemon = Daemon(settings, engine=ScriptedEngine())
    try:
        daemon.parts.verdicts.turn(settle_seconds=0)
    finally:
        daemon.close()

    assert sorted(path.name for path in there.parent.iterdir()) == ["a.json", "a.png", "a_for-square.png"]


def test_a_rendition_is_never_taken_for_the_result_itself(tmp_path: Path) -> None:
    settings = wanting(tmp_path, square=PLAIN)
    settings = settings.model_copy(update={"outputs": settings.outputs.model_copy(update={"formats": ("jpeg",)})})
    save_photo(settings.root_path / "inbox" / "kunde" / "a.png")
    done(settings)
    daemon = Daemon(settings, engine=ScriptedEngine())

    try:
        (row,) = daemon.parts.journal.latest(9)
        sizes = daemon.parts.journal.shown_sizes.of_jobs([row.job.id])[row.job.id]
    finally:
        daemon.close()

    assert sizes.result == (320, 240)


def test_no_crash_loses_or_doubles_a_rendition(tmp_path: Path) -> None:
    lives = deaths_at_every_step(
        tmp_path,
        lambda inbox: save_photo(inbox / "a.png", drawn_photo(64, 48)),
        settings_of=lambda folder: wanting(folder, square=PLAIN, shop={"preset": "ebay"}),
    )

    for life in lives:
        root = life.settings.root_path
        names = [name for grade in Grade for name in files_below(root / grade.value)]
        assert sorted(names) == ["a.json", "a.png", "a_for-square.png"], f"died before step {life.step}"


def test_each_background_gives_a_proven_picture_and_an_entry_with_its_variant_in_the_report(tmp_path: Path) -> None:
    settings = wanting(tmp_path, hero={**PLAIN, "backgrounds": ["#ffffff", "#f0ede8", "blurred", ["#fff", "#ddd"]]})
    save_photo(settings.root_path / "inbox" / "kunde" / "a.png")

    report = done(settings)

    told = json.loads(report.read_bytes())
    variants = {each["variant"]: each for each in told["renditions"]}
    assert list(variants) == ["white", "f0ede8", "blurred", "ffffff-dddddd"]
    assert {each["name"] for each in told["renditions"]} == {"hero"}
    for variant, each in variants.items():
        assert each["kept"]
        assert each["file"] == f"_for-hero-{variant}.png"
        assert told["sha256"][each["file"]] == sha256((report.parent / f"a{each['file']}").read_bytes()).hexdigest()
    assert [variant for variant, each in variants.items() if "ground" in {rule["rule"] for rule in each["rules"]}] == [
        "white",
        "f0ede8",
    ]
    with Image.open(report.parent / "a_for-hero-f0ede8.png") as picture:
        assert picture.convert("RGB").getpixel((0, 0)) == (0xF0, 0xED, 0xE8)


def test_no_crash_loses_or_doubles_a_variant(tmp_path: Path) -> None:
    lives = deaths_at_every_step(
        tmp_path,
        lambda inbox: save_photo(inbox / "a.png", drawn_photo(64, 48)),
        settings_of=lambda folder: wanting(folder, hero={**PLAIN, "backgrounds": ["#fff", "#eee"]}),
    )

    for life in lives:
        root = life.settings.root_path
        names = [name for grade in Grade for name in files_below(root / grade.value)]
        assert sorted(names) == ["a.json", "a.png", "a_for-hero-eeeeee.png", "a_for-hero-white.png"], (
            f"died before step {life.step}"
        )


def test_a_photo_waits_for_the_memory_that_its_renditions_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []

    @contextmanager
    def noted(_: MemoryBudget, need_bytes: int, *__: object) -> Iterator[None]:
        held.append(need_bytes)
        yield

    monkeypatch.setattr(MemoryBudget, "held", noted)
    for name, wanted in (("without", {}), ("with", {"large": {"canvas": "3000x3000", "format": "png"}})):
        settings = wanting(tmp_path / name, **wanted)
        save_photo(settings.root_path / "inbox" / "kunde" / "a.png")
        done(settings)

    without, with_large = held
    assert with_large - without > 9_000_000 * 16


def test_a_photo_in_another_profile_keeps_its_colours_where_that_is_asked_and_its_ground_is_exact_in_them(
    tmp_path: Path,
) -> None:
    own = {**PLAIN, "background": "#00c800"}
    settings = wanting(tmp_path, kept={**own, "colours": "kept"}, srgb=own)
    path = settings.root_path / "inbox" / "kunde" / "a.tif"
    path.parent.mkdir(parents=True)
    Image.fromarray(drawn_photo()).save(path, icc_profile=profile("p3"))

    report = done(settings)

    told = {each["name"]: each for each in json.loads(report.read_bytes())["renditions"]}
    assert [each["kept"] for each in told.values()] == [True, True], told
    corner = {}
    for name in told:
        with Image.open(report.parent / f"a_for-{name}.png") as picture:
            pixel = np.array(picture.convert("RGB"))[:1, :1]
            space = picture.info.get("icc_profile")
            corner[name] = tuple(int(part) for part in icc.to_srgb(np.ascontiguousarray(pixel), space)[0, 0])
            assert (name == "srgb") == (tuple(pixel[0, 0]) == (0, 200, 0))
    assert np.abs(np.subtract(corner["kept"], corner["srgb"])).max() <= 2
