"""Secrets from $CREDENTIALS_DIRECTORY, where systemd's LoadCredential puts them."""

import base64
import uuid
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from daemon.engines.comfyui.comfyui_engine import ComfyUIEngine
from daemon.errors import BadSettings
from daemon.settings import Settings, load
from daemon.settings.credentials import read_credentials
from tests.drawing import save_photo
from tests.engines.comfyui_double import Double
from tests.engines.conformance import drawn_photo
from tests.engines.cuts import RMBG
from tests.observe.prometheus import free_port
from tests.processes import DaemonProcess, freisteller

SECRET = "s3cret-5f2a"


@pytest.fixture
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "credentials"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    return folder


def give(folder: Path, **secrets: str) -> None:
    """Write credentials. An underscore in a name stands for a dot."""
    for name, secret in secrets.items():
        (folder / name.replace("_", ".")).write_text(f"{secret}\n")


def servers(*urls: str) -> Settings:
    return load(flags={"comfyui": {"servers": [{"url": url} for url in urls]}})


def secrets(settings: Settings) -> list[tuple[str, str]]:
    found = settings.comfyui.servers
    return [(each.token.get_secret_value(), each.password.get_secret_value()) for each in found]


def test_the_ports_token_is_read(credentials: Path) -> None:
    give(credentials, http_token=SECRET)

    assert load().http.token.get_secret_value() == SECRET


def test_the_secret_for_the_login_provider_is_read(credentials: Path) -> None:
    (credentials / "http.oidc.client_secret").write_text(f"{SECRET}\n")

    assert load().http.oidc.client_secret.get_secret_value() == SECRET


def test_the_closest_token_is_the_servers(credentials: Path) -> None:
    give(credentials, comfyui_token="all", comfyui_token_gpu1="host")
    (credentials / "comfyui.token.gpu1-8189").write_text("port")

    found = secrets(servers("http://gpu1:8188", "http://gpu1:8189", "http://gpu2:8188", "http://[::1]:1"))

    assert found == [("host", ""), ("port", ""), ("all", ""), ("all", "")]


def test_a_password_is_for_a_url_that_names_a_user(credentials: Path) -> None:
    give(credentials, comfyui_password=SECRET, comfyui_token="all")

    assert secrets(servers("http://anna@gpu1:8188", "http://gpu2:8188")) == [("", SECRET), ("all", "")]


def test_a_secret_that_is_set_goes_before(credentials: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give(credentials, http_token="from-systemd", comfyui_token="from-systemd", comfyui_password="from-systemd")
    monkeypatch.setenv("FREISTELLER__HTTP__TOKEN", "set")
    listed = [{"url": "http://gpu1:1", "token": "set"}, {"url": "http://anna:set@gpu2:1"}]

    settings = load(flags={"comfyui": {"servers": listed}})

    assert settings.http.token.get_secret_value() == "set"
    assert secrets(settings) == [("set", ""), ("", "")]


def test_a_hook_is_found_by_its_name(credentials: Path) -> None:
    give(credentials, notify_url_chat=f"https://chat.example/{SECRET}", notify_token_chat=SECRET)

    settings = load(flags={"notify": {"hooks": [{"name": "chat"}, {"name": "mail", "command": ["/bin/true"]}]}})

    chat, mail = settings.notify.hooks
    assert (chat.url.get_secret_value(), chat.token.get_secret_value()) == (f"https://chat.example/{SECRET}", SECRET)
    assert mail.url.get_secret_value() == ""
    assert SECRET not in f"{settings!r} {settings.model_dump_json()}"


@pytest.mark.parametrize("content", ["", "chat.example/s3cret-5f2a"])
def test_a_hook_without_a_url_that_can_be_used_names_the_credential(credentials: Path, content: str) -> None:
    if content:
        (credentials / "notify.url.chat").write_text(content)

    with pytest.raises(BadSettings, match=r"notify\.url\.chat") as caught:
        load(flags={"notify": {"hooks": [{"name": "chat"}]}})

    assert SECRET not in str(caught.value)


def test_files_of_others_are_left_alone(credentials: Path) -> None:
    give(credentials, tls_key=SECRET)

    assert read_credentials(credentials) == {}


@pytest.mark.parametrize(
    "name",
    [
        "http.tokn",
        "comfyui.tokens",
        "comfyui.token.",
        "notify.url",
        "notify.urls.chat",
        "shops.token",
        "shops.tokens.a",
    ],
)
def test_a_name_that_is_nearly_ours_is_refused(credentials: Path, name: str) -> None:
    (credentials / name).write_text(SECRET)

    with pytest.raises(BadSettings) as caught:
        load()

    assert name in str(caught.value)
    assert "comfyui.password" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines", b"\xff\xfe"], ids=repr)
def test_a_file_that_holds_no_secret_is_refused_without_being_shown(credentials: Path, content: bytes) -> None:
    (credentials / "http.token").write_bytes(content)

    with pytest.raises(BadSettings, match=r"http\.token must hold one line") as caught:
        load()

    assert "lines" not in str(caught.value)


def test_a_folder_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/no/such/folder")

    with pytest.raises(BadSettings, match="/no/such/folder"):
        load()


def test_a_secret_is_in_no_text_of_the_settings(credentials: Path) -> None:
    give(credentials, http_token=SECRET, comfyui_token=SECRET, comfyui_password=SECRET)

    settings = servers("http://anna@gpu1:8188", "http://gpu2:8188")

    assert SECRET not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


def test_a_password_in_a_bad_url_is_not_shown() -> None:
    with pytest.raises(BadSettings) as caught:
        servers(f"http://anna:{SECRET}@gpu1:99999")

    assert SECRET not in str(caught.value)
    assert "@gpu1:99999" in str(caught.value)


def test_a_password_of_its_own_is_sent_as_basic_auth(credentials: Path) -> None:
    give(credentials, comfyui_password=SECRET)
    with Double() as double:
        engine = ComfyUIEngine(servers(double.url.replace("://", "://anna@")).comfyui)

        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)
        engine.close()

        sent = {base64.b64decode(each.headers["authorization"].split()[1]) for each in double.requests}
    assert sent == {f"anna:{SECRET}".encode()}


@pytest.mark.slow
def test_a_running_daemon_uses_its_credentials_and_its_log_never_shows_one(credentials: Path, tmp_path: Path) -> None:
    give(credentials, comfyui_token=SECRET, http_token=SECRET)
    settings = {"FREISTELLER__LOG__LEVEL": "debug", "FREISTELLER__HTTP__BIND": "127.0.0.1:0"}
    with Double(token=SECRET) as double:
        settings["FREISTELLER__COMFYUI__SERVERS"] = f'[{{"url": "{double.url}"}}]'
        with DaemonProcess(tmp_path, **settings) as daemon:
            daemon.wait_until(lambda: double.worker.sessions.count() == 1, "the event socket")
            assert daemon.interrupt() == 0
        double.set_faults({"status": 500})
        checked = freisteller("doctor", folder=tmp_path, **settings)

    log = (tmp_path / "daemon.log").read_text("utf-8")
    assert SECRET not in log + checked.stdout + checked.stderr


@pytest.mark.slow
def test_no_secret_is_in_the_process_title_the_results_or_the_pages(credentials: Path, tmp_path: Path) -> None:
    give(credentials, comfyui_token=SECRET, http_token=SECRET)
    port = free_port()
    hot = tmp_path / "hot"
    with Double(token=SECRET) as double:
        settings = {
            "FREISTELLER__HTTP__BIND": f"127.0.0.1:{port}",
            "FREISTELLER__COMFYUI__SERVERS": f'[{{"url": "{double.url}"}}]',
        }
        with DaemonProcess(tmp_path, **settings) as daemon:
            daemon.wait_until(lambda: daemon.says('"action": "watching"'), "the start")
            save_photo(hot / "inbox" / "a.png")
            (hot / "inbox" / "b.jpg").write_bytes(bytes(2000))
            daemon.wait_until(
                lambda: any(hot.glob("*/a.json")) and any(hot.glob("failed/*.txt")), "the end of both photos"
            )
            process = Path("/proc") / str(daemon.pid)
            shown = [(process / "cmdline").read_bytes(), (process / "comm").read_bytes()]
            shown += [(thread / "comm").read_bytes() for thread in (process / "task").iterdir()]
            for name in ("metrics", "status", "healthz", "readyz"):
                asked = Request(f"http://127.0.0.1:{port}/{name}", headers={"Authorization": f"Bearer {SECRET}"})
                with urlopen(asked) as answer:
                    shown.append(answer.read())
            assert daemon.interrupt() == 0

    shown += [path.read_bytes() for path in hot.rglob("*") if path.is_file()]
    assert len(shown) > 8
    assert not any(SECRET.encode() in text for text in shown)


def test_a_shop_gets_its_secrets_by_its_name(credentials: Path) -> None:
    give(credentials, shops_token_shopify=SECRET)
    (credentials / "shops.client_secret.shopify").write_text("app-5f2a")
    shop = {"kind": "shopify", "address": "https://a.myshopify.com", "rendition": "shop"}

    settings = load(flags={"shops": {"shopify": shop, "other": {**shop, "token": "set"}}})

    found, other = settings.shops["shopify"], settings.shops["other"]
    assert found.token.get_secret_value() == SECRET
    assert found.client_secret.get_secret_value() == "app-5f2a"
    assert other.token.get_secret_value() == "set"
    assert SECRET not in f"{settings!r} {settings.model_dump_json()}"
