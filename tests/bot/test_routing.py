"""Who is told what, and when: each chat what it asked for, quiet hours, digests, and both clock changes."""

from __future__ import annotations

import json
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.alerts import Destinations, post
from bot.gather import gather
from bot.rules.digest import News, Shift
from bot.rules.findings import Finding, Noticed, ReleaseOut, Revised, Shifted
from bot.rules.keys import KEYS
from bot.rules.routing import News as About
from bot.rules.routing import Way, following, loud_from, mode_of, next_at, route
from bot.rules.xmr import Kind
from bot.wording.markup import corrected, headed
from scrapers.talking_therapies_monthly import TalkingTherapiesMonthly
from scrapers.toolkit.contract import LONDON, Area, Fact, Figure, Measure, Notice, Release, Unit
from state.records import Destination, Mode, Parcel, Subscription
from state.store import Store, Writer
from tests.bot.house import sqlite

SOURCE = TalkingTherapiesMonthly({})
MODES: tuple[Mode, ...] = ("on", "silent", "digest", "off")
RELEASE = Release("april", "April 2026", "https://digital.nhs.uk/april", "2026-04", None)
TEAM = Destinations((Destination("-1"),), Destination("log"))
LATE = datetime(2026, 6, 11, 22, 10, tzinfo=UTC)  # 23:10 in London
NEVER = datetime(2026, 1, 1, tzinfo=UTC)

PROVIDERS = [f"R{number:03}" for number in range(160)]
BOARDS = [f"Q{number:02}" for number in range(33)]
REGIONS = [f"Y{number}" for number in range(7)]
WITHIN = {
    **{code: BOARDS[number % 33] for number, code in enumerate(PROVIDERS)},
    **{code: REGIONS[number % 7] for number, code in enumerate(BOARDS)},
}


def london(text: str) -> datetime:
    """Return a moment by what London's clocks show then, the first time that they do."""
    return datetime.fromisoformat(text).replace(tzinfo=LONDON).astimezone(UTC)


def about(*areas: str, source: str = "nhs") -> About:
    """Return normal news of these areas, none of which lies in another."""
    return About(source, tuple((area,) for area in areas), "normal")


def asks(**more: object) -> Subscription:
    """Return what a chat asks for, as given."""
    return replace(Subscription("-1"), **more)  # type: ignore[arg-type]  # by its own field's type


def test_the_quietest_of_source_area_and_severity_counts() -> None:
    wanted = asks(choices={"source nhs": "silent", "area RXX": "digest"})
    assert mode_of(about("RXX"), wanted) == "digest"
    assert mode_of(about("RYY"), wanted) == "silent"
    assert mode_of(about("RYY", source="other"), wanted) == "on"
    assert mode_of(About("other", (), "minor"), asks(choices={"severity minor": "off"})) == "off"


def test_news_of_several_areas_come_as_the_most_wanted_of_them_does() -> None:
    wanted = asks(choices={"area *": "off", "area RXX": "silent"})
    assert mode_of(about("RYY", "RXX"), wanted) == "silent"
    assert mode_of(about("RYY"), wanted) == "off"


def test_who_follows_a_board_follows_what_lies_in_it_unless_that_has_a_choice_of_its_own() -> None:
    news = About("nhs", (("RXX", "QKS", "Y59"),), "normal")
    assert mode_of(news, asks(choices={"area *": "off", "area QKS": "on"})) == "on"
    assert mode_of(news, asks(choices={"area RXX": "off", "area Y59": "on"})) == "off"


def test_a_group_that_follows_its_own_area_still_hears_of_england_and_of_what_has_no_area() -> None:
    kent = following(asks(), "QKS")
    assert mode_of(about("QKS"), kent) == "on"
    assert mode_of(about("RYY"), kent) == "off"
    assert mode_of(about("England"), kent) == "on"
    assert mode_of(about(), kent) == "on"


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-05-14 21:59", "2026-05-14 21:59"),
        ("2026-05-14 22:00", "2026-05-15 07:00"),
        ("2026-05-15 06:59", "2026-05-15 07:00"),
        ("2026-05-15 07:00", "2026-05-15 07:00"),
        ("2026-03-28 23:00", "2026-03-29 07:00"),  # the night has nine hours less one
        ("2026-10-24 23:00", "2026-10-25 07:00"),  # and ten
    ],
)
def test_a_quiet_night_ends_by_london_s_clocks(now: str, until: str) -> None:
    assert loud_from(asks(quiet=(time(22), time(7))), london(now)) == london(until)


def test_quiet_hours_that_end_in_the_hour_that_comes_twice_end_once() -> None:
    night = asks(quiet=(time(22), time(1, 30)))
    first = london("2026-10-25 01:30")
    assert loud_from(night, first - timedelta(minutes=1)) == first
    for minutes in range(0, 180, 10):
        later = first + timedelta(minutes=minutes)
        assert loud_from(night, later) == later


def test_a_digest_in_the_hour_that_is_left_out_comes_an_hour_later_and_in_the_double_hour_once() -> None:
    clock, now = time(1, 30), london("2026-03-28 12:00")
    assert next_at(clock, now) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    now, told = london("2026-10-24 12:00"), []
    for _ in range(3):
        now = next_at(clock, now)
        told.append(now)
    assert told == [london(f"2026-10-{day} 01:30") for day in (25, 26, 27)]


def test_what_is_critical_comes_without_a_sound_while_it_is_quiet_or_muted() -> None:
    critical = About("nhs", (), "critical")
    for wanted in (asks(quiet=(time(22), time(7))), asks(muted_until=LATE + timedelta(hours=2))):
        assert route(critical, wanted, LATE) == Way("silent", LATE)
        way = route(about(), wanted, LATE)
        assert way is not None
        assert way.how == "quiet"


def test_a_digest_waits_for_the_end_of_a_quiet_time_and_of_a_mute_after_that() -> None:
    wanted = asks(
        choices={"source nhs": "digest"},
        digest=time(6),
        quiet=(time(22), time(7)),
        muted_until=london("2026-06-12 09:00"),
    )
    assert route(about(), wanted, LATE) == Way("digest", london("2026-06-12 09:00"))


@given(
    st.integers(0, 2 * 365 * 24 * 60).map(lambda minutes: NEVER + timedelta(minutes=minutes)),
    st.tuples(st.times(), st.times()).filter(lambda pair: pair[0] != pair[1]),
    st.times(),
)
def test_whatever_the_hours_are_what_waits_is_due_within_two_days_and_never_in_the_quiet(
    now: datetime, quiet: tuple[time, time], clock: time
) -> None:
    wanted = asks(quiet=quiet, digest=clock, choices={"severity normal": "digest"})
    way = route(about(), wanted, now)
    assert way is not None
    assert now < way.due <= now + timedelta(days=2, hours=2)
    assert loud_from(wanted, way.due) == way.due


# A whole release, 200 areas, 500 chats.


def shift(code: str) -> Shift:
    """Return that an area changed."""
    kind = {"R": "Provider", "Q": "ICB", "Y": "CommissioningRegion"}[code[0]]
    area = Area(code, kind, f"Place {code}")
    numbers = (50.0, 30.0, 35.0, 40.0)
    return Shift(
        KEYS[9], area, "2026-04", *numbers, True, "2026-04", 1, 50.0, 10.0, 5.0, 20.0, 50.0, 100.0, Kind(1)
    )


def findings() -> Iterator[tuple[Finding, tuple[str, ...], str]]:
    """Yield what a release tells, with the areas that it is about and how grave it is."""
    yield ReleaseOut("release:april", RELEASE, ()), ("England",), "normal"
    yield Revised("revision:april", replace(RELEASE, key="march"), (), 1, 0, 0), ("England",), "critical"
    notice = Notice("a", "A note", "https://digital.nhs.uk/a", LATE)
    yield Noticed("notice:a", notice), ("England",), "minor"
    for code in (*PROVIDERS, *BOARDS, *REGIONS):
        yield Shifted(f"shift:{code}", RELEASE, News("series", (shift(code),), 200)), (code,), "minor"


def chat_settings(chance: random.Random, number: int) -> Subscription:
    """Return what a chat may ask for."""
    names = [f"area {code}" for code in (*PROVIDERS, *BOARDS, *REGIONS, "*", "England")]
    names += [f"severity {name}" for name in ("critical", "normal", "minor")] + [f"source {SOURCE.key}"]
    choices = {name: chance.choice(MODES) for name in chance.sample(names, chance.randint(0, 12))}
    if chance.random() < 0.7:
        choices["area *"] = "off"
    return Subscription(
        str(10 + number),
        chance.choice((None, 7)),
        chance.random() < 0.95,
        choices,
        LATE + timedelta(hours=chance.randint(1, 15)) if chance.random() < 0.2 else None,
        (time(chance.randint(18, 23)), time(chance.randint(0, 9), 30)) if chance.random() < 0.5 else None,
        time(chance.randint(0, 23), 30) if chance.random() < 0.5 else None,
    )


CHATS = [chat_settings(random.Random(number), number) for number in range(500)]


def is_quiet(wanted: Subscription, moment: datetime) -> bool:
    """Say by the wall clock whether nothing may be posted."""
    if wanted.muted_until and moment < wanted.muted_until:
        return True
    if wanted.quiet is None:
        return False
    begins, ends = wanted.quiet
    clock = moment.astimezone(LONDON).time()
    return begins <= clock < ends if begins < ends else clock >= begins or clock < ends


@cache
def first(number: int, at: time | None) -> datetime:
    """Return, minute by minute, when it is no longer quiet for a chat, after its clock first shows `at`."""
    wanted, moment = CHATS[number], LATE
    while at and (moment == LATE or moment.astimezone(LONDON).time() != at):
        moment += timedelta(minutes=1)
    while is_quiet(wanted, moment):
        moment += timedelta(minutes=1)
    return moment


def expected(number: int, areas: tuple[str, ...], grave: str) -> tuple[str, datetime] | None:
    """Say plainly how and when a chat should be told."""
    wanted = CHATS[number]
    modes = [wanted.choices.get(f"source {SOURCE.key}", "on"), wanted.choices.get(f"severity {grave}", "on")]
    (code,) = areas
    area_mode = None
    while code and area_mode is None:
        area_mode = wanted.choices.get(f"area {code}")
        code = WITHIN.get(code, "")
    if area_mode is None:
        area_mode = "on" if areas == ("England",) else wanted.choices.get("area *", "on")
    modes.append(area_mode)
    if not wanted.active or "off" in modes:
        return None
    if "digest" in modes:
        return "held", first(number, wanted.digest or time(8, 30))
    if is_quiet(wanted, LATE) and grave != "critical":
        return "held", first(number, None)
    return "silent" if "silent" in modes or is_quiet(wanted, LATE) else "loud", LATE


def deliver(folder: Path) -> None:
    """Let all that is not held arrive."""
    with closing(sqlite3.connect(folder / "figurewatch.db")) as database:
        database.execute("UPDATE outbox SET state = 'sent' WHERE held IS NULL")
        database.commit()


def teach_places(tx: Writer) -> None:
    """Store an area for each code, and in which board and region it lies."""
    count, kinds = Measure("M001", "Referrals", Unit.COUNT), {"R": "Provider", "Q": "ICB"}
    areas = [
        Area(code, kinds.get(code[0], "CommissioningRegion"), f"Place {code}") for code in (*WITHIN, *REGIONS)
    ]
    tx.save_releases(SOURCE.key, [replace(RELEASE, published=NEVER)], NEVER)
    tx.save_figures(
        SOURCE.key, "april", [Figure(count, area, "2026-04", 1.0) for area in areas], NEVER, NEVER
    )
    for source, codes, key in (("etr", PROVIDERS, "icb"), ("eother", BOARDS, "region")):
        facts = [Fact(code, json.dumps({"name": f"PLACE {code}", key: WITHIN[code]})) for code in codes]
        tx.save_facts(f"organisations:{source}", facts, NEVER)


def test_a_release_with_200_areas_gives_500_chats_exactly_what_each_asked_for(tmp_path: Path) -> None:
    store = Store.open(sqlite(tmp_path))
    told = list(findings())
    with store.writing() as tx:
        teach_places(tx)
        for wanted in CHATS:
            tx.subscriptions.save(wanted)
    with store.writing() as tx:
        assert post(tx, TEAM, SOURCE, [finding for finding, _, _ in told], LATE) == 203
    should: dict[tuple[str, int | None, int], tuple[str, datetime]] = {}
    for number, (_, areas, grave) in enumerate(told, start=1):
        should["-1", None, number] = "loud", LATE
        for chat, wanted in enumerate(CHATS):
            if way := expected(chat, areas, grave):
                should[wanted.chat, wanted.thread, number] = way
    assert len(should) > 10_000

    found: dict[tuple[str, int | None, int], tuple[str, datetime]] = {}
    with closing(sqlite3.connect(tmp_path / "figurewatch.db")) as database:
        rows = database.execute(
            "SELECT chat, thread, alert, held, not_before, payload FROM outbox"
        ).fetchall()
    for chat, thread, alert, held, due, payload in rows:
        how = "held" if held else "silent" if json.loads(payload)["silent"] else "loud"
        assert (chat, thread, alert) not in found
        found[chat, thread, alert] = how, datetime.fromisoformat(due)
    assert found == should

    deliver(tmp_path)
    digests: Counter[tuple[str, int | None, int]] = Counter()
    seen = len(told)
    for due in sorted({due for how, due in should.values() if how == "held"}):
        assert gather(store, TEAM, due - timedelta(seconds=1)) == 0
        gather(store, TEAM, due)
        deliver(tmp_path)
        with closing(sqlite3.connect(tmp_path / "figurewatch.db")) as database:
            made = database.execute("SELECT id, finding FROM alerts WHERE id > ?", (seen,)).fetchall()
            places = database.execute(
                "SELECT DISTINCT chat, thread, alert FROM outbox WHERE alert > ?", (seen,)
            ).fetchall()
        of = {digest: json.loads(finding)["alerts"] for digest, finding in made}
        seen = max((seen, *of))
        for chat, thread, digest in places:
            assert not is_quiet(CHATS[int(chat) - 10], due)
            for alert in of[digest]:
                digests[chat, thread, alert] += 1
                assert should[chat, thread, alert] == ("held", due)
    assert digests == {key: 1 for key, (how, _) in should.items() if how == "held"}
    assert store.outbox.next_ripe(["digest", "quiet"]) is None
    store.close()


def test_a_digest_names_each_alert_with_its_first_line_and_where_it_comes_from(tmp_path: Path) -> None:
    store = Store.open(sqlite(tmp_path))
    with store.writing() as tx:
        tx.subscriptions.save(Subscription("-1", choices={"severity minor": "digest"}))
        post(tx, TEAM, SOURCE, [finding for finding, _, grave in findings() if grave == "minor"][:30], LATE)
    assert gather(store, TEAM, london("2026-06-12 08:30")) == 1
    with store.reading() as tx:
        text = tx.alerts()[-1].text
    assert text.startswith("🗞 30 messages that waited\n• 📣 A note (https://digital.nhs.uk/a) · #A1\n")
    assert [text.count(f" · #A{number}\n") for number in range(1, 31)] == [1] * 30
    store.close()


def test_a_digest_says_of_what_it_names_that_it_was_corrected_since(tmp_path: Path) -> None:
    store = Store.open(sqlite(tmp_path))
    with store.writing() as tx:
        tx.subscriptions.save(Subscription("-1", choices={"severity minor": "digest"}))
        post(tx, TEAM, SOURCE, [finding for finding, _, grave in findings() if grave == "minor"][:1], LATE)
        said = headed(tx.payloads(1)[Destination("-1")], corrected(9))
        tx.edit_alert(1, "corrected", [Parcel("-1", said, action="edit", target=1)], LATE)
    gather(store, TEAM, london("2026-06-12 08:30"))
    with store.reading() as tx:
        text = tx.alerts()[-1].text
    assert "\n• 📣 A note – ✏️ Corrected since: see #A9 (https://digital.nhs.uk/a) · #A1\n" in text
    store.close()
