"""The judge: what the chats show in the end, held against what was published and what the log says."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.wording import numbers
from bot.wording.markup import REPLACES, RESENT
from state.records import StoredAlert
from state.store import Reader
from tests.soak.life import FORUM, MONTHLY, OPERATOR, PERSON, PETITIONS, READER, SLEEPER, TEAM, TITLES

if TYPE_CHECKING:
    from tests.soak.story import Month
    from tests.soak.world import World

CAMPAIGN = (TEAM, FORUM, PERSON)
FOLLOWERS = (SLEEPER, READER)
ENDS = ("sent", "unconfirmed", "dead")
NEWS = frozenset(  # what follows from what was published, whatever went wrong on the way to the chats
    {"mark", "pace", "release", "revision", "watch", "question", "claim", "witness", "unwitnessed", "held"}
)
HEADS = re.compile(rf"({re.escape(str(RESENT))}|{re.escape(str(REPLACES))}|\(late: .*\))\n")
NUMBER = re.compile(r"^(?!• ).*#A(\d+)$", re.MULTILINE)
ITEM = re.compile(r"^• (?!✏️).* · #A(\d+)$", re.MULTILINE)
REFERRALS = re.compile(r"^Referrals received ([\d,]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Copy:
    """A message that a chat shows: of which alert, and what it says of itself.

    It is a second copy (`again`), or takes the place of an earlier one (`anew`); `items` are the alerts that
    a digest gathers.
    """

    alert: int
    text: str
    again: bool
    anew: bool
    items: tuple[int, ...]


def copy_of(text: str) -> Copy | None:
    """Return which copy of what a text is; None for a picture that follows its text."""
    heads, rest = [], text
    while match := HEADS.match(rest):
        heads.append(match[1])
        rest = rest[match.end() :]
    numbers = NUMBER.findall(rest)
    if not numbers:
        assert "\n" not in rest, f"nobody said {text!r}"
        return None
    items = tuple(map(int, ITEM.findall(rest)))
    return Copy(int(numbers[-1]), rest, str(RESENT) in heads, str(REPLACES) in heads, items)


def tally(alerts: Iterable[StoredAlert]) -> Counter[tuple[str, str]]:
    """Count what was found: by kind and title, but for numbers that the database gives."""
    found = {a.id: (a.kind, re.sub(r"\bH\d+", "H", a.text.partition("\n")[0])) for a in alerts}
    return Counter(said for said in found.values() if said[0] in NEWS)


def figures(tx: Reader) -> Mapping[str, Mapping[str, float | None]]:
    """Return what is stored of England's months."""
    return tx.series(MONTHLY, ("England", "England"), list(tx.measures(MONTHLY)))


def judge(it: World, months: Sequence[Month] = ()) -> None:
    """Hold what the chats show, and what is stored, against what was published."""
    with it.store() as store, store.reading() as tx:
        alerts, stored = [alert for alert in tx.alerts() if alert.id > it.before], figures(tx)
    left = [(alert.id, alert.chat, alert.state) for alert in alerts if alert.state not in ENDS]
    assert not left, "everything comes to an end"
    for month in months:
        for measure in ("M001", "M053"):
            assert stored[measure].get(month.period) == month.now[measure], (measure, month)
        told = {alert.id for alert in alerts if is_about(alert, "release", month)}
        assert len(told) == 1, f"{month.period} is told once"
    reports = [alert.text for alert in alerts if alert.kind == "delivery"]
    for chat in it.chats:
        of_chat = [alert for alert in alerts if alert.chat == str(chat)]
        judge_chat(it, chat, of_chat, reports)
        judge_releases(it.copies(chat), of_chat, months)
    shown = "\n".join(it.telegram.chat(OPERATOR).texts)
    for alert in alerts:
        if alert.kind == "delivery" and alert.state == "sent":
            assert alert.text.split(" · ")[0] in shown


def is_about(alert: StoredAlert, kind: str, month: Month) -> bool:
    """Return whether an alert tells this of a month, which its title ends with."""
    return alert.kind == kind and alert.text.partition("\n")[0].endswith(numbers.period(month.period))


def judge_chat(it: World, chat: int, rows: Sequence[StoredAlert], reports: Sequence[str]) -> None:
    """Hold that each alert came once, or twice with a mark, or alone in one digest, or is reported lost."""
    copies: dict[int, list[Copy]] = defaultdict(list)
    for copy in it.copies(chat):
        copies[copy.alert].append(copy)
    own: dict[int, StoredAlert] = {}
    for row in rows:
        if row.action in ("send", "reply"):
            own.setdefault(row.id, row)
    assert copies.keys() <= own.keys(), "nothing is invented"
    gathered = Counter(item for row in own.values() for item in row.finding.get("alerts", ()))
    for id, row in own.items():
        came = [copy.again for copy in copies[id] if not copy.anew]
        texts = [copy.text for copy in copies[id]]
        assert came in ([], [False], [True], [False, True]), f"#A{id} came to {chat} as {came}: {texts}"
        for copy in copies[id]:
            assert list(copy.items) == row.finding.get("alerts", []), "a digest says all that it gathers"
        if id in it.dropped:
            assert not copies[id], "what the operator dropped is not told"
            assert not gathered[id]
        elif row.error.startswith("told in") or gathered[id]:
            assert gathered[id] == 1, f"#A{id} is in {gathered[id]} digests"
            assert not copies[id], "what is told in a digest is not told alone"
        elif not came or row.state != "sent":
            assert row.state in ("unconfirmed", "dead"), f"#A{id} is lost in {chat} and {row.state}"
            lost = re.compile(rf"#A{id} was .* {chat}\b")
            assert any(map(lost.search, reports)), f"nobody knows of #A{id} in {chat}"
    marks = [(id, _said(row.text)) for id, row in own.items() if row.kind == "mark"]
    assert sorted(fact for _, fact in marks) == sorted(it.published), "each is told once, and nothing else"
    for number in PETITIONS:
        facts = dict(marks)
        shown = [
            facts[c.alert][1] for c in it.copies(chat) if c.alert in facts and facts[c.alert][0] == number
        ]
        assert shown == sorted(shown), "the order is kept"


def judge_releases(copies: Sequence[Copy], rows: Sequence[StoredAlert], months: Sequence[Month]) -> None:
    """Hold that the newest copy of each release says what its file did, and whether it was corrected."""
    for month in months:
        told = [row for row in rows if is_about(row, "release", month)]
        corrections = [row for row in rows if is_about(row, "revision", month)]
        assert bool(corrections) == bool(month.corrected)
        shown = [copy.text for copy in copies if told and copy.alert == told[0].id]
        edits = [row for row in [*told, *corrections] if row.action in ("edit", "anew")]
        if not shown or any(edit.state != "sent" for edit in edits):
            continue
        referrals = REFERRALS.search(shown[-1])
        assert referrals, shown[-1]
        assert referrals[1] == f"{month.said['M001']:,.0f}"
        assert "From the page" not in shown[-1]
        assert shown[-1].startswith("✏️ Corrected since: see #A") == bool(month.corrected)


def judge_as_calm(it: World, calm: World) -> None:
    """Hold that nothing was found or stored but what a world without faults and deaths finds and stores."""
    with it.store() as store, store.reading() as tx:
        found, stored = tally(tx.alerts()), figures(tx)
    with calm.store() as store, store.reading() as tx:
        expected, right = tally(tx.alerts()), figures(tx)
    assert not found - expected, f"found, and not so: {found - expected}"
    assert not expected - found, f"missed: {expected - found}"
    assert stored == right


def _said(text: str) -> tuple[int, int]:
    lines = text.splitlines()
    count = re.match(r"✍️ ([\d,]+) signatures", lines[0])
    assert count, f"nobody said {lines!r}"
    number = next(number for number, title in TITLES.items() if title == lines[1])
    return number, int(count[1].replace(",", ""))
