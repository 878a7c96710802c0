"""Forms are read piece by piece, wherever the pieces are cut, and what is no form is said to be none."""

import base64
import tracemalloc
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from daemon.web.problems import Refused
from daemon.web.streamed_form import (
    MOST_FIELD_BYTES,
    MOST_FIELDS,
    Base64Text,
    MultipartForm,
    UrlencodedForm,
    Write,
    form_of,
)
from tests.web.live_daemon import multipart


class Sink:
    """Takes a part; knows whether it ended, and how often."""

    def __init__(self) -> None:
        self.got = bytearray()
        self.ends = 0

    def write(self, data: bytes) -> None:
        self.got += data
        self.ends += not data


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


@settings(max_examples=50, deadline=None)
@given(some.binary(max_size=300), some.integers(1, 70), some.text(max_size=20))
def test_a_multipart_form_is_the_same_wherever_it_is_cut(content: bytes, size: int, text: str) -> None:
    body, _ = multipart({"order": text}, {"photo": ("a.png", content)})
    sink = Sink()
    names: list[tuple[str, str | None]] = []

    def open_part(field: str, file_name: str | None) -> Write | None:
        names.append((field, file_name))
        return sink.write if file_name else None

    form = MultipartForm(b"----freisteller-test", open_part)
    for piece in cut(body, size):
        form.feed(piece)
    form.end()

    assert (bytes(sink.got), sink.ends) == (content, 1)
    assert form.fields == {"order": text}
    assert names == [("order", None), ("photo", "a.png")]


@settings(max_examples=100, deadline=None)
@given(some.binary(max_size=300), some.integers(1, 70), some.text(max_size=20), some.booleans())
def test_an_urlencoded_form_is_the_same_wherever_it_is_cut(content: bytes, size: int, text: str, prefix: bool) -> None:
    encoded = ("data:image/png;base64," if prefix else "") + base64.b64encode(content).decode()
    body = f"a={quote(text)}&photo={quote(encoded, safe='')}&b=x+y".encode("utf-8", "replace")
    sink = Sink()

    form = UrlencodedForm(lambda field, _: Base64Text(sink.write) if field == "photo" else None)
    for piece in cut(body, size):
        form.feed(piece)
    form.end()

    assert (bytes(sink.got), sink.ends) == (content, 1)
    assert form.fields == {"a": text, "b": "x y"}


def test_a_long_field_is_never_in_memory() -> None:
    encoded = quote(base64.b64encode(bytes(3 << 20)).decode(), safe="").encode()
    taken = [0]
    form = UrlencodedForm(lambda *_: Base64Text(lambda data: taken.__setitem__(0, taken[0] + len(data))))
    form.feed(b"photo=")
    tracemalloc.start()
    for start in range(0, len(encoded), 1 << 16):
        form.feed(encoded[start : start + (1 << 16)])
    form.end()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert taken == [3 << 20]
    assert peak < 1 << 20


@pytest.mark.parametrize("sent", [b"Y!==", b"YQ=x", b"Y", b"YQ==YQ==", b"data:image/png;base64,Y!"])
def test_what_is_no_base64_is_refused(sent: bytes) -> None:
    decode = Base64Text(lambda _: None)

    def decode_all() -> None:
        decode(sent)
        decode(b"")

    with pytest.raises(Refused, match="base64"):
        decode_all()


@pytest.mark.parametrize("sent", [b"YQ", b"YQ==", b"Y\r\nQ==", b"data:image/png;base64,YQ"])
def test_base64_may_be_written_in_many_ways(sent: bytes) -> None:
    sink = Sink()
    decode = Base64Text(sink.write)
    decode(sent)
    decode(b"")

    assert (bytes(sink.got), sink.ends) == (b"a", 1)


def test_a_plus_that_nobody_escaped_is_a_plus() -> None:
    content = bytes([0xFB, 0xEF, 0xBE])  # ++++ in base64
    sink = Sink()
    form = UrlencodedForm(lambda *_: Base64Text(sink.write))
    form.feed(b"photo=" + base64.b64encode(content))
    form.end()

    assert bytes(sink.got) == content


@pytest.mark.parametrize("kind", ["", "text/plain", "application/json", "image/png"])
def test_other_bodies_are_no_forms(kind: str) -> None:
    assert form_of(kind, lambda *_: None) is None


def test_too_much_of_anything_is_refused() -> None:
    with pytest.raises(Refused, match="longer"):
        UrlencodedForm(lambda *_: None).feed(b"a=" + b"x" * (MOST_FIELD_BYTES + 1))
    with pytest.raises(Refused, match="too long"):
        UrlencodedForm(lambda *_: None).feed(b"x" * (MOST_FIELD_BYTES + 1))
    with pytest.raises(Refused, match="fields"):
        UrlencodedForm(lambda *_: None).feed(b"a=1&" * (MOST_FIELDS + 1))


@settings(max_examples=200, deadline=None)
@given(some.binary(max_size=400), some.integers(1, 50))
def test_whatever_comes_it_is_read_or_refused(body: bytes, size: int) -> None:
    for form in (MultipartForm(b"B", lambda *_: None), UrlencodedForm(lambda *_: None)):
        try:
            for piece in cut(b"--B\r\n" + body, size):
                form.feed(piece)
            form.end()
        except Refused:
            pass
