"""docs/settings.md is what docs/write_settings.py makes of the settings."""

import runpy

from tests.pages_of_documents import ROOT


def test_the_page_of_settings_is_up_to_date() -> None:
    script = runpy.run_path(str(ROOT / "docs" / "write_settings.py"))

    assert (ROOT / "docs" / "settings.md").read_text("utf-8") == script["page"](), "run docs/write_settings.py"


def test_every_setting_has_a_text() -> None:
    script = runpy.run_path(str(ROOT / "docs" / "write_settings.py"))
    said = script["comments"]()

    named = [f"{section}.{name}".lstrip(".") for section, name, _ in script["keys"](script["Settings"])]
    own = {"families", "models", "renditions", "shops"}
    without = [key for key in named if len(said.get(key, "")) < 10 and key not in own]

    assert len(named) > 80
    assert without == []
