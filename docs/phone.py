"""Draw what a team sees on a telephone: `python -m docs.phone` writes docs/screens/NAME.svg, one a message.

The words, charts and buttons are those that the worker makes from the figures of demo/ and from
docs/*.csv, all as NHS England published them. The petition's counts are made up.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bot.alerts import Destinations
from bot.campaign import Campaign, load_campaign
from bot.commands.answering import Answer, Answers, Asked
from bot.headlines import rows_of
from bot.rules import pace
from bot.rules.account import Aim
from bot.rules.breaks import shipped_breaks
from bot.rules.claims import ClaimNews, Standing
from bot.rules.findings import (
    ClaimMoved,
    CountFell,
    DateMoved,
    Finding,
    Gathered,
    MarkCrossed,
    Overdue,
    PaceTurned,
    ReleaseOut,
    Revised,
    WatchMoved,
)
from bot.rules.pace import Burst
from bot.rules.policy import judge_watch_list
from bot.wording import settled
from bot.wording.boards import board
from bot.wording.callbacks import parsed
from bot.wording.charts import Chart, alt_text
from bot.wording.language import t
from bot.wording.markup import Line, Message, italic, line, to_plain
from bot.wording.messages import asked_about, compose
from bot.wording.pictures import control_chart, petition_chart
from docs.picture import draw, painted
from scrapers.toolkit.contract import (
    ENGLAND,
    EVERYWHERE,
    LIVE,
    Fetched,
    Figure,
    Measure,
    Page,
    Release,
    Scraper,
    Unit,
    published_at,
    reading_period,
)
from state.records import Destination, Mode, Revision, Subscription
from state.store import Store

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "screens"
HIGHEST = "2025-12"  # the month in which more ended before treatment than in any other of these
MONTHLY, PETITION = "talking_therapies_monthly", "konp_petition"
NOW = datetime(2026, 5, 14, 8, 30, 41, tzinfo=UTC)
OUT = {"2025-12": "2026-02-12", "2026-01": "2026-03-12", "2026-02": "2026-04-09", "2026-03": "2026-05-14"}
SERIES = "NHS Talking Therapies Monthly Statistics, Performance "
TEAM = "-1001"
COUNTS = [412, 431, 447, 459, 470, 482, 497, 513, 525, 534, 546, 561, 570, 577, 588, 601, 612, 620, 629, 641]


class Screen(NamedTuple):
    """A message, and the chart that comes with it."""

    message: Message
    chart: Chart | None = None


def screens() -> dict[str, Screen]:
    """Return every screen by its name."""
    with TemporaryDirectory() as folder:
        store = Store.open(f"sqlite:///{folder}/screens.db")
        try:
            campaign = _campaign()
            stock(store)
            return {**dict(_alerts(campaign)), **dict(_answers(store, campaign))}
        finally:
            store.close()


@cache
def _campaign() -> Campaign:
    shipped, demo = (load_campaign(str(ROOT / path)) for path in ("campaign.toml", "demo/campaign.toml"))
    claims = tuple(claim for claim in shipped.claims if claim.figure.source == MONTHLY)
    watches = tuple(watch for watch in shipped.watches if watch.measure in ("before_treatment", "M192"))
    return replace(demo, claims=claims, watches=watches)


def stock(store: Store) -> None:
    """Store the figures of the demo, the months before them of one measure, and the counts of a petition."""
    with store.writing() as tx:
        for month, figures in months().items():
            out = published_at(_published(month))
            url = f"https://digital.nhs.uk/performance-{month}"
            release = Release(
                month, f"Performance {month}", url, month, out, fingerprint="1", file=f"{url}.csv"
            )
            tx.save_releases(MONTHLY, [release], out)
            tx.save_figures(MONTHLY, month, figures, out, out)
            tx.mark_read(MONTHLY, month, "1", out)
        url = "https://digital.nhs.uk/performance-2026-04"
        tx.save_releases(
            MONTHLY, [Release("2026-04", "Performance", url, "2026-04", expected="2026-06-11")], NOW
        )
        page = "https://keepournhspublic.com/nhs-talking-therapies-petition"
        tx.save_releases(PETITION, [Release(LIVE, "Petition", page)], NOW)
        for reading in readings():
            value = float(reading.signatures)
            figure = Figure(SIGNATURES, EVERYWHERE, reading_period(reading.at), value)
            tx.save_figures(PETITION, LIVE, [figure], reading.at, reading.at)
        tx.note_checked([MONTHLY, PETITION], NOW - timedelta(minutes=4))


MARCH = Release(
    "march",
    f"{SERIES}March 2026",
    "https://digital.nhs.uk/performance-march-2026",
    "2026-03",
    published_at(NOW.date()),
)
SIGNATURES = Measure("signatures", "Signatures", Unit.SIGNATURES)


def readings() -> list[pace.Reading]:
    """Return the made-up counts of a petition, one a day."""
    first = NOW - timedelta(days=len(COUNTS) - 1)
    return [pace.Reading(first + timedelta(days=day), count) for day, count in enumerate(COUNTS)]


@cache
def months() -> Mapping[str, list[Figure]]:
    """Return the published figures by month: all of the demo's, and some of those before."""
    found: dict[str, list[Figure]] = {}
    for file in sorted(ROOT.glob("demo/*/files.digital.nhs.uk/*/*/*.csv")):
        fetched = Fetched(Release("", "", ""), Page(file.name, file.read_bytes(), "text/csv"))
        for figure in source(MONTHLY).read(fetched, NOW):
            if isinstance(figure, Figure):
                found.setdefault(figure.period, []).append(figure)
    measures = {f.measure.id: f.measure for figures in found.values() for f in figures}
    for month, value in _column("before_treatment.csv").items():
        found.setdefault(month, [Figure(measures["M077"], ENGLAND, month, value)])
    for code, value in _column("march_2025.csv").items():
        found["2025-03"].append(Figure(measures[code], ENGLAND, "2025-03", value))
    return dict(sorted(found.items()))


def _column(file: str) -> dict[str, float]:
    """Return the second column of a file of docs/ by its first."""
    with (ROOT / "docs" / file).open(encoding="utf-8") as lines:
        _, *rows = csv.reader(lines)
    return {key: float(value) for key, value in rows}


def _published(month: str) -> date:
    if month in OUT:
        return date.fromisoformat(OUT[month])
    year, number = (int(part) for part in month.split("-"))
    return date(year + (number + 1) // 12, (number + 1) % 12 + 1, 12)


def source(key: str) -> Scraper:
    """Return a source of the demo's campaign."""
    return next(one for one in _campaign().sources if one.key == key)


def history() -> dict[str, dict[str, float | None]]:
    """Return England's figures by measure and period."""
    found: dict[str, dict[str, float | None]] = {}
    for period, figures in months().items():
        for figure in figures:
            if figure.area == ENGLAND:
                found.setdefault(figure.measure.id, {})[period] = figure.value
    return found


def _alerts(campaign: Campaign) -> Iterator[tuple[str, Screen]]:
    """Yield what is posted by itself."""
    monthly, konp = source(MONTHLY), source(PETITION)
    release, page = MARCH, MARCH.url
    yield "release", _out(release)
    yield "watch", _watch(campaign, release)
    january = replace(
        release, period="2026-01", published=published_at(date(2026, 3, 12)), published_in="",
        notice="Referrals received were updated for one provider.", noticed=NOW,
    )  # fmt: skip
    referrals = next(f for f in months()["2026-01"] if f.measure.id == "M001" and f.area == ENGLAND)
    corrected = Revision(referrals._replace(value=159_819), 159_780)
    yield "correction", alert(Revised("c", january, (corrected,), 2, 0, 0), monthly, 7)
    claim = next(claim for claim in campaign.claims if claim.figure.measure == "M053")
    thin = Standing(claim, "thin", 89.1, "2026-03", unit=Unit.PERCENT)
    yield "claim", alert(ClaimMoved("l", ClaimNews(thin, "holds")), monthly, 8)
    counts = readings()
    ahead = pace.projection(counts, counts[-1].signatures, 1_000, NOW)
    crossed = MarkCrossed("m", 641, 641, 629, counts[-2].at, 1_000, ahead)
    chart = petition_chart(konp, counts, 1_000, ahead)
    yield "petition", alert(crossed, konp, 9, chart)
    yield "digest", Screen(_digest(page))
    last = (konp.title, counts[-1].signatures, 1_000)
    yield "board", Screen(board(campaign.name, [last], (date(2026, 6, 11), monthly.title), [thin]))
    gain = Burst("surge", counts[-2].at, 57, 11.0)
    yield "surge", alert(PaceTurned("p", 698, gain, None), konp, 11)
    yield "removed", alert(CountFell("f", 629, 641), konp, 12)
    april = replace(release, key="april", title=f"{SERIES}April 2026", period="2026-04", published=None)
    yield "moved", alert(DateMoved("d", replace(april, expected="2026-06-18"), "2026-06-11"), monthly, 13)
    noon = datetime(2026, 6, 11, 11, tzinfo=UTC)
    yield "late", alert(Overdue("o", replace(april, expected="2026-06-11")), monthly, 14, now=noon)


def _out(release: Release) -> Screen:
    monthly = source(MONTHLY)
    rows = rows_of(monthly, release.period or "", history())
    return alert(ReleaseOut("r", release, rows), monthly, 5)


def _digest(page: str) -> Message:
    said = (
        (5, "📊 NHS Talking Therapies, monthly, England: March 2026", page),
        (8, "📌 A claim is thin now", page),
        (9, "✍️ 641 signatures", "https://keepournhspublic.com/nhs-talking-therapies-petition"),
    )
    return compose(Gathered("g", said, len(said)), None, 10, NOW)


def _watch(campaign: Campaign, release: Release) -> Screen:
    values = {"M077": {period: v for period, v in history()["M077"].items() if period <= HIGHEST}}
    before = {"M077": {period: value for period, value in values["M077"].items() if period < HIGHEST}}
    watches = [watch for watch in campaign.watches if watch.measure == "before_treatment"]
    breaks = shipped_breaks()
    release = replace(release, period=HIGHEST, published=published_at(date(2026, 2, 12)))
    learnt = judge_watch_list({"England": before}, watches, {}, NOW, breaks=breaks)
    judged = judge_watch_list({"England": values}, watches, learnt.state, NOW, breaks=breaks)
    chart = control_chart(
        "Ended before treatment, England",
        Unit.PERCENT,
        values["M077"],
        source(MONTHLY),
        Aim("down"),
        of="referrals that ended",
    )
    then = datetime(2026, 2, 12, 9, 30, 41, tzinfo=UTC)
    return alert(WatchMoved("w", release, judged.signals), source(MONTHLY), 2, chart, then)


def alert(
    finding: Finding, about: Scraper, number: int, chart: Chart | None = None, now: datetime = NOW
) -> Screen:
    """Return an alert as it is posted, with all its buttons."""
    message = compose(finding, about, number, now)
    if chart:
        message = replace(message, tail=(*message.tail, _in_words(chart)))
    return Screen(replace(message, buttons=(*message.buttons, asked_about(finding, about, number))), chart)


def _answers(store: Store, campaign: Campaign) -> Iterator[tuple[str, Screen]]:
    """Yield what is answered."""
    destination = Destination(TEAM)
    answers = Answers(store, campaign, Destinations((destination,), destination))

    def ask(words: str = "") -> Asked:
        return Asked(words, TEAM, NOW, bot="YourBot")

    def pressed(message: Message, label: str) -> Answer:
        button = next(b for row in message.buttons for b in row if b.label == t(label))
        call = parsed(button.callback)
        done = answers.called(call, ask()) if call else None
        assert done is not None
        return done

    yield "glance", _shown(pressed(_out(MARCH).message, "Chart"))
    yield "help", _shown(answers.help(ask()))
    figure = answers.figure(ask("ended before treatment England"))
    yield "figure", _shown(figure)
    yield "chart", _shown(pressed(figure.message, "Chart"))
    yield "quote", _shown(pressed(figure.message, "Quote"))
    yield "made", _shown(pressed(figure.message, "How it is made"))
    compared = answers.compare(ask("drop-out, ended before treatment, England"))
    yield "compare", Screen(compared.message)
    if compared.chart:
        yield "pair", Screen(Message((_in_words(compared.chart),)), compared.chart)
    yield "count", Screen(answers.petition(ask()).message)
    yield "next", _shown(answers.next(ask()))
    yield "status", _shown(answers.status(ask()))
    minor = "severity minor"
    choices: dict[str, Mode] = {minor: "digest"}
    wanted = Subscription(TEAM, choices=choices, quiet=(time(22), time(7)), digest=time(8, 30))
    yield "settings", Screen(settled.overview(wanted, {minor: t(settled.GRAVE["minor"])}, NOW))


def _in_words(chart: Chart) -> Line:
    return line(italic(alt_text(chart)))


def _shown(answer: Answer) -> Screen:
    return Screen(answer.message, answer.chart if answer.drawn else None)


def unpainted(svg: str) -> str:
    """Return a picture without its chart's pixels: they differ a little where other fonts are."""
    return re.sub(r"(data:image/png;base64,)[\w+/=]+", r"\1", svg)


def main() -> None:
    """Write every screen."""
    FOLDER.mkdir(exist_ok=True)
    for name, screen in screens().items():
        (FOLDER / f"{name}.svg").write_text(draw(screen.message, screen.chart, painted), encoding="utf-8")
        print(f"{name}: {to_plain(screen.message).splitlines()[0]}")  # noqa: T201


if __name__ == "__main__":
    main()
