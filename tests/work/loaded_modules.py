"""Says what a process has imported."""

import sys
from multiprocessing.connection import Connection


def send_packages(channel: Connection) -> None:
    """Send the names of all packages that this process has imported."""
    channel.send({name.partition(".")[0] for name in sys.modules})
