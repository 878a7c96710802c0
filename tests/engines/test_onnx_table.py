"""The table of the built-in engine's models: what is shipped, and what is said of a user's own tables."""

import tomllib
from pathlib import Path

import pytest

from daemon.disk.shipped import shipped
from daemon.engines.onnx.onnx_table import OnnxModel, load_onnx_table, read_side_car, shipped_onnx_models
from daemon.engines.onnx.weights_folder import present_models, side_car, weights_file
from daemon.errors import BadSettings

OWN = """\
good_for = "Our watches"
fit = "keep"
size = [1024, 768]
multiple = 32
divide = 255
mean = [0.5, 0.5, 0.5]
std = [1.0, 1.0, 1.0]
activation = "sigmoid"
range = "as is"
licence = "ours"
commercial_use = "yes"
"""
STUDIO = 'sources = [{ url = "https://models.studio.example/w.onnx", sha256 = "%s" }]\n' % (64 * "a") + OWN


def test_every_shipped_model_says_what_a_user_must_know_of_it() -> None:
    for name, model in shipped_onnx_models().items():
        assert model.good_for, name
        assert model.licence, name
        if model.commercial_use != "yes":
            assert model.licence_note, name
        if model.sources:
            assert model.megabytes, name


def test_every_shipped_source_can_be_checked_once_it_is_fetched() -> None:
    sources = [source for model in shipped_onnx_models().values() for source in model.sources]

    assert len(sources) > 15
    assert all(source.sha256 or source.md5 for source in sources)
    assert all(source.url.startswith("https://") or source.wheel for source in sources)
    assert len({source.sha256 or source.md5 for source in sources}) == len(sources) - 1  # u2netp has two places


def test_only_what_was_run_says_so_and_has_all_its_numbers() -> None:
    models = shipped_onnx_models()

    assert [name for name, model in models.items() if model.run_here] == ["u2netp"]
    assert all(source.bytes and source.sha256 for source in models["u2netp"].sources)


def test_models_that_nobody_allowed_for_commerce_are_left_out_of_it() -> None:
    table = load_onnx_table(Path("/there/is/no/such/folder"))

    assert {"bria-rmbg", "isnet-general-use", "silueta"} <= set(table.not_for_commerce)
    assert "u2netp" in table.for_commerce().models
    assert not set(table.not_for_commerce) & set(table.for_commerce().models)


def test_the_explanation_of_the_table_names_every_key() -> None:
    text = shipped("workflows", "onnx.toml").read_text("utf-8")
    explained = text[: text.index("\n[")]

    assert [name for name in OnnxModel.model_fields if name not in explained] == []


def test_a_users_own_table_lies_beside_the_weights(tmp_path: Path) -> None:
    (tmp_path / "watches.onnx").write_bytes(b"x")
    (tmp_path / "watches.toml").write_text(OWN)

    table = load_onnx_table(tmp_path)

    assert table.own == ("watches",)
    assert table.models["watches"].size == (1024, 768)
    assert table.troubles == {}
    assert side_car(tmp_path / "watches.onnx") == tmp_path / "watches.toml"


def test_a_users_own_table_may_come_before_the_weights(tmp_path: Path) -> None:
    (tmp_path / "models" / "watches").mkdir(parents=True)
    (tmp_path / "models" / "watches" / "watches.toml").write_text(STUDIO)

    (source,) = load_onnx_table(tmp_path).models["watches"].sources

    assert source.asset == "w.onnx"
    assert present_models(tmp_path) == ()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("fit", "fits", r"Bad setting fit: is missing\nUnknown setting fits: did you mean fit\?"),
        ('"keep"', '"crop"', r"Bad setting fit = 'crop': must be 'stretch', 'letterbox' or 'keep'"),
        ("divide = 255", "divide = 256", r"Bad setting divide = 256: must be 'maximum' or 255"),
        ("[1.0, 1.0, 1.0]", "[1.0, 1.0, 0.0]", r"Bad setting entry 3 of std = 0\.0: must be more than 0"),
        ("[0.5, 0.5, 0.5]", "[0.5, 0.5]", r"Bad setting entry 3 of mean = \[0\.5, 0\.5\]: is missing"),
        ("[0.5, 0.5, 0.5]", "[0.5, 0.5, nan]", r"Bad setting entry 3 of mean = nan: must be"),
        ("[1024, 768]", "[1024, 0]", r"Bad setting entry 2 of size = 0: must be at least 1"),
        ("[1024, 768]", "[1000, 768]", r"both sides of size \(1000, 768\) must be multiples of 32"),
        ('"keep"', '"stretch"', r'multiple is only for fit = "keep"'),
        ('"as is"', '"raw"', r"Bad setting range = 'raw': must be 'min-max' or 'as is'"),
        ('"yes"', "true", r"Bad setting commercial_use = True: must be 'yes', 'no' or 'not known'"),
        ("sha256", "sha25", r"Unknown setting sha25 of entry 1 of sources: did you mean sha256\?"),
        ("aaaa", "AAAA", r"Bad setting sha256 of entry 1 of sources = 'AAAA.*': must be 64 digits"),
        ("https:", "file:", r"Bad setting url of entry 1 of sources = 'file:.*': must be an address like https:"),
        ("url =", "member =", r"Bad setting entry 1 of sources: a source has a url, or else a wheel with a member"),
        ("keep", 'keep"\n"', r"The model's table .*watches\.toml is not valid TOML: "),
    ],
)
def test_a_bad_table_is_told_with_key_value_what_is_allowed_and_file(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "watches.toml"
    path.write_text(STUDIO.replace(old, new))

    with pytest.raises(BadSettings, match=f"(?s){message}") as told:
        read_side_car(path)

    assert str(path) in str(told.value)


def test_a_table_that_cannot_be_read_is_told_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "watches.toml").mkdir()

    with pytest.raises(BadSettings, match=r"The model's table .*watches\.toml cannot be read: Is a directory"):
        read_side_car(tmp_path / "watches.toml")


@pytest.mark.parametrize("wheel", ["-r evil==1", "rembg", "rembg>=1", "git+https://x.example/y==1", "--pre==1"])
def test_a_wheel_is_one_pinned_name_and_no_option_of_pip(tmp_path: Path, wheel: str) -> None:
    (tmp_path / "watches.toml").write_text(f'sources = [{{ wheel = "{wheel}", member = "a/b.onnx" }}]\n{OWN}')

    with pytest.raises(BadSettings, match=r"Bad setting wheel of entry 1 of sources"):
        read_side_car(tmp_path / "watches.toml")


def test_one_bad_table_leaves_the_other_models_in_use(tmp_path: Path) -> None:
    (tmp_path / "watches.toml").write_text(OWN)
    (tmp_path / "rings.toml").write_text(OWN.replace("size", "sizes"))

    table = load_onnx_table(tmp_path)

    assert table.own == ("watches",)
    assert "did you mean size?" in table.troubles["rings"]
    assert "u2netp" in table.models


def test_weights_that_no_table_describes_are_named_with_the_command_that_describes_them(tmp_path: Path) -> None:
    (tmp_path / "rings.onnx").write_bytes(b"x")

    table = load_onnx_table(tmp_path)

    assert "rings" not in table.models
    assert f"freisteller models add {tmp_path / 'rings.onnx'}" in table.troubles["rings"]


def test_a_users_own_table_does_not_replace_a_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "u2netp.onnx").write_bytes(b"x")
    (tmp_path / "u2netp.toml").write_text(OWN)

    table = load_onnx_table(tmp_path)

    assert table.models["u2netp"].size == (320, 320)
    assert "Give yours another name" in table.troubles["u2netp"]


def test_weights_are_found_in_both_layouts_of_rembg(tmp_path: Path) -> None:
    (tmp_path / "models" / "u2net").mkdir(parents=True)
    (tmp_path / "models" / "u2net" / "u2net.onnx").write_bytes(b"x")
    (tmp_path / "models" / "u2net" / "u2net_part.onnx").write_bytes(b"x")
    (tmp_path / "silueta.onnx").write_bytes(b"x")

    assert present_models(tmp_path) == ("silueta", "u2net")
    assert weights_file(tmp_path, "u2net") == tmp_path / "models" / "u2net" / "u2net.onnx"
    assert weights_file(tmp_path, "u2net_part") is None


def test_the_shipped_table_is_written_as_its_explanation_says() -> None:
    tables = tomllib.loads(shipped("workflows", "onnx.toml").read_text("utf-8"))
    needed = {"fit", "size", "divide", "mean", "std", "activation", "range"}

    assert all(needed <= table.keys() for table in tables.values())
