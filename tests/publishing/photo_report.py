"""A photo that was cut out, for tests of what its report says."""

from pathlib import Path

from daemon.jobs import Grade
from tests.doubles import ScriptedEngine
from tests.drawing import save_photo
from tests.test_crash_at_every_step import one_life, settings_for


def report_of_a_photo(folder: Path) -> Path:
    """Cut a drawn photo out below `folder`. Returns the report of its result."""
    settings = settings_for(folder)
    save_photo(settings.root_path / "inbox" / "a.png")
    one_life(settings, ScriptedEngine(), lambda _: None)
    (path,) = (path for grade in Grade for path in (settings.root_path / grade.value).glob("a.json"))
    return path
