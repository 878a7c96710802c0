"""The commands that make results or judge them: run, process, sheet, assess, audit, verdicts."""

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.console import FAILED, OK, err, out, print_json
from daemon.cli.ending_errors import ENDING, answer_to
from daemon.cli.options import ConfigOption, JsonOption, RootOption, settings_of
from daemon.errors import BadPhoto, BadSettings
from daemon.logs import log
from daemon.settings.settings_source import SettingsSource


def run(
    root: RootOption = None,
    config: ConfigOption = None,
    once: Annotated[bool, typer.Option("--once", help="Process the photos that are there, then end.")] = False,
    samples: Annotated[bool, typer.Option("--samples", help="Put three sample photos into a new hot folder.")] = False,
) -> None:
    """Watch a hot folder and cut out what is dropped into it, until stopped (Ctrl-C).

    Example: freisteller run --root ~/photos
    """
    from daemon.commands.run import run_daemon

    fmt = "auto"  # as long as the settings are not read
    try:
        source = SettingsSource(config, root)
        settings = source.read()
        fmt = settings.log.format
        code = run_daemon(settings, out, once=once, samples=samples, source=source)
    except ENDING as error:
        if log.is_for_people(fmt, sys.stdout, sys.stderr):
            raise
        code, text = answer_to(error)
        log.set_up("info", fmt, sys.stderr)
        log.log("not_started", text, level=logging.ERROR)
    raise typer.Exit(code)


def process(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO", help="The photos to cut out.")],
    out_dir: Annotated[Path, typer.Option("--out", help="The folder for the results.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cut out single photos, without a hot folder.

    Example: freisteller process shoe.jpg --out cut
    """
    from daemon.commands.process import process_photos

    processed = process_photos(settings_of(config), photos, out_dir, out, quiet=as_json)
    if as_json:
        print_json([photo.values() for photo in processed])
    raise typer.Exit(FAILED if any(photo.failed for photo in processed) else OK)


def sheet(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A hot folder, a folder in it, or the folder of process --out.")
    ],
    to: Annotated[Path | None, typer.Option("--out", help="Path of both files, without .png and .html.")] = None,
    originals: Annotated[Path | None, typer.Option("--originals", help="Folder of the photos, if not archiv/.")] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="Show at most so many photos, the worst ones.")] = 2000,
    renditions: Annotated[
        bool, typer.Option("--renditions", help="Also show the pictures for shops, and what is wrong with them.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a contact sheet: a picture of the worst results, and a web page of all.

    Example: freisteller sheet ~/photos
    """
    from daemon.commands.sheet import show_results

    made = show_results(
        settings_of(config),
        folder,
        to or folder / "contact-sheet",
        originals,
        most,
        out,
        quiet=as_json,
        renditions=renditions,
    )
    if as_json:
        print_json(made.values())
        return
    for path in made.files:
        out.print(f"written: {path}", markup=False)
    out.print(made.remark, markup=False)


def assess(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="The original photo.")],
    cutout: Annotated[Path, typer.Argument(metavar="CUTOUT", help="Its cut-out (with alpha) or its mask.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge a cut-out or a mask that exists already, whoever made it.

    The judgement looks at its shape and at its edges in the photo.
    It does not know what the photo shows: a clean outline around the wrong thing is found very good.

    Example: freisteller assess shoe.jpg shoe-cut.png
    """
    from daemon.commands.assess import assess_cutout, assessed_values
    from daemon.commands.terminal import COLOURS
    from daemon.words.catalogue import LANGUAGES, words_in
    from daemon.words.promise_texts import both_promises_text

    try:
        verdict = assess_cutout(settings_of(config), photo, cutout)
    except BadPhoto as error:
        err.print(str(error), markup=False)
        raise typer.Exit(FAILED) from error
    values = assessed_values(verdict, words_in(LANGUAGES[0]))
    if as_json:
        print_json(values)
        return
    both = both_promises_text(verdict, words_in(LANGUAGES[0]))
    out.print(f"[{COLOURS[verdict.grade]}]{verdict.grade.value}[/]  score {both}")
    for name, value in values["measures"].items():
        if value is not None:
            out.print(f"  {name.replace('_', ' '):<18} {value:.2f}")
    for reason in values["reasons"]:
        out.print(f"  - {reason}", markup=False)
    if verdict.rim is not None:
        out.print("  The rim was judged by the cut-out and the photo alone. The report of a result may promise another")
        out.print("  rim, since the daemon also knows the engine's raw answer, which shows where that was in doubt.")


def audit(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO", help="Typical photos, three or more.")],
    out_dir: Annotated[Path | None, typer.Option("--out", help="A folder for audit.json and audit.png.")] = None,
    keep: Annotated[bool, typer.Option("--remember/--forget-it", help="Tell the daemon what to skip.")] = True,
    root: RootOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find out which parameters of which models make a difference to your photos.

    Example: freisteller audit one.jpg two.jpg three.jpg
    """
    from rich.progress import Progress

    from daemon.commands.audit import audit_photos, lines_after, remember

    settings = settings_of(config, root)
    with Progress(console=err, disable=as_json or not err.is_terminal, transient=True) as progress:
        task = progress.add_task("Asking")
        try:
            found = audit_photos(
                settings,
                photos,
                out_dir,
                lambda line: err.print(line, markup=False),
                lambda done, total: progress.update(task, completed=done, total=total),
            )
        except BadPhoto as error:
            err.print(str(error), markup=False)
            raise typer.Exit(FAILED) from error
    kept = remember(settings, found) if keep else None
    if as_json:
        print_json(found.values() | {"remembered": str(kept) if kept else None})
        return
    out.print(found.table())
    for line in lines_after(found, kept):
        out.print(line, markup=False)


def verdicts(
    refit: Annotated[bool, typer.Option("--refit", help="Propose thresholds that agree better.")] = False,
    write: Annotated[Path | None, typer.Option("--write", help="With --refit: write them into this file.")] = None,
    root: RootOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show which results people moved to another grade folder, and thresholds that agree better with them.

    Example: freisteller verdicts --refit
    """
    from daemon.commands.verdict_table import read_verdicts
    from daemon.commands.write_thresholds import write_thresholds

    if write and not refit:
        raise BadSettings("--write needs --refit: it writes the thresholds that --refit proposes.")
    found = read_verdicts(settings_of(config, root), fit=refit)
    if as_json:
        print_json(found.values())
    else:
        for table in found.tables():
            out.print(table)
        for line in found.lines():
            out.print(line, markup=False)
    proposed = found.refit.proposed if found.refit else None
    if write and proposed is None:
        err.print(f"Nothing was written to {write}: there are no better thresholds to write.", markup=False)
        raise typer.Exit(FAILED)
    if write and proposed:
        write_thresholds(write, proposed)
        err.print(f"written: {write} (a running daemon reads it on systemctl reload, or SIGHUP)", markup=False)
    elif proposed and not as_json:
        out.print("Nothing was changed. To write these thresholds into a settings file, add --write FILE.")
