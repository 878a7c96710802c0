"""Receives one photo of a request into a file, up to a limit."""

from http import HTTPStatus

from daemon.errors import Said
from daemon.intake.received_file import ReceivedFile
from daemon.intake.uploads import Uploads
from daemon.web.problems import Refused

MEGABYTE = 1_000_000


class IncomingPhoto:
    """A photo that is being sent. Nothing is made before its first part comes; `discard` it in any case.

    One thread at a time uses it, and that is not the event loop's: it writes to the disk.
    """

    def __init__(self, uploads: Uploads, most_megabytes: int, expected_bytes: int = 0) -> None:
        """expected_bytes: how large the request is, as its sender says."""
        self._uploads = uploads
        self._most_megabytes = most_megabytes
        self._expected_bytes = expected_bytes
        self.file: ReceivedFile | None = None
        self.name = ""

    @property
    def size_bytes(self) -> int:
        """How much has arrived."""
        return self.file.size_bytes if self.file else 0

    def begin(self, name: str) -> None:
        """The photo begins. name: as its sender calls it; "" = nothing. Raises Refused if it is the second one."""
        if self.file is not None:
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "several_photos", "send one photo with each request")
        self.name = name
        self.file = self._uploads.begin(self._expected_bytes)

    def go_on(self, file: ReceivedFile, name: str) -> None:
        """The photo goes on in a file that was begun before."""
        self.file, self.name = file, name

    def write(self, data: bytes) -> None:
        """Take the next bytes; b"" is the end. Raises Refused (413), NoRoom, RootAway."""
        assert self.file is not None  # `begin` comes first
        if self.file.size_bytes + len(data) > self._most_megabytes * MEGABYTE:
            raise too_large(self._most_megabytes)
        self.file.write(data)

    def received(self) -> ReceivedFile:
        """The whole photo. Raises Refused if none came."""
        if self.file is None or not self.file.size_bytes:
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "no_photo", Said("no_photo_sent"))
        return self.file

    def discard(self) -> None:
        """Remove what did not become a job."""
        if self.file is not None:
            self.file.discard()


def too_large(most_megabytes: int) -> Refused:
    """The answer to a photo that is too large."""
    return Refused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "too_large",
        Said("upload_too_large", n=most_megabytes),
    )
