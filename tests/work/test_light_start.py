"""What a worker process and `freisteller process` import: each library costs every start of every user."""

import subprocess
import sys
import tomllib
from pathlib import Path

from tests.drawing import save_photo
from tests.processes import freisteller
from tests.web.test_port_of_a_daemon import imported

NOT_FOR_PIXELS = {
    "pydantic", "pydantic_settings", "typer", "rich", "sqlite3", "requests", "urllib3", "prometheus_client", "watchdog",
    "websocket", "onnxruntime", "rembg", "PIL", "scipy", "skimage", "numba", "pymatting", "jinja2", "tomlkit",
    "uvicorn",
}  # fmt: skip
NOT_FOR_PROCESS = {
    "sqlite3", "requests", "prometheus_client", "watchdog", "websocket", "scipy", "skimage", "numba", "pymatting",
    "jsonschema", "jinja2", "tomlkit", "uvicorn", "starlette", "rembg", "PIL",
}  # fmt: skip

SCRIPT = """
import sys
from {module} import {function}
if __name__ == "__main__":
    from daemon.work import worker_process
    from tests.work.loaded_modules import send_packages

    worker_process.prepare()
    ours, theirs = worker_process._CONTEXT.Pipe()
    process = worker_process._CONTEXT.Process(target=send_packages, args=(theirs,))
    process.start()
    print(*ours.recv())
    process.join()
"""
"""What pip makes of [project.scripts], as far as a worker process runs it again; then it starts such a process."""


def test_a_worker_of_the_installed_command_has_only_what_pixels_need(tmp_path: Path) -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    module, _, function = project["project"]["scripts"]["freisteller"].partition(":")
    script = tmp_path / "freisteller"
    script.write_text(SCRIPT.format(module=module, function=function))

    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, timeout=120)

    packages = set(done.stdout.split())
    assert packages >= {"daemon", "cv2", "pyvips", "numpy"}
    assert packages & NOT_FOR_PIXELS == set()


def test_process_imports_no_library_of_the_daemon_or_of_other_models(tmp_path: Path) -> None:
    photo = save_photo(tmp_path / "cup.jpg")

    done = freisteller("process", str(photo), "--out", "out", folder=tmp_path, PYTHONPROFILEIMPORTTIME="1")

    assert done.returncode == 0, done.stdout
    assert imported(done.stderr) >= {"daemon", "onnxruntime"}
    assert imported(done.stderr) & NOT_FOR_PROCESS == set()
