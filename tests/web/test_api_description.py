"""The API's description is a valid document, has every route of the API, and is true."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import schemathesis

from daemon.settings.http_section import HttpSettings
from daemon.web.access.all_users import Users
from daemon.web.access.user_rows import Scope
from daemon.web.api.api_description import description
from daemon.web.app import WAYS
from daemon.web.callers import Role
from daemon.web.removebg.asked_layout import CHOICES, GROUNDS, SOURCES
from tests.drawing import drawn_photo, save_photo
from tests.web.doors import HASH, TESTER
from tests.web.live_daemon import live_daemon

PUBLIC = [way for way in WAYS if way.summary]
EXAMPLES = 4
STREAMS = ("/api/v1/events$",)
"""They have no end; tests/web/test_event_stream.py reads them."""


def test_the_document_is_valid() -> None:
    schemathesis.openapi.from_dict(json.loads(json.dumps(description(WAYS)))).validate()


def test_it_names_every_route_of_the_api() -> None:
    paths = description(WAYS)["paths"]
    assert isinstance(paths, dict)
    described = {(method.upper(), path) for path, methods in paths.items() for method in methods}

    assert described == {(way.method, re.sub(r":\w+}", "}", way.path)) for way in PUBLIC}
    assert {path for _, path in described if path.startswith("/api/")} == {
        re.sub(r":\w+}", "}", way.path) for way in WAYS if way.path.startswith("/api/")
    }


def test_the_routes_of_remove_bg_are_described_with_their_own_errors() -> None:
    document = json.loads(json.dumps(description(WAYS)))
    cut, account = document["paths"]["/v1.0/removebg"]["post"], document["paths"]["/v1.0/account"]["get"]

    assert {*cut["requestBody"]["content"]} == {
        "multipart/form-data",
        "application/x-www-form-urlencoded",
        "application/json",
    }
    fields = cut["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert {*SOURCES, *GROUNDS, *CHOICES, "roi", "crop_margin", "scale", "position", "bg_color"} == {*fields}
    for operation in (cut, account):
        assert "errors" in operation["responses"]["default"]["content"]["application/json"]["schema"]["properties"]


def test_what_status_answers_is_described() -> None:
    status = json.loads(json.dumps(description(WAYS)))["components"]["schemas"]["Status"]

    assert {*status["required"]} <= {*status["properties"]}
    assert "jobs" not in status["required"]


def test_operations_have_different_names() -> None:
    text = json.dumps(description(WAYS))
    names = re.findall(r'"operationId": "([^"]+)"', text)

    assert len(names) == len(set(names)) == len(PUBLIC)


def test_every_reference_leads_somewhere() -> None:
    document = json.loads(json.dumps(description(WAYS)))

    for name in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)):
        assert name in document["components"]["schemas"]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    save_photo(tmp_path / "drawn.png", drawn_photo(96, 72))
    photo = (tmp_path / "drawn.png").read_bytes()
    with live_daemon(tmp_path) as daemon:
        daemon.engine.go.set()
        sent = daemon.ask("POST", "/api/v1/photos?name=a.png", photo, {"Prefer": "wait=20"})
        assert sent.status == 201
        token = _token(tmp_path / "state")
        headers = {"Authorization": f"Bearer {token}"}
        document = json.loads(daemon.ask("GET", "/api/v1/openapi.json", headers=headers).body)
        (tmp_path / "openapi.json").write_text(_with_job(document, json.loads(sent.body)["id"]))
        url = f"http://{daemon.address[0]}:{daemon.address[1]}"

        run = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")),
                *("run", "openapi.json", "--url", url, "-H", f"Authorization: Bearer {token}"),
                *("--max-examples", str(EXAMPLES), "--phases", "examples,coverage,fuzzing", "--seed", "1"),
                *("--exclude-checks", "positive_data_acceptance"),  # no schema says what a photo or a cursor of ours is
                *("--exclude-path-regex", "|".join(STREAMS), "--request-timeout", "20", "--no-color"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=380,
            check=False,
        )

    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]


def _with_job(document: dict[str, Any], job_id: str) -> str:  # Any: JSON
    """The description with a job that there is, so that not every answer is a 404."""
    for methods in document["paths"].values():
        for operation in methods.values():
            for parameter in operation["parameters"]:
                if parameter["name"] == "job_id":
                    parameter["example"] = job_id
    return json.dumps(document)


def _token(state: Path) -> str:
    """Of an admin, whom this makes."""
    with Users(state, HttpSettings(), time.time) as users:
        users.rows.add("anna", Scope(Role.ADMIN), HASH, TESTER, time.time())
        return users.tokens.add("anna", "test", Scope(Role.ADMIN), TESTER, (time.time(), time.time() + 86400))
