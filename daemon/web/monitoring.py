"""The pages for programs that watch: /metrics, /healthz, /readyz, /status."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from daemon.observe.health import ROOT_HEADER
from daemon.observe.metrics import CONTENT_TYPE
from daemon.web.callers import Role
from daemon.web.json_answer import as_json
from daemon.web.site import Site
from daemon.web.ways import Way


async def metrics(_: Request, site: Site) -> Response:
    """The series in Prometheus' text format."""
    # Not in Starlette's threads: they may all wait for a share, and then the figures are wanted most.
    text = await asyncio.to_thread(site.metrics.exposition)
    return Response(text, media_type=None, headers={"Content-Type": CONTENT_TYPE})


async def healthz(_: Request, site: Site) -> Response:
    """Whether the daemon is alive. If not, a restart helps."""
    return _health(site, *site.health.alive())


async def readyz(_: Request, site: Site) -> Response:
    """Whether the daemon can work. If not, a restart would change nothing."""
    return _health(site, *site.health.ready())


async def status(_: Request, site: Site) -> Response:
    """What runs now, without the names of photos."""
    return as_json(site.status(), headers=_whose(site))


def _health(site: Site, ok: bool, body: Mapping[str, object]) -> Response:
    return as_json(body, HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE, _whose(site))


def _whose(site: Site) -> Mapping[str, str]:
    """Says which hot folder an answer is about: on one machine, another one's daemon may have the port."""
    return {ROOT_HEADER: site.folders.identity or ""}


WAYS = (
    Way("GET", "/metrics", metrics, Role.MONITOR),
    Way("GET", "/healthz", healthz, Role.MONITOR),
    Way("GET", "/readyz", readyz, Role.MONITOR),
    Way("GET", "/status", status, Role.MONITOR),
)
