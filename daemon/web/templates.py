"""Fills the pages that people see, in their language, from the templates in `web/pages/templates/`."""

from functools import lru_cache
from http import HTTPStatus

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from daemon.web.callers import Role
from daemon.web.pages.language import language_of
from daemon.web.pages.static_files import static_files
from daemon.web.site import Site
from daemon.web.ways import caller_of
from daemon.words.catalogue import LANGUAGES, words_in


@lru_cache(maxsize=len(LANGUAGES))
def _environment(language: str) -> Environment:
    """The templates in one language. They are read once and kept."""
    environment = Environment(
        loader=PackageLoader("daemon.web.pages"),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    words = words_in(language).catalogue
    environment.install_gettext_callables(words.gettext, words.ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.globals |= {"static": static_files().url, "language": language, "Role": Role}
    return environment


def page(request: Request, site: Site, template: str, status: HTTPStatus = HTTPStatus.OK, **values: object) -> Response:
    """A page as an answer. template: e.g. "review.html.j2". values: what it names beyond what every page gets."""
    settings = site.settings.now
    language = language_of(request, settings.http.language, settings.language)
    caller = caller_of(request)
    known: dict[str, object] = {"caller": caller, "path": request.url.path, "status": status}
    html = _environment(language).get_template(template).render(known | values)
    headers = {"Content-Language": language, "Vary": "Accept-Language, Cookie"}
    return Response(html.encode("utf-8", "backslashreplace"), status, headers, "text/html; charset=utf-8")
