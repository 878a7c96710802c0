"""Orders that a daemon has done, to be exported."""

from collections.abc import Mapping
from pathlib import Path

from daemon.commands.export import ExportAnswer, export_of
from daemon.jobs import Grade
from daemon.settings import Settings
from tests.doubles import ScriptedEngine
from tests.drawing import save_photo
from tests.test_crash_at_every_step import one_life, settings_for

PLAIN = {"canvas": "64x64", "format": "png"}
ORDER = """
[renditions.web]
canvas = "64x64"
format = "png"
"""


def settings_with(folder: Path, **sections: Mapping[str, object]) -> Settings:
    """Settings with one rendition, and further sections."""
    return settings_for(folder, **{"renditions": {"web": PLAIN}, **sections})


def done(settings: Settings, *photos: str, order: str = "kunde") -> Path:
    """Let the daemon cut out photos of an order. Returns the hot folder."""
    for number, photo in enumerate(photos):
        save_photo(settings.root_path / "inbox" / order / photo, seed=number)
    one_life(settings, ScriptedEngine(), lambda _: None)
    return settings.root_path


def exported(settings: Settings, order: str = "kunde", **options: object) -> ExportAnswer:
    """What the command answers. options: out_dir, products, base_url."""
    given: dict[str, object] = {"out_dir": None, "products": None, "base_url": None, **options}
    return export_of(settings, order, **given)  # type: ignore[arg-type]


def result_of(root: Path, name: str) -> Path:
    """A file of a result, in the grade folder that it is in."""
    (path,) = (path for grade in Grade for path in (root / grade.value).rglob(name))
    return path


def files(folder: Path | None) -> list[str]:
    """The files of an export, without manifests and contact sheets."""
    assert folder is not None
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return [name for name in found if not name.startswith(("manifest.", "contact-sheets/"))]
