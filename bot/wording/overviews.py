"""What is answered about everything at once: sources, releases, petitions, alerts, claims, and how to ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.rules.claims import Standing
from bot.rules.pace import Projection, Reading
from bot.rules.wanted import Named
from bot.wording import numbers
from bot.wording.answers import called, due, opens, when
from bot.wording.claims import reason
from bot.wording.language import n, t
from bot.wording.markup import NAME_CAP, Button, Line, Message, bold, clean, italic, line, link
from state.records import SourceState, StoredAlert, StoredRelease, Trouble

TITLE_CAP, LINE_CAP = 160, 200


@dataclass(frozen=True, slots=True)
class Watched:
    """A source and how it stands: when it last changed, its next release, and its newest one or reading.

    It may be `paused` by an operator.
    """

    key: str
    title: str
    url: str
    state: SourceState
    changed: datetime | None = None
    coming: StoredRelease | None = None
    newest: StoredRelease | None = None
    reading: str = ""
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Petition:
    """A petition and how it grows: its newest reading, its goal, and what is ahead."""

    title: str
    url: str
    publisher: str
    newest: Reading
    goal: int | None
    pace: float | None
    ahead: Projection | None


def help_lines(username: str, menu: tuple[tuple[Button, ...], ...]) -> Message:
    """Return the help: three lines, then buttons."""
    return Message(
        (
            line(bold(t("Ask for any figure and any place: /figure drop-out Kent"))),
            line(t("Two beside each other: /compare drop-out Kent Devon. Why a message came: /why 142")),
            line(
                t(
                    "In any other chat: @{bot} drop-out Kent. Everything comes from published figures.",
                    bot=username,
                )
            ),
        ),
        buttons=menu,
    )


def welcome(name: str, menu: tuple[tuple[Button, ...], ...]) -> Message:
    """Return what is said first."""
    return Message(
        (
            line(bold(t("This is Figurewatch, for: {campaign}", campaign=clean(name, TITLE_CAP)))),
            line(
                t("It reads published figures, tells what really changed, and answers questions about them.")
            ),
            line(t("Try /figure drop-out Kent, or /help.")),
        ),
        buttons=menu,
    )


def menu() -> dict[str, str]:
    """Return the commands that everybody is shown, each with what it does."""
    return {
        "figure": t("A figure in a place: drop-out Kent"),
        "compare": t("Two beside each other: drop-out Kent Devon"),
        "petition": t("The petition: its pace, and when it may reach the goal"),
        "latest": t("The newest of each source"),
        "next": t("Coming releases"),
        "status": t("How each source stands"),
        "claims": t("What we say in public, beside the figures"),
        "history": t("The last messages and their numbers"),
        "why": t("Why a message was sent: 142"),
        "measures": t("What can be asked for"),
        "export": t("A figure as a file: drop-out Kent"),
        "help": t("How to ask"),
    }


def unknown_person() -> Message:
    """Return the one answer to people whom nobody has let in."""
    return Message((line(t("This bot works for a campaign team and answers only in its chats.")),))


def status(watched: Sequence[Watched], now: datetime, buttons: tuple[tuple[Button, ...], ...]) -> Message:
    """Return how each source stands."""
    ill = sum(one.state.trouble is not None for one in watched)
    said = n("1 source cannot be read", "{count} sources cannot be read", ill) if ill else t("all is well")
    head = line(bold(t("{said}, {time}", said=_capital(said), time=numbers.day_and_time(now))))
    return Message((head,), tuple(_status(one, now) for one in watched), buttons=buttons)


def _status(one: Watched, now: datetime) -> Line:
    sign = "⏸" if one.paused else "⚠️" if one.state.trouble else "✅" if one.state.checked_at else "⏳"
    parts = [t("not looked at until /resume")] if one.paused else []
    if one.state.trouble:
        parts.append(_trouble(one.state.trouble))
    checked = one.state.checked_at
    parts.append(
        t("checked {ago} ago", ago=numbers.duration(_rough(now - checked))) if checked else t("not read yet")
    )
    if one.changed:
        parts.append(t("changed {day}", day=numbers.day(one.changed)))
    if one.coming and one.coming.expected:
        parts.append(t("next {day}", day=due(one.coming.expected)))
    return line(f"{sign} ", bold(clean(one.title, NAME_CAP)), f": {'; '.join(parts)}")


def _trouble(trouble: Trouble) -> str:
    since = numbers.day_and_time(trouble.since)
    if trouble.kind == "passing":
        return t("cannot be reached since {since}", since=since)
    return t("not what it was since {since}", since=since)


def _rough(time: timedelta) -> timedelta:
    """Return a time without its seconds, where it has minutes."""
    return max(time - time % timedelta(minutes=1), min(time, timedelta(seconds=59)))


def latest(watched: Sequence[Watched]) -> Message:
    """Return the newest release or reading of each source."""
    items = tuple(_latest(one) for one in watched if one.reading or one.newest)
    if not items:
        return Message((line(t("Nothing is published yet.")),))
    return Message((line(bold(t("Newest"))),), items)


def _latest(one: Watched) -> Line:
    title = link(clean(one.title, NAME_CAP), one.url)
    if one.reading:
        return line(title, f": {one.reading}")
    assert one.newest is not None
    said = when(one.newest.period) if one.newest.period else clean(one.newest.title, NAME_CAP)
    if one.newest.published:
        day = numbers.day(one.newest.published)
        said = t("{what}, published {day}", what=said, day=day)
    return line(link(clean(one.title, NAME_CAP), one.newest.url), f": {said}")


def coming(releases: Sequence[tuple[StoredRelease, str, str]], today: str) -> Message:
    """Return what is announced: each release with its source's title and the usual time of day in London."""
    if not releases:
        return Message((line(t("No release is announced.")),))
    items = []
    for release, title, at in releases:
        expected = release.expected or ""
        time = t(", {time} London time", time=at) if len(expected) == len("2026-05-14") else ""
        late = t(" (overdue)") if expected < today[: len(expected)] else ""
        of = f" ({when(release.period)})" if release.period else ""
        items.append(
            line(bold(f"{due(expected)}{time}"), f"{late}: ", link(clean(title, NAME_CAP), release.url), of)
        )
    return Message((line(bold(t("Coming releases"))),), tuple(items))


def history(alerts: Sequence[StoredAlert]) -> Message:
    """Return the newest alerts, each with its number and first line."""
    if not alerts:
        return Message((line(t("Nothing has been told yet.")),))
    items = (
        line(
            bold(f"#A{alert.id}"),
            f" {numbers.day_and_time(alert.created)}: ",
            clean(first_line(alert), LINE_CAP),
        )
        for alert in alerts
    )
    return Message((line(bold(t("Told lately; /why and a number says more"))),), tuple(items))


def first_line(alert: StoredAlert) -> str:
    """Return the first line of an alert."""
    return alert.text.partition("\n")[0]


def claims(standings: Sequence[Standing]) -> Message:
    """Return each claim beside its figure."""
    if not standings:
        return Message((line(t("The campaign has no list of claims.")),))
    broken, thin = (sum(one.verdict == verdict for one in standings) for verdict in ("broken", "thin"))
    told = [
        n("1 no longer holds", "{count} no longer hold", broken) if broken else "",
        n("1 is thin", "{count} are thin", thin) if thin else "",
    ]
    rest = ", ".join(filter(None, told))
    head = line(bold(t("Our claims beside the newest figures")), f": {rest}" if rest else "")
    return Message((head,), tuple(map(_claim, standings)))


def _claim(one: Standing) -> Line:
    sign = {"holds": "✅", "thin": "🟡", "broken": "❌"}.get(one.verdict, "❔")
    said = {"holds": t("holds"), "thin": t("is thin"), "broken": t("no longer holds")}
    words = said.get(one.verdict, t("not known"))
    figure = ""
    if one.value is not None:
        value, period = numbers.value(one.value, one.unit), when(one.period or "")
        figure = t(" ({value}, {period})", value=value, period=period)
    why = f": {clean(told, LINE_CAP)}" if (told := reason(one)) else ""
    return line(f"{sign} “{clean(one.claim.says, LINE_CAP)}” ", bold(words), figure, why)


def measures(found: Sequence[Named], asked: str, total: int) -> Message:
    """Return what can be asked for: each measure with its code."""
    if not found:
        words = clean(asked, NAME_CAP)
        return Message(
            (line(t("No figure is called “{words}”. /measures alone lists the main ones.", words=words)),)
        )
    head = (
        t("What you can ask for")
        if not asked
        else t("Figures called “{words}”", words=clean(asked, NAME_CAP))
    )
    items = (line(called(one), " ", italic(clean(one.id, NAME_CAP))) for one in found)
    tail = line(t("{total} in all; look for one with a word: /measures waiting", total=numbers.count(total)))
    return Message((line(bold(head)),), tuple(items), (tail,))


def petition(one: Petition, others: tuple[tuple[Button, ...], ...] = ()) -> Message:
    """Return how a petition stands."""
    count = one.newest.signatures
    lines = [line(bold(f"✍️ {numbers.signatures(count)}")), line(clean(one.title, TITLE_CAP))]
    if one.pace is not None:
        lines.append(line(t("{count} a day now.", count=numbers.a_day(one.pace))))
    else:
        lines.append(line(t("Too few readings yet to say how fast it grows.")))
    if one.goal:
        lines.append(line(_to_go(count, one.goal)))
    lines += [line(text) for text in _ahead(one.ahead)]
    seen = numbers.day_and_time(one.newest.at)
    tail = line(italic(t("{publisher} · read {time}", publisher=one.publisher, time=seen)))
    return Message(tuple(lines), (), (tail,), (*opens(one.url), *others))


def _to_go(count: int, goal: int) -> str:
    if count >= goal:
        return t("Our goal of {goal} is reached.", goal=numbers.count(goal))
    return t(
        "{left} to go to our goal of {goal}.", left=numbers.count(goal - count), goal=numbers.count(goal)
    )


def _ahead(ahead: Projection | None) -> list[str]:
    if ahead is None:
        return []
    if ahead.middle is None or not ahead.in_reach:
        return [t("At this pace the goal is out of reach.")]
    early = numbers.day(ahead.early or ahead.middle)
    late = numbers.far_day(ahead.late, ahead.middle)
    about = numbers.day(ahead.middle)
    return [
        t(
            "At this pace it is reached about {about}; four times in five between {early} and {late}.",
            about=about,
            early=early,
            late=late,
        )
    ]


def why(alert: StoredAlert, rule: str, lines: Sequence[Line]) -> Message:
    """Return why an alert was told: its rule, its numbers, and when."""
    found = t("Found {time}.", time=numbers.day_and_time(alert.created))
    sent = "" if alert.sent is None else " " + t("Sent {time}.", time=numbers.day_and_time(alert.sent))
    head = (line(bold(f"#A{alert.id} "), clean(first_line(alert), LINE_CAP)), line(rule), line(found + sent))
    return Message(head, tuple(lines))


def rule_of(kind: str) -> str:
    """Return in words which rule makes an alert of this kind."""
    return {
        "release": t("Told because a release came out: its main figures, once."),
        "revision": t("Told because a published figure was corrected afterwards."),
        "watch": t(
            "Told because a figure on our watch list did what chance seldom does, and by enough to matter."
        ),
        "shift": t("Told because a place changed against England by more than chance explains."),
        "digest": t("Told because a release was read: what else it says, in a few lines."),
        "mark": t("Told because the petition passed a mark that the campaign chose."),
        "pace": t("Told because the petition grows much faster or slower than its pace explains."),
        "fall": t("Told because signatures were removed, more than a few."),
        "closing": t("Told because the petition closes within a week."),
        "fact": t("Told because something about the petition changed that is not its count."),
        "reading": t("Told because a number on a page that we follow changed."),
        "claim": t("Told because something that we say in public stands otherwise than before."),
        "date_moved": t("Told because a release was given another date."),
        "overdue": t("Told because a release did not come when it was announced."),
        "notice": t("Told because the publisher announced something about what we follow."),
        "witness": t("Told because the page of a release and its file say different things."),
        "introduced": t("Told because a source is watched from then on."),
    }.get(kind, t("Told because it had not been told before."))


def was_and_is(name: str, value: str, before: str) -> Line:
    """Return a figure of an alert: what it said, and what it said before that."""
    if not before:
        return line(bold(f"{name}: "), value)
    return line(bold(f"{name}: "), t("{value}, before that {before}", value=value, before=before))


def no_alert(number: str) -> Message:
    """Return the line for a number that no alert has."""
    return Message((line(t("There is no alert {number}. /history lists them.", number=clean(number, 20))),))


def export_caption(name: str, area: str, rows: int) -> Message:
    """Return what stands under a file of figures."""
    said = n("1 row", "{count} rows", rows)
    return Message(
        (line(bold(f"{clean(name, NAME_CAP)}, {clean(area, NAME_CAP)}: "), said),),
        (),
        (line(t("What is withheld is marked; a corrected figure has a row for each version.")),),
    )


def no_chart(words: str) -> Message:
    """Return what stands for a chart that could not be drawn."""
    return Message((line(t("The chart could not be drawn. In words: {words}", words=words)),))


def one_line(text: str) -> Message:
    """Return an answer of one line."""
    return Message((line(text),))


def out_of_date() -> str:
    """Return the line for a menu that is out of date."""
    return t("This menu is out of date. Please ask again.")


def too_many() -> str:
    """Return the line for more questions than are answered in a minute."""
    return t("That is a lot of questions for one minute. Please ask again in a minute.")


def failed() -> str:
    """Return the line for an answer that went wrong on our side."""
    return t("That went wrong on our side and is noted. Please try something else.")


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
