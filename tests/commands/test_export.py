"""`freisteller export`, as somebody types it."""

import json
from pathlib import Path

import pytest

from tests.exports.orders import done, exported, settings_with
from tests.processes import freisteller

pytestmark = pytest.mark.usefixtures("deaf")

STUDIO = """
root = "hot"
state_dir = "state"
[renditions.web]
canvas = "64x64"
format = "png"
[products]
pattern = "{sku}_{position}"
"""


def test_the_command_says_what_it_wrote_and_what_it_left_out(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, products={"pattern": "{sku}_{position}"})
    root = done(settings, "A_1.png", "b.png")
    (tmp_path / "studio.toml").write_text(STUDIO, "utf-8")

    said = freisteller("export", "kunde", "--config", "studio.toml", folder=tmp_path)
    told = freisteller("export", "kunde", "--config", "studio.toml", "--json", "--out", "shops", folder=tmp_path)

    assert (said.returncode, told.returncode) == (1, 1)
    assert said.stdout.splitlines() == [
        f"written: {root}/export/kunde",
        "products: by the names of photos, {sku}_{position}",
        "2 photos in, 2 out as 2 pictures, 0 without one",
        "left out, or not clear:",
        "  b.png: nobody said which product it shows",
    ]
    values = json.loads(told.stdout)
    assert (values["folder"], values["photos"]) == (str(tmp_path / "shops" / "kunde"), {"in": 2, "out": 2})
    assert [(each["file"], each["product"]) for each in values["pictures"]] == [("web/A_1.png", "A"), ("web/b.png", "")]
    assert values["left_out"] == [{"photo": "b.png", "rendition": "", "reason": "nobody said which product it shows"}]


def test_an_order_that_is_not_there_ends_with_a_sentence(tmp_path: Path) -> None:
    done(settings_with(tmp_path), "a.png")
    (tmp_path / "studio.toml").write_text(STUDIO, "utf-8")

    said = freisteller("export", "kude", "--config", "studio.toml", folder=tmp_path)

    assert said.returncode == 2
    assert said.stderr.strip().endswith('Did you mean "kunde"?')


def test_many_things_left_out_are_not_all_listed(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    order = settings.root_path / "inbox" / "kunde"
    order.mkdir(parents=True)
    rows = "".join(f"missing-{n}.png;S{n}\n" for n in range(30))
    (order / "products.csv").write_text(f"file;sku\na.png;A\n{rows}", "utf-8")
    done(settings, "a.png")

    lines = list(exported(settings).lines())

    assert lines[-1] == "  and 10 more: see left_out.csv"
    assert len(lines) == 25
