"""The settings: one tree, three sources, and messages that name what is wrong."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from daemon.disk.shipped import shipped
from daemon.errors import BadSettings
from daemon.settings import Settings, load
from daemon.settings.explain import explain


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("FREISTELLER__"):
            monkeypatch.delenv(name)


def test_the_shipped_file_equals_the_defaults() -> None:
    assert load(shipped("config", "freisteller.toml")).model_dump() == load().model_dump()


def test_the_shipped_file_names_every_key() -> None:
    import tomllib

    written = tomllib.loads(shipped("config", "freisteller.toml").read_text("utf-8"))
    defaults = load().model_dump(mode="json")

    assert _keys(written) == _keys(defaults)


def _keys(tree: dict[str, object], path: str = "") -> set[str]:
    found = set()
    for key, value in tree.items():
        found |= _keys(value, f"{path}{key}.") if isinstance(value, dict) else {f"{path}{key}"}
    return found


@pytest.mark.parametrize("value", ["true", "false"])
def test_a_file_of_an_earlier_version_that_sets_learn_still_loads(tmp_path: Path, value: str) -> None:
    file = tmp_path / "f.toml"
    file.write_text(f"[strategy]\nlearn = {value}\n")

    assert load(file).strategy.ladder == load().strategy.ladder


def test_the_environment_overrides_the_file_and_a_flag_overrides_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "f.toml"
    file.write_text('root = "from-file"\n[intake]\nquiet_seconds = 1\nscan_seconds = 1\n')
    monkeypatch.setenv("FREISTELLER__INTAKE__QUIET_SECONDS", "2")
    monkeypatch.setenv("FREISTELLER__ROOT", "from-environment")

    settings = load(file, {"root": "from-flag"})

    assert settings.root == "from-flag"
    assert (settings.intake.quiet_seconds, settings.intake.scan_seconds) == (2, 1)


@pytest.mark.parametrize(
    ("name", "value", "parts"),
    [
        ("FREISTELLER__INTAKE__QUIET_SECOND", "1", ("intake.quiet_second", "quiet_seconds")),
        ("FREISTELLER__INTAKE__QUIET_SECONDS", "soon", ("intake.quiet_seconds", "soon", "number")),
        ("FREISTELLER__ENGINE__USE", "gpu", ("engine.use", "gpu", "comfyui")),
        ("FREISTELLER__OUTPUTS__FORMATS", '["gif"]', ("outputs.formats", "gif", "png")),
        ("FREISTELLER__HTTP__BIND", "9108", ("http.bind", "9108", "host:port")),
        ("FREISTELLER__NOSUCH", "1", ("FREISTELLER__NOSUCH", "root")),
        ("FREISTELLER__COMFYUI__SERVERS", "http://x", ("COMFYUI__SERVERS", "JSON")),
        ("FREISTELLER__COMFYUI__SERVERS", '[{"url": "http://[::1"}]', ("entry 1 of comfyui.servers", "http://[::1")),
        ("FREISTELLER__COMFYUI__SERVERS", '[{"url": "http://gpu1:81880"}]', ("entry 1 of comfyui.servers", "0-65535")),
        ("FREISTELLER__GRADING__GUT", "0.99", ("grading", "sehr_gut")),
    ],
)
def test_a_bad_setting_is_named_with_its_value_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, parts: tuple[str, ...]
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(BadSettings) as caught:
        load()

    assert all(word in str(caught.value) for word in parts), str(caught.value)


def test_a_list_with_a_bad_value_is_not_said_to_be_empty_as_well() -> None:
    with pytest.raises(BadSettings) as bad:
        load(flags={"outputs": {"formats": ["gif"]}})
    with pytest.raises(BadSettings, match=r"formats = \[\]: must not be empty"):
        load(flags={"outputs": {"formats": []}})

    assert "entry 1 of outputs.formats = 'gif'" in str(bad.value)
    assert "at least" not in str(bad.value)


def test_a_secret_is_not_in_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREISTELLER__COMFYUI__SERVERS", '[{"url": "http://x:1", "token": ["hunter2"]}]')

    with pytest.raises(BadSettings) as caught:
        load()

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("hook", "part"),
    [
        ({"url": "chat.example/KEY-hunter2"}, "http://"),
        ({"url": "https://chat.example/KEY-hunter2", "command": ["/bin/true"]}, "not both"),
        ({"url": "https://chat.example/KEY-hunter2", "headers": {"X-Key": "hunter2\nX-Other: 1"}}, "headers"),
        ({"url": "https://chat.example/KEY-hunter2", "on": ["everything"]}, "batch_done"),
        ({}, "a url, a command"),
        ("https://chat.example/KEY-hunter2", "entry 1 of notify.hooks"),
    ],
)
def test_a_bad_hook_is_explained_without_its_secrets(hook: object, part: str) -> None:
    with pytest.raises(BadSettings) as caught:
        load(flags={"notify": {"hooks": [hook]}})

    assert part in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_two_hooks_of_one_name_are_refused() -> None:
    url = {"url": "https://chat.example/1"}
    with pytest.raises(BadSettings, match=r"chat\.example"):
        load(flags={"notify": {"hooks": [url, url]}})


def test_auto_means_comfyui_only_where_a_server_is_listed() -> None:
    listed = load(flags={"comfyui": {"servers": [{"url": "http://gpu1:8188"}]}})

    assert (load().engine_in_use, listed.engine_in_use) == ("local", "comfyui")


def test_two_hot_folders_have_two_state_directories() -> None:
    assert load().state_path("one") != load().state_path("two")


def test_a_state_directory_that_is_set_is_used_as_it_is(tmp_path: Path) -> None:
    assert load(flags={"state_dir": str(tmp_path)}).state_path("one") == tmp_path


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    file = tmp_path / "broken.toml"
    file.write_text("root = \n")

    with pytest.raises(BadSettings, match=r"broken\.toml"):
        load(file)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"batch": 0}, "engine.local.batch = 0: must be 'auto', or at least 1"),
        ({"providers": ["gpu"]}, "entry 1 of engine.local.providers = 'gpu': must be 'cuda', "),
        ({"providers": "gpu"}, "engine.local.providers = 'gpu': must be 'auto', or a list"),
    ],
    ids=str,
)
def test_a_value_of_several_kinds_is_explained_in_one_line(value: dict[str, object], told: str) -> None:
    with pytest.raises(BadSettings) as refused:
        load(flags={"engine": {"local": value}})

    assert str(refused.value).startswith(f"Bad setting {told}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[outputs]\nbackground = "white"', "outputs.background = 'white': must be a colour like #ffffff (line 2 of "),
        (
            "[intake]\n\nquiet_seconds = 'soon'",
            "intake.quiet_seconds = 'soon': must be a number, such as 2.5 (line 3 of ",
        ),
        ("dispatch.workers = 1.5", "dispatch.workers = 1.5: must be a whole number, such as 3 (line 1 of "),
        ('[log]\nlevle = "info"', "log.levle: did you mean level? (line 2 of "),
        ('[outputs]\nformats = [\n"gif"]', "or 'tiff_on_colour' (line 2 of "),
        ('[[comfyui.servers]]\nurl = "http://a"\n[[comfyui.servers]]\nurl = "b"', "(line 4 of "),
        ("[grading]\ngut = 0.99", "(line 1 of "),
        ("[outputs]\nformats = []", "outputs.formats = []: must not be empty (line 2 of "),
        ("intake = 3", "intake = 3: must be a table, such as { key = value } (line 1 of "),
        ("[intake]\nquiet = 3", "intake.quiet: did you mean quiet_seconds? (line 2 of "),
        (
            '[comfyui]\nservers = [{ url = "http://a" }, { url = "gpu1" }]',
            "url of entry 2 of comfyui.servers = 'gpu1': must be an address like http://gpu1:8188 (line 2 of ",
        ),
    ],
)
def test_a_bad_line_is_explained_in_words_and_named(text: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "studio.toml"
    file.write_text(text)

    with pytest.raises(BadSettings) as refused:
        load(file)

    assert told in str(refused.value)
    assert str(refused.value).endswith(f"{file})")


def test_a_bad_variable_or_flag_is_named_though_the_file_is_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "studio.toml"
    file.write_text("[intake]\nquiet_seconds = 3")
    monkeypatch.setenv("FREISTELLER__INTAKE__QUIET_SECONDS", "soon")

    with pytest.raises(BadSettings, match=r"a number, such as 2\.5 \(variable FREISTELLER__INTAKE__QUIET_SECONDS\)$"):
        load(file)
    monkeypatch.delenv("FREISTELLER__INTAKE__QUIET_SECONDS")
    with pytest.raises(BadSettings, match=r"root = '': must not be empty \(flag --root\)$"):
        load(file, {"root": ""})
    monkeypatch.setenv("FREISTELLER__OUTPUTS__FORMATS", "gif")
    with pytest.raises(BadSettings, match=r"^FREISTELLER__OUTPUTS__FORMATS must be a list or a table, written as JSON"):
        load(file)


def settings_below(section: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every setting, and of every section."""
    for name, field in section.model_fields.items():
        yield (*path, name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings_below(field.annotation, (*path, name))


WRONG: tuple[Any, ...] = (
    "",
    "?",
    "a b",
    -1.5,
    10**9,
    [],
    ["?"],
    [{}],
    [{"?": 1}],
    [3],
    {},
    {"?": "?"},
    {"?": {"?": 3}},
    True,
)
OUR_WORDS = re.compile(r"products\.pattern|the pattern|list, pattern")
THEIR_WORDS = re.compile(r"pattern|tuple|dictionary|instance|validation|parse|input|should|\bitem|Settings\b", re.I)


def complaints(path: tuple[str, ...]) -> Iterator[str]:
    """What is said of this setting with each of the wrong values that it refuses."""
    for value in WRONG:
        flags: Any = value
        for name in reversed(path):
            flags = {name: flags}
        try:
            Settings.model_validate(flags)
        except ValidationError as refused:
            yield explain(refused, Settings)


@pytest.mark.parametrize("path", list(settings_below(Settings)), ids=".".join)
def test_no_setting_is_refused_in_programmers_words(path: tuple[str, ...]) -> None:
    told = list(complaints(path))

    assert told
    assert [text for text in told if THEIR_WORDS.search(OUR_WORDS.sub("", text))] == []


@pytest.mark.parametrize(
    "address", ["render-1", "http://render-1:8786", "tls://render-1", "tls://render-1:8786/x", "tls://a b:1"]
)
def test_a_scheduler_that_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="tls://render-1:8786"):
        Settings(cluster={"scheduler": address})


def test_a_cluster_without_a_scheduler_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"cluster\.scheduler names none"):
        Settings(dispatch={"executor": "dask"})
