"""The shapes of the two promises of a result, in JSON Schema."""

from collections.abc import Mapping

from daemon.web.api.schema_parts import SHARE, TEXT, WHOLE, Schema, list_of, named, object_of, or_null

PROMISES: Mapping[str, Schema] = {
    "score": or_null({"type": "number", "description": "The region's promise, 0..1: the expected overlap"}),
    "rim": or_null({"type": "number", "description": "The border's promise, 0..1: the share that is right to 2 px"}),
    "graded_by": or_null({"type": "string", "enum": ["score", "rim", "both"], "description": "What made the grade"}),
    "limits": or_null(named("Limits")),
    "correction": or_null(named("Correction")),
    "witness": or_null(named("Witness")),
    "made_of": or_null(object_of(score=named("MadeOf"), rim=or_null(named("MadeOf")))),
}
"""The properties of a job, a page or an attempt that tell of them."""

PROMISE_SCHEMAS: Mapping[str, Schema] = {
    "Limits": {
        **object_of(sehr_gut=SHARE, gut=SHARE, rim_sehr_gut=SHARE, rim_gut=SHARE),
        "description": "The lowest promises of each grade by which this was graded; the grade is the worse of both",
    },
    "Correction": {
        **object_of(score_before=SHARE, shift={"type": "number"}, verdicts=WHOLE, text=TEXT),
        "description": "What people's verdicts on earlier results added to the score, and how many these were",
    },
    "Witness": {
        **object_of(model=TEXT, apart=SHARE),
        "description": "The model beside whose view of the photo this was judged, and how far the result is from that: "
        "0 = it sees the same, 1 = nothing of it",
    },
    "MadeOf": {
        **object_of(best=SHARE, effects=list_of(named("Effect"))),
        "description": "How a promise came about: `best` is what the best signs would promise, and with all effects "
        "added it is the promise",
    },
    "Effect": {
        "type": "object",
        "properties": {
            "code": {"type": "string", "description": "A kind of sign, e.g. veil, outline, fringe"},
            "text": TEXT,
            "effect": {"type": "number", "description": "Below 0 if it lowers the promise"},
            "measures": {**list_of(TEXT), "description": "The measures of the report that see it, too"},
        },
        "required": ["code", "text", "effect"],
    },
}
