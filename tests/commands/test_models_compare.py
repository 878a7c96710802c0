"""`freisteller models compare`: one page that shows what each model makes of each photo."""

import json
from pathlib import Path

import pytest

from daemon.commands.models_compare import MOST_PHOTOS, ModelComparison, compare_models
from daemon.engines.onnx.kept_speeds import read_speeds
from daemon.errors import BadPhoto, BadSettings
from daemon.settings import load
from tests.drawing import save_photo
from tests.engines.drawn_network import Channel, drawn_network, drawn_table

GOOD: Channel = (1.7, -1.7, 0.0, 0.0)
HALF: Channel = (0.0, 0.0, 0.0, 0.5)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "weights"
    folder.mkdir()
    save_photo(Path("a.png"))
    save_photo(Path("<b>.png"), seed=1)
    return folder


def lay(folder: Path, name: str, channel: Channel, more: str = "") -> None:
    (folder / f"{name}.onnx").write_bytes(drawn_network([channel]))
    (folder / f"{name}.toml").write_text(f"{more}\n{drawn_table(128)}", "utf-8")


def compare(
    folder: Path, *names: str, photos: tuple[str, ...] = ("a.png", "<b>.png"), **more: object
) -> ModelComparison:
    engine = {"local": {"weights_dir": str(folder)}, "commercial_use": more.pop("commercial_use", False)}
    settings = load(flags={"engine": engine, **more})
    return compare_models(settings, [Path(photo) for photo in photos], Path("page.html"), names, lambda *_: None)


def test_the_page_shows_each_photo_with_each_model_and_marks_the_best(folder: Path) -> None:
    lay(folder, "good", GOOD, 'licence = "our <own>"\n')
    lay(folder, "half", HALF)

    compared = compare(folder)
    page = compared.page.read_text("utf-8")

    assert [model.name for model in compared.models] == ["good", "half"]
    assert all(cell.verdict is not None for photo in compared.photos for cell in photo.cells)
    assert page.count("<td") == 4
    assert page.count('<td class="best">') == 2
    assert page.count("data:image/jpeg;base64,") == 2 + 2 * 4
    assert "&lt;b&gt;.png" in page
    assert "our &lt;own&gt;" in page
    assert "<b>.png" not in page
    assert not compared.failed
    assert read_speeds(folder).keys() == {"good", "half"}


def test_programs_get_the_same_as_values(folder: Path) -> None:
    lay(folder, "good", GOOD)

    values = json.loads(json.dumps(compare(folder, photos=("a.png",)).values()))

    (result,) = values["photos"][0]["results"]
    assert (values["photos"][0]["photo"], result["model"], result["trouble"]) == ("a.png", "good", "")
    assert result["score"] == values["models"][0]["mean_score"]


def test_a_model_that_fails_is_on_the_page_with_its_reason_beside_those_that_work(folder: Path) -> None:
    lay(folder, "good", GOOD)
    lay(folder, "spoilt", GOOD)
    (folder / "spoilt.onnx").write_bytes(b"no ONNX")

    compared = compare(folder)

    assert compared.failed
    assert "cannot be loaded" in compared.trouble_of(compared.models[1])
    assert "cannot be loaded" in compared.page.read_text("utf-8")
    assert compared.models[0].mean_score is not None


def test_a_photo_that_cannot_be_read_is_told_and_the_others_are_shown(folder: Path) -> None:
    lay(folder, "good", GOOD)
    Path("letter.jpg").write_text("Dear Sir or Madam")

    compared = compare(folder, photos=("a.png", "letter.jpg", "nowhere.png"))

    assert [photo.name for photo in compared.photos] == ["a.png"]
    assert len(compared.troubles) == 2
    with pytest.raises(BadPhoto, match=r"letter\.jpg"):
        compare(folder, photos=("letter.jpg",))


def test_named_models_only_and_each_once(folder: Path) -> None:
    lay(folder, "good", GOOD)
    lay(folder, "half", HALF)

    assert [model.name for model in compare(folder, "half", "half").models] == ["half"]


def test_what_is_not_there_is_named_with_the_command_that_fetches_it(folder: Path) -> None:
    lay(folder, "good", GOOD)

    with pytest.raises(BadSettings, match="freisteller models fetch silueta"):
        compare(folder, "good", "silueta")
    with pytest.raises(BadSettings, match="did you mean good"):
        compare(folder, "goood")


def test_what_the_licence_forbids_is_left_out_for_commerce_and_refused_by_name(folder: Path) -> None:
    lay(folder, "good", GOOD, 'commercial_use = "yes"\n')
    lay(folder, "half", HALF)

    assert [model.name for model in compare(folder, commercial_use=True).models] == ["good"]
    with pytest.raises(BadSettings, match=r"engine\.commercial_use"):
        compare(folder, "half", commercial_use=True)


def test_without_any_model_or_with_too_many_photos_nothing_is_compared(folder: Path) -> None:
    with pytest.raises(BadSettings, match=r"No model is there yet.*freisteller models list"):
        compare(folder)
    lay(folder, "good", GOOD)
    with pytest.raises(BadSettings, match=str(MOST_PHOTOS)):
        compare(folder, photos=("a.png",) * (MOST_PHOTOS + 1))


def test_the_page_speaks_the_language_of_the_settings(folder: Path) -> None:
    lay(folder, "good", GOOD)

    page = compare(folder, language="de").page.read_text("utf-8")

    assert "Modelle im Vergleich" in page
    assert "im Mittel: Wert" in page
