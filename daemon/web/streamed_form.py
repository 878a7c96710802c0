"""Reads forms while they arrive: files and long fields go where the caller says, and are never in memory as a whole."""

import binascii
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, QuerystringParser, parse_options_header

from daemon.web.problems import Refused

Write = Callable[[bytes], None]
"""Takes the next bytes of a part; b"" is its end."""

OpenPart = Callable[[str, str | None], Write | None]
"""Says where a part of a form goes. Takes the field's name and, of a file, its name; None = it is a short text."""

MOST_FIELDS = 100
MOST_FIELD_BYTES = 64 * 1024
_DATA_URL = re.compile(rb"data:[\w.+-]+/[\w.+-]+(?:;[\w=.+-]+)*,")
_MOST_DATA_URL_BYTES = 128


class StreamedForm(Protocol):
    """A form on its way. fields: its short texts; of two of one name, the last counts."""

    fields: dict[str, str]

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body. Raises Refused, and what the writers of its parts raise."""

    def end(self) -> None:
        """The body is over. Raises Refused if the form is not complete, and what the writers raise."""


def form_of(content_type: str, open_part: OpenPart) -> StreamedForm | None:
    """The form that a body of this type is; None if it is none. Raises Refused if it has no usable boundary."""
    kind, options = parse_options_header(content_type)
    if kind == b"multipart/form-data":
        return MultipartForm(options.get(b"boundary", b""), open_part)
    if kind == b"application/x-www-form-urlencoded":
        return UrlencodedForm(open_part)
    return None


class _Fields:
    """What both kinds of form have: one field after the other, each a short text or a part that goes elsewhere."""

    def __init__(self, open_part: OpenPart) -> None:
        self.fields: dict[str, str] = {}
        self._open_part = open_part
        self._write: Write | None = None
        self._text = bytearray()
        self._name = ""
        self._count = 0

    def _begin(self, name: str, file_name: str | None) -> None:
        self._count += 1
        if self._count > MOST_FIELDS:
            raise _bad(f"the form has more than {MOST_FIELDS} fields")
        self._name, self._text = name, bytearray()
        self._write = self._open_part(name, file_name)

    def _take(self, data: bytes) -> None:
        if self._write is not None:
            if data:
                self._write(data)
            return
        self._text += data
        if len(self._text) > MOST_FIELD_BYTES:
            raise _bad(f"the field {self._name[:80]!r} is longer than {MOST_FIELD_BYTES} bytes")

    def _finish(self) -> None:
        if self._write is not None:
            self._write(b"")
        else:
            self.fields[self._name] = self._text.decode(errors="replace")


class MultipartForm(_Fields):
    """multipart/form-data (RFC 7578). It is a `StreamedForm`."""

    def __init__(self, boundary: bytes, open_part: OpenPart) -> None:
        """boundary: what stands between two parts. Raises Refused if it is none."""
        super().__init__(open_part)
        self._header = bytearray()
        self._value = bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._is_over = False
        if not boundary:
            raise _bad("a multipart form needs a boundary in its Content-Type")
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
                    "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": lambda data, start, end: self._take(data[start:end]),
                    "on_part_end": self._finish,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:
            raise _bad(str(error)) from error

    def feed(self, data: bytes) -> None:
        """As `StreamedForm.feed`."""
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise _bad(f"this is no multipart form: {error}") from error

    def end(self) -> None:
        """As `StreamedForm.end`."""
        if not self._is_over:
            raise _bad("the form ends before its last boundary: a part of it did not arrive")

    def _on_part_begin(self) -> None:
        self._headers = {}

    def _on_header_end(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header, self._value = bytearray(), bytearray()

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if b"name" not in options:
            raise _bad("a part of the form has no name")
        file_name = options.get(b"filename")
        self._begin(_text(options[b"name"]), None if file_name is None else _text(file_name))

    def _on_end(self) -> None:
        self._is_over = True


class UrlencodedForm(_Fields):
    """application/x-www-form-urlencoded. It is a `StreamedForm`; a field that goes elsewhere may be of any length."""

    def __init__(self, open_part: OpenPart) -> None:
        super().__init__(open_part)
        self._key = bytearray()
        self._half = b""  # of an escape that was cut in two
        self._is_open = False
        self._parser = QuerystringParser(
            {
                "on_field_start": self._on_field_start,
                "on_field_name": self._on_field_name,
                "on_field_data": self._on_field_data,
                "on_field_end": self._on_field_end,
            }
        )

    def feed(self, data: bytes) -> None:
        """As `StreamedForm.feed`."""
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise _bad(f"this is no urlencoded form: {error}") from error

    def end(self) -> None:
        """As `StreamedForm.end`."""
        self._parser.finalize()

    def _on_field_start(self) -> None:
        self._key, self._half, self._is_open = bytearray(), b"", False

    def _on_field_name(self, data: bytes, start: int, end: int) -> None:
        self._key += data[start:end]
        if len(self._key) > MOST_FIELD_BYTES:
            raise _bad("the name of a field is too long")

    def _on_field_data(self, data: bytes, start: int, end: int) -> None:
        self._open()
        piece = self._half + data[start:end]
        whole = len(piece) - next((cut for cut in (1, 2) if piece[-cut : len(piece) - cut + 1] == b"%"), 0)
        self._half = piece[whole:]
        self._take(unquote_to_bytes(piece[:whole].replace(b"+", b" ")))

    def _on_field_end(self) -> None:
        self._open()
        if self._half:
            self._take(self._half)
        self._finish()

    def _open(self) -> None:
        if not self._is_open:
            self._is_open = True
            self._begin(_text(unquote_to_bytes(bytes(self._key).replace(b"+", b" "))), None)


class Base64Text:
    """Decodes a base64 text while it arrives. write: takes the bytes. Call it like a `Write`.

    A `data:` prefix is skipped, and a space counts as a plus, which senders forget to escape.
    """

    def __init__(self, write: Write) -> None:
        self._write = write
        self._left = bytearray()
        self._may_have_prefix = True

    def __call__(self, data: bytes) -> None:
        """Take the next letters; b"" is the end. Raises Refused if they are no base64."""
        self._left += data.replace(b"\r", b"").replace(b"\n", b"").replace(b" ", b"+")
        if self._may_have_prefix and (len(self._left) >= _MOST_DATA_URL_BYTES or not data):
            self._may_have_prefix = False
            if prefix := _DATA_URL.match(self._left):
                del self._left[: prefix.end()]
        if self._may_have_prefix:
            return
        if not data:
            self._left = bytearray(self._left.rstrip(b"="))
            self._left += b"=" * (-len(self._left) % 4)
        whole = len(self._left) // 4 * 4
        try:
            decoded = binascii.a2b_base64(bytes(self._left[:whole]), strict_mode=True) if whole else b""
        except binascii.Error as error:
            raise _bad(f"this is no base64: {error}") from error
        del self._left[:whole]
        if decoded:
            self._write(decoded)
        if not data:
            self._write(b"")


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("latin-1")


def _bad(detail: str) -> Refused:
    return Refused(HTTPStatus.BAD_REQUEST, "bad_request", detail)
