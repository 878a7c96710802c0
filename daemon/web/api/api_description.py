"""GET /api/v1/openapi.json: the API described for programs (OpenAPI 3.1), made from the table of routes."""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby

from starlette.requests import Request
from starlette.responses import Response

from daemon import __version__
from daemon.web.api.api_schemas import SCHEMAS
from daemon.web.api.schema_parts import named
from daemon.web.callers import Role
from daemon.web.json_answer import as_json
from daemon.web.site import Site
from daemon.web.ways import Way

TEXT = (
    "Every photo that comes in by this API is a photo like any other. Errors are problem details (RFC 9457); their "
    "`type` never changes. On a port of this machine alone, and as long as there is no user, nobody has to log in."
)
_PARAMETER = re.compile(r"{(\w+)(?::(\w+))?}")
_TYPES = {"int": "integer"}
_SECURITY = {
    "token": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "session": {"type": "apiKey", "in": "cookie", "name": "freisteller"},
}
_PROBLEM = {"description": "Not possible", "content": {"application/problem+json": {"schema": named("Problem")}}}


def described(ways: Sequence[Way]) -> tuple[Way, ...]:
    """These routes, and the one that describes those of them that are a part of the API."""

    async def openapi(_: Request, __: Site) -> Response:
        """The description; the same for everybody."""
        return as_json(description(all_ways))

    responses = {"200": {"description": "This description.", "content": {"application/json": {"schema": {}}}}}
    own = Way("GET", "/api/v1/openapi.json", openapi, Role.VIEWER, "Describe the API.", {"responses": responses})
    all_ways = (*ways, own)
    return all_ways


def description(ways: Sequence[Way]) -> Mapping[str, object]:
    """The whole document."""
    public = sorted((way for way in ways if way.summary), key=lambda way: way.path)
    paths = {
        _PARAMETER.sub(r"{\1}", path): {way.method.lower(): _operation(way) for way in same}
        for path, same in groupby(public, key=lambda way: way.path)
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Freisteller",
            "version": __version__,
            "description": TEXT,
            "license": {"name": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": SCHEMAS, "securitySchemes": _SECURITY},
    }


def _operation(way: Way) -> Mapping[str, object]:
    further = dict(way.describes)
    parameters, responses = further.pop("parameters", []), further.pop("responses", {})
    assert isinstance(parameters, Sequence)
    assert isinstance(responses, Mapping)
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": _TYPES.get(kind, "string")}}
        for name, kind in _PARAMETER.findall(way.path)
    ]
    return {
        "operationId": f"{way.method.lower()}_{re.sub(r'[^a-z0-9]+', '_', way.path.lower()).strip('_')}",
        "summary": way.summary.rstrip(".") + ".",
        "description": f"Needs the role {way.needs}.",
        "security": [{name: []} for name in _SECURITY] if way.needs is not Role.NOBODY else [],
        "parameters": [*in_path, *parameters],
        "responses": {"default": _PROBLEM, **(responses or {"200": {"description": "As asked."}})},
        **further,
    }
