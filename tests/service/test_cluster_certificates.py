"""Certificates of a cluster: the document's commands make good ones; what is wrong with others is said at the start."""

import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.cluster.link import TlsFiles
from daemon.errors import BadSettings
from daemon.service.cluster_certificates import certificate_days_left, check_certificates
from daemon.service.cluster_link import CA_COMMANDS, WARN_DAYS, tls_files
from daemon.settings.cluster_section import ClusterSettings
from tests.certificates import SMALL, make_certificates, openssl, sign
from tests.processes import freisteller

DOCUMENT = Path(__file__).parents[2] / "docs" / "operations" / "cluster.md"
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with good files, for tests that look only."""
    folder = tmp_path_factory.mktemp("made")
    make_certificates(folder)
    return folder


@pytest.fixture
def tls(made: Path, tmp_path: Path) -> TlsFiles:
    """Good files of one's own."""
    folder = shutil.copytree(made, tmp_path / "own")
    return TlsFiles(folder / "ca.pem", folder / "cluster.pem", folder / "cluster.key")


def refused(tls: TlsFiles, now: datetime | None = None) -> str:
    with pytest.raises(BadSettings) as said:
        check_certificates(tls, now or datetime.now(UTC))
    return str(said.value)


def named(tls: TlsFiles) -> ClusterSettings:
    return ClusterSettings(
        scheduler="tls://render-1:8786", ca_file=str(tls.ca_file), cert=str(tls.cert), key=str(tls.key)
    )


def test_the_certificates_of_the_document_are_taken_here_and_by_the_strict_check_of_python_3_13(tmp_path: Path) -> None:
    openssl("version", tmp_path)
    shown = re.findall(r"^openssl .*$", DOCUMENT.read_text("utf-8"), re.MULTILINE)

    for command in shown[:3]:
        subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True, capture_output=True)

    assert openssl("verify -x509_strict -CAfile ca.pem cluster.pem", tmp_path) == "cluster.pem: OK\n"
    tls = TlsFiles(tmp_path / "ca.pem", tmp_path / "cluster.pem", tmp_path / "cluster.key")
    assert 824 < certificate_days_left(tls, datetime.now(UTC)) <= 825
    check_certificates(tls, datetime.now(UTC))


def test_the_message_names_the_commands_of_the_document() -> None:
    assert set(CA_COMMANDS) <= set(DOCUMENT.read_text("utf-8").splitlines())


def test_a_certificate_whose_time_is_over_is_named_with_the_day(tls: TlsFiles) -> None:
    sign(tls.cert.parent, days=-1)

    said = refused(tls)

    assert f"{tls.cert} expired on {NOW - timedelta(days=1):%Y-%m-%d}" in said
    assert "docs/operations/cluster.md" in said
    assert certificate_days_left(tls, datetime.now(UTC)) < -0.9


def test_a_certificate_whose_time_has_not_come_lets_people_think_of_the_clock(tls: TlsFiles) -> None:
    said = refused(tls, NOW - timedelta(hours=1))

    assert f"{tls.cert} is valid only from" in said
    assert f"the clock of this machine says {NOW - timedelta(hours=1):%Y-%m-%d %H:%M} UTC" in said
    assert "NTP" in said


def test_an_authority_whose_time_is_over_is_named_by_its_file(tmp_path: Path) -> None:
    tls = make_certificates(tmp_path / "ended", authority_days=-1)

    assert f"{tls.ca_file} expired on" in refused(tls)
    assert certificate_days_left(tls, datetime.now(UTC)) < 0


def test_an_old_authority_may_lie_beside_its_successor(tmp_path: Path) -> None:
    ended = make_certificates(tmp_path / "both", authority_days=-1)
    old = ended.ca_file.read_text()
    folder = tmp_path / "both"
    openssl("x509 -req -in ca.csr -signkey ca.key -extfile ca.ext -days 100 -out ca.pem", folder)
    ended.ca_file.write_text(old + ended.ca_file.read_text())

    check_certificates(ended, datetime.now(UTC))

    assert 99 < certificate_days_left(ended, datetime.now(UTC)) <= 100


def test_an_authority_in_between_counts_as_well(tmp_path: Path) -> None:
    tls = make_certificates(tmp_path / "between")
    folder = tls.cert.parent
    openssl(f"req {SMALL} -nodes -subj '/CN=In between' -keyout between.key -out between.csr", folder)
    between = "x509 -req -in between.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile ca.ext"
    openssl(f"{between} -days 50 -out between.pem", folder)
    signed = "x509 -req -in cluster.csr -CA between.pem -CAkey between.key -CAcreateserial -days 825"
    openssl(f"{signed} -out own.pem", folder)
    tls.cert.write_text((folder / "own.pem").read_text() + (folder / "between.pem").read_text())

    check_certificates(tls, datetime.now(UTC))

    assert 49 < certificate_days_left(tls, datetime.now(UTC)) <= 50
    assert f"{tls.cert} expired on" in refused(tls, NOW + timedelta(days=60))


@pytest.mark.parametrize("name", ["Our cluster", "Their cluster"])
def test_a_certificate_of_another_authority_is_told_from_that_of_ours(tls: TlsFiles, name: str, tmp_path: Path) -> None:
    openssl(f"req -x509 {SMALL} -nodes -days 10 -subj '/CN={name}' -keyout k.pem -out other.pem", tmp_path)

    said = refused(replace(tls, ca_file=tmp_path / "other.pem"))

    assert f"{tls.cert} was not signed by the authority in {tmp_path / 'other.pem'}" in said


def test_a_key_of_another_certificate_is_told(tls: TlsFiles, tmp_path: Path) -> None:
    other = make_certificates(tmp_path / "other")

    assert f"{other.key} does not belong to the certificate {tls.cert}" in refused(replace(tls, key=other.key))


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602])
def test_a_key_that_everybody_may_read_or_change_is_refused(tls: TlsFiles, mode: int) -> None:
    tls.key.chmod(mode)

    assert f"chmod o= {tls.key}" in refused(tls)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440])
def test_a_key_that_its_owner_and_group_may_read_is_not(tls: TlsFiles, mode: int) -> None:
    tls.key.chmod(mode)

    check_certificates(tls, datetime.now(UTC))


def test_an_encrypted_key_is_refused_and_nobody_is_asked(tls: TlsFiles) -> None:
    openssl("pkey -in cluster.key -aes256 -passout pass:secret -out locked.key", tls.key.parent)
    locked = tls.key.with_name("locked.key")
    locked.chmod(0o600)

    assert f"{locked} is encrypted" in refused(replace(tls, key=locked))


@pytest.mark.parametrize("which", ["ca_file", "cert", "key"])
def test_a_file_that_is_something_else_is_named(tls: TlsFiles, which: str) -> None:
    path: Path = getattr(tls, which)
    for content in (b"", b"\x30\x82\x00", path.read_bytes()[:10]):
        path.write_bytes(content)

        assert f"{path} has no {'key' if which == 'key' else 'certificate'}" in refused(tls)


@pytest.mark.parametrize("which", ["ca_file", "cert", "key"])
def test_a_file_that_was_copied_by_half_is_named(tls: TlsFiles, which: str) -> None:
    path: Path = getattr(tls, which)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:2], lines[-1]]))

    assert re.search(rf"{path} is damaged", refused(tls))


def test_the_request_is_no_certificate(tls: TlsFiles) -> None:
    assert "cluster.csr has no certificate" in refused(replace(tls, cert=tls.cert.with_name("cluster.csr")))


@pytest.mark.parametrize("end", ["serverAuth", "clientAuth"])
def test_a_certificate_for_one_end_alone_is_of_no_use(tls: TlsFiles, end: str) -> None:
    folder = tls.cert.parent
    (folder / "end.ext").write_text(f"extendedKeyUsage={end}\n")
    sign(folder, options="-extfile end.ext")

    assert f"{tls.cert} is not for both ends of a connection" in refused(tls)
    (folder / "end.ext").write_text("extendedKeyUsage=serverAuth,clientAuth\n")
    sign(folder, options="-extfile end.ext")
    check_certificates(tls, datetime.now(UTC))


def test_a_certificate_that_may_not_sign_anything_is_of_no_use(tls: TlsFiles) -> None:
    folder = tls.cert.parent
    (folder / "use.ext").write_text("keyUsage=critical,keyCertSign\n")
    sign(folder, options="-extfile use.ext")

    said = refused(tls)

    assert f"{tls.cert}" in said
    assert "docs/operations/cluster.md" in said


def test_a_file_that_this_account_may_not_read_is_named(tls: TlsFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: Path, *_: object) -> str:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_text", denied)  # root may read everything

    assert f"{tls.ca_file} cannot be read by the account that runs this program" in refused(tls)


def test_one_that_ends_soon_is_told_of_in_the_log(tls: TlsFiles, caplog: pytest.LogCaptureFixture) -> None:
    tls_files(named(tls))
    early = list(caplog.records)
    sign(tls.cert.parent, days=WARN_DAYS - 10)
    tls_files(named(tls))

    assert early == []
    (line,) = caplog.records
    assert vars(line)["action"] == "cluster_certificate_ends"
    assert "ends in 19 days" in line.getMessage()


@pytest.mark.slow
@pytest.mark.parametrize("command", [("run", "--once"), ("worker",)])
def test_a_daemon_and_a_worker_do_not_start_with_a_bad_one(tls: TlsFiles, command: tuple[str, ...]) -> None:
    folder = tls.cert.parent
    sign(folder, days=-1)
    given = {f"FREISTELLER__CLUSTER__{name.upper()}": value for name, value in named(tls) if isinstance(value, str)}
    (folder / "hot" / "inbox").mkdir(parents=True)
    given |= {"FREISTELLER__DISPATCH__EXECUTOR": "dask", "FREISTELLER__HTTP__BIND": ""}

    done = freisteller(*command, folder=folder, **given)

    assert done.returncode == 2, done.stdout + done.stderr
    assert "expired on" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
