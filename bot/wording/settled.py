"""What is said about what a chat gets: its settings, its silences, and who may change them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time

from bot.rules.routing import DIGEST_AT, ELSEWHERE, MODES
from bot.wording import numbers
from bot.wording.callbacks import mark, pressed
from bot.wording.language import later, n, t
from bot.wording.markup import NAME_CAP, Button, Line, Message, bold, clean, code, line
from scrapers.toolkit.contract import ENGLAND
from state.records import Mode, SendState, Subscription

LABEL_CAP, SAID_CAP = 40, 300
MOST_AREAS = 20  # in one menu

SIGNS: Mapping[Mode, str] = {"on": "🔔", "silent": "🔕", "digest": "🗞", "off": "🚫"}
SAID: Mapping[Mode, str] = {
    "on": later("on"),
    "silent": later("without a sound"),
    "digest": later("in the digest"),
    "off": later("off"),
}
GRAVE = {
    "critical": later("What may make a claim wrong"),
    "normal": later("What changed"),
    "minor": later("Smaller news"),
}

Rows = tuple[tuple[Button, ...], ...]


def one_line(text: str) -> Message:
    """Return a message of one line."""
    return Message((line(text),))


def admins_only() -> str:
    """Return what is said to people who may not change what a chat gets."""
    return t("Only admins of this chat can do that.")


def operators_only() -> str:
    """Return what is said to people who do not run the worker."""
    return t("Only the operators of this bot can do that.")


def nothing_here() -> Message:
    """Return what is said in a place that gets nothing."""
    return one_line(t("Nothing is posted here. /subscribe changes that."))


def overview(wanted: Subscription, names: Mapping[str, str], now: datetime) -> Message:
    """Return what a place gets, with the first page of its menu."""
    rows: Rows = (
        (_page(t("Sources"), "sources"), _page(t("Places"), "areas"), _page(t("Importance"), "grave")),
        (_quiet_button(wanted.quiet), _mute_button(wanted, now)),
    )
    lines = (line(bold(t("What is posted here"))), *_lines(wanted, names, now))
    return Message(lines, buttons=rows, silent=True)


def _lines(wanted: Subscription, names: Mapping[str, str], now: datetime) -> list[Line]:
    if not wanted.active:
        return [line(t("Nothing: /subscribe changes that."))]
    said = []
    if wanted.muted_until and wanted.muted_until > now:
        said.append(line(t("🤫 Silent until {time}.", time=numbers.day_and_time(wanted.muted_until))))
    if wanted.quiet:
        begins, ends = (f"{at:%H:%M}" for at in wanted.quiet)
        said.append(line(t("🌙 Quiet from {begins} to {ends}.", begins=begins, ends=ends)))
    if "digest" in wanted.choices.values():
        said.append(line(t("🗞 The digest comes at {time}.", time=f"{wanted.digest or DIGEST_AT:%H:%M}")))
    others = [
        f"{SIGNS[mode]} {clean(names.get(name, name), NAME_CAP)}: {t(SAID[mode])}"
        for name, mode in wanted.choices.items()
    ]
    said += [line(text) for text in others[:MOST_AREAS]]
    if len(others) > MOST_AREAS:
        said.append(line(t("… and {count} more", count=len(others) - MOST_AREAS)))
    if not others:
        said.append(line(t("🔔 Everything, as it is found.")))
    return said


def page_of_sources(wanted: Subscription, sources: Mapping[str, str]) -> Message:
    """Return the menu of sources."""
    rows = [
        _choice(wanted.choices.get(f"source {key}", "on"), title, "source", mark(key))
        for key, title in sources.items()
    ]
    return _menu(t("By source"), rows)


def page_of_areas(wanted: Subscription, codes: Sequence[str], names: Mapping[str, str]) -> Message:
    """Return the menu of the places that were chosen, of England, and of all others."""
    shown = [ENGLAND.code, *codes[:MOST_AREAS]]
    rows = [
        _choice(wanted.choices.get(f"area {code}", "on"), names.get(f"area {code}", code), "area", code)
        for code in shown
    ]
    rows.append(
        _choice(wanted.choices.get(f"area {ELSEWHERE}", "on"), t("All other places"), "area", "others")
    )
    return _menu(t("By place. To add one: /subscribe Kent"), rows)


def page_of_severities(wanted: Subscription) -> Message:
    """Return the menu of how important news is."""
    rows = [
        _choice(wanted.choices.get(f"severity {name}", "on"), t(title), "severity", name)
        for name, title in GRAVE.items()
    ]
    return _menu(t("By importance"), rows)


def _menu(title: str, rows: Sequence[tuple[Button, ...]]) -> Message:
    back = (_page(t("Back"), "all"),)
    legend = " · ".join(f"{SIGNS[mode]} {t(SAID[mode])}" for mode in MODES)
    return Message((line(bold(title)), line(legend)), buttons=(*rows, back), silent=True)


def _choice(mode: Mode, title: str, kind: str, which: str) -> tuple[Button, ...]:
    """Return the button that shows a choice, and on a press makes the next one."""
    after = MODES[(MODES.index(mode) + 1) % len(MODES)]
    label = f"{SIGNS[mode]} {clean(title, LABEL_CAP)}"
    return (Button(label, callback=pressed("set", kind, which, after)),)


def _page(label: str, page: str) -> Button:
    return Button(label, callback=pressed("set", page))


def _quiet_button(quiet: tuple[time, time] | None) -> Button:
    if quiet:
        return Button(t("No quiet hours"), callback=pressed("set", "quiet", "off"))
    return Button(t("Quiet 22:00–07:00"), callback=pressed("set", "quiet", "on"))


def _mute_button(wanted: Subscription, now: datetime) -> Button:
    if wanted.muted_until and wanted.muted_until > now:
        return Button(t("Unmute"), callback=pressed("set", "mute", "off"))
    return Button(t("Mute 2 h"), callback=pressed("set", "mute", "120"))


def subscribed(wanted: Subscription, area: str) -> Message:
    """Return what is said once a place is posted to, of everything or of an area too."""
    if area:
        rest = t("England as a whole comes too, other places do not. /settings changes that.")
        return Message((line(bold(t("🔔 You now follow {area}.", area=clean(area, NAME_CAP)))), line(rest)))
    return one_line(t("🔔 News is posted here from now on. /settings says which."))


def unsubscribed(area: str) -> Message:
    """Return what is said once nothing is posted any more, or nothing of an area."""
    if area:
        return one_line(t("🚫 {area} is not followed here any more.", area=clean(area, NAME_CAP)))
    return one_line(t("🚫 Nothing is posted here any more. /subscribe changes that."))


def not_followed(asked: str) -> Message:
    """Return what is said when a place is to be followed no longer that never was."""
    return one_line(t("“{asked}” is not followed here.", asked=clean(asked, NAME_CAP)))


def which_area(asked: str, found: Sequence[tuple[str, str]]) -> Message:
    """Return the places that may be meant, each as a button; or that there is none."""
    if not found:
        return one_line(t("I know no place like “{asked}”.", asked=clean(asked, NAME_CAP)))
    rows = tuple(
        (Button(clean(name, LABEL_CAP), callback=pressed("set", "follow", code)),) for code, name in found
    )
    return Message((line(t("Which one is it?")),), buttons=rows)


def muted(until: datetime | None) -> Message:
    """Return that nothing makes a sound until then, or that all does again."""
    if until is None:
        return one_line(t("🔔 No longer silent. What waited comes in one message."))
    waits = t(
        "What comes meanwhile waits for one message; what may make a claim wrong comes without a sound."
    )
    return Message((line(bold(t("🤫 Silent until {time}.", time=numbers.day_and_time(until)))), line(waits)))


def quiet(hours: tuple[time, time] | None) -> Message:
    """Return when it is quiet from now on."""
    if hours is None:
        return one_line(t("🔔 No quiet hours any more."))
    begins, ends = (f"{at:%H:%M}" for at in hours)
    return one_line(
        t("🌙 Quiet from {begins} to {ends}; what waits comes together then.", begins=begins, ends=ends)
    )


def digest(at: time | None) -> Message:
    """Return when the digest comes from now on, or that there is none."""
    if at is None:
        return one_line(t("🔔 No digest any more: all comes as it is found."))
    lines = (
        line(
            bold(t("🗞 All but what is critical comes in one message, daily at {time}.", time=f"{at:%H:%M}"))
        ),
        line(t("/settings says what comes at once. No digest: "), code("/digest off")),
    )
    return Message(lines)


def how_to(command: str) -> Message:
    """Return how a command is written."""
    ways = {
        "mute": t("Write it like: /mute 2h, /mute 30min, /mute until 08:00"),
        "quiet": t("Write it like: /quiet 22:00-07:00, or /quiet off"),
        "digest": t("Write it like: /digest daily 08:30, or /digest off"),
        "ack": t("Write it like: /ack A142"),
    }
    return one_line(ways[command])


def acknowledged(role: str) -> str:
    """Return the line that says over an alert that somebody took care of it."""
    return t("✔️ Handled by an admin") if role == "admin" else t("✔️ Handled by a member of the team")


def not_ours(number: int) -> Message:
    """Return that there is no such alert in a chat."""
    return one_line(t("A{number} was not posted in this chat.", number=number))


def done(number: int, *, already: bool) -> Message:
    """Return that an alert is marked as handled."""
    said = t("A{number} was handled already.") if already else t("✔️ A{number} is marked as handled.")
    return one_line(said.format(number=number))


def privacy(chats: int) -> Message:
    """Return what is stored of people and chats."""
    return Message(
        (
            line(bold(t("What this bot keeps"))),
            line(t("The ids of the chats that it writes to, and what they asked to get.")),
            line(t("No names, no messages of anybody, no lists of members.")),
            line(t("The id of a private chat is that of its person.")),
            line(n("It is {count} chat at the moment.", "It is {count} chats at the moment.", chats)),
            line(t("/unsubscribe in a private chat deletes what is kept of it.")),
        )
    )


def hello(chats: str) -> Message:
    """Return what is said in a chat that nobody has allowed yet: its id, and what the operator sets."""
    return Message(
        (
            line(bold(t("Hello. I wait until my operator lets me post here."))),
            line(t("The setting for that: "), code(f"ALERT_CHATS={chats}")),
            line(t("It takes effect when I am started anew. After a day I leave.")),
        )
    )


def introduction(campaign: str) -> Message:
    """Return in three lines who posts here, what, and how that is changed."""
    return Message(
        (
            line(bold(t("I am Figurewatch, for: {campaign}", campaign=clean(campaign, NAME_CAP)))),
            line(t("I post here when a published figure really changes. /help says what I answer.")),
            line(t("Admins choose what comes with /settings. So it would look:")),
        ),
        buttons=((Button(t("Show samples"), callback=pressed("test")),),),
    )


SAMPLE = later("🧪 Samples: these figures are not real")


def outbox(counts: Mapping[SendState, int], waiting: Sequence[tuple[int, str, str]]) -> Message:
    """Return how many messages are in which state, and which did not arrive: number, state and first line."""
    said = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    head = line(bold(t("Outbox: {said}", said=said or t("empty"))))
    rows = tuple(line(f"A{number} {state}: {clean(text, NAME_CAP)}") for number, state, text in waiting)
    hint = (line(t("/resend A142 sends once more, /drop A142 gives up.")),) if rows else ()
    return Message((head,), rows, hint)


def resent(number: int, count: int) -> Message:
    """Return that an alert is sent once more."""
    if not count:
        return one_line(t("Nothing of A{number} is to be sent once more.", number=number))
    return one_line(t("A{number}: sent once more: {count}.", number=number, count=count))


def dropped(number: int, count: int) -> Message:
    """Return that what waits of an alert is given up."""
    if not count:
        return one_line(t("Nothing of A{number} waits.", number=number))
    return one_line(
        n(
            "A{number}: {count} message is dropped.",
            "A{number}: {count} messages are dropped.",
            count,
            number=number,
        )
    )


def paused(title: str, *, on: bool) -> Message:
    """Return that a source is not looked at any more, or is again."""
    said = t("⏸ {title} is not looked at until /resume.") if on else t("▶️ {title} is looked at again.")
    return one_line(said.format(title=clean(title, NAME_CAP)))


def which_source(keys: Sequence[str]) -> Message:
    """Return the sources that may be named."""
    return Message((line(t("Which source? One of:")), *(line(code(key)) for key in keys)))


def version(number: str, schema: str) -> Message:
    """Return which version runs."""
    return one_line(t("Figurewatch {number}, tables {schema}", number=number, schema=schema))


def number_needed() -> Message:
    """Return how an alert is named."""
    return one_line(t("Name it by its number, like A142."))


def signed(number: int, *, yes: bool, now: datetime) -> Message:
    """Return what an admin said of an alert that waited."""
    when = numbers.day_and_time(now)
    said = (
        t("✔️ A{number} is told: an admin said yes, {when}.")
        if yes
        else t("🚫 A{number} is dropped: an admin said no, {when}.")
    )
    return one_line(said.format(number=number, when=when))


def nothing_waits(number: int) -> Message:
    """Return that nobody waits for a word on an alert."""
    return one_line(t("A{number} does not wait for a yes.", number=number))


def menu_of_admins() -> dict[str, str]:
    """Return the commands that admins are shown."""
    return {
        "settings": t("What is posted here"),
        "subscribe": t("Follow everything, or a place: Kent"),
        "unsubscribe": t("Follow nothing, or a place no longer: Kent"),
        "mute": t("Silence for a while: 2h"),
        "unmute": t("No more silence"),
        "quiet": t("Quiet hours: 22:00-07:00"),
        "digest": t("One message a day: daily 08:30"),
        "test": t("A sample of each message"),
    }


def menu_of_members() -> dict[str, str]:
    """Return the commands that all are shown beside the questions."""
    return {"ack": t("Mark a message as handled: 142"), "privacy": t("What this bot keeps")}


def menu_of_operators() -> dict[str, str]:
    """Return the commands that operators are shown."""
    return {
        "outbox": t("What waits, and what did not arrive"),
        "resend": t("Send once more: A142"),
        "drop": t("Give up: A142"),
        "pause": t("Do not look at a source"),
        "resume": t("Look at it again"),
        "release": t("Let out what is held: H3, A142"),
        "reject": t("Drop what is held: H3, A142"),
        "version": t("Which version runs"),
    }
