"""`freisteller install`: writes the systemd unit and the settings file of one hot folder."""

import json
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from daemon.disk.shipped import shipped
from daemon.errors import BadSettings

SHIPPED_PROGRAM = "/opt/freisteller/bin/freisteller"
SHIPPED_DOCUMENT = "Documentation=file:///opt/freisteller/docs/operations.md"
SHIPPED_WEIGHTS = "/opt/freisteller/weights"
UNITS, SETTINGS, STATE = "etc/systemd/system", "etc/freisteller", "/var/lib/freisteller"
USER = "freisteller"  # as in the shipped unit
FIRST_PORT = 9108
# The unit hides these folders from the service or gives it empty ones. A hot folder below them is let in by name.
HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")


@dataclass(frozen=True, slots=True)
class Installation:
    """What to install. name: tells several hot folders apart; "" = there is one. prefix: "/", except for packagers."""

    root: Path
    user: str = USER
    name: str = ""
    prefix: Path = Path("/")

    @property
    def unit(self) -> str:
        """The name of the systemd service."""
        return f"freisteller@{self.name}" if self.name else "freisteller"

    @property
    def settings_path(self) -> Path:
        """Its settings file, below the prefix."""
        return self.prefix / SETTINGS / f"{self.name or 'freisteller'}.toml"


def check(wanted: Installation) -> None:
    """Raises BadSettings if systemd or TOML could misread these names."""
    if not wanted.root.is_absolute() or not str(wanted.root).isprintable():
        raise BadSettings(f"--root {str(wanted.root)!r} must be an absolute path without line breaks.")
    if not re.fullmatch(r"[a-z_][a-z0-9_-]{0,30}", wanted.user):
        raise BadSettings(f"--user {wanted.user!r} is no user name: use small letters, digits, - and _.")
    if wanted.name and (not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", wanted.name) or wanted.name == "freisteller"):
        raise BadSettings(
            f"--name {wanted.name!r} cannot be used: use letters, digits, dots, - and _, but not freisteller."
        )


def plan(wanted: Installation, *, keep_settings: bool = False) -> dict[Path, str]:
    """The files to write, by their path below the prefix.

    keep_settings: leave an existing settings file as it is. Without it, raises BadSettings if that file differs.
    """
    check(wanted)
    service = "freisteller@.service" if wanted.name else "freisteller.service"
    units = wanted.prefix / UNITS
    files = {units / service: _unit(service), units / f"{wanted.unit}.service.d" / "install.conf": _drop_in(wanted)}
    if keep_settings and wanted.settings_path.exists():
        return files
    text = _settings(wanted)
    if wanted.settings_path.exists() and wanted.settings_path.read_text("utf-8") != text:
        raise BadSettings(
            f"{wanted.settings_path} exists and differs from what we would write, so nothing was written. "
            "Keep it with --keep-config, or move it away."
        )
    return {**files, wanted.settings_path: text}


def write(files: dict[Path, str]) -> tuple[Path, ...]:
    """Write the files that are new or differ, each whole or not at all, and return them. Raises BadSettings."""
    changed = []
    for path, text in files.items():
        if path.exists() and path.read_text("utf-8") == text:
            continue
        scratch = path.with_name(f".{path.name}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            scratch.write_text(text, "utf-8")
            scratch.chmod(0o644)  # whatever the umask of root is: the daemon reads its settings as another user
            scratch.replace(path)
        except PermissionError as error:
            raise BadSettings(f"{path} cannot be written: use sudo, or look first with --dry-run.") from error
        changed.append(path)
    return tuple(changed)


def next_commands(wanted: Installation) -> tuple[str, str, str]:
    """What a person runs next: make the user and the folder, start the service, check it."""
    user, root = wanted.user, shlex.quote(str(wanted.root))
    config = f"/{SETTINGS}/{wanted.settings_path.name}"
    environment = f" {shlex.quote(f'U2NET_HOME={weights}')}" if (weights := _weights()) else ""
    return (
        f"id {user} >/dev/null 2>&1 || sudo useradd --system --user-group --home-dir {STATE} "
        f"--shell /usr/sbin/nologin {user}; sudo install -d -o {user} -g {user} -m 2770 {root}",
        f"sudo systemctl daemon-reload && sudo systemctl enable --now {wanted.unit}",
        f"sudo -u {user}{environment} {shlex.quote(str(_program()))} doctor --config {shlex.quote(config)}",
    )


def _program() -> Path:
    return Path(sys.prefix).absolute() / "bin" / "freisteller"


def _unit(service: str) -> str:
    """The shipped unit with the paths of this installation."""
    text = shipped("systemd", service).read_text("utf-8")
    text = text.replace(SHIPPED_PROGRAM, _quoted(str(_program())))
    text = text.replace(SHIPPED_DOCUMENT, _documented(SHIPPED_DOCUMENT))
    line = f"Environment=U2NET_HOME={SHIPPED_WEIGHTS}"
    weights = _weights()
    return text.replace(line, f"Environment={_quoted(f'U2NET_HOME={weights}')}" if weights else f"# {line}")


def _weights() -> Path | None:
    """The folder of weights beside the program, if somebody fetched some there."""
    folder = _weights_folder()
    return folder if folder.is_dir() else None


def _weights_folder() -> Path:
    return Path(sys.prefix).absolute() / "weights"


def _documented(line: str) -> str:
    """The line Documentation= with the runbook that came with this program; a comment if it was left out of it."""
    try:
        page = shipped("docs", "operations.md").absolute()
    except FileNotFoundError:  # some distributions leave documents out
        return f"# {line}"
    return f"Documentation={page.as_uri().replace('%', '%%')}"


def warnings() -> tuple[str, ...]:
    """What would keep the service from starting or from working, with what to do about it."""
    return (*_unseen(), *_without_weights())


def _unseen() -> Iterator[str]:
    """Of the program, its package and its Python, those that the unit hides from the service."""
    places = (Path(sys.prefix), Path(__file__).parents[1], Path(sys.base_prefix))
    known = dict.fromkeys(each for place in places for each in (place.absolute(), place.resolve()))
    hidden = [place for place in known if any(place.is_relative_to(each) for each in HIDDEN)]
    outer = [place for place in hidden if not any(other in place.parents for other in hidden)]
    if outer:
        yield (
            f"The service cannot see {' and '.join(map(str, outer))}: its unit hides home and temporary folders "
            "(ProtectHome, PrivateTmp). Install Freisteller into /opt/freisteller first, with a Python that lies "
            "elsewhere: /usr/bin/python3 -m venv /opt/freisteller"
        )


def _without_weights() -> Iterator[str]:
    """The built-in engine without its weights, which the network rules of the unit keep from being fetched later."""
    folder = _weights_folder()
    if find_spec("onnxruntime") and not any(folder.glob("*.onnx")):
        fetch = f"sudo {shlex.quote(f'U2NET_HOME={folder}')} {shlex.quote(str(_program()))} models fetch u2netp"
        yield (
            f"No weights of the built-in engine are in {folder}, and the service may not fetch any. Unless ComfyUI "
            f"does the work, fetch them, then install again: {fetch}"
        )


def _drop_in(wanted: Installation) -> str:
    """The settings of this hot folder that the unit cannot know."""
    root = _quoted(str(wanted.root))
    hidden = any(PurePosixPath(wanted.root).is_relative_to(place) for place in HIDDEN)
    lines = [
        "# Written by `freisteller install`, which also replaces it. Put your own changes into another drop-in:",
        f"# systemctl edit {wanted.unit}",
        "[Service]",
        f"User={wanted.user}",
        f"Group={wanted.user}",
        f"ReadWritePaths=-{root}" if not root.startswith('"') else f'ReadWritePaths="-{root[1:]}',
    ]
    if hidden:
        lines += [
            "# The service sees nothing else of that folder. The hot folder must exist when the service starts.",
            "ProtectHome=tmpfs",
            f"BindPaths={root.replace(':', chr(92) + ':')}",
        ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """The text as one word for systemd.syntax(7): specifiers doubled, in quotes if it needs them."""
    text = text.replace("%", "%%")
    if re.fullmatch(r"[^\s\"'\\]+", text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _settings(wanted: Installation) -> str:
    """The shipped settings with this hot folder, its state directory and a port that no other hot folder has."""
    state = f"{STATE}/{wanted.name}" if wanted.name else STATE
    lines = shipped("config", "freisteller.toml").read_text("utf-8").splitlines()
    for shipped_line, line in (
        ('root = "hotfolder"', f"root = {json.dumps(str(wanted.root), ensure_ascii=False)}"),
        ('state_dir = ""', f'state_dir = "{state}"'),
        (f'bind = "127.0.0.1:{FIRST_PORT}"', f'bind = "127.0.0.1:{_free_port(wanted)}"'),
    ):
        lines[lines.index(shipped_line)] = line
    return "\n".join(lines) + "\n"


def _free_port(wanted: Installation) -> int:
    """The first port that no other settings file names. Raises BadSettings if one names the same hot folder."""
    taken: set[str] = set()
    for path in sorted((wanted.prefix / SETTINGS).glob("*.toml")):
        if path == wanted.settings_path:
            continue
        try:
            values = tomllib.loads(path.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError):
            continue  # the daemon that uses it reports that
        if values.get("root") == str(wanted.root):
            raise BadSettings(f"The hot folder {wanted.root} already has a settings file, {path}. Use that one.")
        http = values.get("http")
        taken.add(str(http.get("bind", "")).rpartition(":")[2] if isinstance(http, dict) else str(FIRST_PORT))
    return next(port for port in range(FIRST_PORT, 65536) if str(port) not in taken)
