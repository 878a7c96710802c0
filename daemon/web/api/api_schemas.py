"""The shapes of what the API sends and takes, in JSON Schema, as its description shows them."""

from collections.abc import Mapping

from daemon.jobs import Grade
from daemon.states import State
from daemon.web.callers import Role

Schema = Mapping[str, object]

_TEXT: Schema = {"type": "string"}
_WHOLE: Schema = {"type": "integer", "minimum": 0}
_TIME: Schema = {"type": "number", "description": "Unix seconds"}
_GRADE: Schema = {"type": "string", "enum": [*Grade]}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _list_of(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def named(name: str) -> Schema:
    """A schema of SCHEMAS, by reference."""
    return {"$ref": f"#/components/schemas/{name}"}


_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_SPOTS = {
    "description": "Of each reason, in the same order, where it applies, the largest spot first: a box and the point "
    "in it where the fault is thickest, in shares of the photo's width and height. Empty if none has a spot.",
    **_list_of(_list_of(named("Spot"))),
}
_PICTURE = {"url": _TEXT, "width": _WHOLE, "height": _WHOLE, "tile": _WHOLE, "levels": _WHOLE}
_PICTURES = _or_null(_object(original=_or_null(named("Picture")), colour=named("Picture"), alpha=named("Picture")))
_NUMBER: Schema = {"type": "integer", "minimum": 1}
_ANSWER = {
    "description": "How fine the alpha was before it was brought to the photo's size: the pixels of its longer side, "
    "and how many pixels of the photo's side came of one of them",
    **_or_null(_object(pixels=_WHOLE, enlarged={"type": "number", "minimum": 1})),
}
_JOB = {
    "id": _TEXT,
    "name": _TEXT,
    "order": {"type": "string", "description": "The top-level folder; empty if the photo lies in none"},
    "state": {"type": "string", "enum": [*State]},
    "grade": _or_null(_GRADE),
    "score": _or_null({"type": "number"}),
    "reasons": _list_of(_TEXT),
    "findings": _list_of(named("Finding")),
    "failure": _or_null(named("Failure")),
    "defects": _list_of(_TEXT),
    "spots": _SPOTS,
    "attempts": _WHOLE,
    "round": _WHOLE,
    "admitted_at": _TIME,
    "finished_at": _or_null(_TIME),
    "seconds": _or_null({"type": "number"}),
    "decided": _or_null(_object(grade=_TEXT, who=_TEXT, at=_TIME)),
    "version": {"type": "string", "description": "Changes with each change of the job; the ETag without its quotes"},
    "page": {
        **_NUMBER,
        "description": "Which page of the file `score`, `reasons`, `spots` and `pictures` are about: the worst, which "
        "stands for the file; 1 if there is only one",
    },
    "page_count": {**_NUMBER, "description": "How many pages of the file have a result; 1 while there is none"},
    "pictures": _PICTURES,
    "results": _list_of(
        _object(
            name=_TEXT,
            suffix=_TEXT,
            page=_or_null({**_NUMBER, "description": "null: about all pages, as the report is"}),
            url=_TEXT,
        )
    ),
}
_OF_PAGE = {name: _JOB[name] for name in ("score", "reasons", "findings", "defects", "spots", "pictures")}

_FIGURES: Schema = {
    "type": "object",
    "additionalProperties": _WHOLE,
    "description": "Of all jobs; missing for a caller who sees some orders only",
}
_OF_ALL_JOBS = {"jobs": _FIGURES, "grades": _FIGURES, "oldest_admitted_at": _or_null(_TIME)}

SCHEMAS: Mapping[str, Schema] = {
    "Problem": _object(type=_TEXT, title=_TEXT, status=_WHOLE, detail=_TEXT, failure=named("Failure")),
    "Failure": {
        **_object(code=_TEXT, values={"type": "object"}, text=_TEXT),
        "description": "What failed, or why something waits: a code that never changes, what belongs to it, and "
        "both in English. The code is empty if only a text is known. A value may be such an object itself.",
    },
    "Picture": _object(**_PICTURE),
    "AttemptPicture": _object(**_PICTURE, answer=_ANSWER),
    "Spot": _object(left=_SHARE, top=_SHARE, right=_SHARE, bottom=_SHARE, x=_SHARE, y=_SHARE),
    "Finding": {
        "type": "object",
        "description": "One reason, for programs: what `reasons` says in English",
        "properties": {
            "code": {"type": "string", "description": "e.g. residue, holes, soft_rim; empty if only a text is known"},
            "place": {"type": "string", "description": "The ninth of the picture, e.g. lower left, middle"},
            "elsewhere": {"type": "boolean"},
            "share": {"type": "number", "description": "0..1, of the picture, the subject or the longest side"},
            "parts": _list_of(_TEXT),
            "text": _TEXT,
            "failure": named("Failure"),
        },
        "required": ["code"],
    },
    "Job": _object(**_JOB),
    "JobWithTries": _object(**_JOB, pages=_list_of(named("Page")), tries=_list_of(named("Attempt"))),
    "Page": _object(
        page={**_NUMBER, "description": "Of the file; one of one page has it, too"},
        grade=_or_null({**_GRADE, "description": "Of this page; the file lies where its worst page belongs"}),
        **_OF_PAGE,
        best_attempt=_or_null({**_NUMBER, "description": "The attempt that this page's result is made of"}),
        touched_up={"type": "boolean", "description": "Whether a person painted its alpha"},
    ),
    "Attempt": _object(
        number=_WHOLE,
        page={**_NUMBER, "description": "Of the file"},
        recipe=_TEXT,
        score=_or_null({"type": "number"}),
        grade=_or_null(_GRADE),
        reasons=_list_of(_TEXT),
        findings=_list_of(named("Finding")),
        spots=_SPOTS,
        seconds={"type": "number"},
        error=_or_null(_TEXT),
        failure=_or_null(named("Failure")),
        picture=_or_null(named("AttemptPicture")),
        best={"type": "boolean", "description": "Whether the result of its page is made of it"},
    ),
    "Jobs": _object(jobs=_list_of(named("Job")), next=_or_null(_TEXT)),
    "SentPhoto": _object(id=_TEXT, name=_TEXT, state=_JOB["state"], grade=_JOB["grade"], score=_JOB["score"]),
    "Upload": _object(id=_TEXT, bytes=_WHOLE, offset=_WHOLE, job=_or_null(_TEXT)),
    "Order": _object(
        name=_TEXT,
        waiting=_WHOLE,
        running=_WHOLE,
        done=_WHOLE,
        failed=_WHOLE,
        grades={"type": "object", "additionalProperties": _WHOLE},
        undecided=_WHOLE,
        priority={"type": "integer"},
        seconds_left=_or_null({"type": "number"}),
    ),
    "Orders": _object(orders=_list_of(named("Order"))),
    "LatestEvents": _object(
        events=_list_of(
            _object(
                kind={"type": "string", "description": "e.g. admitted, started, done, failed, verdict, moved, removed"},
                name=_or_null({"type": "string", "description": "Of the photo; null if the journal forgot it"}),
                job={"type": "string", "description": "Empty if it is about a whole order"},
                order=_TEXT,
                state=_or_null(_TEXT),
                grade=_or_null(_TEXT),
                version=_TEXT,
                at=_TIME,
            )
        )
    ),
    "AuditEntry": _object(
        at=_TIME,
        who=_TEXT,
        what={"type": "string", "description": "e.g. grade, retry, undo, moved, login, login_failed, role_changed"},
        deed=_or_null(_WHOLE),
        job=_TEXT,
        order=_TEXT,
        name={"type": "string", "description": "Of the photo, or of the user"},
        detail=_TEXT,
        fault=_or_null({"type": "string", "description": "Why nothing came of it"}),
        address={"type": "string", "description": "Where a login came from"},
    ),
    "Audit": _object(entries=_list_of(named("AuditEntry")), next=_or_null(_TEXT)),
    "Status": {
        **_object(
            freisteller={"type": "string", "description": "The version"},
            alive={"type": "boolean"},
            ready={"type": "boolean"},
            paused_at=_or_null(_TIME),
            running=_list_of(
                _object(
                    job=_TEXT,
                    name=_TEXT,
                    order=_TEXT,
                    stage={"type": "string", "description": "What is done with it now, e.g. reading"},
                    seconds={"type": "number", "description": "In work for so long"},
                    attempts=_WHOLE,
                )
            ),
            servers=_list_of(
                _object(
                    server=_TEXT,
                    up={"type": "boolean"},
                    in_hand=_WHOLE,
                    paused=_list_of(_TEXT),
                    message=_TEXT,
                    failure=_or_null(named("Failure")),
                )
            ),
            troubles=_list_of(_object(part=_TEXT, reason=_TEXT, failure=_or_null(named("Failure")))),
            **_OF_ALL_JOBS,
        ),
        "required": ["freisteller", "alive", "ready", "paused_at", "running", "servers", "troubles"],
    },
    "Decided": {
        "type": "object",
        "properties": {"job": named("Job"), "order": _TEXT, "deed": _WHOLE},
        "required": ["deed"],
    },
    "Caller": _object(name=_TEXT, role={"type": "string", "enum": [*Role]}, orders=_or_null(_list_of(_TEXT))),
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
