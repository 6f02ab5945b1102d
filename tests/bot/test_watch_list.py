"""The watch list: what deserves a message, how often, and what the message may say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.campaign import load_campaign
from bot.rules import periods
from bot.rules.breaks import Break, shipped_breaks
from bot.rules.policy import CLOSED, grouped, lasted
from bot.rules.providers import without
from bot.rules.signals import SEASONAL, Judged, Signal, State
from bot.rules.xmr import Kind
from bot.wording.causes import cause
from tests.bot.watching import Watched, england, judge, providers, up_to

CALM = [50.0, 52.0, 49.0, 51.0, 48.0, 51.0, 50.0] * 4  # 28 months about 50, usually 45 to 55
FIRST = "2021-01"


def months(values: Sequence[float | None], first: str = FIRST) -> dict[str, float | None]:
    """Return values by month."""
    return {periods.shifted(first, n): value for n, value in enumerate(values)}


def told(values: Sequence[float | None], **more: Any) -> list[tuple[int, Signal]]:
    """Return what a series tells as it is published month after month, and how many months it then has."""
    watch = replace(Watched(), **more)
    state: State = {}
    found = []
    for count in range(1, len(values) + 1):
        judged = judge({watch.measure: months(values[:count])}, [watch], state)
        state = judged.state
        found += [(count, signal) for signal in judged.signals]
    return found


def test_a_calm_series_says_nothing() -> None:
    assert told(CALM) == []


def test_a_run_is_told_in_its_seventh_month_and_again_seven_months_later_while_it_lasts() -> None:
    run = [51.5, 52.0] * 8
    found = told(CALM + run, minimum=0.3)
    assert [(count - len(CALM), cause(s.kind, s.lasted, "month"), s.again) for count, s in found] == [
        (7, "7th month in a row above its average", False),
        (14, "14th month in a row above its average", True),
    ]
    assert found[0][1].is_good
    assert found[0][1].lasted == 7


def test_a_single_point_is_told_at_once_and_at_double_size_again() -> None:
    found = told([*CALM, 57.0, 66.0])
    assert [(count - len(CALM), cause(s.kind, s.lasted, "month"), s.again) for count, s in found] == [
        (1, "above its usual range", False),
        (2, "above its usual range", True),
    ]


def test_a_move_smaller_than_the_minimum_is_not_told() -> None:
    assert told([*CALM, 57.0], minimum=7) == []


def test_a_run_is_as_large_as_its_points_are_together() -> None:
    assert told([*CALM, *[50.8] * 6, 53.5], minimum=2) == []
    assert told([*CALM, *[53.5] * 7], minimum=2) != []


def test_what_comes_each_year_in_the_same_month_is_not_told() -> None:
    yearly = [*CALM[:11], 42.0]
    assert [count for count, _ in told(yearly * 4)] == []
    assert [count for count, _ in told([*yearly * 3, *CALM[:11], 40.0])] == [48]


def test_a_flip_is_told_at_once() -> None:
    found = told([*CALM, 57.0, 42.0], good="down")
    assert [s.is_good for _, s in found] == [False, True]


def test_what_was_told_ends_after_three_months_without_special_cause() -> None:
    values = [*CALM, 57.0, *CALM[: CLOSED + 1]]
    watch, ended = Watched(), []
    state: State = {}
    for count in range(len(CALM), len(values) + 1):
        judged = judge({"M192": months(values[:count])}, [watch], state)
        state = judged.state
        ended += [(count - len(CALM), closing.said.value) for closing in judged.closings]
    assert ended == [(1 + CLOSED, 57.0)]


def test_there_is_no_verdict_under_thirteen_points() -> None:
    assert told([50.0, 51.0] * 5 + [50.0, 80.0]) == []
    assert [count for count, _ in told([50.0, 51.0] * 6 + [80.0])] == [13]


def test_a_month_without_a_value_is_no_change() -> None:
    assert told([*CALM, None, None]) == []


def test_a_missing_month_breaks_a_run() -> None:
    run = [51.5, 52.0, 51.5, None, 52.0, 51.5, 52.0, 51.5]
    assert told(CALM + run, minimum=0.3) == []
    absent = {period: value for period, value in months(CALM + run).items() if value is not None}
    before = judge({"M192": months(CALM)}, [Watched(minimum=0.3)]).state
    assert judge({"M192": absent}, [Watched(minimum=0.3)], before).signals == ()
    assert told(CALM + [value or 51.5 for value in run], minimum=0.3) != []


def test_restated_figures_tell_nothing_again() -> None:
    watch = Watched()
    first = judge({"M192": months([*CALM, 57.0])}, [watch])
    assert len(first.signals) == 1
    restated = judge({"M192": months([*[value - 3 for value in CALM], 55.0])}, [watch], first.state)
    assert restated == Judged((), (), (), first.state)


def test_a_new_entry_learns_the_past_in_silence() -> None:
    run = [51.5, 52.0] * 4
    assert judge({"M192": months(CALM + run)}, [Watched(minimum=0.3)]).signals == ()


def test_what_came_in_a_month_that_was_missed_is_told_while_it_lasts() -> None:
    state = judge({"M192": months(CALM)}, [Watched()]).state
    (signal,) = judge({"M192": months([*CALM, 58.0, 58.5])}, [Watched()], state).signals
    assert (signal.value, cause(signal.kind, signal.lasted, "month")) == (
        58.5,
        "2nd month in a row above its usual range",
    )


def test_nothing_is_compared_across_a_break() -> None:
    broken = [*CALM, *[value + 10 for value in CALM]]
    at = periods.shifted(FIRST, len(CALM))
    breaks = {"M192": (Break(at, ("M192",), "recorded otherwise", "a test"),)}
    watch = Watched()
    state: State = {}
    for count in range(1, len(broken) + 1):
        judged = judge({"M192": months(broken[:count])}, [watch], state, breaks=breaks)
        state = judged.state
        assert judged.signals == ()
    (signal,) = judge({"M192": months([*broken, 68.0])}, [watch], state, breaks=breaks).signals
    assert signal.lower > 54
    assert signal.extreme is not None
    assert (signal.extreme.since, signal.extreme.of) == (None, len(CALM) + 1)


def test_those_of_a_family_come_together_in_the_order_of_the_list() -> None:
    codes = ("M192", "M049", "M195")
    figures = {code: months([*CALM, 57.0]) for code in codes}
    watches = [Watched(code, family="" if code == "M049" else "outcomes") for code in codes]
    groups = grouped(judge(figures, watches).signals)
    assert [[signal.measure for signal in group] for group in groups] == [["M192", "M195"], ["M049"]]


def test_more_than_three_messages_of_a_release_become_three() -> None:
    codes = ("M192", "M049", "M195", "M053", "M055")
    judged = judge({code: months([*CALM, 57.0]) for code in codes}, [Watched(code) for code in codes])
    groups = [[signal.measure for signal in group] for group in grouped(judged.signals)]
    assert groups == [["M192"], ["M049"], ["M195", "M053", "M055"]]


def test_a_year_s_share_is_of_its_counts_together() -> None:
    """The mean of the monthly percentages would be another, for the months are not of one size."""
    ended = [1_000.0, 4_000.0] * 14
    finished = [value * size / 100 for value, size in zip([*CALM[:-1], 35.0], ended, strict=True)]
    (signal,) = judge({"M056": months(ended), "M076": months(finished)}, [Watched("finished")]).signals
    assert signal.value == 35
    assert signal.year == round(100 * sum(finished[-12:]) / sum(ended[-12:]), 1) != 48.8
    assert round(sum([*CALM[-12:-1], 35.0]) / 12, 1) == 48.8


def test_a_year_with_a_month_missing_has_no_share() -> None:
    ended, finished = months([2_000.0] * 28), months([20 * value for value in CALM[:-1]] + [700.0])
    del finished[periods.shifted(max(ended), -4)]
    (signal,) = judge({"M056": ended, "M076": finished}, [Watched("finished")]).signals
    assert signal.year is None


def test_a_new_name_and_a_step_beyond_season_are_asked_about_before_they_are_told() -> None:
    figures = {"M192": months([*CALM, 57.0])}
    asked = judge(figures, [Watched()], renamed=["M192"])
    assert asked.signals == ()
    assert [(q.why, [s.measure for s in q.signals]) for q in asked.questions] == [("renamed", ["M192"])]
    assert judge(figures, [Watched()], asked.state, renamed=["M192"]).questions == ()


def test_a_new_name_is_not_asked_about_where_the_figure_stood_there_before() -> None:
    values = [*CALM, 57.0, 57.5, 58.0]
    before = judge({"M192": months(values[:-3])}, [Watched()]).state
    (signal,) = judge({"M192": months(values)}, [Watched()], before, renamed=["M192"]).signals
    assert signal.value == 58


def test_a_jump_in_reasons_not_recorded_is_asked_about_with_what_hangs_on_it() -> None:
    count = len(CALM)
    figures = {
        "M056": months([10_000.0] * (count + 1)),
        "M072": months([300.0] * count + [590.0]),
        "M071": months([100.0] * (count + 1)),
        "M344": months([20 * value for value in CALM] + [1_300.0]),
    }
    judged = judge(figures, [Watched("ended_early", "down"), Watched("M344", "down")])
    assert judged.signals == ()
    assert [(q.why, q.before, q.value) for q in judged.questions] == [("blanks", 4.0, 6.9)]
    assert [signal.measure for signal in judged.questions[0].signals] == ["ended_early", "M344"]


@pytest.mark.parametrize(("finished", "is_told"), [(49.0, False), (50.0, True)])
def test_below_england_no_share_of_fewer_than_fifty_is_judged(finished: float, is_told: bool) -> None:
    figures = {"M186": months([*CALM, 57.0]), "M076": months([60.0] * len(CALM) + [finished])}
    assert bool(judge(figures, [Watched("M186", area="RVN")]).signals) == is_told


@pytest.mark.parametrize(
    ("after", "held"),
    [([57.0] * 6, True), (CALM[:6], False), ([57.0] * 5, None), ([57.0, None, None, None, 57.0, 57.0], None)],
)
def test_whether_a_signal_held_is_known_six_months_later(
    after: list[float | None], held: bool | None
) -> None:
    (signal,) = judge({"M192": months([*CALM, 57.0])}, [Watched()]).signals
    values = months([*CALM, 57.0, *after])
    assert lasted(signal, values, {}) is held
    broke = {"M192": (Break(periods.shifted(signal.period, 3), ("M192",), "recorded otherwise", "a test"),)}
    assert lasted(signal, values, broke) is None


VALUES = st.lists(st.none() | st.integers(40, 60).map(float), min_size=1, max_size=40)


@given(VALUES, VALUES)
def test_whatever_is_restated_a_period_is_judged_once(
    values: list[float | None], others: list[float | None]
) -> None:
    watch = Watched(minimum=0)
    state = judge({"M192": months(values)}, [watch]).state
    restated = judge({"M192": months(others[: len(values)])}, [watch], state)
    assert restated == Judged((), (), (), state)


@given(VALUES)
def test_the_same_direction_is_told_again_only_after_seven_months_or_at_double_size(
    values: list[float | None],
) -> None:
    found = told(values, minimum=0)
    for (count, signal), (later, next_one) in pairwise(found):
        if next_one.again:
            assert later - count >= 7 or next_one.size >= 2 * signal.size


# --- The published past -------------------------------------------------------------------------------------


@cache
def past(samples: Path) -> dict[str, Judged]:
    """Return what each release says of the shipped watch list, with providers where they matter."""
    history = england(samples)
    below = providers(samples, "2021-02", "2021-04", "2023-08", "2023-09", "2024-04", "2024-05")
    watches = load_campaign(str(Path(__file__).parents[2] / "campaign.toml")).watches
    state: State = {}
    judged = {}
    for period in sorted(history["M001"]):
        then = {code: up_to(figures, period) for code, figures in below.items()}
        found = judge(up_to(history, period), watches, state, breaks=shipped_breaks(), providers=then)
        state = found.state
        judged[period] = found
    return judged


def test_35_releases_give_about_as_many_messages_and_never_more_than_three_at_once(
    shared_samples: Path,
) -> None:
    recent = {period: found for period, found in past(shared_samples).items() if period >= "2023-05"}
    assert len(recent) == 35
    alone = sum(len(found.signals) for found in recent.values())
    together = [len(grouped(found.signals)) for found in recent.values()]
    assert (alone, sum(together), max(together)) == (39, 33, 2)


def test_no_message_calls_september_2023_an_improvement(shared_samples: Path) -> None:
    (signal,) = past(shared_samples)["2023-09"].signals
    assert (signal.measure, signal.is_good) == ("no_end_reason", False)
    assert signal.without is not None
    assert len(signal.without.areas) == 7
    assert (round(signal.without.value, 1), signal.value) == (2.4, 8.9)
    afterwards = [
        p for p, f in past(shared_samples).items() if any(s.measure == "ended_early" for s in f.signals)
    ]
    assert [period for period in afterwards if "2023-09" <= period < "2024-09"] == []


def test_every_signal_of_the_past_says_only_what_is_true(shared_samples: Path) -> None:
    history = england(shared_samples)
    for period, found in past(shared_samples).items():
        for signal in found.signals:
            assert signal.period == period
            assert signal.direction == (1 if signal.kind % 2 else -1)
            if signal.measure in history:
                values = history[signal.measure]
                assert signal.value == values[period]
                assert signal.year_ago == values[periods.year_before(period)]
            if signal.kind in (Kind.ABOVE_LIMIT, Kind.BELOW_LIMIT):
                assert not signal.lower <= signal.value <= signal.upper


def test_april_2021_is_made_by_two_providers(shared_samples: Path) -> None:
    below = providers(shared_samples, "2021-02", "2021-04")
    found = without("M192", "2021-04", "2021-02", england(shared_samples), below)
    assert found is not None
    assert found.areas == ("RVN", "RVNCG")
    assert (round(found.value, 1), round(found.before, 1)) == (53.1, 52.8)


def test_may_2024_is_made_by_one_provider(shared_samples: Path) -> None:
    below = providers(shared_samples, "2024-04", "2024-05")
    found = without("six_weeks_first", "2024-05", "2024-04", england(shared_samples), below)
    assert found is not None
    assert (found.areas, round(found.value, 1), round(found.before, 1)) == (("RW1",), 90.0, 90.7)


def test_a_halving_that_nobody_explains_is_a_question_first(shared_samples: Path) -> None:
    (question,) = past(shared_samples)["2026-03"].questions
    assert (question.why, question.measure) == ("jump", "M343")
    assert (question.before, question.value) == (34_767, 16_681)
    asked = {p: [q.measure for q in f.questions] for p, f in past(shared_samples).items() if f.questions}
    assert asked == {
        "2022-01": ["M072"],
        "2022-04": ["M006", "M008", "M072", "M1009"],
        "2024-08": ["no_end_reason"],
        "2024-09": ["M071"],
        "2026-03": ["M343"],
    }


@pytest.mark.parametrize("period", ["2023-12", "2024-12", "2025-12"])
def test_december_is_told_only_where_it_is_more_than_december(shared_samples: Path, period: str) -> None:
    for signal in past(shared_samples)[period].signals:
        if signal.kind in SEASONAL:
            assert signal.year_ago is not None
            assert signal.direction * (signal.value - signal.year_ago) >= 0.3
