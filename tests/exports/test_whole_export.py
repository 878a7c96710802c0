"""An order that the daemon has done is exported whole: what is proven, under names, with all that is left out told."""

import csv
import hashlib
import io
import json
import threading
import unicodedata
from pathlib import Path

import pytest

from daemon.errors import BadSettings, RootAway
from daemon.exports import whole_export
from daemon.service.lifecycle import Daemon
from tests.doubles import ScriptedEngine
from tests.drawing import save_pages
from tests.exports.orders import PLAIN, done, exported, files, result_of, settings_with
from tests.people.places import in_another_grade
from tests.test_crash_at_every_step import one_life

pytestmark = pytest.mark.usefixtures("deaf")


def told(answer_lines: list[str]) -> str:
    return "\n".join(answer_lines)


def test_the_pictures_of_an_order_are_exported_with_a_manifest(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, products={"pattern": "{sku}_{position}"})
    root = done(settings, "4711_2.png", "4711_1.png")

    answer = exported(settings)

    folder = root / "export" / "kunde"
    assert answer.is_whole
    assert answer.exported.folder == folder
    assert files(folder) == ["web/4711_1.png", "web/4711_2.png"]
    first, _ = json.loads((folder / "manifest.json").read_bytes())["pictures"]
    content = (folder / "web" / "4711_1.png").read_bytes()
    assert content == result_of(root, "4711_1_for-web.png").read_bytes()
    assert first["sha256"] == hashlib.sha256(content).hexdigest()
    assert (first["product"], first["position"], first["photo"]) == ("4711", 1, "4711_1.png")
    assert (first["width"], first["height"], first["bytes"]) == (64, 64, len(content))
    rows = list(csv.DictReader(io.StringIO((folder / "manifest.csv").read_bytes().decode("utf-8-sig"))))
    assert [row["file"] for row in rows] == ["web/4711_1.png", "web/4711_2.png"]
    assert rows[0].keys() == first.keys()
    assert sorted(path.name for path in (folder / "contact-sheets").iterdir()) == ["web.html", "web.png"]


def test_as_many_photos_go_in_as_are_told_of(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    (settings.root_path / "inbox" / "kunde").mkdir(parents=True)
    (settings.root_path / "inbox" / "kunde" / "broken.png").write_bytes(b"no picture")
    done(settings, "a.png", "b.png")

    answer = exported(settings)

    assert "3 photos in, 2 out as 2 pictures, 1 without one" in told(list(answer.lines()))
    assert "  broken.png: there is no result: " in told(list(answer.lines()))
    assert answer.values()["photos"] == {"in": 3, "out": 2}
    left_out = (settings.root_path / "export" / "kunde" / "left_out.csv").read_bytes().decode("utf-8-sig")
    assert left_out.splitlines()[0] == "photo,rendition,reason"
    assert "broken.png,,there is no result" in left_out


def test_the_list_is_read_beside_the_photos_then_from_the_last_export(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, renditions={"web": {**PLAIN, "template": "{sku}-{n}"}})
    order = settings.root_path / "inbox" / "kunde"
    order.mkdir(parents=True)
    umlaut = unicodedata.normalize("NFD", "grün.png")
    (order / "products.csv").write_bytes("\ufefffile;sku;title\r\ngrün.png;Ä-1;Größe, grün\r\n".encode())
    root = done(settings, umlaut)

    beside = exported(settings)
    (order / "products.csv").unlink()
    order.rmdir()
    kept = exported(settings)

    assert (beside.source, kept.source) == (
        "inbox/kunde/products.csv",
        f"that of the last export, {root / 'export' / 'kunde' / 'products.csv'}",
    )
    assert files(kept.exported.folder) == ["products.csv", "web/Ae-1-1.png"]
    assert [(each.sku, each.title) for each in kept.exported.plan.pictures] == [("Ä-1", "Größe, grün")]
    assert (beside.is_whole, kept.is_whole) == (True, True)


def test_a_list_that_is_given_counts_before_the_one_beside_the_photos(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    order = settings.root_path / "inbox" / "kunde"
    order.mkdir(parents=True)
    (order / "products.csv").write_text("file,sku\na.png,one\n", "utf-8")
    given = tmp_path / "other.csv"
    given.write_text("file,sku\na.png,other\n", "utf-8")
    done(settings, "a.png")

    assert [each.sku for each in exported(settings, products=given).exported.plan.pictures] == ["other"]
    with pytest.raises(BadSettings, match=r"missing\.csv cannot be read"):
        exported(settings, products=tmp_path / "missing.csv")


def test_what_a_list_says_unclearly_is_told_and_the_rest_is_exported(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    order = settings.root_path / "inbox" / "kunde"
    order.mkdir(parents=True)
    (order / "products.csv").write_text("file;sku\na.png;A\nmissing.png;B\nb.png;4.0E+12\n", "utf-8")
    done(settings, "a.png", "b.png")

    lines = list(exported(settings).lines())

    assert any(line.startswith('  row 4: "4.0E+12" is what a spreadsheet makes') for line in lines)
    assert "  row 3: there is no photo missing.png beside the list" in lines
    assert "  b.png: nobody said which product it shows" in lines
    assert files(settings.root_path / "export" / "kunde") == ["left_out.csv", "products.csv", "web/a.png", "web/b.png"]


def test_that_nobody_named_products_is_told_once(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    done(settings, "a.png", "b.png")

    assert sum("Nobody said which products" in line for line in exported(settings).lines()) == 1


def test_a_picture_that_breaks_a_rule_is_left_out_with_the_rule(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, renditions={"web": PLAIN, "shop": {"preset": "ebay"}})
    done(settings, "a.png")  # 320 x 240: too small for eBay

    answer = exported(settings)

    assert any(line.startswith("  a.png (shop): its longest side has ") for line in answer.lines())
    assert files(answer.exported.folder) == ["left_out.csv", "web/a.png"]


def test_reasons_in_files_are_in_the_language_of_the_studio(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, renditions={"web": PLAIN, "shop": {"preset": "ebay"}})
    settings = settings.model_copy(update={"language": "de"})
    done(settings, "a.png")

    answer = exported(settings)

    assert answer.exported.folder is not None
    assert 'a.png,shop,"seine längste Seite hat' in (answer.exported.folder / "left_out.csv").read_text("utf-8-sig")


def test_a_picture_that_somebody_changed_is_proven_no_more(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    root = done(settings, "a.png", "b.png", "c.png")
    result_of(root, "a_for-web.png").write_bytes(b"retouched")
    result_of(root, "b_for-web.png").unlink()

    lines = list(exported(settings).lines())

    assert any(
        line.startswith("  a.png (web): ") and line.endswith("was changed after it was proven") for line in lines
    )
    assert "  b.png (web): its file is gone" in lines
    assert files(root / "export" / "kunde") == ["left_out.csv", "web/c.png"]


def test_a_picture_follows_the_grade_that_a_person_gave(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    root = done(settings, "a.png")
    there = in_another_grade(root, picture := result_of(root, "a.png"))
    picture.rename(there)
    daemon = Daemon(settings, engine=ScriptedEngine())
    try:
        daemon.parts.verdicts.turn(settle_seconds=0)
    finally:
        daemon.close()

    (found,) = exported(settings).exported.plan.pictures

    assert found.grade.value == there.relative_to(root).parts[0]
    only = {"web": {**PLAIN, "grades": ["sehr_gut"]}}
    assert any(
        f"the result is {found.grade.value} now, and this picture is made of sehr_gut only" in line
        for line in exported(settings_with(tmp_path, renditions=only)).lines()
    )


def test_what_the_settings_ask_for_since_the_photo_was_done_is_told(tmp_path: Path) -> None:
    done(settings_with(tmp_path), "a.png")
    later = settings_with(tmp_path, renditions={"web": {"preset": "shopify"}, "new": PLAIN})

    lines = list(exported(later).lines())

    assert any('a.png (web): it was made for "-", and the settings say "shopify" now' in line for line in lines)
    assert any("a.png (new): it is not there: it was asked for after the photo was done" in line for line in lines)
    assert lines[0] == "Nothing was exported: no picture of kunde can be."


def test_pictures_of_an_order_that_is_gone_have_the_names_that_it_asked_for(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, renditions={})
    order = settings.root_path / "inbox" / "kunde" / "freisteller.toml"
    order.parent.mkdir(parents=True)
    order.write_text(
        '[renditions.own]\ncanvas = "64x64"\nformat = "png"\ntemplate = "{stem}_x"\nfolder = "deep/down"\n', "utf-8"
    )
    done(settings, "a.png")
    order.unlink()

    assert files(exported(settings).exported.folder) == ["deep/down/a_x.png", "left_out.csv"]


def test_the_order_says_what_its_products_are(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    order = settings.root_path / "inbox" / "kunde" / "freisteller.toml"
    order.parent.mkdir(parents=True)
    order.write_text("[products]\nby_folder = true\n", "utf-8")
    done(settings, "4711/b.png", "4711/a.png", "loose.png")

    answer = exported(settings)

    assert [(each.photo, each.sku, each.position) for each in answer.exported.plan.pictures] == [
        ("4711/a.png", "4711", 1),
        ("4711/b.png", "4711", 2),
        ("loose.png", "", 0),
    ]
    order.write_text("[products]\npattern = 3\n", "utf-8")
    with pytest.raises(BadSettings, match=r"products\.pattern = 3"):
        exported(settings)


def test_each_page_of_a_file_is_exported(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, intake={"quiet_seconds": 0, "tiff_quiet_seconds": 0})
    (settings.root_path / "inbox" / "kunde").mkdir(parents=True)
    save_pages(settings.root_path / "inbox" / "kunde" / "a.tif", 2)
    done(settings)

    assert files(exported(settings).exported.folder) == ["left_out.csv", "web/a-p1.png", "web/a-p2.png"]


def test_a_photo_that_came_again_counts_once_and_anew(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    done(settings, "a.png")
    root = done(settings, "x.png", "a.png")  # another seed: another picture

    answer = exported(settings)

    assert "2 photos in, 2 out" in told(list(answer.lines()))
    (again,) = (each for each in answer.exported.plan.pictures if each.photo == "a.png")
    assert again.path == result_of(root, "a-2_for-web.png")
    assert again.name == "web/a.png"


def test_a_photo_in_work_is_told(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    root = done(settings, "a.png")
    daemon = Daemon(settings, engine=ScriptedEngine())
    try:
        (root / "inbox" / "kunde" / "b.png").write_bytes((root / "archiv" / "kunde" / "a.png").read_bytes())
        daemon.recover()
        while (scan := daemon.parts.inbox_loop.turn(urgent=True)) and scan.incomplete:
            daemon.parts.watcher.wait(scan.next_look_seconds, threading.Event())

        assert "  b.png: it is still in work" in list(exported(settings).lines())
    finally:
        daemon.close()


def test_an_unknown_order_is_told_with_the_one_that_was_meant(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    done(settings, "a.png", order="schuhe")

    for wrong in ("schue", "../schuhe", "", "."):
        with pytest.raises(BadSettings, match="There is no order"):
            exported(settings, wrong)
    with pytest.raises(BadSettings, match='Did you mean "schuhe"'):
        exported(settings, "schue")


@pytest.mark.parametrize("place", ["inbox", "gut/x", "failed", "archiv/y", ".freisteller", "", "ungenügend"])
def test_an_export_never_lands_where_photos_or_results_are_looked_for(tmp_path: Path, place: str) -> None:
    settings = settings_with(tmp_path)
    root = done(settings, "a.png")

    with pytest.raises(BadSettings, match="Name a folder outside of it"):
        exported(settings, out_dir=root / place)


def test_an_export_lies_where_out_says(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    done(settings, "a.png")

    answer = exported(settings, out_dir=tmp_path / "new" / "shops")

    assert answer.exported.folder == tmp_path / "new" / "shops" / "kunde"
    assert files(answer.exported.folder) == ["left_out.csv", "web/a.png"]


def test_nothing_of_an_export_is_taken_for_a_photo_or_a_result(tmp_path: Path) -> None:
    """Neither by the intake nor by what looks for verdicts and results that people moved."""
    settings = settings_with(tmp_path)
    root = done(settings, "a.png")
    before = files(exported(settings).exported.folder)

    one_life(settings, ScriptedEngine(), lambda _: None)
    daemon = Daemon(settings, engine=ScriptedEngine())
    try:
        daemon.parts.verdicts.turn(settle_seconds=0)
        (row,) = daemon.parts.journal.latest(9)
    finally:
        daemon.close()

    assert all(not place.startswith("export/") for place in row.results)
    assert files(root / "export" / "kunde") == before
    assert exported(settings).exported.photos == 1


def test_a_picture_that_goes_while_it_is_exported_leaves_the_earlier_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_with(tmp_path)
    root = done(settings, "a.png")
    exported(settings)
    (root / "export" / "kunde" / "manifest.json").touch()
    before = (root / "export" / "kunde" / "manifest.json").read_bytes()

    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(whole_export, "copy_picture", broken)
    with pytest.raises(RootAway, match="Input/output error"):
        exported(settings)

    assert (root / "export" / "kunde" / "manifest.json").read_bytes() == before


def test_lists_are_written_where_the_addresses_are_known(tmp_path: Path) -> None:
    wanted = {"shopify": PLAIN, "google": PLAIN, "own": PLAIN}
    settings = settings_with(tmp_path, renditions=wanted, products={"pattern": "{sku}_{position}_{title}"})
    settings = settings.model_copy(update={"export": settings.export.model_copy(update={"woocommerce": "own"})})
    root = done(settings, "A_1_Hut.png", "A_2_Hut.png", "B_1_Schuh.png")

    without = exported(settings)
    answer = exported(settings, base_url="https://pictures.example/{order}")

    assert sum("it needs the address where the pictures will be" in line for line in without.lines()) == 3
    assert "lists to import: shopify.csv, google.tsv, woocommerce.csv" in list(answer.lines())
    assert [each["written"] for each in answer.values()["lists"]] == [True, True, True]
    (folder,) = (root / "export").glob("kunde")
    table = csv.DictReader(io.StringIO((folder / "woocommerce.csv").read_text("utf-8")))
    urls = {row["SKU"]: row["Images"] for row in table}
    assert list(urls) == ["A", "B"]
    for url in urls["A"].split(", "):
        path, digest = url.removeprefix("https://pictures.example/kunde/").split("?v=")
        assert hashlib.sha256((folder / path).read_bytes()).hexdigest().startswith(digest)
    assert exported(settings).is_whole  # the lists of the earlier export are taken away with it
    assert not (folder / "woocommerce.csv").exists()


def test_a_product_that_one_list_cannot_take_is_told_and_its_pictures_are_there(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, renditions={"google": PLAIN}, products={"pattern": "{sku}_{position}"})
    root = done(settings, "-A_1.png", "B_1.png")

    answer = exported(settings, base_url="https://pictures.example")

    assert sum("-A is not in google.tsv" in line for line in answer.lines()) == 1
    assert not answer.is_whole
    assert "-A is not in google.tsv" in (root / "export/kunde/left_out.csv").read_text("utf-8-sig")
    assert len(list((root / "export/kunde/google").iterdir())) == 2


def test_a_bad_address_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    root = done(settings, "a.png")

    with pytest.raises(BadSettings, match="must be an address"):
        exported(settings, base_url="pictures.example")

    assert not (root / "export").exists()


def test_photos_that_the_journal_has_forgotten_are_exported_by_their_reports(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    root = done(settings, "old.png", "sub/older.png")
    done(settings, "other.png", order="another")
    daemon = Daemon(settings, engine=ScriptedEngine())
    try:
        assert daemon.parts.journal.prune(2.0**40, 9) == 3
    finally:
        daemon.close()
    done(settings, "new.png")
    (root / "gut" / "kunde").mkdir(parents=True, exist_ok=True)
    (root / "gut" / "kunde" / "stranger.json").write_text("[]", "utf-8")

    answer = exported(settings)

    assert answer.exported.photos == 3
    assert [each.name for each in answer.exported.plan.pictures] == ["web/new.png", "web/old.png", "web/sub/older.png"]
    assert [each.photo for each in exported(settings, "another").exported.plan.pictures] == ["other.png"]
