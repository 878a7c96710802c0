"""Connects to the cluster that the settings name, if they name one; imports Dask, and only then."""

from contextlib import ExitStack
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


def tls_files(cluster: ClusterSettings) -> TlsFiles | None:
    """The files for TLS to a scheduler; None if it has none. Raises BadSettings if one is not named or not there."""
    if not cluster.scheduler.startswith("tls://"):
        return None
    named = {name: getattr(cluster, name) for name in ("ca_file", "cert", "key")}
    for name, path in named.items():
        if not path:
            raise BadSettings(f"cluster.scheduler begins with tls://, so cluster.{name} must name a file.")
        if not Path(path).expanduser().is_file():
            raise BadSettings(f"There is no file {path}, which cluster.{name} names.")
    return TlsFiles(*(Path(path).expanduser().absolute() for path in named.values()))


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
