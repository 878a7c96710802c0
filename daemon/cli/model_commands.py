"""The commands for the built-in engine's models: models list, fetch, remove."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from daemon.cli.console import FAILED, LATER, err, out, print_json
from daemon.cli.options import ConfigOption, JsonOption, settings_of
from daemon.errors import EngineAway, EngineMisconfigured

INTERRUPTED = 130  # as shells say of a program that Ctrl-C ended

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The model's name, as `models list` shows it.")]


def list_all(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show what is there, what can be fetched, sizes, licences, and what each model is good for.

    * marks the models that the settings use. Example: freisteller models list --json
    """
    from daemon.commands.models import list_models, list_table

    settings = settings_of(config)
    rows = list_models(settings)
    if as_json:
        print_json([row.values() for row in rows])
        return
    out.print(list_table(rows, settings.engine.local.weights_path))
    out.print("\nFetch one with: freisteller models fetch NAME", markup=False)


def fetch(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Models, as `models list` shows them.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch the weights of models, and check that they are the right ones.

    An interrupted fetch (Ctrl-C, a broken line) goes on where it was with the same command. Proxies come from the
    environment (HTTPS_PROXY); engine.local.mirror names a folder of your own that is asked first.

    Example: freisteller models fetch isnet-general-use
    """
    from daemon.commands.models_fetch import fetch_named

    settings, done = settings_of(config), []
    with _endings(f"freisteller models fetch {' '.join(names)}"):
        for name in names:
            fetched = fetch_named(settings, name, err)
            done.append(
                {"name": name, "file": str(fetched.path), "sha256": fetched.sha256, "source": fetched.source or None}
            )
            if not as_json:
                what = "is in" if fetched.source else "was there already:"
                out.print(f"{name} {what} {fetched.path}", markup=False)
    if as_json:
        print_json(done)


def remove(
    name: NameArgument,
    force: Annotated[bool, typer.Option("--force", help="Also if the settings use it.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove the weights of a model, and its own table. A model that the settings use stays, unless forced.

    Example: freisteller models remove birefnet-general
    """
    from daemon.commands.models import MB, remove_model

    files, freed = remove_model(settings_of(config), name, force=force)
    if as_json:
        print_json({"removed": [str(path) for path in files], "freed_bytes": freed})
        return
    for path in files:
        out.print(f"removed: {path}", markup=False)
    out.print(f"{freed / MB:.1f} MB are free again.")


@contextmanager
def _endings(command: str) -> Iterator[None]:
    """End with an exit code what can end a command that works for long. command: goes on after an interruption."""
    try:
        yield
    except KeyboardInterrupt:
        err.print(f"Interrupted. What has arrived is kept; go on with: {command}", markup=False)
        sys.exit(INTERRUPTED)
    except (EngineMisconfigured, EngineAway) as error:
        err.print("[bold red]Error:[/] ", end="")
        err.print(str(error), markup=False)
        raise typer.Exit(LATER if isinstance(error, EngineAway) else FAILED) from error


models_app = typer.Typer(no_args_is_help=True, help="Models of the built-in engine: list, fetch, add, compare, remove.")
models_app.command("list")(list_all)
for function in (fetch, remove):
    models_app.command()(function)
