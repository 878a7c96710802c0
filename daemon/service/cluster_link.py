"""Connects to the cluster that the settings name, if they name one; imports Dask, and only then."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from daemon import __version__
from daemon.cluster.link import Link, TlsFiles
from daemon.cluster.pool import Pool
from daemon.errors import BadSettings
from daemon.logs import log
from daemon.service.cluster_certificates import certificate_days_left, check_certificates
from daemon.settings.cluster_section import ClusterSettings
from daemon.settings.current import CurrentSettings
from daemon.words.counted import counted

NEEDS_EXTRA = (
    "Work on other machines needs Dask, which is not installed here. Install the extra cluster, e.g.: "
    "python -m pip install 'freisteller[cluster]'"
)
CA_COMMANDS = (
    'openssl req -x509 -newkey rsa:3072 -nodes -days 3650 -subj "/CN=Our cluster" '
    "-addext keyUsage=critical,keyCertSign -keyout ca.key -out ca.pem",
    'openssl req -newkey rsa:3072 -nodes -subj "/CN=cluster" -keyout cluster.key -out cluster.csr',
    "openssl x509 -req -in cluster.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 825 -out cluster.pem",
)
"""Make an authority, and the certificate and key of the machines of a cluster."""
WITHOUT_TLS = (
    "The scheduler {scheduler} has no TLS: whoever reaches it may run any program on all machines of the cluster. "
    "Without TLS only a scheduler on this machine is allowed. These three commands make the certificates:\n  "
    + "\n  ".join(CA_COMMANDS)
    + "\nGive ca.pem, cluster.pem and cluster.key to each machine, name them as ca_file, cert and key in [cluster], "
    "and let scheduler begin with tls://. docs/operations/cluster.md has the rest."
)

WARN_DAYS = 30
"""A certificate that ends within so many days is told of: somebody has to bring another one to all machines."""


def tls_files(cluster: ClusterSettings) -> TlsFiles | None:
    """As `proven_files`; also logs it if a certificate ends soon."""
    files = proven_files(cluster)
    if files is not None:
        _tell_of_the_end(files, certificate_days_left(files, datetime.now(UTC)))
    return files


def proven_files(cluster: ClusterSettings) -> TlsFiles | None:
    """The files for TLS to a scheduler; None for one on this machine without it.

    Raises BadSettings if a file is not named, not there or of no use, or if a scheduler elsewhere has no TLS.
    """
    if cluster.scheduler.startswith("tcp://"):
        host = cluster.scheduler.removeprefix("tcp://").rpartition(":")[0].strip("[]")
        if not _is_here(host):
            raise BadSettings(WITHOUT_TLS.format(scheduler=cluster.scheduler))
        return None
    named = {name: getattr(cluster, name) for name in ("ca_file", "cert", "key")}
    for name, path in named.items():
        if not path:
            raise BadSettings(f"cluster.scheduler begins with tls://, so cluster.{name} must name a file.")
        if not _is_file(Path(path).expanduser()):
            raise BadSettings(
                f"There is no file {path}, which cluster.{name} names; or the account that runs this program may not "
                "enter its folder."
            )
    files = TlsFiles(*(Path(path).expanduser().absolute() for path in named.values()))
    check_certificates(files, datetime.now(UTC))
    return files


def _tell_of_the_end(files: TlsFiles, days_left: float) -> None:
    if days_left <= WARN_DAYS:
        text = (
            f"The certificate {files.cert}, or that of its authority, ends in {counted(int(days_left), 'day')}; "
            "no machine with it is let into the cluster then. docs/operations/cluster.md says how to renew it."
        )
        log.log("cluster_certificate_ends", text, level=logging.WARNING, days_left=round(days_left, 1))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except PermissionError:  # of a folder above it
        return False


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def make_pool(settings: CurrentSettings, doors: ExitStack) -> Pool | None:
    """The workers of the cluster that the settings name; None if they name none. Raises BadSettings.

    doors: close it.
    """
    if settings.now.dispatch.executor != "dask":
        return None
    cluster = settings.now.cluster
    pool = Pool(way_to(cluster, tls_files(cluster)), __version__, lambda: settings.now.cluster.silent_seconds)
    doors.callback(pool.close)
    return pool


def way_to(cluster: ClusterSettings, tls: TlsFiles | None) -> Callable[[], Link]:
    """Connects to the scheduler, or raises LinkLost. Imports Dask. Raises BadSettings if it is not installed."""
    try:
        from daemon.cluster.dask_link import DaskLink
    except ModuleNotFoundError as error:
        raise BadSettings(NEEDS_EXTRA) from error
    from daemon.cluster.on_worker import run

    return lambda: DaskLink(cluster.scheduler, tls, run)
