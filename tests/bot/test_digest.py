"""What a release says of all organisations, what it never says, and what is remembered of it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from bot.rules.breaks import Break, Breaks, shipped_breaks
from bot.rules.digest import MOST, Outcome, Shift, Standing, Survey, judge, lasted
from bot.rules.findings import Shifted
from bot.rules.guards import judged
from bot.rules.keys import KEYS, UNRECORDED
from bot.rules.panel import Panel, Row
from bot.rules.periods import shifted
from bot.rules.xmr import Kind
from bot.wording.markup import to_plain
from bot.wording.messages import compose
from bot.wording.shifts import digest_line, news_lines
from scrapers.talking_therapies_monthly import KEY_MEASURES, TalkingTherapiesMonthly
from scrapers.toolkit.contract import Fetched, Page, Release
from tests.bot.panel import shifts

MONTHS = tuple(shifted("2023-01", month) for month in range(36))
NEWEST = MONTHS[-1]
PROVIDERS = tuple(f"R{number:02}" for number in range(30))
USUAL = {  # of one provider in a month
    "M001": 2_000,
    "M031": 1_200,
    "M056": 1_800,
    "M066": 500,
    "M071": 20,
    "M072": 20,
    "M075": 450,
    "M076": 700,
    "M082": 8_000,
    "M084": 800,
    "M153": 650,
    "M184": 650,
    "M344": 280,
}
Change = Callable[[str, str, str], float | None]  # measure, area, month -> times the usual; None is withheld


def judge_release(
    panel: Panel,
    period: str,
    state: Iterable[Standing] = (),
    *,
    breaks: Breaks | None = None,
    restated: int = 0,
) -> Outcome:
    """Return what the release of a month says, from its month and earlier ones alone."""
    survey = Survey.of(panel.until(period), breaks, newest_only=True)
    return judge(survey, period, state, restated=restated)


def history(change: Change = lambda *_: 1.0, *, months: tuple[str, ...] = MONTHS) -> Panel:
    """Return three years of thirty providers, two regions of fifteen and England, changed as is said."""
    chance = np.random.default_rng(7)
    rows: list[Row] = []
    for measure, usual in USUAL.items():
        for month in MONTHS:
            counts = dict(zip(PROVIDERS, usual * chance.lognormal(0, 0.05, len(PROVIDERS)), strict=True))
            if month not in months:
                continue
            for area, count in counts.items():
                times = change(measure, area, month)
                rows.append((measure, "Provider", area, month, times and 5.0 * round(count * times / 5)))
            rows += [
                (measure, "CommissioningRegion", "Y1", month, sum(counts.values()) / 2),
                (measure, "England", "England", month, float(round(sum(counts.values())))),
            ]
    names = {("Provider", area): f"Trust {area}" for area in PROVIDERS}
    return Panel.of(rows, names, {("Provider", PROVIDERS[0]): ("CommissioningRegion", "Y1")})


def since(first: str, *areas: str, measure: str = "M084", times: float | None = 1.7) -> Change:
    """Return a change of one measure in these areas from a month on."""
    return lambda m, area, month: (
        times if (m, area in areas, month >= first) == (measure, True, True) else 1.0
    )


def months_told(panel: Panel, first: str = MONTHS[24]) -> list[tuple[str, Shift]]:
    """Return what each month told of one provider, one after another."""
    survey = Survey.of(panel)
    state: tuple[Standing, ...] = ()
    told: list[tuple[str, Shift]] = []
    for month in (month for month in panel.periods if month >= first):
        outcome = judge(survey, month, state)
        state = outcome.state
        told += [(month, shift) for shift in shifts(outcome) if shift.area.code == "R05"]
    return told


def titles(outcome: Outcome) -> list[str]:
    return [next(news_lines(news)) for news in outcome.news]


def test_a_month_in_which_nothing_changed_is_one_quiet_line() -> None:
    outcome = judge_release(history(), NEWEST)
    assert (outcome.news, outcome.state) == ((), ())
    assert digest_line(outcome.digest) == f"{outcome.digest.checked} series checked, nothing new"
    assert outcome.digest.checked > 300


def test_a_change_says_how_far_from_usual_which_way_is_good_and_since_when() -> None:
    outcome = judge_release(history(since(MONTHS[-3], "R05")), NEWEST)
    (news,) = outcome.news
    (shift,) = news.shifts
    assert (shift.key.measure, shift.area.name, shift.up, shift.is_good) == ("dna", "Trust R05", True, False)
    assert shift.low < 10 < shift.high < shift.value == pytest.approx(15, abs=2)
    assert (shift.since, shift.months, shift.reason) == (MONTHS[-3], 3, Kind.ABOVE_LIMIT)
    assert shift.bottom == pytest.approx(8_000, rel=0.2)
    assert shift.affected == pytest.approx(560, rel=0.2)
    assert news.of == outcome.digest.checked
    release = Release("r", "A release", "https://example.org/r", NEWEST)
    told = to_plain(compose(Shifted("s", release, news), TalkingTherapiesMonthly({}), 1, datetime.now(UTC)))
    assert told.splitlines()[:2] == [
        "📈 Missed without warning (DNA), Trust R05: 17% – worse",
        "usual 7% to 13%, for 3 months, above its upper limit, of 8,245 (appointments)",
    ]
    assert ", against all others. Appointments, not people.\n" in told


def test_a_change_that_lasts_is_told_once_in_its_second_month() -> None:
    told = months_told(history(since(MONTHS[25], "R05")))
    assert [(month, shift.key.measure, shift.months) for month, shift in told] == [(MONTHS[26], "dna", 2)]


def test_a_turn_is_news() -> None:
    def change(measure: str, area: str, month: str) -> float:
        if (measure, area) != ("M084", "R05") or month < MONTHS[24]:
            return 1.0
        return 1.8 if month < MONTHS[30] else 0.4

    told = [(month, shift.up) for month, shift in months_told(history(change))]
    assert told[0] == (MONTHS[25], True)
    assert [up for _, up in told] == [True, False]


def test_a_leap_of_a_single_month_is_never_told() -> None:
    def change(measure: str, area: str, month: str) -> float:
        return 4.0 if (measure, area, month) == ("M084", "R05", MONTHS[26]) else 1.0

    assert months_told(history(change)) == []


def test_twice_as_strong_is_told_again() -> None:
    def change(measure: str, area: str, month: str) -> float:
        times = 1.7 if month < MONTHS[28] else 5.0
        return times if (measure, area) == ("M084", "R05") and month >= MONTHS[26] else 1.0

    assert [month for month, _ in months_told(history(change))] == [MONTHS[27], MONTHS[29]]


def test_a_release_judged_again_says_nothing_twice_whatever_was_restated() -> None:
    first = judge_release(history(since(MONTHS[-2], "R05", times=1.7)), NEWEST)
    restated = judge_release(history(since(MONTHS[-2], "R05", times=5.0)), NEWEST, first.state, restated=1)
    assert len(first.news) == 1
    assert restated.news == ()
    assert restated.state == first.state
    assert digest_line(restated.digest).endswith("nothing new, 1 still as they became, 1 past value restated")


def test_a_release_and_a_replay_of_it_say_the_same() -> None:
    panel = history(since(MONTHS[28], "R05", "R09"))
    survey = Survey.of(panel)
    for month in (MONTHS[28], NEWEST):
        assert judge_release(panel, month) == judge(survey, month)


def test_what_is_remembered_survives_as_plain_values() -> None:
    state = judge_release(history(since(MONTHS[-2], "R05")), NEWEST).state
    assert len(state) == 1
    assert [Standing(**json.loads(json.dumps(one._asdict()))) for one in state] == [*state]


def test_one_measure_in_three_organisations_is_one_message() -> None:
    outcome = judge_release(history(since(MONTHS[-2], "R05", "R06", "R07", "R08")), NEWEST)
    assert titles(outcome) == ["📈 Missed without warning (DNA): up at 4 of 30 organisations – worse"]
    assert len([*news_lines(outcome.news[0])][1].split(";")) == 3


def test_three_measures_in_one_organisation_are_one_message() -> None:
    def change(measure: str, area: str, month: str) -> float:
        fell = area == "R05" and month >= MONTHS[-2] and measure in ("M001", "M082", "M184", "M084")
        return 0.5 if fell else 1.0

    outcome = judge_release(history(change), NEWEST)
    assert titles(outcome) == ["🔀 Trust R05: 3 of 13 measures changed"]


def test_what_a_region_shows_is_not_said_of_its_part() -> None:
    panel = history(since(MONTHS[-2], "R00", times=2.0))
    assert [news.shifts[0].area.code for news in judge_release(panel, NEWEST).news] == ["R00"]
    region = [area.code for area in panel.areas].index("Y1")
    panel.values[panel.measures.index("M084"), region, -2:] *= 2
    assert [news.shifts[0].area.code for news in judge_release(panel, NEWEST).news] == ["Y1"]


def test_no_release_gets_more_than_five_messages_and_the_line_counts_the_rest() -> None:
    changed = dict(
        zip(PROVIDERS, ("M084", "M344", "M001", "M075", "M153", "M066", "M082", "M031"), strict=False)
    )

    def change(measure: str, area: str, month: str) -> float:
        return 2.0 if changed.get(area) == measure and month >= MONTHS[-2] else 1.0

    outcome = judge_release(history(change), NEWEST)
    assert len(outcome.news) == MOST < len(outcome.news) + len(outcome.others)
    assert [one.rank for one in outcome.news] == sorted((one.rank for one in outcome.news), reverse=True)
    left = sum(len(news.shifts) for news in outcome.others)
    assert f"{outcome.digest.changed} changed, {left} of them not shown" in digest_line(outcome.digest)
    assert judge_release(history(change), NEWEST, outcome.state).news == ()


def test_what_all_do_in_a_month_is_no_news_of_any() -> None:
    outcome = judge_release(history(lambda measure, _, month: 0.6 if month == NEWEST else 1.0), NEWEST)
    assert outcome.news == ()


def test_one_organisation_that_moves_england_does_not_move_the_others() -> None:
    def change(measure: str, area: str, month: str) -> float:
        return 15.0 if (measure, area) == ("M001", "R05") and month >= MONTHS[-2] else 1.0

    outcome = judge_release(history(change), NEWEST)
    assert [(shift.area.code, shift.key.measure) for shift in shifts(outcome)] == [("R05", "M001")]


def test_a_month_that_was_never_published_is_a_gap() -> None:
    panel = history(since(MONTHS[-3], "R05"), months=tuple(m for m in MONTHS if m != MONTHS[-2]))
    assert panel.periods == MONTHS
    assert [shift.months for shift in shifts(judge_release(panel, NEWEST))] == [3]


def test_an_empty_store_and_a_first_month_are_quiet() -> None:
    assert judged(Panel.of([])).values.size == 0
    assert judge_release(history(months=MONTHS[:1]), MONTHS[0]).digest.checked == 0


def test_under_thirteen_months_nothing_is_judged() -> None:
    assert (
        judge_release(history(since(MONTHS[11], "R05"), months=MONTHS[:12]), MONTHS[11]).digest.checked == 0
    )
    assert judge_release(history(since(MONTHS[12], "R05"), months=MONTHS[:13]), MONTHS[12]).digest.checked > 0


@pytest.mark.parametrize(("measure", "times"), [("M084", 0.01), ("M082", 0.005), ("M084", None)])
def test_few_people_and_withheld_figures_are_never_judged(measure: str, times: float | None) -> None:
    panel = history(since(NEWEST, "R05", measure=measure, times=times))
    key = [key.measure for key in KEYS].index("dna")
    assert np.count_nonzero(judged(panel).may[key, :, -2] & ~judged(panel).may[key, :, -1]) == 1
    assert "dna" not in {shift.key.measure for shift in shifts(judge_release(panel, NEWEST))}


def test_a_share_whose_percentage_is_withheld_is_not_worked_out() -> None:
    panel = history()
    rows = [("M288", "Provider", area, NEWEST, None if area == "R05" else 39.0) for area in PROVIDERS]
    with_percentages = Panel.of([*rows_of(panel), *rows])
    key = [key.measure for key in KEYS].index("treated_once")
    may = judged(with_percentages).may[key, :, -1]
    assert [area.code for area, it in zip(with_percentages.areas, may, strict=True) if not it][-1] == "R05"
    assert may.sum() == judged(panel).may[key, :, -1].sum() - 1


def rows_of(panel: Panel) -> Iterator[Row]:
    for measure, areas in zip(panel.measures, panel.values, strict=True):
        for area, values in zip(panel.areas, areas, strict=True):
            for month, value in zip(panel.periods, values.tolist(), strict=True):
                yield measure, area.kind, area.code, month, None if value != value else value


def test_every_key_measure_is_judged_and_deaths_never_are() -> None:
    codes = {code for key in KEYS for code in key.codes}
    assert codes >= KEY_MEASURES
    assert codes.isdisjoint({"M062", "M069"})


def test_england_is_left_to_the_watch_list() -> None:
    panel = history()
    panel.values[:, [area.kind for area in panel.areas].index("England"), -1] *= 3
    assert {shift.area.kind for shift in shifts(judge_release(panel, NEWEST))} <= {"CommissioningRegion"}
    assert not judged(panel).may[:, [area.kind for area in panel.areas].index("England")].any()


def test_nothing_is_compared_across_a_break() -> None:
    panel = history(since(MONTHS[30], "R05", measure="M344"))
    broken = {"ended_early": (Break(MONTHS[30], ("ended_early",), "another meaning", "us"),)}
    assert [s.key.measure for s in shifts(judge_release(panel, MONTHS[31]))] == ["ended_early"]
    assert shifts(judge_release(panel, MONTHS[31], breaks=broken)) == []


def test_where_reasons_stop_being_recorded_no_share_by_reason_is_told() -> None:
    def change(measure: str, area: str, month: str) -> float:
        if area != "R05" or month < MONTHS[30]:
            return 1.0
        return {"M072": 40.0, "M344": 0.7, "M066": 0.4}.get(measure, 1.0)

    told = {shift.key.measure for _, shift in months_told(history(change))}
    assert told == {"no_end_reason"}


def test_an_organisation_that_took_over_another_begins_anew() -> None:
    def change(measure: str, area: str, month: str) -> float | None:
        return 2.0 if (area, month >= MONTHS[30]) == ("R05", True) else 1.0

    grown = history(change)
    taken = Panel.of(row for row in rows_of(grown) if not (row[2] == "R06" and row[3] >= MONTHS[30]))
    assert "R05" in {shift.area.code for shift in shifts(judge_release(grown, MONTHS[31]))}
    assert shifts(judge_release(taken, MONTHS[31])) == []
    said = Survey.of(grown, restarts={"R05": [MONTHS[30]]})  # where the other had another kind of figures
    assert shifts(judge(said, MONTHS[31])) == []


def test_that_a_code_comes_back_later_changes_nothing_that_was_said_before() -> None:
    grown = history(since(MONTHS[30], "R05", measure="M001", times=2.0))
    away = Panel.of(row for row in rows_of(grown) if (row[2], row[3]) != ("R06", MONTHS[30]))
    survey = Survey.of(away)
    for month in MONTHS[29:34]:
        assert judge_release(away, month) == judge(survey, month)


def test_whether_a_change_held_is_known_six_months_later() -> None:
    for last, held in ((MONTHS[-1], True), (MONTHS[27], False)):

        def change(measure: str, area: str, month: str, last: str = last) -> float:
            return 1.8 if (measure, area) == ("M084", "R05") and MONTHS[26] <= month <= last else 1.0

        survey = Survey.of(history(change))
        (shift,) = shifts(judge(survey, MONTHS[27]))
        assert lasted(survey, shift) is held
    assert lasted(Survey.of(history(change).until(MONTHS[30])), shift) is None


def published(samples: Path) -> Panel:
    """Return the months of the samples since 2022, for England and the providers."""
    source = TalkingTherapiesMonthly({})
    rows: list[Row] = []
    names: dict[tuple[str, str], str] = {}
    for path in sorted((samples / "nhs_tt_monthly/reconstructed").glob("*.csv.gz")):
        if path.name < "nhstt_2022":
            continue
        page = Page("", gzip.decompress(path.read_bytes()), "text/csv")
        for figure in source.read(Fetched(Release("", "", ""), page), datetime.now(UTC)):
            if figure.measure.id in KEY_MEASURES:
                area = figure.area
                rows.append((figure.measure.id, area.kind, area.code, figure.period, figure.value))
                names[area.kind, area.code] = area.name
    return Panel.of(rows, names)


def test_real_years_give_at_most_five_messages_a_release(shared_samples: Path) -> None:
    panel = published(shared_samples)
    survey = Survey.of(panel, shipped_breaks())
    state: tuple[Standing, ...] = ()
    held: list[bool] = []
    for month in (month for month in panel.periods if month >= "2023-05"):
        outcome = judge(survey, month, state)
        state = outcome.state
        assert len(outcome.news) <= MOST
        for shift in shifts(outcome):
            assert shift.bottom is None or shift.bottom >= 50
            by_reason = shift.key.share is not None and shift.key.share.less == UNRECORDED
            assert not (by_reason and month == "2023-09")  # reasons were left blank: nothing improved
        lasting = [
            [it for s in news.shifts if (it := lasted(survey, s)) is not None] for news in outcome.news
        ]
        held += [any(of_one) for of_one in lasting if of_one]
    assert sum(held) >= 2 / 3 * len(held) > 0
