"""The house keeps its order: who imports whom, who may use which library, what is pure, and how big things get."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import daemon
from benchmarks.house import (
    LOOSE,
    Module,
    imports_between,
    read,
    same_base_names,
    same_class_names,
)

PACKAGE = Path(daemon.__file__).parent
CHECKOUT = Path(__file__).parent.parent
MODULES = read(PACKAGE)

LOOSE_MODULES = {"__init__", "__main__", "errors", "arrays", "states"}
"""The only modules that lie in no room: the words that every room uses."""

ORDER = (
    "jobs",
    "disk", "settings", "logs", "words",
    "judgement", "pictures", "engines", "renditions",
    "journal", "observe", "hotfolder", "intake",
    "publishing", "work", "cluster", "people",
    "contact_sheet", "exports", "shops", "notify", "web", "service", "commands", "cli",
)  # fmt: skip
"""The rooms. Each imports only from rooms before it, from itself, and from the loose modules."""

OWNERS = {
    "distributed": {"cluster/dask_link.py"},
    "defusedxml": {"pictures/xmp.py"},
    "jinja2": {"contact_sheet/html_sheet.py", "web/templates.py"},
    "onnxruntime": {"engines/onnx/onnx_session.py"},
    "pillow_heif": {"pictures/heic.py"},
    "prometheus_client": {"observe/metrics.py"},
    "pydantic_settings": {"settings/read_settings.py", "settings/tree.py"},
    "pynvml": {"observe/gpu.py"},
    "pyvips": {"pictures/vips.py"},
    "rawpy": {"pictures/camera_raw.py"},
    "certifi": {"engines/comfyui/answer_limits.py"},
    "requests": {"engines/onnx/download.py", "shops/http_door.py"},
    "rich": {"commands/", "cli/"},
    "starlette": {"web/"},
    "uvicorn": {"web/web_server.py", "web/guarded_connection.py"},
    "argon2": {"web/access/"},
    "authlib": {"web/access/oidc_tokens.py"},
    "joserfc": {"web/access/oidc_tokens.py"},
    "python_multipart": {"web/"},
    "sqlite3": {"journal/database.py", "web/access/users_file.py"},
    "systemd": {"logs/journald.py"},
    "tomlkit": {"commands/write_thresholds.py"},
    "typer": {"cli/"},
    "urllib3": {"engines/comfyui/", "engines/onnx/download.py"},
    "watchdog": {"intake/event_listener.py"},
    "websocket": {"engines/comfyui/web_socket.py"},
}
"""Who opens the door to a library: modules, or whole rooms (with a slash)."""

EVERYWHERE = {"numpy", "cv2", "pydantic"}
"""The common tongue of pictures and values: no module owns these."""

IMPURE = {"time", "datetime", "os", "pathlib", "io", "socket", "logging", "threading", "random", "subprocess"}

MOST_LINES = 250
MOST_LINES_OF_A_FUNCTION = 50
MOST_ARGUMENTS = 7


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The groups of nodes that reach each other: each a circle, or several that share a node."""
    reached = {node: set(reachable(node, graph)) for node in graph}
    groups = {frozenset(other for other in reached[node] if node in reached[other]) for node in graph}
    return sorted(sorted(group) for group in groups if group)


def reachable(start: str, graph: dict[str, set[str]]) -> Iterator[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for node in graph[waiting.pop()] - seen:
            seen.add(node)
            waiting.append(node)
            yield node


def users_of(library: str) -> set[str]:
    return {module.path for module in MODULES for name, _ in module.imports if name.split(".")[0] == library}


def is_a_state(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "State"


def names_a_state(node: ast.AST) -> bool:
    return any(is_a_state(below) for below in ast.walk(node))


def test_the_imported_daemon_is_ours() -> None:
    assert PACKAGE == CHECKOUT / "daemon"
    assert (PACKAGE / "work" / "pipeline.py").is_file()


def test_every_module_stands_in_a_room_that_the_order_knows() -> None:
    assert {module.room for module in MODULES} == {LOOSE, *ORDER}


def test_no_other_modules_lie_loose() -> None:
    assert {module.base_name for module in MODULES if module.room == LOOSE} == LOOSE_MODULES


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.path)
def test_a_room_imports_only_from_rooms_before_it(module: Module) -> None:
    if module.base_name in {"__init__", "__main__"} and module.room == LOOSE:
        return
    here = -1 if module.room == LOOSE else ORDER.index(module.room)

    for name, line in module.imports:
        parts = name.split(".")
        if parts[0] == "daemon" and len(parts) > 1 and parts[1] in ORDER:
            assert ORDER.index(parts[1]) <= here, f"daemon/{module.path}:{line} imports {name}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(imports_between(MODULES)) == []


def test_a_circle_of_imports_would_be_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}

    assert circles(graph) == [["b", "c"]]


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_has_one_door(library: str) -> None:
    strangers = {path for path in users_of(library) if not path.startswith(tuple(OWNERS[library]))}

    assert not strangers, f"{strangers} use {library}, whose door is {OWNERS[library]}"


def test_every_library_has_an_owner() -> None:
    used = {name.split(".")[0] for module in MODULES for name, _ in module.imports}

    assert used - sys.stdlib_module_names - {"daemon", "freisteller_command"} <= OWNERS.keys() | EVERYWHERE


def test_the_judgement_is_pure() -> None:
    for module in MODULES:
        if module.room == "judgement":
            used = {name.split(".")[0] for name, _ in module.imports}
            assert not used & IMPURE, f"{module.path} uses {used & IMPURE}"


def test_no_two_modules_have_one_name() -> None:
    assert same_base_names(MODULES) == []


def test_no_two_public_classes_have_one_name() -> None:
    assert same_class_names(MODULES) == []


def test_no_module_is_long() -> None:
    long = {module.path: module.lines for module in MODULES if module.lines > MOST_LINES}

    assert not long, f"over {MOST_LINES} lines: {long}"


def test_a_function_fits_a_screen() -> None:
    long = {
        str(function): module.path
        for module in MODULES
        for function in module.functions
        if function.size > MOST_LINES_OF_A_FUNCTION
    }

    assert not long, f"over {MOST_LINES_OF_A_FUNCTION} lines: {long}"


def test_no_constructor_takes_many_arguments() -> None:
    many = {
        str(constructor): module.path
        for module in MODULES
        for constructor in module.constructors
        if constructor.size > MOST_ARGUMENTS
    }

    assert not many, f"over {MOST_ARGUMENTS} arguments: {many}"


def test_states_are_compared_in_their_table_and_in_the_journal_only() -> None:
    comparing = {
        module.path: node.lineno
        for module in MODULES
        if module.path != "states.py" and module.room != "journal"
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.Compare) and names_a_state(node))
        or (isinstance(node, ast.MatchValue) and is_a_state(node.value))
    }

    assert not comparing, f"states.py has what these need: {comparing}"


def test_where_a_job_stands_is_told_by_values_alone() -> None:
    """What `where_it_stands` leads to is functions of its own module that call one another and nothing else."""
    tree = ast.parse((PACKAGE / "publishing" / "publication.py").read_text("utf-8"))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    (table,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign)
        and ast.unparse(node.target) == "_BY_STATE"
        and isinstance(node.value, ast.Dict)
    )

    answers = {ast.unparse(value) for value in table.values} | {"_lost"}
    for name in ("where_it_stands", *answers):
        calls = {ast.unparse(node.func) for node in ast.walk(functions[name]) if isinstance(node, ast.Call)}
        assert calls <= answers | {"_BY_STATE[row.job.state]"}, f"{name} calls {calls}"


def test_tests_lie_in_folders_named_like_rooms() -> None:
    folders = {path.parent.name for path in (CHECKOUT / "tests").glob("*/test_*.py")}

    assert folders <= set(ORDER)


def test_every_module_says_its_duty_in_its_first_line() -> None:
    for module in MODULES:
        assert ast.get_docstring(module.tree), f"daemon/{module.path} has no docstring"


def test_no_module_reads_the_environment_but_the_settings() -> None:
    readers = {module.path for module in MODULES if "os.environ" in (PACKAGE / module.path).read_text("utf-8")}

    # onnx_session.py tells ONNX Runtime to report to nobody; journald.py and systemd.py speak systemd's protocols.
    assert readers <= {
        "settings/engine_sections.py",
        "settings/read_settings.py",
        "settings/setting_places.py",
        "settings/tree.py",
        "engines/onnx/onnx_session.py",
        "logs/journald.py",
        "service/systemd.py",
    }
