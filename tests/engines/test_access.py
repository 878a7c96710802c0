"""Servers behind a proxy: token, password, path prefix, no Origin, and no secret in any text."""

import logging
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

from daemon.engines.comfyui.comfyui_engine import ComfyUIEngine
from daemon.errors import EngineAway, EngineMisconfigured
from daemon.settings import ComfyUISettings, ServerSettings
from tests.engines.comfyui_double import Double
from tests.engines.conformance import drawn_photo
from tests.engines.conftest import OpenEngine
from tests.engines.cuts import RMBG

SECRET = "tok-en-5f2a"


def guarded(double: Double, token: str = SECRET) -> ServerSettings:
    return ServerSettings.model_validate({"url": double.url, "token": token})


def test_a_token_and_a_path_prefix_work_for_requests_and_for_events(open_engine: OpenEngine) -> None:
    with Double(token=SECRET, prefix="/gpu0") as double:
        engine = open_engine(guarded(double))
        assert double.wait_for_socket()

        answer = engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

        assert answer.alpha.max() > 0.9
        assert answer.server.endswith("/gpu0")


def test_no_request_has_an_origin(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)

    engine.cut(uuid.uuid4(), drawn_photo(), RMBG)
    engine.check()

    assert [each.path for each in double.requests if each.path == "/ws"] == ["/ws"]
    assert not [each for each in double.requests if "origin" in each.headers or "sec-fetch-site" in each.headers]


def test_a_wrong_token_stops_the_use_of_the_server_and_says_what_to_do(open_engine: OpenEngine) -> None:
    with Double(token=SECRET) as double:
        engine = open_engine(guarded(double, "wrong"), start=False)

        with pytest.raises(EngineMisconfigured, match="token"):
            engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

        (found,) = engine.check()
        assert not found.up
        assert "token" in found.message


def test_a_password_in_the_url_is_sent_as_basic_auth_and_shown_nowhere(open_engine: OpenEngine) -> None:
    with Double() as double:
        address = double.url.removeprefix("http://")
        engine = open_engine(ServerSettings(url=f"http://anna:{SECRET}@{address}"))
        assert double.wait_for_socket()

        answer = engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

        assert answer.server == address
        assert {each.headers["authorization"][:6] for each in double.requests} == {"Basic "}
        assert SECRET not in repr(engine.health())


def test_the_token_is_in_no_text(double: Double, open_engine: OpenEngine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    settings = ComfyUISettings(servers=(guarded(double),), connect_seconds=0.3)
    engine = ComfyUIEngine(settings, owner="a")
    texts = [repr(settings), repr(engine)]
    engine.start()
    engine.cut(uuid.uuid4(), drawn_photo(), RMBG)
    double.die()
    with pytest.raises(EngineAway) as away:
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)
    engine.close()

    error: BaseException | None = away.value
    while error:
        texts += [str(error), repr(error)]
        error = error.__cause__ or error.__context__
    texts += [repr(vars(entry.server)) for entry in engine._servers.entries]
    texts += [repr(vars(entry.server._http)["name"]) for entry in engine._servers.entries]
    assert SECRET not in "\n".join([*texts, caplog.text, repr(engine.health())])


def test_what_is_not_comfyui_is_said_so(double: Double, open_engine: OpenEngine) -> None:
    address = double.url.removeprefix("http://")
    engine = open_engine(ServerSettings(url=f"http://{address}/no/such/path"), start=False)

    (found,) = engine.check()

    assert not found.up
    assert "url" in found.message


def test_a_redirect_is_not_followed_with_the_token(double: Double, open_engine: OpenEngine) -> None:
    double.set_faults({"status": 302})
    engine = open_engine(guarded(double), start=False)

    with pytest.raises(EngineMisconfigured, match="redirects us elsewhere"):
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)


def test_a_certificate_file_that_is_not_there_is_named(double: Double, open_engine: OpenEngine) -> None:
    server = ServerSettings(url="https://127.0.0.1:9", ca_file="/no/such/ca.pem")
    engine = open_engine(server, start=False)

    with pytest.raises(EngineMisconfigured, match=r"no/such/ca\.pem"):
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)


def test_proxies_and_netrc_of_the_environment_are_not_used(
    double: Double, open_engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    assert open_engine(double).cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 with its key in one file, signed by itself."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    path = tmp_path / "server.pem"
    key = tmp_path / "key.pem"
    asked = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(path)]
    subprocess.run([openssl, *asked.split(), *names], check=True, capture_output=True)
    path.write_text(path.read_text() + key.read_text())
    return path


def test_a_server_with_a_certificate_of_an_authority_of_its_own(certificate: Path, open_engine: OpenEngine) -> None:
    with Double(token=SECRET, certificate=certificate) as double:
        server = {"url": double.url, "token": SECRET, "ca_file": str(certificate)}
        engine = open_engine(ServerSettings.model_validate(server))
        assert double.wait_for_socket()

        assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9
        assert double.url.startswith("https://")


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(certificate: Path, open_engine: OpenEngine) -> None:
    with Double(certificate=certificate) as double:
        engine = open_engine(ServerSettings(url=double.url), start=False)

        with pytest.raises(EngineMisconfigured, match="ca_file"):
            engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

        assert not double.requests


def test_a_server_that_refuses_us_is_misconfigured_and_not_merely_away(open_engine: OpenEngine) -> None:
    with Double(token=SECRET) as double:
        engine = open_engine(guarded(double, "wrong"))
        assert double.wait_until(lambda: not engine.health()[0].up)

        with pytest.raises(EngineMisconfigured, match="token"):
            engine.cut(uuid.uuid4(), drawn_photo(), RMBG)
