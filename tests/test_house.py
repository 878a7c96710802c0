"""The house keeps its order: who may import whom, who opens the door to which library, and what is pure."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import daemon

PACKAGE = Path(daemon.__file__).parent
CHECKOUT = Path(__file__).parent.parent

LOOSE = {"__init__", "__main__", "errors", "arrays", "jobs", "states"}
"""The only modules that lie in no room: the words that every room uses."""

ORDER = (
    "disk", "settings", "logs",
    "judgement", "pictures", "engines",
    "journal", "observe", "hotfolder", "intake",
    "publishing", "work", "people",
    "contact_sheet", "notify", "service", "commands", "cli",
)  # fmt: skip

OWNERS = {
    "pyvips": {"pictures/vips.py"},
    "watchdog": {"intake/watcher.py"},
    "requests": {"engines/comfyui/http_client.py"},
    "websocket": {"engines/comfyui/event_socket.py"},
    "rembg": {"engines/local.py"},
    "onnxruntime": {"engines/local.py"},
    "PIL": {"engines/local.py"},
    "pillow_heif": {"pictures/heic.py"},
    "rawpy": {"pictures/camera_raw.py"},
    "prometheus_client": {"observe/metrics.py"},
    "pynvml": {"observe/gpu.py"},
    "pydantic_settings": {"settings/load.py", "settings/tree.py"},
    "sqlite3": {"journal/database.py"},
    "typer": {"cli/main.py"},
    "skimage": {"judgement/ssim.py"},
    "systemd": {"logs/journald.py"},
}

IMPURE = {"time", "datetime", "os", "pathlib", "io", "socket", "logging", "threading", "random", "subprocess"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module":
            yield from (str(argument.value) for argument in node.args if isinstance(argument, ast.Constant))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_the_imported_daemon_is_ours() -> None:
    assert PACKAGE == CHECKOUT / "daemon"
    assert (PACKAGE / "work" / "pipeline.py").is_file()


def test_every_module_stands_in_a_room_that_the_order_knows() -> None:
    assert {room(path) for path in modules()} <= LOOSE | set(ORDER)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_from_rooms_above_it(path: Path) -> None:
    if room(path) in {"__init__", "__main__"}:
        return
    here = -1 if room(path) in LOOSE else ORDER.index(room(path))

    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "daemon" and len(parts) > 1 and parts[1] in ORDER:
            assert ORDER.index(parts[1]) <= here, f"{path.name} imports {name}"


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_has_one_door(library: str) -> None:
    users = {
        str(path.relative_to(PACKAGE))
        for path in modules()
        if any(name.split(".")[0] == library for name in imports(path))
    }

    assert users <= OWNERS[library]


def test_the_judgement_is_pure() -> None:
    for path in (PACKAGE / "judgement").glob("*.py"):
        used = {name.split(".")[0] for name in imports(path)}
        assert not used & IMPURE, f"{path.name} uses {used & IMPURE}"


def test_every_module_says_its_duty_in_its_first_line() -> None:
    for path in modules():
        said = ast.get_docstring(ast.parse(path.read_text("utf-8")))
        assert said, f"{path} has no docstring"


def test_no_module_reads_the_environment_but_the_settings() -> None:
    readers = {str(path.relative_to(PACKAGE)) for path in modules() if "os.environ" in path.read_text("utf-8")}

    # local.py and weights.py hand rembg its folder by the only way rembg takes it; journald.py and systemd.py speak
    # systemd's protocols.
    assert readers <= {
        "settings/engine_sections.py",
        "settings/load.py",
        "settings/tree.py",
        "engines/local.py",
        "engines/weights.py",
        "logs/journald.py",
        "service/systemd.py",
    }
