"""Looks at the certificates of a cluster before anybody is asked for a connection, and says what is wrong with them."""

import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

from daemon.cluster.link import TlsFiles
from daemon.errors import BadSettings

ANOTHER = "docs/operations/cluster.md has the commands that make another one."
OF_OTHERS = 0o007
"""The group may read a key (root:freisteller 0640 is common), and nobody else."""
NO_CHECK_TIME = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME: the chain is proven without dates, which we compare ourselves to name them."""
NOT_OF_THIS_AUTHORITY = {7, 18, 19, 20, 21, 30}
"""OpenSSL's X509_V_ERR_…: no issuer is found, or one of the same name whose key made another signature."""
WRONG_PURPOSE = 26
MOST_ROUNDS = 10
"""A handshake needs two or three."""

_Decoded = Mapping[str, Any]
"""A certificate as `SSLSocket.getpeercert` tells it."""


class _PasswordWanted(Exception):
    """The key is encrypted."""


def check_certificates(tls: TlsFiles, now: datetime) -> None:
    """Prove that this machine can show its certificate to others of its cluster, and know theirs.

    now: with a time zone. Raises BadSettings with the first thing that is wrong: a file that is none, that does not
    belong to the others, that too many may read, or whose time is over or has not come.
    """
    for path, decoded in _chain(tls):
        begins, ends = _when(decoded, "notBefore"), _when(decoded, "notAfter")
        if now < begins:
            raise BadSettings(
                f"The certificate {path} is valid only from {_said(begins)} on, and the clock of this machine says "
                f"{_said(now)}. Set the clocks of all machines by NTP; if this one is right, wait until then."
            )
        if now > ends:
            raise BadSettings(
                f"The certificate {path} expired on {_said(ends)}, and the clock of this machine says {_said(now)}. "
                f"If the clock is right: {ANOTHER}"
            )


def certificate_days_left(tls: TlsFiles, now: datetime) -> float:
    """After how many days the certificate of this machine ends, or that of its authority, whichever is first.

    now: with a time zone. Below 0: it has ended. Raises BadSettings for what is wrong with the files but for dates.
    """
    return min((_when(decoded, "notAfter") - now) / timedelta(days=1) for _, decoded in _chain(tls))


def _chain(tls: TlsFiles) -> Iterator[tuple[Path, _Decoded]]:
    """The certificate of this machine, that of whoever signed it, and so on, each with the file that has it."""
    _few_may_read(tls.key)
    for path, what, beginning in (
        (tls.ca_file, "certificate", "CERTIFICATE-----"),
        (tls.cert, "certificate", "CERTIFICATE-----"),
        (tls.key, "key", "PRIVATE KEY-----"),
    ):
        if beginning not in _text(path):
            raise BadSettings(f"{path} has no {what} in PEM form (a text with a line -----BEGIN …{beginning}).")
    authorities = [(path, each) for path in (tls.cert, tls.ca_file) for each in _certificates(path).get_ca_certs()]
    here = _shown(tls)
    yield tls.cert, here
    while signers := [one for one in authorities if one[1]["subject"] == here["issuer"] != here["subject"]]:
        last = max(signers, key=lambda one: _when(one[1], "notAfter"))  # an old one may lie beside a new one
        authorities.remove(last)
        path, here = last
        yield path, here


def _few_may_read(key: Path) -> None:
    if key.stat().st_mode & OF_OTHERS:
        raise BadSettings(
            f"Everybody on this machine may read the key {key}, and who has it may run any program on all machines "
            f"of the cluster. Only its owner and group may: chmod o= {key}"
        )


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError as error:
        raise BadSettings(f"{path} cannot be read by the account that runs this program: {error.strerror}.") from error


def _certificates(path: Path) -> ssl.SSLContext:
    """What trusts the certificates in a file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(path)
    except ssl.SSLError as error:
        raise BadSettings(f"The certificate in {path} is damaged. Copy the file again.{_in_brackets(error)}") from error
    return context


def _shown(tls: TlsFiles) -> _Decoded:
    """What another machine with the same files sees of this one. A connection in memory, proven as Dask proves it."""
    asks, answers = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = _end(tls, ssl.Purpose.SERVER_AUTH).wrap_bio(answers, asks)
    server = _end(tls, ssl.Purpose.CLIENT_AUTH).wrap_bio(asks, answers, server_side=True)
    waiting = [client, server]
    try:
        for _ in range(MOST_ROUNDS):
            waiting = [end for end in waiting if not _shook_hands(end)]
    except ssl.SSLCertVerificationError as error:
        _refuse(tls, error)
    except ssl.SSLError as error:
        raise BadSettings(
            f"The certificate {tls.cert} with its key makes no connection. {ANOTHER}{_in_brackets(error)}"
        ) from error
    return client.getpeercert() or {}


def _shook_hands(end: ssl.SSLObject) -> bool:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def _end(tls: TlsFiles, purpose: ssl.Purpose) -> ssl.SSLContext:
    """One end of a connection, which wants to see a certificate of the authority."""
    context = ssl.create_default_context(purpose, cafile=str(tls.ca_file))
    context.check_hostname = False  # Dask compares no names either
    context.verify_mode = ssl.CERT_REQUIRED
    flags = (context.verify_flags & ~ssl.VERIFY_X509_STRICT) | NO_CHECK_TIME
    context.verify_flags = ssl.VerifyFlags(flags)
    try:
        context.load_cert_chain(tls.cert, tls.key, password=_no_password)
    except _PasswordWanted:
        raise BadSettings(
            f"The key {tls.key} is encrypted, and nobody is there who could type its password. "
            f"Keep one without: openssl pkey -in {tls.key} -out NEW_FILE"
        ) from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise BadSettings(
                f"The key {tls.key} does not belong to the certificate {tls.cert}: it is that of another one. "
                "Copy both again from where they were made together."
            ) from error
        raise BadSettings(f"The key in {tls.key} is damaged. Copy the file again.{_in_brackets(error)}") from error
    return context


def _no_password() -> NoReturn:
    raise _PasswordWanted


def _refuse(tls: TlsFiles, error: ssl.SSLCertVerificationError) -> NoReturn:
    if error.verify_code in NOT_OF_THIS_AUTHORITY:
        raise BadSettings(
            f"The certificate {tls.cert} was not signed by the authority in {tls.ca_file}. Give all machines of the "
            "cluster the same ca_file, and certificates that were made with it."
        ) from error
    if error.verify_code == WRONG_PURPOSE:
        raise BadSettings(
            f"The certificate {tls.cert} is not for both ends of a connection (extendedKeyUsage names serverAuth or "
            f"clientAuth alone), and machines of a cluster are both. {ANOTHER}"
        ) from error
    raise BadSettings(
        f"The certificate {tls.cert} is of no use in a cluster: {error.verify_message}. {ANOTHER}"
    ) from error


def _in_brackets(error: ssl.SSLError) -> str:
    """What OpenSSL has to say, for whoever can use it."""
    return f" ({error.reason.lower().replace('_', ' ')})" if error.reason else ""


def _when(decoded: _Decoded, which: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(decoded[which]), UTC)


def _said(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
