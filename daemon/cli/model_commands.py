"""The commands for the built-in engine's models: models list, fetch, add, compare, remove."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.console import FAILED, LATER, OK, err, out, print_json
from daemon.cli.options import ConfigOption, JsonOption, settings_of
from daemon.cli.plain_help import PlainCommand, PlainGroup
from daemon.errors import BadPhoto, EngineAway, EngineMisconfigured

if TYPE_CHECKING:
    from daemon.commands.model_trial import NetworkTrial

INTERRUPTED = 130  # as shells say of a program that Ctrl-C ended

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The model's name, as `models list` shows it.")]


def list_all(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show what is there, what can be fetched, sizes, licences, and what each model is good for.

    * marks the models that the settings use.

    Example: freisteller models list
    """
    from daemon.commands.models import list_lines, list_models

    settings = settings_of(config)
    rows = list_models(settings)
    if as_json:
        print_json([row.values() for row in rows])
        return
    out.print(f"Models of the built-in engine in {settings.engine.local.weights_path}\n", markup=False)
    for line in list_lines(rows, out.width):
        out.print(line)
    out.print("\nFetch one with: freisteller models fetch NAME", markup=False)


def fetch(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Models, as `models list` shows them.")],
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
    with _endings(f"What has arrived is kept; go on with: freisteller models fetch {' '.join(names)}"):
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


def add(
    file: Annotated[Path, typer.Argument(metavar="FILE.onnx", help="A network in the ONNX format, in one file.")],
    name: Annotated[str, typer.Option("--name", help="What to call it, else as the file.")] = "",
    table: Annotated[Path | None, typer.Option("--table", help="Its table, else FILE.toml beside it, if any.")] = None,
    values: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A key of the table; may be repeated.")
    ] = None,
    photo: Annotated[Path | None, typer.Option("--photo", help="Try it on this photo, else on a drawn one.")] = None,
    sample: Annotated[
        Path | None, typer.Option("--sample", help="Where to show what it made of that, else NAME-sample.png.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing, and add it whatever it makes.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a network of your own: see what it makes of a picture, then use it by its name.

    What the network wants to see stands in a table (workflows/onnx.toml explains the keys). What neither the file, nor
    a table beside it, nor --set says is asked.

    Example: freisteller models add shoes.onnx
    """
    from daemon.commands.models_add import Person, Wanted, add_model

    asks = sys.stdin.isatty() and err.is_terminal and not as_json and not yes
    person = Person(
        lambda text: err.print(text, markup=False),
        _ask if asks else None,
        lambda trial: _agrees(trial, asks=asks) or yes,
    )
    with _endings("Nothing was added."):
        added = add_model(settings_of(config), Wanted(file, name, table, values or (), photo, sample), person)
    if added is None:
        err.print("Nothing was added.")
        raise typer.Exit(FAILED)
    if as_json:
        print_json(added.values())
        return
    if added.sample:
        out.print(f"the picture, its alpha and the cut-out: {added.sample}", markup=False)
    out.print(f"{added.name} is in {added.path}", markup=False)
    out.print(f'Use it with engine.local.model = "{added.name}", or name it in strategy.ladder.', markup=False)


def _ask(question: str, likely: str) -> str:
    return str(typer.prompt(question, default=likely, err=True))


def _agrees(trial: "NetworkTrial", *, asks: bool) -> bool:
    """Show what a network made of a picture, and whether to add it. Without a person: unless it made nothing."""
    if err.is_terminal:
        err.print(trial.preview(), markup=False)
    likeness = "" if trial.likeness is None else f", likeness with the drawn subject {trial.likeness:.2f}"
    err.print(f"{trial.seconds:.2f} s{likeness}", markup=False)
    if trial.wants_sigmoid:
        err.print('The network puts out values beyond 0 and 1: does its table need activation = "sigmoid"?')
    if trial.empty:
        err.print("Its alpha is the same everywhere, so it cuts out nothing. Try it on a photo of yours with --photo.")
    return typer.confirm("Add it?", default=not trial.empty, err=True) if asks else not trial.empty


def compare(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO", help="Typical photos.")],
    page: Annotated[Path, typer.Option("--out", help="The web page to write.")] = Path("models.html"),
    names: Annotated[
        list[str] | None, typer.Option("--model", metavar="NAME", help="Only this one; may be repeated. Else all.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what each model that is there makes of photos, with score and seconds, on one web page.

    Example: freisteller models compare shoe.jpg portrait.jpg --out compared.html
    """
    from rich.progress import Progress

    from daemon.commands.models_compare import compare_models
    from daemon.words.catalogue import LANGUAGES, words_in
    from daemon.words.promise_texts import promises_text

    settings = settings_of(config)
    with (
        _endings("No page was written."),
        Progress(console=err, disable=as_json or not err.is_terminal, transient=True) as progress,
    ):
        task = progress.add_task("Loading", total=None)

        def show(name: str, done: int, total: int) -> None:
            progress.update(task, description=name, completed=done, total=total)

        compared = compare_models(settings, photos, page, names or (), show)
    if as_json:
        print_json(compared.values())
    else:
        for model in compared.models:
            if model.mean_score is None or model.mean_seconds is None:
                err.print(f"{model.name}: {compared.trouble_of(model)}", markup=False)
            else:
                both = promises_text(model.mean_score, model.mean_rim, None, words_in(LANGUAGES[0]))
                out.print(f"{model.name:<24} score {both}  {model.mean_seconds:6.2f} s", markup=False)
        for trouble in compared.troubles:
            err.print(trouble, markup=False)
        out.print(f"written: {compared.page}", markup=False)
    raise typer.Exit(FAILED if compared.failed else OK)


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
def _endings(interrupted: str) -> Iterator[None]:
    """End with an exit code what can end a command that works for long. interrupted: what Ctrl-C leaves."""
    try:
        yield
    except KeyboardInterrupt:
        err.print(f"Interrupted. {interrupted}", markup=False)
        sys.exit(INTERRUPTED)
    except (EngineMisconfigured, EngineAway, BadPhoto) as error:
        err.print("[bold red]Error:[/] ", end="")
        err.print(str(error), markup=False)
        raise typer.Exit(LATER if isinstance(error, EngineAway) else FAILED) from error


models_app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    help="Models of the built-in engine: list, fetch, add, compare, remove.\n\nExample: freisteller models list",
)
models_app.command("list", cls=PlainCommand)(list_all)
for function in (fetch, add, compare, remove):
    models_app.command(cls=PlainCommand)(function)
