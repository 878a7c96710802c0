"""What settings and orders may say of products and exports, and what is said of a bad value."""

from pathlib import Path

import pytest

from daemon.errors import BadSettings
from daemon.settings import load, with_order


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ('[products]\npattern = "{sku"', "has brackets that do not fit together"),
        ('[products]\npattern = "{ean}"', "may hold {sku}, {title}, {position} and {any}, and nothing else"),
        ('[products]\npattern = "{sku}{position}"', "two fields side by side"),
        ('[products]\nlist = "../products.csv"', "must be the name of a file in the folder of the photos"),
        ('[products]\nlist = "products.xlsx"', "must be the name of a file in the folder of the photos"),
        ('[products]\nlist = "a.jpg"', "must be the name of a file in the folder of the photos"),
        ('[products]\nfolder = true', "Unknown setting products.folder"),
        ('[export]\nbase_url = "pictures.example"', 'must be an address like "https://pictures.example/{order}"'),
        ('[export]\nbase_url = "ftp://pictures.example"', "must be an address"),
        ('[export]\nbase_url = "https://bücher.example"', "must be an address"),
        ('[export]\nbase_url = "https://a b.example"', "must be an address"),
        ('[export]\nbase_url = "https://me:secret@pictures.example"', "must be an address"),
        ('[export]\nbase_url = "https://pictures.example/?x=1"', "must be an address"),
        ('[export]\nbase_url = "https://pictures.example/{sku}"', "must be an address"),
    ],
)  # fmt: skip
def test_a_bad_value_is_named_with_what_is_allowed(said: str, answer: str, tmp_path: Path) -> None:
    file = tmp_path / "studio.toml"
    file.write_text(said, "utf-8")

    with pytest.raises(BadSettings) as bad:
        load(file)

    assert answer in str(bad.value)


def test_an_order_changes_single_keys_of_both() -> None:
    settings = load(flags={"products": {"pattern": "{sku}"}, "export": {"base_url": "https://one.example"}})

    own = with_order(settings, {"products": {"by_folder": True}, "export": {"base_url": "https://two.example/{order}"}})

    assert (own.products.pattern, own.products.by_folder) == ("{sku}", True)
    assert own.export.base_url == "https://two.example/{order}"
