"""Where live state comes from: each source gives netlink messages, and answers questions about them.

                        ┌ Local ──┐
    make(target, kind) ─┤ Netns ──┴ KernelSource ─ events socket ──▶ drain()          one writer
                        │                        └ asks socket ────▶ dump(), get()    worker threads
                        └ Replay ─ a recording
    Recorder wraps any of them and writes what passes; Namespaces tells which names there are under /run/netns.

Invariants: events are subscribed before anything is dumped; what was lost, torn or is missing is said, never hidden;
a source keeps no state of the network, no thread and no task; all calls that wait are for worker threads.
It must not know of rows, databases or the loop: bytes go up, bytes come down.
"""

from .contract import Events, Source
from .discovery import Change, Namespace, Namespaces, numbers_in
from .kinds import make
from .netns import Place, place_of

__all__ = ["Change", "Events", "Namespace", "Namespaces", "Place", "Source", "make", "numbers_in", "place_of"]
