"""The parts that JSON Schemas of the API are put together from."""

from collections.abc import Mapping

Schema = Mapping[str, object]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer", "minimum": 0}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}


def or_null(schema: Schema) -> Schema:
    """The schema, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def list_of(schema: Schema) -> Schema:
    """An array of it."""
    return {"type": "array", "items": schema}


def object_of(**properties: Schema) -> Schema:
    """An object that has all these properties."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def named(name: str) -> Schema:
    """A schema of `api_schemas.SCHEMAS`, by reference."""
    return {"$ref": f"#/components/schemas/{name}"}
