"""What operators do to the worker from Telegram, and how an admin lets a message out that waits for a yes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from bot import __version__
from bot.alerts import awaits_yes, sign
from bot.campaign import Campaign
from bot.commands.settling import Here
from bot.commit import Committer
from bot.held import NotHeld, reject, release
from bot.paused import pause, resume
from bot.wording import settled
from bot.wording.markup import Message, clean
from scrapers.toolkit.contract import Scraper
from state.store import Store, Writer

LISTED = 15  # alerts that did not arrive
LOOKED_THROUGH = 500  # of the newest
_NUMBER = re.compile(r"#?[Aa]?(\d{1,9})", re.ASCII)


class Operating:
    """Answers operators. Every method but the lists is one transaction."""

    def __init__(self, store: Store, campaign: Campaign, committer: Committer) -> None:
        self._store, self._campaign, self._committer = store, campaign, committer

    def outbox(self, here: Here) -> Message:
        """Return how many messages wait, and which did not arrive."""
        counts = self._store.outbox.counts()
        with self._store.reading() as tx:
            alerts = tx.alerts(LOOKED_THROUGH)
        odd = [(one.id, one.state, one.text.partition("\n")[0]) for one in alerts if one.state != "sent"]
        return settled.outbox(counts, list(dict.fromkeys(odd))[-LISTED:])

    def resend(self, here: Here) -> Message:
        """Send once more what did not surely arrive."""
        number = numbered(here.text)
        if number is None:
            return settled.number_needed()
        with self._store.writing() as tx:
            return settled.resent(number, tx.parcels.resend(number, here.now))

    def drop(self, here: Here) -> Message:
        """Give up what waits."""
        number = numbered(here.text)
        if number is None:
            return settled.number_needed()
        with self._store.writing() as tx:
            count = tx.parcels.drop_alert(number, "dropped by an operator", here.now)
            return settled.dropped(number, count)

    def pause(self, here: Here) -> Message:
        """Leave a source alone."""
        return self._set(here, pause)

    def resume(self, here: Here) -> Message:
        """Look at a source again."""
        return self._set(here, resume)

    def release(self, here: Here) -> Message:
        """Let out what is held for the operator."""
        return self._said(
            lambda: release(self._committer, self._campaign, here.text.strip(), lambda: here.now)
        )

    def reject(self, here: Here) -> Message:
        """Drop what is held for the operator."""
        return self._said(lambda: reject(self._committer, here.text.strip(), lambda: here.now))

    def version(self, here: Here) -> Message:
        """Return which version runs."""
        return settled.version(__version__, self._store.schema() or "")

    def waits_for_yes(self, text: str) -> int | None:
        """Return the number of the alert that waits for a yes, named by its own or its question's."""
        number = numbered(text)
        if number is None:
            return None
        with self._store.writing() as tx:
            return awaits_yes(tx, number)

    def sign(self, number: int, here: Here, *, yes: bool) -> Message:
        """Tell or drop what waits for an admin's yes."""
        with self._store.writing() as tx:
            if awaits_yes(tx, number) != number:
                return settled.nothing_waits(number)
            sign(tx, self._committer.destinations, number, here.now, yes=yes)
        return settled.signed(number, yes=yes, now=here.now)

    def _said(self, work: Callable[[], str]) -> Message:
        try:
            return settled.one_line(clean(work(), settled.SAID_CAP))
        except NotHeld as error:
            return settled.one_line(clean(str(error), settled.SAID_CAP))

    def _set(self, here: Here, how: Callable[[Writer, str, datetime], None]) -> Message:
        source = self._named(here.text.strip())
        if source is None:
            return settled.which_source([source.key for source in self._campaign.sources])
        with self._store.writing() as tx:
            how(tx, source.key, here.now)
        return settled.paused(source.title, on=how is pause)

    def _named(self, text: str) -> Scraper | None:
        named = [source for source in self._campaign.sources if text in (source.key, source.name)]
        return named[0] if len(named) == 1 else None


def numbered(text: str) -> int | None:
    """Return the number of an alert written `A142`, `#A142` or `142`."""
    match = _NUMBER.fullmatch(text.strip())
    return int(match[1]) if match else None
