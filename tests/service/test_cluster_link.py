"""A cluster is reached over TLS, or on this machine alone."""

import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from daemon.cluster.link import TlsFiles
from daemon.errors import BadSettings
from daemon.service.cluster_link import CA_COMMANDS, make_pool, tls_files
from daemon.settings import Settings
from daemon.settings.cluster_section import ClusterSettings
from daemon.settings.current import CurrentSettings
from tests.certificates import make_certificates


@pytest.mark.parametrize(
    "scheduler", ["tcp://render-1:8786", "tcp://10.0.0.1:8786", "tcp://0.0.0.0:8786", "tcp://[fe80::1]:1"]
)
def test_a_scheduler_elsewhere_without_tls_is_refused_with_the_commands_that_help(scheduler: str) -> None:
    with pytest.raises(BadSettings) as refused:
        tls_files(ClusterSettings(scheduler=scheduler))

    assert all(command in str(refused.value) for command in CA_COMMANDS)


@pytest.mark.parametrize("scheduler", ["tcp://127.0.0.1:8786", "tcp://localhost:8786", "tcp://[::1]:8786"])
def test_a_scheduler_on_this_machine_needs_none(scheduler: str) -> None:
    assert tls_files(ClusterSettings(scheduler=scheduler)) is None


def test_each_file_must_be_named_and_there(tmp_path: Path) -> None:
    made = make_certificates(tmp_path / "made")
    files = {name: tmp_path / name for name in ("ca_file", "cert", "key")}
    named: dict[str, str] = {}
    for name, path in files.items():
        with pytest.raises(BadSettings, match=rf"cluster\.{name} must name"):
            tls_files(ClusterSettings.model_validate({"scheduler": "tls://render-1:8786", **named}))
        named[name] = str(path)
        with pytest.raises(BadSettings, match="no file"):
            tls_files(ClusterSettings.model_validate({"scheduler": "tls://render-1:8786", **named}))
        getattr(made, name).rename(path)

    assert tls_files(ClusterSettings.model_validate({"scheduler": "tls://render-1:8786", **named})) == TlsFiles(
        files["ca_file"], files["cert"], files["key"]
    )


def test_a_folder_that_this_account_may_not_enter_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "is_file", denied)  # root may enter everything

    with pytest.raises(BadSettings, match="may not enter its folder"):
        tls_files(ClusterSettings(scheduler="tls://render-1:8786", ca_file="/etc/x/a", cert="/etc/x/b", key="/etc/x/c"))


def test_the_commands_make_what_is_needed(tmp_path: Path) -> None:
    for command in CA_COMMANDS:
        subprocess.run(command, shell=True, check=True, cwd=tmp_path, capture_output=True)

    proven = subprocess.run(
        ["openssl", "verify", "-CAfile", "ca.pem", "cluster.pem"], cwd=tmp_path, capture_output=True
    )

    assert proven.returncode == 0, proven.stderr


def test_without_the_setting_there_is_no_pool() -> None:
    with ExitStack() as doors:
        assert make_pool(CurrentSettings(Settings()), doors) is None
