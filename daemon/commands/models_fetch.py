"""`freisteller models fetch`: fetches the weights of a model, and shows how far it is."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from daemon.commands.models import MB, found_weights, known_model, refuse_for_commerce
from daemon.engines.onnx.fetch_weights import Fetched, Show, copy_weights, fetch_model
from daemon.engines.onnx.onnx_table import OnnxModel
from daemon.engines.onnx.proven_weights import right_weights
from daemon.errors import BadSettings
from daemon.settings import Settings

LINE_SECONDS = 10.0  # between two lines where no bar can be drawn


def fetch_named(settings: Settings, name: str, err: Console) -> Fetched:
    """Put the weights of `name` into the weights folder: copied from where rembg put them, else fetched.

    What a person should know goes to `err`: size and licence beforehand, then a bar, or a line now and then.
    Raises BadSettings for an unknown name or a forbidden licence; what `fetch_model` raises.
    """
    model = known_model(settings, name)
    refuse_for_commerce(settings, name, model)
    local = settings.engine.local
    if not model.sources:
        raise BadSettings(
            f"{name} cannot be fetched: no source with a known sum exists. Get the file yourself, and put it into "
            f"{local.weights_path} as {name}.onnx."
        )
    present = found_weights(settings, name)
    is_in_place = present and present.parent in (local.weights_path, local.weights_path / "models" / name)
    if present and (sha256 := right_weights(present, model)):
        # rembg's folders lie in the home of whoever types this; a service is another user and may not look there.
        return Fetched(present, sha256) if is_in_place else copy_weights(present, local.weights_path / f"{name}.onnx")
    if is_in_place:
        err.print(f"{present} is not the file that it should be. It is fetched again.", markup=False)
    err.print(about(name, model), markup=False)
    with progress_of(name, err) as show:
        return fetch_model(name, model, local.weights_path, local.mirror, show)


def about(name: str, model: OnnxModel) -> str:
    """What a person should know before a download, in one line."""
    size = "of unknown size" if model.megabytes is None else f"{model.megabytes:g} MB"
    note = f" ({model.licence_note})" if model.licence_note else ""
    return f"{name}: {size}; licence: {model.licence}{note}; commercial use: {model.commercial_use}."


@contextmanager
def progress_of(name: str, err: Console) -> Iterator[Show]:
    """Show a download: on a terminal as a bar with megabytes and the time left, else by a line now and then."""

    def print_line(line: str) -> None:
        err.print(line, markup=False)

    if not err.is_terminal:
        yield Show(print_line, _lines(name, print_line))
        return
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TextColumn("time left"), TimeRemainingColumn())
    with Progress(TextColumn("{task.description}"), *columns, console=err, transient=True) as progress:
        task = progress.add_task(name, total=None)

        def show_bytes(here: int, total: int | None) -> None:
            progress.update(task, completed=here, total=total)

        yield Show(print_line, show_bytes)


def _lines(
    name: str, print_line: Callable[[str], None], clock: Callable[[], float] = time.monotonic
) -> Callable[[int, int | None], None]:
    began: list[tuple[float, int]] = []
    printed = clock()

    def show_bytes(here: int, total: int | None) -> None:
        nonlocal printed
        now = clock()
        if not began:
            began.append((now, here))
        if now - printed < LINE_SECONDS:
            return
        printed = now
        since, first = began[0]
        line = f"{name}: {here / MB:.0f} MB"
        if total and here > first:
            line = f"{name}: {here / MB:.0f} of {total / MB:.0f} MB, "
            line += f"about {(total - here) * (now - since) / (here - first):.0f} s left"
        print_line(line)

    return show_bytes
