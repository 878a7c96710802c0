"""Connects to the cluster that the settings name, if they name one; imports Dask, and only then."""

from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path

from daemon import __version__
from daemon.cluster.link import Link, TlsFiles
from daemon.cluster.pool import Pool
from daemon.errors import BadSettings
from daemon.settings.cluster_section import ClusterSettings
from daemon.settings.current import CurrentSettings

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


def tls_files(cluster: ClusterSettings) -> TlsFiles | None:
    """The files for TLS to a scheduler; None for one on this machine without it.

    Raises BadSettings if a file is not named or not there, or if a scheduler elsewhere has no TLS.
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
        if not Path(path).expanduser().is_file():
            raise BadSettings(f"There is no file {path}, which cluster.{name} names.")
    return TlsFiles(*(Path(path).expanduser().absolute() for path in named.values()))


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
    tls = tls_files(cluster)
    try:
        from daemon.cluster.dask_link import DaskLink
    except ModuleNotFoundError as error:
        raise BadSettings(NEEDS_EXTRA) from error
    from daemon.cluster.on_worker import run

    def connect() -> Link:
        return DaskLink(cluster.scheduler, tls, run)

    pool = Pool(connect, __version__, lambda: settings.now.cluster.silent_seconds)
    doors.callback(pool.close)
    return pool
