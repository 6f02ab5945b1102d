"""What a place wants, counted plainly beside the bot, and what it is therefore told, and when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

SIGNS = {"on": "🔔", "silent": "🔕", "digest": "🗞", "off": "🚫"}  # the quieter the later
QUIETER = list(SIGNS).index

Way = Literal["now", "later", "never"]


class News(NamedTuple):
    """What a place may be told: its number, by which mark buttons name its source, how grave, of where."""

    number: int
    source: str
    severity: str
    areas: tuple[str, ...]


@dataclass(slots=True)
class Wish:
    """What those who may decide chose last, and what became of the news since. All is on to begin with.

    It is day: quiet hours, of the night, change nothing, and the digest comes tomorrow.
    """

    chosen: dict[str, str] = field(default_factory=dict)  # modes, by the buttons that choose them
    is_quiet: bool = False
    silent_until: datetime | None = None
    told: set[int] = field(default_factory=set)
    waiting: set[News] = field(default_factory=set)

    def write(self, words: str, now: datetime) -> None:
        """Note a command."""
        match words.split():
            case ["/mute", "2h"]:
                self.silent_until = now + timedelta(hours=2)
            case ["/unmute"]:
                self.silent_until = None
            case ["/quiet", hours]:
                self.is_quiet = hours != "off"
            case ["/digest", how, *_]:
                mode = "on" if how == "off" else "digest"
                self.chosen |= {"severity:normal": mode, "severity:minor": mode}
        self._drop(now)

    def press(self, data: str, now: datetime) -> None:
        """Note a button."""
        match data.split(":"):
            case ["mute", minutes] | ["set", "mute", minutes]:
                self.silent_until = None if minutes == "off" else now + timedelta(minutes=int(minutes))
            case ["set", "quiet", how]:
                self.is_quiet = how == "on"
            case ["set", kind, which, mode]:
                self.chosen[f"{kind}:{which}"] = mode
        self._drop(now)

    def find(self, news: News, now: datetime) -> None:
        """Note what was found."""
        match self.way(news, now):
            case "now":
                self.told.add(news.number)
            case "later":
                self.waiting.add(news)

    def gather(self, now: datetime, *, digest: bool = False) -> None:
        """Note that what need not wait any more is told; with `digest`, what waits for that too."""
        ripe = {news for news in self.waiting if self.way(news, now) == "now" or digest}
        self.told |= {news.number for news in ripe}
        self.waiting -= ripe

    def way(self, news: News, now: datetime) -> Way:
        """Return how news is told: the quietest of what was chosen for it counts."""
        modes = [self._mode(f"source:{news.source}"), self._mode(f"severity:{news.severity}")]
        if news.areas:
            modes.append(min(map(self._of_area, news.areas), key=QUIETER))
        mode = max(modes, key=QUIETER)
        if mode in ("digest", "off"):
            return "later" if mode == "digest" else "never"
        return "later" if self.is_silent(now) and news.severity != "critical" else "now"

    def is_silent(self, now: datetime) -> bool:
        """Return whether nothing is to make a sound."""
        return self.silent_until is not None and now < self.silent_until

    def _mode(self, button: str) -> str:
        return self.chosen.get(button, "on")

    def _of_area(self, code: str) -> str:
        if code == "England" or f"area:{code}" in self.chosen:
            return self._mode(f"area:{code}")
        return self._mode("area:others")

    def _drop(self, now: datetime) -> None:
        """Forget what is not wanted any more."""
        self.waiting = {news for news in self.waiting if self.way(news, now) != "never"}
