"""What today's rules would have told of the past: each release as of its own day, and what of it held."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.alerts import Destinations
from bot.backtest import Replayed, backtest, summary
from bot.campaign import Campaign, load_campaign
from bot.commit import Committer
from bot.rules.periods import shifted
from scrapers.talking_therapies_monthly import TalkingTherapiesMonthly
from scrapers.toolkit.contract import Fact, Fetched, Page, Release
from state.records import Content, Destination
from state.store import Store
from tests.bot.cli import Said, figurewatch
from tests.bot.published import store_past
from tests.fakes.nhs import england, month_file
from tests.test_docs import ROOT, table

FIRST, MONTHS, FALL = "2024-04", 24, "2025-07"
READ = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
CAMPAIGN = """
[campaign]
name = "Test"
sources = ["talking_therapies_monthly"]

[[watch]]
measure = "M053"
good = "up"
minimum = 1.0
family = "waits"

[[watch]]
measure = "treated_once"
good = "down"
minimum = 1.0

[[claim]]
says = "Nine in ten within six weeks"
where = "a poster"
figure = { source = "talking_therapies_monthly", measure = "M053" }
holds = { min = 89 }
thin = { min = 84 }
"""


def content(
    number: int, six_weeks: int, out: datetime | None = None, providers: Mapping[str, int] | None = None
) -> Content:
    """Return a month, one after the first by its number, in which so many waited for six weeks or less.

    `providers` had so many referrals.
    """
    source, period = TalkingTherapiesMonthly({}), shifted(FIRST, number)
    wobble = 60 * (number % 5 - 2)
    figures_of = {code: {"M001": count + wobble} for code, count in (providers or {}).items()}
    nation = england(160_000 + 10 * wobble, six_weeks=six_weeks + wobble)
    body = month_file(period, nation, figures_of).encode()
    published = out or datetime(2024, 6, 13, 8, 30, tzinfo=UTC) + timedelta(days=30.5 * number)
    release = Release(period, f"Performance {period}", source.url, period, published)
    figures = source.read(Fetched(release, Page(source.url, body, "text/csv")), READ)
    return Content(release, tuple(figures))


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """Return settings with a campaign of two watched series and a claim."""
    (tmp_path / "campaign.toml").write_text(CAMPAIGN, encoding="utf-8")
    return {
        "CAMPAIGN_FILE": str(tmp_path / "campaign.toml"),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'figurewatch.db'}",
    }


def fallen(number: int) -> int:
    """Return how many waited for six weeks or less, which fell in July 2025 and stayed there."""
    return 52_000 if shifted(FIRST, number) < FALL else 49_000


def store_months(settings: Mapping[str, str], *contents: Content) -> None:
    """Store these releases as a backfill does."""
    store = Store.open(settings["DATABASE_URL"])
    committer = Committer(store, Destinations((), Destination("log")))
    for one in contents:
        committer.past(TalkingTherapiesMonthly({}), one, READ)
    store.close()


@pytest.fixture
def said(settings: dict[str, str]) -> Said:
    """Give what the command says, as JSON, of two years in which a watched figure fell once."""
    store_months(settings, *(content(number, fallen(number)) for number in range(MONTHS)))
    return figurewatch(settings, "backtest", "--json")


def test_each_release_is_there_with_what_would_have_been_told(said: Said) -> None:
    document = said.json
    assert document.keys() == {"releases", "summary"}
    assert [one["key"] for one in document["releases"]] == [shifted(FIRST, n) for n in range(MONTHS)]
    assert {one["source"] for one in document["releases"]} == {"talking_therapies_monthly"}
    told = {one["key"]: one["alerts"] for one in document["releases"] if one["alerts"]}
    assert list(told) == [FALL, shifted(FALL, 7)]
    watch, claim = told[FALL]
    assert {key: watch[key] for key in ("kind", "measure", "area", "period", "held")} == {
        "kind": "watch",
        "measure": "M053",
        "area": "England",
        "period": FALL,
        "held": True,
    }
    assert watch["text"].startswith("📉 Within 6 weeks, England: 84.9% in July 2025 – worse\n")
    assert "#A" not in watch["text"]
    assert (claim["kind"], claim["measure"], claim["held"]) == ("claim", "M053", None)
    assert "Before: holds. Now: thin." in claim["text"]
    assert [alert["held"] for alert in told[shifted(FALL, 7)]] == [None]  # too early to say


def test_the_summary_counts_messages_quiet_releases_and_what_held(said: Said) -> None:
    found = said.json["summary"]
    assert (found["releases"], found["quiet"], found["messages"]) == (MONTHS, MONTHS - 2, 3)
    assert (found["messages_per_release"], found["most"]) == (0.1, 2)
    assert (found["known"], found["held"], found["share_held"]) == (1, 1, 1.0)
    assert found["kinds"]["watch"]["messages"] == 2


def test_a_table_fits_and_only_shows_what_is_asked_for(said: Said, settings: dict[str, str]) -> None:
    assert said.status == 0
    shown = figurewatch(settings, "backtest", "--since", "2025-05")
    lines = shown.out.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[1].startswith("2025-05 ")
    assert re.fullmatch(
        r"2025-07 +watch +📉 Within 6 weeks, England: 84\.9% in July 2025 – worse +yes", lines[3]
    )
    assert any(line.startswith("2026-03 ") and "nothing: " in line for line in lines)
    assert "11 releases, 9 of them quiet; 3 messages, 0.3 a release, at most 2." in lines
    assert "watch: 2, at most 1 a release; 1 of 1 that are old enough held." in lines


def test_nothing_is_written_and_nobody_is_told(settings: dict[str, str], tmp_path: Path) -> None:
    store_months(settings, *(content(number, fallen(number)) for number in range(MONTHS)))
    before = (tmp_path / "figurewatch.db").read_bytes()
    assert figurewatch(settings, "backtest").status == 0
    assert (tmp_path / "figurewatch.db").read_bytes() == before
    assert figurewatch(settings, "alerts", "--json").json == []


def test_an_empty_store_says_so_and_a_wrong_month_is_refused(settings: dict[str, str]) -> None:
    empty = figurewatch(settings, "backtest")
    assert (empty.status, empty.out) == (0, "")
    assert "Nothing of the kind is stored" in empty.err
    assert figurewatch(settings, "backtest", "--json").json["releases"] == []
    wrong = figurewatch(settings, "backtest", "--since", "May 2023")
    assert (wrong.status, "expected a month like 2021-01" in wrong.err) == (2, True)


def replayed(settings: Mapping[str, str]) -> list[Replayed]:
    store = Store.open(settings["DATABASE_URL"])
    with store.reading() as tx:
        found = backtest(tx, load_campaign(settings["CAMPAIGN_FILE"]))
    store.close()
    return found


def test_a_release_is_judged_by_what_was_published_on_its_day(settings: dict[str, str]) -> None:
    """July was published too low and corrected in October: on its day it was news, and it did not hold."""
    months = [content(number, 52_000) for number in range(MONTHS)]
    wrong = shifted(FIRST, 15)
    low = [content(15, 49_000) if one.release.period == wrong else one for one in months]
    store_months(settings, *low)
    store = Store.open(settings["DATABASE_URL"])
    committer = Committer(store, Destinations((), Destination("log")))
    mended = content(15, 52_000)
    committer.publication(TalkingTherapiesMonthly({}), mended, datetime(2025, 12, 20, tzinfo=UTC))
    store.close()
    told = [(one.release.period, told.kind, told.held) for one in replayed(settings) for told in one.told]
    assert told == [
        (wrong, "watch", False),
        (wrong, "claim", None),
        (shifted(wrong, 1), "claim", None),
    ]


def test_what_the_worker_tells_is_what_a_backtest_says(settings: dict[str, str]) -> None:
    *past, newest = [content(number, 52_000 if number < MONTHS - 1 else 49_000) for number in range(MONTHS)]
    store_months(settings, *past)
    campaign = load_campaign(settings["CAMPAIGN_FILE"])
    store = Store.open(settings["DATABASE_URL"])
    team = Destinations((Destination("console"),), Destination("log"))
    committer = Committer(store, team, campaign.claims, campaign.watches)
    committer.publication(TalkingTherapiesMonthly({}), newest, READ)
    with store.reading() as tx:
        alerts = [alert for alert in tx.alerts() if alert.kind in ("watch", "shift", "question")]
    store.close()
    told = [one for one in replayed(settings)[-1].told if one.kind != "claim"]
    assert [alert.kind for alert in alerts] == [one.kind for one in told] == ["watch"]
    assert alerts[0].text.startswith(told[0].text)


@pytest.mark.parametrize("merged", [False, True], ids=["alone", "merged"])
def test_a_watched_organisation_is_not_judged_across_a_merger(
    settings: dict[str, str], tmp_path: Path, *, merged: bool
) -> None:
    watch = '[[watch]]\nmeasure = "M001"\narea = "RXY"\ngood = "up"\nminimum = 9\n'
    (tmp_path / "campaign.toml").write_text(f"{CAMPAIGN.partition('[[watch]]')[0]}{watch}", encoding="utf-8")
    *past, newest = [
        content(number, 52_000, providers={"RXY": 4_000 if number < MONTHS - 1 else 8_000, "RAA": 4_000})
        for number in range(MONTHS)
    ]
    store_months(settings, *past)
    store = Store.open(settings["DATABASE_URL"])
    if merged:
        with store.writing() as tx:
            day = f"{shifted(FIRST, MONTHS - 1)}-01"
            tx.save_facts("organisations:succ", [Fact("RAA", json.dumps([["RXY", day]]))], READ)
    team, campaign = (
        Destinations((Destination("console"),), Destination("log")),
        load_campaign(settings["CAMPAIGN_FILE"]),
    )
    Committer(store, team, watches=campaign.watches).publication(TalkingTherapiesMonthly({}), newest, READ)
    with store.reading() as tx:
        told = [alert.kind for alert in tx.alerts() if alert.kind == "watch"]
    store.close()
    assert told == [one.kind for one in replayed(settings)[-1].told] == ["watch"] * (not merged)


# --- The published past -------------------------------------------------------------------------------------

CALLS = {"right", "trivial", "wrong"}
DOCUMENT = ROOT / "docs" / "backtest.md"


@pytest.fixture(scope="module")
def published(shared_samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Replayed]]:
    """Give what would have been told of the months of the samples, by the campaign file that ships."""
    store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('past') / 'figurewatch.db'}")
    store_past(shared_samples, store)
    with store.reading() as tx:
        yield backtest(tx, shipped())
    store.close()


def shipped() -> Campaign:
    return load_campaign(str(ROOT / "campaign.toml"))


def test_the_messages_that_were_read_one_by_one_are_those_that_the_rules_give(
    published: list[Replayed],
) -> None:
    held = {True: "yes", False: "no", None: ""}
    found = []
    for one in published:
        for told in one.told:
            first, *more = told.series
            series = f"{first.measure} {first.area}{f' +{len(more)}' if more else ''}"
            found.append([one.release.period, told.kind, series, held[told.held]])
    listed = [[row[0], row[1], row[2], row[4]] for row in table(DOCUMENT, "Release")]
    assert listed == found


def test_the_past_keeps_within_what_is_bearable(published: list[Replayed]) -> None:
    recent = [one for one in published if (one.release.period or "") >= "2023-05"]
    assert len(recent) == 35
    assert summary(recent)["kinds"]["watch"]["messages"] <= 40
    assert summary(published)["kinds"]["watch"]["most"] <= 3
    assert summary(published)["kinds"]["shift"]["most"] <= 5
    assert summary(published)["share_held"] >= 2 / 3


@pytest.mark.parametrize(("heading", "since"), [("63 releases", ""), ("35 since May 2023", "2023-05")])
def test_the_counts_of_the_document_are_those_of_its_list(heading: str, since: str) -> None:
    kinds = {"watch list": "watch", "all organisations": "shift", "claims": "claim", "questions": "question"}
    rows = [row for row in table(DOCUMENT, "Release") if row[0] >= since]
    for name, messages, most, *called, held in table(DOCUMENT, heading):
        ours = [row for row in rows if row[1] == kinds[name]]
        calls = Counter(row[5] for row in ours)
        assert calls.keys() <= CALLS
        assert [int(messages), int(most)] == [len(ours), max(Counter(row[0] for row in ours).values())]
        assert [int(count) for count in called] == [calls[call] for call in ("right", "trivial", "wrong")]
        known = [row[4] for row in ours if row[4]]
        assert held == (f"{known.count('yes')} of {len(known)}" if known else "")
    wrong = sum(row[5] == "wrong" for row in rows)
    assert 5 * wrong < len(rows)
    assert all(row[6] for row in rows)
