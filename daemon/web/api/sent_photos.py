"""Makes a job of a photo that was received whole, once for each key of a request, and answers with it."""

import hashlib
import json
import re
from collections.abc import Mapping
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from daemon.intake.uploads import SentPhoto
from daemon.journal import RequestKey, SentAlong
from daemon.states import is_over
from daemon.web.api.incoming_photo import IncomingPhoto
from daemon.web.api.job_values import job_values, seen_by
from daemon.web.api.job_wait import wait_for_end
from daemon.web.api.upload_desk import UploadDesk
from daemon.web.callers import Caller
from daemon.web.json_answer import as_json
from daemon.web.problems import Refused
from daemon.web.site import Site
from daemon.web.ways import caller_of

_KEY = re.compile(r'"?([\x21\x23-\x7e][\x20\x21\x23-\x7e]{0,253})"?')
_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,6})\"?\s*(?:$|[,;])", re.IGNORECASE)


def sent_photo(name: str, fields: Mapping[str, str]) -> SentPhoto:
    """What a sender says of a photo. name: what its file is called. Raises Refused if its settings are no JSON."""
    name = fields.get("name") or name
    settings = fields.get("settings", "").strip()
    if settings:
        try:
            settings = json.dumps(json.loads(settings), sort_keys=True)
        except (ValueError, RecursionError) as error:
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "bad_order", f"settings is no JSON: {error}") from error
    return SentPhoto(name, fields.get("order", ""), SentAlong(settings))


def check(desk: UploadDesk, sent: SentPhoto, caller: Caller) -> None:
    """Raises BadOrder if nobody can work by the settings, Refused if the caller may not send to this order."""
    if not caller.sees(desk.uploads.check(sent)):
        raise Refused(HTTPStatus.FORBIDDEN, "not_allowed", f"{caller.name} may not send photos to this order")


def admit(desk: UploadDesk, photo: IncomingPhoto, sent: SentPhoto, who_and_key: tuple[str, str] | None) -> str:
    """Make a job of the photo, or find the one that an earlier request of this key made. Returns its id."""
    file = photo.received()
    if who_and_key is None:
        return desk.uploads.take_in(file, sent).id
    what = json.dumps([file.sha256.hex(), sent.name, sent.order, sent.along.settings])
    key = RequestKey(*who_and_key, hashlib.sha256(what.encode("utf-8", "surrogatepass")).digest())
    known = desk.journal.request_keys.known(key.who, key.key)
    if known is None:
        return desk.uploads.take_in(file, SentPhoto(sent.name, sent.order, SentAlong(sent.along.settings, key))).id
    if known.request != key.request:
        raise Refused(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "key_used",
            "this Idempotency-Key came before with another photo; take a new key for each photo",
        )
    return known.job_id


async def answer_with_job(request: Request, site: Site, job_id: str) -> Response:
    """The job, after its end if the sender likes to wait."""
    headers = {"Location": f"/api/v1/jobs/{job_id}"}
    found = _WAIT.search(", ".join(request.headers.getlist("prefer")))
    if found:
        seconds = min(float(found[1]), site.uploads.wait_seconds)
        headers["Preference-Applied"] = f"wait={seconds:.0f}"
        await wait_for_end(site.journal, job_id, seconds, request)
    seen = await run_in_threadpool(seen_by, site, caller_of(request), job_id)
    status = HTTPStatus.CREATED if is_over(seen.row.job.state) else HTTPStatus.ACCEPTED
    return as_json(await run_in_threadpool(job_values, site, seen), status, headers)


def key_of(request: Request) -> str | None:
    """The Idempotency-Key of a request, if it has one. Raises Refused if it cannot be one."""
    sent = request.headers.get("idempotency-key")
    if sent is None:
        return None
    found = _KEY.fullmatch(sent)
    if not found:
        raise Refused(HTTPStatus.BAD_REQUEST, "bad_key", "an Idempotency-Key has 1 to 254 printable ASCII characters")
    return found[1]
