"""From findings to alerts: words, an id, and a place in the outbox, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bot.operate import crash
from bot.rules.findings import Finding, ReleaseOut
from bot.wording.markup import payload, to_plain
from bot.wording.messages import compose
from scrapers.toolkit.contract import Scraper
from state.records import NewAlert, Parcel
from state.store import Writer


@dataclass(frozen=True, slots=True)
class Destination:
    """A chat and the topic in it: `console`, `log`, or a Telegram id."""

    chat: str
    thread: int | None = None


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where messages for the team and for the operator go."""

    team: tuple[Destination, ...]
    operator: Destination

    @property
    def chats(self) -> frozenset[str]:
        """Return every chat that may be sent to."""
        return frozenset(d.chat for d in (*self.team, self.operator))


def post(
    tx: Writer,
    destinations: Destinations,
    source: Scraper | None,
    findings: Iterable[Finding],
    now: datetime,
    *,
    seen: datetime | None = None,
) -> int:
    """Add an alert for each finding that was not told before; return how many were added.

    `seen` is when it was found, where that was before now: it waited for the operator.
    """
    added = 0
    crash.point("post:begun")
    for finding in findings:
        number = tx.next_alert_id()
        message = compose(finding, source, number, seen or now)
        content = payload(message)
        chats = destinations.team if finding.audience == "team" else (destinations.operator,)
        key = source.key if source else ""
        alert = NewAlert(
            id=number,
            source=key,
            kind=finding.kind,
            dedupe=f"{key}|{finding.episode}",
            text=to_plain(message),
            finding=_kept(finding),
            parcels=tuple(Parcel(chat.chat, content, chat.thread) for chat in chats),
        )
        if tx.add_alert(alert, now):
            tx.remember(key, finding.episode, now)
            added += 1
    crash.point("post:done")
    return added


def _kept(finding: Finding) -> dict[str, str]:
    """Return what is remembered of a finding beside its words: its episode, and when it was published."""
    if isinstance(finding, ReleaseOut) and finding.release.published:
        return {"episode": finding.episode, "published": finding.release.published.isoformat()}
    return {"episode": finding.episode}
