"""What is new, revised, withheld, back or gone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapers.toolkit.contract import ENGLAND, Area, Figure, Measure, Unit
from state.changes import compare, compare_readings
from state.records import FigureKey, Known, Revision

PUBLISHED = datetime(2026, 5, 14, 8, 30, tzinfo=UTC)
MEASURES = [Measure(code, code, Unit.COUNT) for code in ("M001", "M075", "M288")]
PLACES = [ENGLAND, Area("QMJ", "ICB", "North Central London"), Area("QMJ", "SubICB", "the same code")]
KEYS = [
    (measure, area, period) for measure in MEASURES for area in PLACES for period in ("2026-02", "2026-03")
]


def figure(value: float | None) -> Figure:
    return Figure(MEASURES[0], ENGLAND, "2026-03", value)


def key_of(figure: Figure) -> FigureKey:
    return FigureKey(figure.measure.id, figure.area.kind, figure.area.code, figure.period)


def known(*figures: Figure) -> dict[FigureKey, Known]:
    return {key_of(figure): Known(figure.value, PUBLISHED, 0) for figure in figures}


def test_a_figure_never_stored_is_new() -> None:
    changes = compare({}, [figure(5)], complete=True)
    assert changes.new == (figure(5),)
    assert len(changes) == 1


def test_the_same_figure_again_is_no_change() -> None:
    assert len(compare(known(figure(5)), [figure(5)], complete=True)) == 0


def test_a_withheld_figure_that_stays_withheld_is_no_change() -> None:
    assert len(compare(known(figure(None)), [figure(None)], complete=True)) == 0


def test_another_number_is_a_revision_that_names_the_old_one() -> None:
    assert compare(known(figure(5)), [figure(6)], complete=True).revised == (Revision(figure(6), 5),)


def test_nothing_is_not_the_same_as_withheld() -> None:
    changes = compare(known(figure(0)), [figure(None)], complete=True)
    assert changes.withheld == (Revision(figure(None), 0),)


def test_a_number_in_place_of_withheld_has_appeared() -> None:
    assert compare(known(figure(None)), [figure(0)], complete=True).appeared == (Revision(figure(0), None),)


def test_a_figure_missing_from_a_complete_file_is_gone() -> None:
    stored = known(figure(5))
    assert compare(stored, [], complete=True).gone == tuple(stored)
    assert compare(stored, [], complete=False).gone == ()


def test_two_rows_for_one_figure_are_refused() -> None:
    with pytest.raises(ValueError, match="one figure for M001 England England 2026-03, found two"):
        compare({}, [figure(5), figure(5)], complete=True)


values = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.just(0.0)


@given(st.dictionaries(st.sampled_from(KEYS), values), st.dictionaries(st.sampled_from(KEYS), values))
def test_storing_what_changed_leaves_exactly_what_was_published(
    before: dict[tuple[Measure, Area, str], float | None],
    after: dict[tuple[Measure, Area, str], float | None],
) -> None:
    stored = known(*(Figure(*key, value) for key, value in before.items()))
    published = [Figure(*key, value) for key, value in after.items()]
    changes = compare(stored, published, complete=True)

    remembered = {key: version.value for key, version in stored.items()}
    remembered.update({key_of(figure): figure.value for figure in changes.to_store})
    for key in changes.gone:
        del remembered[key]
    assert remembered == {key_of(figure): figure.value for figure in published}
    kept = sum(before[key] == after[key] for key in before.keys() & after.keys())
    assert len(changes) == len(before.keys() | after.keys()) - kept


def test_a_reading_is_compared_with_the_latest_whatever_its_period() -> None:
    latest = {("M001", "England", "England"): ("2026-02", Known(629.0, PUBLISHED, 0))}
    assert len(compare_readings(latest, [figure(629)])) == 0
    assert compare_readings(latest, [figure(630)]).revised == (Revision(figure(630), 629),)
    assert compare_readings(latest, [figure(628)]).revised == (Revision(figure(628), 629),)


def test_the_first_reading_of_a_series_is_new() -> None:
    assert compare_readings({}, [figure(629)]).new == (figure(629),)
