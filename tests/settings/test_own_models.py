"""A user's own tables of ComfyUI models: where they may stand, and what is said of bad ones."""

import pickle
from pathlib import Path

import pytest

from daemon.engines.comfyui.model_table import load_models
from daemon.errors import BadSettings
from daemon.settings import Settings, load

STUDIO = """
[models.studio]
family = "core"
value = "studio.safetensors"
licence = "ours"
commercial_use = true
"""
FAMILY = """
[families.mine]
install = "My nodes"
alpha = { node = "cut", output = 0, kind = "MASK" }
[families.mine.chain.cut]
node = "MyNode"
picture = "image"
[models.mine]
family = "mine"
"""


def loaded(folder: Path, content: str = "", **files: str) -> Settings:
    """Settings of a file with this content, beside a models.d with these files."""
    (folder / "models.d").mkdir()
    for name, text in files.items():
        (folder / "models.d" / f"{name}.toml").write_text(text)
    settings = folder / "freisteller.toml"
    settings.write_text(content)
    return load(settings)


def test_own_tables_stand_in_the_settings_or_beside_them(tmp_path: Path) -> None:
    settings = loaded(tmp_path, STUDIO, b=FAMILY, a=STUDIO.replace("models.studio", "models.cars"))

    table = load_models(settings.own_models)

    assert table.own == ("studio", "cars", "mine")
    assert table.value("studio") == "studio.safetensors"
    assert table.family("mine").chain["cut"].node == "MyNode"
    assert "studio" in table.for_commerce().models
    assert "mine" not in table.for_commerce().models  # nobody said that it may
    assert pickle.loads(pickle.dumps(settings)).own_models == settings.own_models


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (STUDIO.replace("licence", "license"), r"Unknown setting models\.studio\.license: did you mean licence\?"),
        (STUDIO + 'process_res = "square"', r"Bad setting models\.studio: resolutions and process_res"),
        (STUDIO + 'process_res = "big"', r"models\.studio\.process_res = 'big': must be 'square'"),
        (STUDIO.replace("models.studio", "model.studio"), r"Unknown setting model: did you mean models\?"),
        ("[models.x]\nlicence = 'ours'", r"Bad setting models\.x\.family: is missing"),
        (
            FAMILY.replace('"cut", output', '"cat", output'),
            r"families\.mine: alpha\.node is 'cat', but the chain has cut",
        ),
        (FAMILY.replace('picture = "image"', ""), r"families\.mine: no node of the chain has a picture"),
        (FAMILY.replace("picture =", "picure ="), r"chain\.cut\.picure: did you mean picture\?"),
        (FAMILY.replace('"image"', '"image"\nlinks = { model = ["load", 0] }'), r"cut\.links\.model leads to 'load'"),
        ("[models.x", r"is not valid TOML"),
    ],
    ids=str,
)
def test_a_bad_table_is_named_with_its_file_and_what_is_meant(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadSettings, match=message) as caught:
        loaded(tmp_path, mine=text)

    assert "mine.toml" in str(caught.value)


@pytest.mark.parametrize("text", [STUDIO.replace("licence", "license"), FAMILY.replace("picture =", "picure =")])
def test_a_bad_table_in_the_settings_file_is_explained_too(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadSettings, match="did you mean"):
        loaded(tmp_path, text)


def test_one_name_stands_for_one_model(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"models\.studio \(file .*a\.toml\): the name is taken already"):
        loaded(tmp_path, STUDIO, a=STUDIO)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (STUDIO.replace('"core"', '"cor"'), r"models\.studio\.family = 'cor': did you mean core\?"),
        (STUDIO.replace("studio]", "BEN2]"), r"models\.BEN2: the name is taken by a shipped table"),
        (
            FAMILY + 'process_res = "square"\nresolutions = { lowest = 64, highest = 512, usual = 256 }',
            r"no node of the family mine has a size",
        ),
    ],
    ids=["family", "name", "size"],
)
def test_what_only_the_shipped_tables_can_tell_is_told_when_the_engine_is_made(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(BadSettings, match=message):
        load_models(loaded(tmp_path, text).own_models)
