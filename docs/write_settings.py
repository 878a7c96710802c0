"""Writes docs/settings.md from the tree of the settings: each key with its default and what is allowed.

Run it from the checkout after you changed a setting: python docs/write_settings.py. What a key does is the comment
above it in config/freisteller.toml. `tests/test_settings_page.py` fails if somebody forgot to run it.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from daemon.settings.rendition_section import RenditionSettings
from daemon.settings.shop_section import ShopSettings
from daemon.settings.tree import Order, Settings

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "config" / "freisteller.toml"
PAGE = ROOT / "docs" / "settings.md"
HEAD = """# Settings

For whoever changes a settings file. Made by `docs/write_settings.py` from the settings themselves.
`config/freisteller.toml` is the same as a file to begin with, and as it is it changes nothing. Behind each key stands
its default and, in brackets, what is allowed.

- A file is named by `--config`, e.g. `freisteller run --config freisteller.toml`.
- An environment variable overrides a key, e.g. `FREISTELLER__INTAKE__QUIET_SECONDS=5`; lists and tables are written as
  JSON. A flag of the command line overrides both.
- An unknown key or a bad value ends the start with exit code 2, and the message names the key and what is allowed.
- A `freisteller.toml` in a folder of `inbox/` is an [order](studio.md#orders-one-customer-wants-something-else).
  It may set ORDER.
- Secrets are better kept as [credentials](operations/install.md#6-prometheus-and-grafana) than in the file.
"""
RANGES = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


def comments() -> dict[str, str]:
    """What config/freisteller.toml says of each key. Keys that share a comment each have it."""
    found: dict[str, str] = {}
    section, said, after_key = "", [""], False
    for line in SHIPPED.read_text("utf-8").splitlines():
        if header := re.match(r"\[([\w.]+)\]", line):
            section, said, after_key = header[1] + ".", [], False
        elif line.startswith("#"):
            said = [*([] if after_key else said), line.removeprefix("#")]
            after_key = False
        elif key := re.match(r"(\w+) = ", line):
            found[section + key[1]] = _flowing(said)
            after_key = True
        elif not line.strip():
            said = []
    return found


def _flowing(lines: list[str]) -> str:
    """The lines of a comment as one paragraph; examples that stand on lines of their own become code."""
    shown = (f"`{line.strip()}`" if line.startswith("   ") else line.strip() for line in lines)
    return " ".join(shown).strip()


def keys(tree: type[BaseModel], path: str = "") -> Iterator[tuple[str, str, FieldInfo]]:
    """Each section, key and field of the tree: what stands at the top first, then section by section."""
    inner: list[tuple[str, type[BaseModel]]] = []
    for name, field in tree.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            inner.append((f"{path}.{name}".lstrip("."), kind))
        else:
            yield path, name, field
    for deeper, section in inner:
        yield from keys(section, deeper)


def allowed(field: FieldInfo) -> str:
    """What a key may be, in words: its kind and its range."""
    limits = [
        f"{words} {getattr(each, sign):g}"
        for each in field.metadata
        for sign, words in RANGES.items()
        if getattr(each, sign, None) is not None
    ]
    return ", ".join([_kind(field.annotation), *limits])


def _kind(kind: Any) -> str:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " or ".join(f'`"{each}"`' for each in inner)
    if origin in {Union, UnionType}:
        return " or ".join(dict.fromkeys(_kind(each) for each in inner))
    if origin is tuple:
        return "a list of tables" if isinstance(inner[0], type) and issubclass(inner[0], BaseModel) else "a list"
    if origin is dict:
        return "a table"
    return {bool: "true or false", int: "a whole number", float: "a number"}.get(kind, "text")


def page() -> str:
    """The whole document."""
    said, shipped = comments(), tomllib.loads(SHIPPED.read_text("utf-8"))
    order = ", ".join(f"`[{name}]`" for name in Order.model_fields)
    parts, last = [HEAD.replace("ORDER", order)], None
    for section, name, field in keys(Settings):
        if not section and name in {"families", "models", "renditions", "shops"}:
            continue  # tables of the user's own: see the end
        if section != last:
            parts.append(f"\n## {section or 'At the top of the file'}\n\n")
            last = section
        value: Any = shipped
        for part in [*filter(None, section.split(".")), name]:
            value = value[part]
        key = f"{section}.{name}".lstrip(".")
        parts.append(f"- **`{name}`** = {_default(value)} ({allowed(field)}). {said[key]}\n")
    parts.extend(rendition_keys())
    parts.extend(shop_keys())
    parts.append(
        "\n## families, models\n\nYour own ComfyUI models and nodes, as tables in this file or in files of `models.d/` "
        "beside it; [their form](../workflows/comfyui/README.md).\n"
    )
    return "".join(parts)


def rendition_keys() -> Iterator[str]:
    """The keys of a rendition, which has a name that people choose."""
    yield (
        "\n## renditions.NAME\n\nPictures for shops, made of each result. NAME is your own: lower-case letters, digits "
        "and dashes; it becomes part of a file's name. An order's renditions come beside those of the settings, or in "
        "the place of those with the same name. A key that is not set has the value of the preset; the defaults below "
        "are those without a preset.\n\n"
    )
    fields = RenditionSettings.model_fields
    first, behind = ("preset",), {"background": ("backgrounds",)}
    moved = {*first, *(name for names in behind.values() for name in names)}
    others = (each for name in fields if name not in moved for each in (name, *behind.get(name, ())))
    for name in (*first, *others):
        default = json.loads(json.dumps(fields[name].default))
        yield f"- **`{name}`** = {_default(default)} ({allowed(fields[name])}). {fields[name].description}\n"


def shop_keys() -> Iterator[str]:
    """The keys of a shop, which has a name that people choose."""
    yield (
        "\n## shops.NAME\n\nShops that [pictures are sent to](shops.md#sending-to-a-shop). NAME is your own: "
        "lower-case letters, digits and dashes. `kind` and `rendition` have no default: they must be set.\n\n"
    )
    for name, field in ShopSettings.model_fields.items():
        default = "" if field.is_required() else f" = {_default(_plain(field.default))}"
        yield f"- **`{name}`**{default} ({allowed(field)}). {field.description}\n"


def _plain(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _default(value: Any) -> str:
    """The default as the settings file writes it. A list of tables is too long for a line."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "see `config/freisteller.toml`"
    return f"`{json.dumps(value, ensure_ascii=False)}`"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
