"""What a chat gets, as its admins change it, answered in words. Nothing here is Telegram's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import NamedTuple, TypeVar

from bot.alerts import Destinations
from bot.campaign import Campaign
from bot.delivery.transports import on_telegram
from bot.followers import let_wait, wishes
from bot.places import stored_places
from bot.rules.hours import LONGEST_MUTE, digest_time, mute_end, quiet_hours
from bot.rules.places import Directory, find
from bot.rules.routing import ELSEWHERE, MODES, chosen, followed, following
from bot.wording import settled
from bot.wording.callbacks import Call, mark
from bot.wording.language import t
from bot.wording.markup import Message, headed
from scrapers.toolkit.contract import ENGLAND
from state.records import Destination, Mode, Parcel, Subscription
from state.store import Reader, Store, Writer

T = TypeVar("T")

MOST_OFFERED = 6  # places that may be meant
MOST_CHOICES = 200  # that one chat can make
MOST_FOLLOWERS = 1000  # private chats
NIGHT = time(22), time(7)
ACKNOWLEDGED = "acknowledged"  # where it is remembered, beside the episodes of sources
_CODE = re.compile(r"[A-Za-z0-9]{1,20}", re.ASCII)
_ALERT = re.compile(r"#?[Aa]?(\d{1,9})", re.ASCII)
_SEVERITIES = tuple(settled.GRAVE)


class Here(NamedTuple):
    """Where something is asked for, by the chat's first id, what was written, when, and by whom."""

    chat: str
    thread: int | None
    text: str
    now: datetime
    private: bool = False
    role: str = "admin"

    @property
    def place(self) -> Destination:
        """Return the chat and topic."""
        return Destination(self.chat, self.thread)


class Settling:
    """Changes what chats get. Every method but `overview` is one transaction."""

    def __init__(self, store: Store, campaign: Campaign, where: Destinations) -> None:
        self._store, self._campaign, self._where = store, campaign, where
        self._titles = {source.key: source.title for source in campaign.sources}

    # What people type.

    def settings(self, here: Here) -> Message:
        """Return what a place gets, with its menu."""
        with self._store.reading() as tx:
            wanted = self._place(tx, here)
            if wanted is None:
                return settled.nothing_here()
            return settled.overview(wanted, self._names(tx, wanted), here.now)

    def subscribe(self, here: Here) -> Message:
        """Let a place get everything, or follow an area by its name."""
        if not here.text.strip():
            return self._started(here, None)
        with self._store.reading() as tx:
            found = list(self._found(tx, here.text))
        if len(found) == 1:
            return self._started(here, found[0])
        return settled.which_area(here.text, found)

    def unsubscribe(self, here: Here) -> Message:
        """Let a place get nothing any more, or nothing of an area."""
        if not here.text.strip():
            return self._ended(here)
        with self._store.writing() as tx:
            wanted = self._place(tx, here)
            codes = followed(wanted) if wanted else ()
            named = [(code, name) for code, name in self._found(tx, here.text) if code in codes]
            if wanted is None or not named:
                return settled.not_followed(here.text)
            code, name = named[0]
            choices = {key: mode for key, mode in wanted.choices.items() if key != f"area {code}"}
            self._save(tx, replace(wanted, choices=choices), here.now)
            return settled.unsubscribed(name)

    def mute(self, here: Here) -> Message:
        """Let nothing make a sound for a while."""
        until = mute_end(here.text or "2h", here.now)
        return self._muted(here, until) if until else settled.how_to("mute")

    def unmute(self, here: Here) -> Message:
        """Let news come as it does again, and what waited at once."""
        return self._muted(here, None)

    def quiet(self, here: Here) -> Message:
        """Set the quiet hours."""
        hours = quiet_hours(here.text)
        if hours is None and here.text.strip().casefold() != "off":
            return settled.how_to("quiet")
        changed = self._changed(here, lambda wanted: replace(wanted, quiet=hours))
        return settled.quiet(hours) if changed else settled.nothing_here()

    def digest(self, here: Here) -> Message:
        """Let all but what is critical come in one message a day, or nothing."""
        at = digest_time(here.text)
        if at is None and here.text.strip().casefold() != "off":
            return settled.how_to("digest")
        mode: Mode = "on" if at is None else "digest"

        def change(wanted: Subscription) -> Subscription:
            for name in ("normal", "minor"):
                wanted = chosen(wanted, f"severity {name}", mode)
            return replace(wanted, digest=at)

        return settled.digest(at) if self._changed(here, change) else settled.nothing_here()

    def ack(self, here: Here) -> Message:
        """Mark an alert as handled, where it was posted in this chat."""
        match = _ALERT.fullmatch(here.text.strip())
        if match is None:
            return settled.how_to("ack")
        number = int(match[1])
        with self._store.writing() as tx:
            said = {place: words for place, words in tx.payloads(number).items() if place[0] == here.chat}
            if not said:
                return settled.not_ours(number)
            episode = f"{number}:{here.chat}"
            if not tx.remember(ACKNOWLEDGED, episode, here.now):
                return settled.done(number, already=True)
            line = settled.acknowledged(here.role)
            edits = [
                Parcel(chat, headed(words, line), thread, action="edit", target=number)
                for (chat, thread), words in said.items()
            ]
            tx.edit_alert(number, f"{ACKNOWLEDGED}:{here.chat}", edits, here.now)
            return settled.done(number, already=False)

    def privacy(self, here: Here) -> Message:
        """Return what is stored of people and chats."""
        with self._store.reading() as tx:
            chats = {chat for chat, _ in wishes(tx, self._where)} | {self._where.operator.chat}
        return settled.privacy(sum(map(on_telegram, chats)))

    def boards(self, chat: str) -> set[int]:
        """Return the messages that say how things stand in a chat."""
        with self._store.reading() as tx:
            return {shown for place, (shown, _) in tx.boards().items() if place.chat == chat}

    # What a button, or a link to the bot, asks for.

    def called(self, call: Call, here: Here) -> Message | None:
        """Make the choice of a button and return the menu anew; None for one that none of ours makes."""
        match call.args:
            case ("all" | "sources" | "areas" | "grave" as page,):
                return self._page(here, page)
            case ("source", which, mode) if mode in MODES:
                key = next((key for key in self._titles if mark(key) == which), None)
                return self._choose(here, f"source {key}", mode, "sources") if key else None
            case ("severity", name, mode) if name in _SEVERITIES and mode in MODES:
                return self._choose(here, f"severity {name}", mode, "grave")
            case ("area", code, mode) if mode in MODES and _CODE.fullmatch(code):
                return self._choose(here, f"area {ELSEWHERE if code == 'others' else code}", mode, "areas")
            case ("follow", code):
                return self._follow(here, code)
            case ("quiet", "on" | "off" as how):
                hours = NIGHT if how == "on" else None
                self._changed(here, lambda wanted: replace(wanted, quiet=hours))
                return self._page(here, "all")
            case ("mute", "off"):
                self._muted(here, None)
                return self._page(here, "all")
            case ("mute", minutes) if (
                minutes.isdecimal() and 0 < int(minutes) <= LONGEST_MUTE.total_seconds() / 60
            ):
                self._muted(here, here.now + timedelta(minutes=int(minutes)))
                return self._page(here, "all")
        return None

    def linked(self, call: Call, here: Here) -> Message | None:
        """Let somebody follow by a link to the bot (`sub`, `sub_QKS`); None where it says something else."""
        match call:
            case Call("sub", ()):
                return self._started(here, None)
            case Call("sub", (code,)):
                return self._follow(here, code)
        return None

    # How it is done.

    def _place(self, tx: Reader, here: Here) -> Subscription | None:
        """Return what a place gets: of the topic, or of the one place in its chat that is posted to."""
        wanted = wishes(tx, self._where)
        if found := wanted.get(here.place):
            return found
        places = [one for one in wanted.values() if one.chat == here.chat]
        return places[0] if len(places) == 1 else None

    def _changed(self, here: Here, change: Callable[[Subscription], Subscription]) -> bool:
        """Change what a place gets; False where it gets nothing."""
        with self._store.writing() as tx:
            wanted = self._place(tx, here)
            if wanted is None:
                return False
            self._save(tx, change(wanted), here.now)
            return True

    def _save(self, tx: Writer, wanted: Subscription, now: datetime) -> None:
        """Remember what a place gets, and let what waits for it go its new way."""
        tx.subscriptions.save(wanted)
        let_wait(tx, wanted, now)

    def _started(self, here: Here, area: tuple[str, str] | None) -> Message:
        with self._store.writing() as tx:
            known = wishes(tx, self._where)
            wanted = known.get(here.place) or Subscription(*here.place)
            strangers = sum(not one.chat.startswith("-") for one in known.values())
            if wanted.chat not in {one.chat for one in known.values()} and strangers >= MOST_FOLLOWERS:
                return settled.one_line(t("There are too many followers already."))
            wanted = following(wanted, area[0]) if area else replace(wanted, active=True)
            if len(wanted.choices) > MOST_CHOICES:
                return settled.one_line(t("That are too many places for one chat."))
            self._save(tx, wanted, here.now)
        return settled.subscribed(wanted, area[1] if area else "")

    def _follow(self, here: Here, code: str) -> Message | None:
        with self._store.reading() as tx:
            name = self._area_name(tx, code)
        return self._started(here, (code, name)) if name else None

    def _ended(self, here: Here) -> Message:
        with self._store.writing() as tx:
            wanted = self._place(tx, here)
            if wanted is None:
                return settled.nothing_here()
            self._save(tx, replace(wanted, active=False), here.now)
            tx.subscriptions.hide(wanted.chat, wanted.thread)
            if here.private and here.chat not in self._where.chats:  # the team's must say no
                tx.forget_chat(here.chat)
        return settled.unsubscribed("")

    def _muted(self, here: Here, until: datetime | None) -> Message:
        changed = self._changed(here, lambda wanted: replace(wanted, muted_until=until))
        return settled.muted(until) if changed else settled.nothing_here()

    def _choose(self, here: Here, name: str, mode: Mode, page: str) -> Message | None:
        with self._store.reading() as tx:
            code = name.removeprefix("area ")
            if (
                name.startswith("area ")
                and code not in (ELSEWHERE, ENGLAND.code)
                and not self._area_name(tx, code)
            ):
                return None
        self._changed(here, lambda wanted: chosen(wanted, name, mode))
        return self._page(here, page)

    def _page(self, here: Here, page: str) -> Message:
        with self._store.reading() as tx:
            wanted = self._place(tx, here)
            if wanted is None:
                return settled.nothing_here()
            names = self._names(tx, wanted)
        match page:
            case "sources":
                return settled.page_of_sources(wanted, self._titles)
            case "areas":
                codes = [name.removeprefix("area ") for name in wanted.choices if name.startswith("area ")]
                local = sorted(code for code in codes if code not in (ELSEWHERE, ENGLAND.code))
                return settled.page_of_areas(wanted, local, names)
            case "grave":
                return settled.page_of_severities(wanted)
        return settled.overview(wanted, names, here.now)

    def _names(self, tx: Reader, wanted: Subscription) -> Mapping[str, str]:
        """Return what the choices of a place are called."""
        names = {f"source {key}": title for key, title in self._titles.items()}
        names |= {f"severity {name}": t(title) for name, title in settled.GRAVE.items()}
        names |= {f"area {ELSEWHERE}": t("All other places"), f"area {ENGLAND.code}": t(ENGLAND.name)}
        codes = [name.removeprefix("area ") for name in wanted.choices if name.startswith("area ")]
        if set(codes) - {ELSEWHERE, ENGLAND.code}:
            for where in self._directories(tx):
                names |= {f"area {code}": where.name(code) for code in codes if code in where.places}
        return names

    def _found(self, tx: Reader, asked: str) -> Iterator[tuple[str, str]]:
        """Yield the places that may be meant by a name or code, with their names; one where it is plain."""
        for where in self._directories(tx):
            matches = find(asked, where)
            if not matches:
                continue
            plain = [match for match in matches if match.how in ("code", "name")]
            for place, _ in plain[:1] or matches[:MOST_OFFERED]:
                yield place.code, place.name
            return

    def _area_name(self, tx: Reader, code: str) -> str | None:
        names = (where.name(code) for where in self._directories(tx) if code in where.places)
        return next(names, None)

    def _directories(self, tx: Reader) -> Iterator[Directory]:
        for source in self._campaign.sources:
            if not source.is_live:
                yield stored_places(tx, source.key)
