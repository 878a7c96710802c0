"""The shapes of what the API sends and takes, in JSON Schema, as its description shows them."""

from collections.abc import Mapping

from daemon.jobs import Grade
from daemon.states import State
from daemon.web.api.promise_schemas import PROMISE_SCHEMAS, PROMISES
from daemon.web.api.schema_parts import SHARE, TEXT, WHOLE, Schema, list_of, named, object_of, or_null
from daemon.web.callers import Role

_TIME: Schema = {"type": "number", "description": "Unix seconds"}
_GRADE: Schema = {"type": "string", "enum": [*Grade]}
_SPOTS = {
    "description": "Of each reason, in the same order, where it applies, the largest spot first: a box and the point "
    "in it where the fault is thickest, in shares of the photo's width and height. Empty if none has a spot.",
    **list_of(list_of(named("Spot"))),
}
_PICTURE = {"url": TEXT, "width": WHOLE, "height": WHOLE, "tile": WHOLE, "levels": WHOLE}
_PICTURES = or_null(object_of(original=or_null(named("Picture")), colour=named("Picture"), alpha=named("Picture")))
_NUMBER: Schema = {"type": "integer", "minimum": 1}
_ANSWER = {
    "description": "How fine the alpha was before it was brought to the photo's size: the pixels of its longer side, "
    "and how many pixels of the photo's side came of one of them",
    **or_null(object_of(pixels=WHOLE, enlarged={"type": "number", "minimum": 1})),
}
_JOB = {
    "id": TEXT,
    "name": TEXT,
    "order": {"type": "string", "description": "The top-level folder; empty if the photo lies in none"},
    "state": {"type": "string", "enum": [*State]},
    "grade": or_null(_GRADE),
    **PROMISES,
    "reasons": list_of(TEXT),
    "findings": list_of(named("Finding")),
    "failure": or_null(named("Failure")),
    "defects": list_of(TEXT),
    "spots": _SPOTS,
    "attempts": WHOLE,
    "round": WHOLE,
    "admitted_at": _TIME,
    "finished_at": or_null(_TIME),
    "seconds": or_null({"type": "number"}),
    "decided": or_null(object_of(grade=TEXT, who=TEXT, at=_TIME)),
    "version": {"type": "string", "description": "Changes with each change of the job; the ETag without its quotes"},
    "page": {
        **_NUMBER,
        "description": "Which page of the file `score`, `reasons`, `spots` and `pictures` are about: the worst, which "
        "stands for the file; 1 if there is only one",
    },
    "page_count": {**_NUMBER, "description": "How many pages of the file have a result; 1 while there is none"},
    "pictures": _PICTURES,
    "results": list_of(
        object_of(
            name=TEXT,
            suffix=TEXT,
            page=or_null({**_NUMBER, "description": "null: about all pages, as the report is"}),
            url=TEXT,
        )
    ),
}
_OF_PAGE = {name: _JOB[name] for name in (*PROMISES, "reasons", "findings", "defects", "spots", "pictures")}

_FIGURES: Schema = {
    "type": "object",
    "additionalProperties": WHOLE,
    "description": "Of all jobs; missing for a caller who sees some orders only",
}
_OF_ALL_JOBS = {"jobs": _FIGURES, "grades": _FIGURES, "oldest_admitted_at": or_null(_TIME)}

SCHEMAS: Mapping[str, Schema] = {
    "Problem": object_of(type=TEXT, title=TEXT, status=WHOLE, detail=TEXT, failure=named("Failure")),
    "Failure": {
        **object_of(code=TEXT, values={"type": "object"}, text=TEXT),
        "description": "What failed, or why something waits: a code that never changes, what belongs to it, and "
        "both in English. The code is empty if only a text is known. A value may be such an object itself.",
    },
    "Picture": object_of(**_PICTURE),
    "AttemptPicture": object_of(**_PICTURE, answer=_ANSWER),
    "Spot": object_of(left=SHARE, top=SHARE, right=SHARE, bottom=SHARE, x=SHARE, y=SHARE),
    "Finding": {
        "type": "object",
        "description": "One reason, for programs: what `reasons` says in English",
        "properties": {
            "code": {"type": "string", "description": "e.g. residue, holes, soft_rim; empty if only a text is known"},
            "place": {"type": "string", "description": "The ninth of the picture, e.g. lower left, middle"},
            "elsewhere": {"type": "boolean"},
            "share": {"type": "number", "description": "0..1, of the picture, the subject or the longest side"},
            "parts": list_of(TEXT),
            "pixels": list_of(WHOLE),
            "text": TEXT,
            "failure": named("Failure"),
        },
        "required": ["code"],
    },
    **PROMISE_SCHEMAS,
    "Job": object_of(**_JOB),
    "JobWithTries": object_of(**_JOB, pages=list_of(named("Page")), tries=list_of(named("Attempt"))),
    "Page": object_of(
        page={**_NUMBER, "description": "Of the file; one of one page has it, too"},
        grade=or_null({**_GRADE, "description": "Of this page; the file lies where its worst page belongs"}),
        **_OF_PAGE,
        best_attempt=or_null({**_NUMBER, "description": "The attempt that this page's result is made of"}),
        touched_up={"type": "boolean", "description": "Whether a person painted its alpha"},
    ),
    "Attempt": object_of(
        number=WHOLE,
        page={**_NUMBER, "description": "Of the file"},
        recipe=TEXT,
        **PROMISES,
        grade=or_null(_GRADE),
        reasons=list_of(TEXT),
        findings=list_of(named("Finding")),
        spots=_SPOTS,
        seconds={"type": "number"},
        error=or_null(TEXT),
        failure=or_null(named("Failure")),
        picture=or_null(named("AttemptPicture")),
        best={"type": "boolean", "description": "Whether the result of its page is made of it"},
    ),
    "Jobs": object_of(jobs=list_of(named("Job")), next=or_null(TEXT)),
    "SentPhoto": object_of(id=TEXT, name=TEXT, state=_JOB["state"], grade=_JOB["grade"], score=_JOB["score"]),
    "Upload": object_of(id=TEXT, bytes=WHOLE, offset=WHOLE, job=or_null(TEXT)),
    "Order": object_of(
        name=TEXT,
        waiting=WHOLE,
        running=WHOLE,
        done=WHOLE,
        failed=WHOLE,
        grades={"type": "object", "additionalProperties": WHOLE},
        undecided=WHOLE,
        priority={"type": "integer"},
        seconds_left=or_null({"type": "number"}),
    ),
    "Orders": object_of(orders=list_of(named("Order"))),
    "LatestEvents": object_of(
        events=list_of(
            object_of(
                kind={"type": "string", "description": "e.g. admitted, started, done, failed, verdict, moved, removed"},
                name=or_null({"type": "string", "description": "Of the photo; null if the journal forgot it"}),
                job={"type": "string", "description": "Empty if it is about a whole order"},
                order=TEXT,
                state=or_null(TEXT),
                grade=or_null(TEXT),
                version=TEXT,
                at=_TIME,
            )
        )
    ),
    "AuditEntry": object_of(
        at=_TIME,
        who=TEXT,
        what={"type": "string", "description": "e.g. grade, retry, undo, moved, login, login_failed, role_changed"},
        deed=or_null(WHOLE),
        job=TEXT,
        order=TEXT,
        name={"type": "string", "description": "Of the photo, or of the user"},
        detail=TEXT,
        fault=or_null({"type": "string", "description": "Why nothing came of it"}),
        address={"type": "string", "description": "Where a login came from"},
    ),
    "Audit": object_of(entries=list_of(named("AuditEntry")), next=or_null(TEXT)),
    "Status": {
        **object_of(
            freisteller={"type": "string", "description": "The version"},
            alive={"type": "boolean"},
            ready={"type": "boolean"},
            paused_at=or_null(_TIME),
            running=list_of(
                object_of(
                    job=TEXT,
                    name=TEXT,
                    order=TEXT,
                    stage={"type": "string", "description": "What is done with it now, e.g. reading"},
                    seconds={"type": "number", "description": "In work for so long"},
                    attempts=WHOLE,
                )
            ),
            servers=list_of(
                object_of(
                    server=TEXT,
                    up={"type": "boolean"},
                    in_hand=WHOLE,
                    paused=list_of(TEXT),
                    message=TEXT,
                    failure=or_null(named("Failure")),
                )
            ),
            obstacles=list_of(
                object_of(
                    name={"type": "string", "description": "e.g. root_away; the worst comes first"},
                    text=TEXT,
                    do={"type": "string", "description": "What a person can do"},
                    since=or_null(_TIME),
                    until=or_null(_TIME),
                    failure=named("Failure"),
                    remedy=named("Failure"),
                )
            ),
            troubles=list_of(object_of(part=TEXT, reason=TEXT, failure=or_null(named("Failure")))),
            **_OF_ALL_JOBS,
        ),
        "required": ["freisteller", "alive", "ready", "paused_at", "running", "servers", "obstacles", "troubles"],
    },
    "Decided": {
        "type": "object",
        "properties": {"job": named("Job"), "order": TEXT, "deed": WHOLE},
        "required": ["deed"],
    },
    "Caller": object_of(name=TEXT, role={"type": "string", "enum": [*Role]}, orders=or_null(list_of(TEXT))),
}


def answers(name: str) -> dict[str, object]:
    """What describes an operation that answers with one of SCHEMAS."""
    return {"responses": answer(name)}


def answer(name: str, status: str = "200", text: str = "As asked.") -> dict[str, object]:
    """One response with one of SCHEMAS."""
    return {status: {"description": text, "content": {"application/json": {"schema": named(name)}}}}


def in_query(name: str, kind: str, *words: str, **limits: object) -> dict[str, object]:
    """A parameter of the query. words: the only ones that it takes. limits: of JSON Schema, e.g. minimum=1."""
    schema = {"type": kind, **({"enum": list(words)} if words else {}), **limits}
    return {"name": name, "in": "query", "schema": schema}


def in_header(name: str, **limits: object) -> dict[str, object]:
    """A header that is a parameter. limits: of JSON Schema."""
    return {"name": name, "in": "header", "schema": {"type": "string", **limits}}
