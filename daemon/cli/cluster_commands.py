"""The command for the machines of a cluster: worker."""

from typing import Annotated

import typer

from daemon.cli.console import OK, out
from daemon.cli.options import ConfigOption, RootOption, settings_of
from daemon.errors import BadSettings


def worker(
    scheduler: Annotated[
        str | None, typer.Argument(metavar="SCHEDULER", help="E.g. tls://render-1:8786, else that of the settings.")
    ] = None,
    root: RootOption = None,
    config: ConfigOption = None,
    name: Annotated[str, typer.Option("--name", help="What the daemon calls it, else this machine's name.")] = "",
    threads: Annotated[
        int, typer.Option("--threads", help="Photos at once, else as many as the engine can use.", min=0, max=256)
    ] = 0,
) -> None:
    """Work on photos of a daemon on another machine that has the same hot folder.

    Example: freisteller worker tls://render-1:8786 --root /mnt/photos
    """
    from daemon.commands.worker import run_worker
    from daemon.settings.cluster_section import ClusterSettings

    settings = settings_of(config, root)
    if scheduler is not None:
        cluster = ClusterSettings.model_validate({**settings.cluster.model_dump(), "scheduler": scheduler})
        settings = settings.model_copy(update={"cluster": cluster})
    if not settings.cluster.scheduler:
        raise BadSettings("Name the scheduler, e.g.: freisteller worker tls://render-1:8786")
    run_worker(settings, name, threads, lambda line: out.print(line, markup=False))
    raise typer.Exit(OK)
