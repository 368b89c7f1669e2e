"""Messages on channels: told to whoever listens now, kept nowhere. A channel is there as long as somebody listens."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from holdfast.errors import InvalidValue, Lost

from .paths import Path
from .values import checked, fresh

__all__ = ["Channels", "Message", "Subscription"]

_QUEUE: Final = 1000


@dataclass(frozen=True, slots=True)
class Message:
    """channel, what was said, and the id of the handle that said it."""

    channel: str
    value: Any
    origin: str = ""


class Subscription:
    """Messages of one channel, for one reader. `lost`: how many did not fit into its queue."""

    def __init__(self, channels: Channels, name: str, queue: int) -> None:
        self.name = name
        self.ready: deque[Message] = deque()
        self.lost = 0
        self.ended = False
        self._queue = queue
        self._channels = channels
        self._waiting: asyncio.Future[None] | None = None

    async def fill(self) -> None:
        """Wait until a message is ready, or the subscription has ended. Raises: Lost - some did not fit; call again to go on."""
        while not self.ready and not self.ended:
            if self.lost:
                lost, self.lost = self.lost, 0
                raise Lost(f"{lost} messages on `{self.name}` did not fit into the queue of {self._queue}", hint="read on", lost=lost)
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None

    def tell(self, message: Message) -> None:
        if len(self.ready) >= self._queue:
            self.lost += 1
            return
        self.ready.append(message)
        self._wake()

    async def close(self) -> None:
        """As `end`, on the loop."""
        self.end()

    def end(self) -> None:
        self.ended = True
        self._channels.forget(self)
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


class Channels:
    """Who listens to what. All on one loop; `publish` may be called from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._listening: dict[str, dict[Subscription, None]] = {}

    def subscribe(self, name: str, queue: int = _QUEUE) -> Subscription:
        """Raises: InvalidValue - no name."""
        _check_name(name)
        subscription = Subscription(self, name, queue)
        self._listening.setdefault(name, {})[subscription] = None
        return subscription

    def publish(self, name: str, value: Any, origin: str = "") -> int:
        """Tell those who listen now; returns how many they are: none is no error. Raises: InvalidValue - no name, or no JSON."""
        _check_name(name)
        where: Path = ("message",)
        message = Message(name, checked(value, where), origin)
        listening = len(self._listening.get(name, ()))
        if listening:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._tell, message)
        return listening

    def names(self) -> dict[str, int]:
        """Channels, and how many listen to each."""
        return {name: len(among) for name, among in sorted(self._listening.items())}

    def forget(self, subscription: Subscription) -> None:
        among = self._listening.get(subscription.name)
        if among is not None:
            among.pop(subscription, None)
            if not among:
                del self._listening[subscription.name]

    def close(self) -> None:
        for subscription in [one for among in self._listening.values() for one in among]:
            subscription.end()

    def _tell(self, message: Message) -> None:
        for subscription in list(self._listening.get(message.channel, ())):
            subscription.tell(Message(message.channel, fresh(message.value), message.origin))


def _check_name(name: object) -> None:
    if not name or not isinstance(name, str):
        raise InvalidValue(f"expected the name of a channel, got `{name!r}`")
