"""Telegram's limits, kept before they are met."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bot.pace import EVENLY, Pace

# All that the documentation allows: 20 messages a minute to a group, 30 a second overall. It can be used up,
# because time is counted from the answer to one call to the beginning of another: however long each takes,
# the server never sees them closer together. What `Pace.window` adds to the minute is for its clock.
GROUP_MOST, OVERALL_MOST = 20, 30


@dataclass(slots=True)
class _Call:
    """One call: when it was answered, or while it is on its way when it began."""

    at: float


class Pacer:
    """Lets calls through as Telegram wants them: apart in a chat, 20 a minute in a group, evenly over all.

    Whoever writes to a chat asks for a turn before each call and notes its end. Times are those of `clock`,
    in seconds, which nobody sets.
    """

    def __init__(self, pace: Pace, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = pace
        self._clock = clock
        self._calls: dict[str, deque[_Call]] = {}
        self._latest: deque[_Call] = deque(maxlen=OVERALL_MOST)
        self._gate = asyncio.Lock()
        self._next = 0.0  # when the next call may be made, in whichever chat

    async def turn(self, chat: str, stop: asyncio.Event) -> bool:
        """Wait until a call in this chat keeps all limits, and count it. Return False if stopped before."""
        while await self._until(stop, lambda: self._chat_free_at(chat)):
            async with self._gate:  # first come, first served
                if not await self._until(stop, self._free_at):
                    break
                now = self._clock()
                if self._chat_free_at(chat) <= now:  # nobody else wrote to it meanwhile
                    self._count(chat, now)
                    return True
        return False

    def ended(self, chat: str) -> None:
        """Note that the latest call in a chat was answered, or given up, just now."""
        if calls := self._calls.get(chat):
            calls[-1].at = self._clock()

    def hold_all(self, seconds: float) -> None:
        """Let nobody through for so long."""
        self._next = max(self._next, self._clock() + seconds)

    def remember(self, calls: Iterable[tuple[str, float]]) -> None:
        """Count calls that were made before: each as its chat and how many seconds ago, oldest first."""
        now = self._clock()
        self._calls.clear()
        for chat, ago in calls:
            self._of(chat).append(_Call(now - max(ago, 0.0)))

    def _count(self, chat: str, now: float) -> None:
        call = _Call(now)
        self._of(chat).append(call)
        self._latest.append(call)
        # Who wakes late does not slow down all who follow, but there is no rush to catch up either.
        self._next = max(self._next, now - self._pace.even) + self._pace.even

    def _of(self, chat: str) -> deque[_Call]:
        """Return the latest calls in a chat: of a group as many as its limit, of a person the last."""
        return self._calls.setdefault(chat, deque(maxlen=GROUP_MOST if chat.startswith("-") else 1))

    def _chat_free_at(self, chat: str) -> float:
        calls = self._calls.get(chat)
        if not calls:
            return 0.0
        next_to = calls[-1].at + self._pace.spacing
        return max(next_to, calls[0].at + self._pace.window) if len(calls) == GROUP_MOST else next_to

    def _free_at(self) -> float:
        if len(self._latest) < OVERALL_MOST:
            return self._next
        return max(self._next, self._latest[0].at + EVENLY * self._pace.even)

    async def _until(self, stop: asyncio.Event, free_at: Callable[[], float]) -> bool:
        """Wait until the time has come, which may move away meanwhile. Return False if stopped before."""
        while not stop.is_set():
            pause = free_at() - self._clock()
            if pause <= 0:
                return True
            try:
                await asyncio.wait_for(stop.wait(), pause)
            except TimeoutError:
                continue
        return False
