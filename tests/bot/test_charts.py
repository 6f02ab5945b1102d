"""Charts: what they show, in pictures that a telephone can show and in words."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.wording.charts import (
    Chart,
    PairChart,
    PetitionChart,
    ReleaseChart,
    SeriesChart,
    Tone,
    alt_text,
    packed,
    unpacked,
)
from bot.wording.plots import DrawingFailed, draw

MONTHS = tuple(f"{year}-{month:02}" for year in (2024, 2025) for month in range(1, 13))
SERIES = SeriesChart(
    'Treated once only ("access attrition"), England',
    "percent",
    MONTHS,
    (42.5,) * 16 + (None,) + (41.0,) * 7,
    ("common",) * 16 + ("missing",) + ("improvement",) * 7,
    (42.5,) * 24,
    (40.6,) * 24,
    (44.4,) * 24,
    target=None,
    breaks=("2024-09",),
    note="Of referrals that were treated and ended.",
    source="NHS England; Open Government Licence v3.0",
)
PAIR = PairChart("Recovery", "percent", MONTHS, ("Kent", "England"), ((51.0,) * 24, (50.0,) * 23 + (None,)))
PETITION = PetitionChart(
    "Review NHS Talking Therapies",
    ("2026-03-01T09:00:00+00:00", "2026-04-01T09:00:00+00:00", "2026-05-01T09:00:00+00:00"),
    (400, 520, 636),
    1000,
    ("2026-06-01T09:00:00+00:00", "2026-08-01T09:00:00+00:00", None),
)
RELEASE = ReleaseChart("England: March 2026", ("Recovery", "Within 6 weeks"), (51.2, 88.3), (51.6, None))
CHARTS: tuple[Chart, ...] = (SERIES, PAIR, PETITION, RELEASE)


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.kind)
def test_each_chart_is_a_picture_of_800_pixels(chart: Chart) -> None:
    png = draw(chart)
    assert png.startswith(b"\x89PNG")
    assert struct.unpack(">II", png[16:24]) == (800, 560)
    assert len(png) < 200_000


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.kind)
def test_a_chart_survives_its_way_to_the_process_that_draws_it(chart: Chart) -> None:
    assert unpacked(packed(chart)) == chart


def test_a_chart_is_told_in_words() -> None:
    assert alt_text(SERIES) == (
        'Chart of Treated once only ("access attrition"), England, January 2024 to December 2025. '
        "Last value 41.0%. Average 42.5%, usual range 40.6% to 44.4%. "
        "The last point is special cause: improvement."
    )
    assert alt_text(replace(SERIES, target=50.0)).count("Target 50.0%.") == 1
    assert alt_text(PAIR) == (
        "Line chart. Recovery: Kent 51.0% in December 2025; England 50.0% in November 2025."
    )
    assert alt_text(PETITION).endswith("from 400 to 636 signatures. The goal is 1,000.")
    assert alt_text(RELEASE) == "Bar chart. England: March 2026: Recovery: 51.2%; Within 6 weeks: 88.3%."


def test_what_cannot_be_drawn_fails_in_one_line() -> None:
    with pytest.raises(DrawingFailed, match="a chart could not be drawn: ") as caught:
        draw(replace(PETITION, times=("yesterday",), counts=(1,)))
    assert "\n" not in str(caught.value)


VALUES = st.lists(st.none() | st.floats(-1e9, 1e9), min_size=1, max_size=24)
TONES: tuple[Tone, ...] = ("common", "improvement", "concern", "neutral", "missing")


@given(VALUES, st.text(max_size=60), st.data())
def test_any_series_has_words(values: list[float | None], title: str, data: st.DataObject) -> None:
    tones = data.draw(st.lists(st.sampled_from(TONES), min_size=len(values), max_size=len(values)))
    chart = SeriesChart(title, "percent", MONTHS[: len(values)], tuple(values), tuple(tones))
    assert title in alt_text(chart)
    assert unpacked(packed(chart)) == chart
