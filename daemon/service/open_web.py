"""Opens the port for people and programs, if the settings ask for one."""

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from daemon import __version__
from daemon.errors import BadSettings
from daemon.logs import log
from daemon.observe.labels import public_name
from daemon.people.touch_ups import TouchUps
from daemon.service.wiring import Parts
from daemon.words.said import failure_of

if TYPE_CHECKING:
    from daemon.settings.http_section import HttpSettings
    from daemon.web.access.login_desk import LoginDesk
    from daemon.web.access.provider_logins import ProviderLogins
    from daemon.web.site import Site


def open_web(parts: Parts, doors: ExitStack) -> None:
    """Open the port that the settings ask for, if any; `doors` closes it. Raises BadSettings."""
    http = parts.settings.now.http
    if not http.bind:
        return
    # Only who wants a port pays for its libraries: a second of start and 20 MB.
    from daemon.web.access_rules import AccessRules
    from daemon.web.guarded_connection import PortLimits
    from daemon.web.web_server import WebServer

    site = make_site(parts, doors)
    limits = PortLimits(of_one_address=PortLimits().connections) if http.proxies else PortLimits()
    server = WebServer(http.bind, site, AccessRules(http, site.gate), limits)
    host, number = server.start()
    doors.callback(server.close)
    doors.callback(site.events.close)  # before the server closes: a stream has no end of its own
    is_news = http.bind.endswith(":0")  # else the greeting said which port
    text = f"Pages, API and figures are at http://{host}:{number}/"
    log.log("http_listening", text, people=is_news, host=host, port=number)


def make_site(parts: Parts, doors: ExitStack) -> "Site":
    """What the pages and the API work with; `doors` closes it."""
    from daemon.web.access.all_users import Users
    from daemon.web.access.gate import Gate
    from daemon.web.access.login_desk import LoginDesk
    from daemon.web.api.event_feed import EventFeed
    from daemon.web.api.open_uploads import OpenUploads
    from daemon.web.api.upload_desk import UploadDesk
    from daemon.web.pictures_served.picture_shelf import PictureShelf
    from daemon.web.pictures_served.shown_files import ShownFiles
    from daemon.web.pictures_served.shown_pictures import ShownPictures
    from daemon.web.removebg.cutout_desk import CutOutDesk
    from daemon.web.site import Site

    http = parts.settings.now.http
    shelf = PictureShelf(parts.folders.root, parts.picture_cache, parts.workers, parts.attempt_pictures)
    users = doors.enter_context(Users(parts.opened.state, http, parts.runtime.clock))
    gate = Gate(users, http, parts.runtime.clock)
    desk = LoginDesk(gate)
    uploads = UploadDesk(parts.uploads, parts.journal, parts.settings)
    open_uploads = OpenUploads(uploads)
    for part in (open_uploads, gate, desk, shelf, uploads):
        doors.callback(part.close)
    files, root = ShownFiles(parts.folders, parts.journal, parts.alphas), parts.folders.root
    served = parts.opened.state / "served"
    return Site(
        settings=parts.settings,
        folders=parts.folders,
        journal=parts.journal,
        metrics=parts.metrics,
        health=parts.health,
        gate=gate,
        desk=desk,
        provider_logins=_provider_logins(http, desk),
        pictures=ShownPictures(shelf, files),
        uploads=uploads,
        open_uploads=open_uploads,
        events=EventFeed(parts.journal.events),
        cut_outs=CutOutDesk(uploads, parts.journal, root, files, parts.workers.lay_out, served),
        deeds=parts.deeds,
        touch_ups=TouchUps(
            parts.journal, parts.alphas, parts.picture_cache, parts.workers.thumb, parts.locks, parts.runtime
        ),
        clock=parts.runtime.clock,
        status=lambda: status_page(parts),
    )


def _provider_logins(http: "HttpSettings", desk: "LoginDesk") -> "ProviderLogins | None":
    """Where people may log in elsewhere, if the settings say so. Raises BadSettings if a library is missing."""
    if not http.oidc.issuer:
        return None
    from daemon.web.access.provider_line import ProviderLine
    from daemon.web.access.provider_logins import ProviderLogins
    from daemon.web.access.provider_ways import CALLBACK

    try:
        from daemon.web.access.oidc_provider import OidcProvider
    except ImportError as error:
        raise BadSettings(
            f"http.oidc needs a library that is not installed ({error.name}). Run pip install 'freisteller[oidc]', or "
            "leave http.oidc.issuer empty."
        ) from error
    provider = OidcProvider(http.oidc, http.public_url + CALLBACK, ProviderLine(http.oidc.name))
    return ProviderLogins(provider, desk)


def status_page(parts: Parts) -> dict[str, object]:
    """The page /status. It shows photos by their job ids only, since its readers may not read the hot folder."""
    now = time.monotonic()
    running = [
        {"job": each.job, "stage": each.stage, "seconds": round(now - each.began, 1), "attempts": each.attempts}
        for each in parts.progress.running()
    ]
    servers = [
        {
            "server": public_name(each.server),
            "up": each.up,
            "in_hand": each.running,
            "paused": list(each.set_aside),
            "message": each.message,
            **failure_of(each.message),
        }
        for each in parts.engine.health()
    ]
    obstacles = [each.shown() for each in parts.health.obstacles]
    return {"freisteller": __version__, "running": running, "servers": servers, "obstacles": obstacles}
