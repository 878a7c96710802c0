"""`freisteller renditions`: the presets at a glance, and all about one of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.commands.renditions_list import list_lines, list_renditions, ratio_in_words
from daemon.commands.renditions_show import find_rendition, rules_in_words, show_lines
from daemon.errors import BadSettings
from daemon.renditions.named_renditions import rendition_of
from daemon.renditions.wanted import ShopRules
from daemon.settings import Settings, load
from daemon.settings.rendition_presets import shipped_presets
from tests.processes import freisteller


def own(**values: object) -> Settings:
    return load(flags={"renditions": {"own": values}})


def shown(settings: Settings, name: str, width: int = 80) -> str:
    return "\n".join(show_lines(find_rendition(settings, name), width))


def test_the_list_fits_eighty_columns_whatever_the_settings_hold() -> None:
    settings = load(
        flags={
            "renditions": {
                "a-name-of-forty-letters-is-the-most": {
                    "canvas": "10000x10000",
                    "background": ["#fff", "#000"],
                    "format": "webp",
                    "most_bytes": 990_000_000,
                }
            }
        }
    )
    lines = [line.plain for line in list_lines(list_renditions(settings))]

    assert max(len(line) for line in lines) <= 80
    assert lines[1].split() == ["a-name-of-for…*", "10000x10000", "1:1", "gradient", "85%", "webp", "990MB"]


def test_the_list_marks_what_is_the_user_s_own_and_what_is_uncertain() -> None:
    lines = [line.plain for line in list_lines(list_renditions(own(preset="ebay", fill=0.8)))]

    by_name = {line.split()[0]: line for line in lines}

    assert set(by_name) == {"name", "own*", *shipped_presets()}
    assert by_name["amazon-main"].endswith("2026-11-30?")
    assert by_name["ebay"].endswith("2026-11-30")
    assert "80%" in by_name["own*"]


@pytest.mark.parametrize(
    ("size", "words"),
    [((2000, 2000), "1:1"), ((1080, 1350), "4:5"), ((1200, 628), "1.91:1"), ((1801, 2600), "1:1.44"), (None, "free")],
)
def test_a_ratio_is_said_as_people_say_it(size: tuple[int, int] | None, words: str) -> None:
    assert ratio_in_words(size) == words


@pytest.mark.parametrize("name", shipped_presets())
@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_preset_is_shown_whole_within_the_terminal(name: str, width: int) -> None:
    text = shown(load(), name, width)
    flowing = " ".join(text.split())

    assert max(len(line) for line in text.splitlines()) <= max(width, len(f"{name}: {shipped_presets()[name].title}"))
    assert f'preset = "{name}"' in text
    for sentence in (shipped_presets()[name].source, *shipped_presets()[name].unsure):
        assert " ".join(sentence.split()) in flowing
    for rule in rules_in_words(rendition_of(name).rules):
        assert rule in flowing


def test_each_rule_has_words() -> None:
    all_rules = ShopRules(1, 2, 3, 4, 5_000_000, 1.5, 0.1, 0.2, (1, 2, 3), True, True, True, ("png",), 7_000, "amazon")

    assert len(list(rules_in_words(all_rules))) == len(ShopRules.__dataclass_fields__)
    assert list(rules_in_words(ShopRules())) == []


def test_a_rendition_of_the_settings_comes_before_the_preset_of_its_name() -> None:
    settings = load(flags={"renditions": {"ebay": {"background": ["#fff", "#cccccc"], "shadow": "drop", "grades": []}}})

    text = shown(settings, "ebay")

    assert "ebay: of the settings" in text
    assert "from #ffffff at the top to #cccccc" in text
    assert "soft, behind the subject, strength 0.5" in text
    assert "none: it is not made" in text
    assert "[renditions.ebay]" not in text


def test_a_name_that_does_not_exist_is_answered_with_the_one_that_was_meant() -> None:
    with pytest.raises(BadSettings, match="no rendition or preset amazon: did you mean amazon-pt"):
        find_rendition(load(), "amazon")


def answer(folder: Path, *words: str) -> Any:
    return json.loads(freisteller("renditions", *words, "--json", "--config", "studio.toml", folder=folder).stdout)


def test_programs_get_the_same(tmp_path: Path) -> None:
    (tmp_path / "studio.toml").write_text('[renditions.mine]\npreset = "zalando"\nfill = 0.8\n')

    rows = {row["name"]: row for row in answer(tmp_path, "list")}
    mine = answer(tmp_path, "show", "mine")

    assert rows["amazon-main"]["unsure"] is True
    assert (rows["mine"]["own"], rows["mine"]["width"], rows["mine"]["fill"]) == (True, 1801, 0.8)
    assert (mine["preset"], mine["values"]["fill"], mine["rules"]["formats"]) == ("zalando", 0.8, ["jpeg"])
    assert mine["checked"] == "2026-11-30"


def test_the_command_shows_a_preset_and_refuses_one_that_does_not_exist(tmp_path: Path) -> None:
    there, missing = (freisteller("renditions", "show", name, folder=tmp_path) for name in ("amazon-main", "ebai"))

    assert there.returncode == 0
    assert "the subject's share at least 85%" in there.stdout
    assert missing.returncode == 2
    assert "did you mean ebay?" in missing.stderr


def test_a_rendition_of_several_backgrounds_is_shown_with_each() -> None:
    settings = own(backgrounds={"white": "#fff", "warm": ["#f0ede8", "#e0d8c8"], "room": "room.jpg"})

    text = shown(settings, "own", 100)
    row = next(line.plain for line in list_lines(list_renditions(settings)) if line.plain.startswith("own*"))

    assert "3 grounds" in row
    assert "#ffffff (own-white)" in text
    assert "from #f0ede8 at the top to #e0d8c8 (own-warm)" in text
    assert "{stem}-room" in text
    assert "the background exactly as it is asked for, where it is one colour" in text
    assert text.count("no transparency") == 1
