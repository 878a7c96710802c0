"""One server with its settings and the trust in it."""

import threading
from dataclasses import dataclass, field

from daemon.engines.comfyui.replies import Memory
from daemon.engines.comfyui.server import Server
from daemon.engines.comfyui.server_trust import ServerTrust
from daemon.engines.contract import ServerHealth
from daemon.settings import ServerSettings


@dataclass(slots=True, eq=False)
class ServerEntry:
    """A server in the list of servers. Only `Servers` changes it, under its lock.

    probe_soon: set it to have the server probed soon.
    canaries: model -> Unix time when it last cut out the test picture correctly.
    leaving: the server gets nothing new; what runs there ends.
    """

    server: Server
    trust: ServerTrust
    settings: ServerSettings
    memory: Memory = field(default_factory=Memory)
    probe_soon: threading.Event = field(default_factory=threading.Event)
    canaries: dict[str, float] = field(default_factory=dict)
    leaving: bool = False

    def health(self) -> ServerHealth:
        """The server's condition, as far as known."""
        return ServerHealth(
            server=self.server.name,
            up=self.trust.up,
            message=self.trust.message,
            running=self.trust.in_flight,
            memory_total_bytes=self.memory.total_bytes,
            memory_free_bytes=self.memory.free_bytes,
            circuit=self.trust.breaker.value,
            reconnects=self.server.reconnects,
            set_aside=tuple(sorted(self.trust.models_without_photos)),
            canaries=tuple(self.canaries.items()),
            uploads=self.server.uploads,
            history_entries=self.server.history_entries,
        )
