"""Figures are kept as versions, in the order in which they were published."""

from __future__ import annotations

import random
from collections import defaultdict
from contextlib import suppress
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from scrapers.toolkit.contract import ENGLAND, Area, Fact, Figure, Measure, Release
from state.records import AreaName, FigureKey, Known
from state.store import Store
from tests.state.samples import (
    HOUR,
    LONDON_ICB,
    NHS,
    NOON,
    PETITION,
    RECOVERY,
    REFERRALS,
    SIGNATURES,
    referrals,
    save,
)

KEY = FigureKey("M001", "England", "England", "2026-03")
ENGLISH = ("England", "England")
_numbers = count()


def known(store: Store, *periods: str, source: str = NHS) -> dict[FigureKey, Known]:
    with store.reading() as reader:
        return reader.known(source, periods or ("2026-03",))


def test_a_stored_figure_is_known_with_its_publication(store: Store) -> None:
    save(store, referrals(165_432))
    assert known(store) == {KEY: Known(165_432, NOON, 0)}


def test_a_withheld_figure_is_stored_as_withheld(store: Store) -> None:
    save(store, referrals(None), referrals(0, "2026-02"))
    stored = known(store, "2026-02", "2026-03")
    assert stored[KEY].value is None
    assert stored[KEY._replace(period="2026-02")].value == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_refused(store: Store, value: float) -> None:
    with pytest.raises(IntegrityError):
        save(store, referrals(value))
    assert known(store) == {}


@given(value=st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
def test_a_value_comes_back_to_the_last_digit(store: Store, value: float) -> None:
    source = f"source:{next(_numbers)}"
    save(store, referrals(value), source=source)
    assert known(store, source=source)[KEY].value == value


def test_a_revision_does_not_overwrite_what_was_said_before(store: Store) -> None:
    save(store, referrals(100))
    save(store, referrals(110), published=NOON + HOUR)
    assert known(store) == {KEY: Known(110, NOON + HOUR, 1)}
    with store.reading() as reader:
        assert [(f.revision, f.value) for f in reader.figures()] == [(0, 100), (1, 110)]
        assert [(f.revision, f.value) for f in reader.figures(revisions=False)] == [(1, 110)]


def test_an_older_publication_read_later_is_not_the_newest(store: Store) -> None:
    save(store, referrals(110), published=NOON + HOUR)
    save(store, referrals(100), published=NOON)
    assert known(store) == {KEY: Known(110, NOON + HOUR, 1)}


def test_the_same_publication_read_twice_adds_nothing(store: Store) -> None:
    save(store, referrals(100), referrals(7, area=LONDON_ICB))
    save(store, referrals(100), referrals(7, area=LONDON_ICB))
    with store.reading() as reader:
        assert [f.revision for f in reader.figures()] == [0, 0]


def test_a_file_replaced_under_the_same_date_makes_a_new_version(store: Store) -> None:
    save(store, referrals(100))
    save(store, referrals(110))
    save(store, referrals(100))
    assert known(store) == {KEY: Known(100, NOON, 2)}


publications = st.lists(
    st.tuples(st.sampled_from(["2026-02", "2026-03"]), st.integers(0, 20), st.sampled_from([None, 1.0, 2.0])),
    unique_by=lambda said: said[1],
    max_size=6,
)


@given(said=publications, order=st.randoms(use_true_random=False))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
def test_any_order_of_arrival_gives_the_same_versions(
    store: Store, said: list[tuple[str, int, float | None]], order: random.Random
) -> None:
    source = f"source:{next(_numbers)}"
    order.shuffle(said)
    for period, hours, value in said:
        save(store, referrals(value, period), published=NOON + hours * HOUR, source=source)

    expected: dict[str, list[float | None]] = defaultdict(list)
    for period, _, value in sorted(said, key=lambda publication: publication[1]):
        expected[period].append(value)
    with store.reading() as reader:
        listed: dict[str, list[float | None]] = defaultdict(list)
        for figure in reader.figures(source):
            assert figure.revision == len(listed[figure.period])
            listed[figure.period].append(figure.value)
        assert listed == expected
        newest = {key.period: version.value for key, version in reader.known(source, list(expected)).items()}
        assert newest == {period: versions[-1] for period, versions in expected.items()}
        assert reader.series(source, ENGLISH, ["M001"])["M001"] == newest


def test_an_observation_that_fails_leaves_no_trace(store: Store) -> None:
    with suppress(ZeroDivisionError), store.writing() as writer:
        writer.save_releases(NHS, [Release("march", "March", "https://x", published=NOON)], NOON)
        writer.save_figures(NHS, "march", [referrals(100)], NOON, NOON)
        _ = 1 / 0
    assert known(store) == {}
    save(store, referrals(110))
    assert known(store) == {KEY: Known(110, NOON, 0)}


def test_figures_of_an_unknown_release_are_refused(store: Store) -> None:
    with (
        pytest.raises(LookupError, match="expected a saved release 'april' of talking_therapies_monthly"),
        store.writing() as writer,
    ):
        writer.save_figures(NHS, "april", [referrals(100)], NOON, NOON)


def test_two_kinds_of_area_with_one_code_are_two_areas(store: Store) -> None:
    save(
        store,
        referrals(1, area=Area("QMJ", "ICB", "an ICB")),
        referrals(2, area=Area("QMJ", "SubICB", "a part")),
    )
    assert {(key.kind, version.value) for key, version in known(store).items()} == {("ICB", 1), ("SubICB", 2)}


def test_two_sources_do_not_mix_their_figures(store: Store) -> None:
    save(store, referrals(1))
    save(store, referrals(2), source="another")
    assert known(store)[KEY].value == 1
    assert known(store, source="another")[KEY].value == 2


def test_figures_are_listed_with_what_a_reader_needs(store: Store) -> None:
    save(store, referrals(None, area=LONDON_ICB))
    with store.reading() as reader:
        [figure] = reader.figures()
    assert (figure.source, figure.measure, figure.area, figure.area_name) == (
        NHS,
        "M001",
        "QMJ",
        LONDON_ICB.name,
    )
    assert (figure.period, figure.value, figure.revision) == ("2026-03", None, 0)
    assert (figure.release, figure.url, figure.first_seen) == ("march", "https://x/march", NOON)


def test_figures_are_listed_by_source_period_measure_and_area(store: Store) -> None:
    save(store, Figure(RECOVERY, ENGLAND, "2026-03", 48.5), referrals(3), referrals(2, area=LONDON_ICB))
    save(store, referrals(1, "2026-02"), release="february")
    save(store, Figure(SIGNATURES, ENGLAND, "2026-03", 4), source=PETITION)
    with store.reading() as reader:
        listed = list(reader.figures())
        assert [f.value for f in listed] == [4, 1, 3, 2, 48.5]
        assert [f.value for f in reader.figures(NHS, "M001", "England")] == [1, 3]
        assert [f.value for f in reader.figures(measure="M192")] == [48.5]
        assert [f.value for f in reader.figures(area="QMJ")] == [2]
        assert list(reader.figures(area="nowhere")) == []


def test_a_series_has_its_periods_in_order_and_a_missing_measure_is_empty(store: Store) -> None:
    save(store, referrals(3), referrals(9, area=LONDON_ICB))
    save(store, referrals(None, "2026-02"), published=NOON + HOUR, release="february")
    with store.reading() as reader:
        series = reader.series(NHS, ENGLISH, ["M001", "M075"])
    assert series == {"M001": {"2026-02": None, "2026-03": 3}, "M075": {}}
    assert list(series["M001"]) == ["2026-02", "2026-03"]


def test_the_latest_reading_is_that_of_the_newest_period(store: Store) -> None:
    target = Measure("target", "Target", SIGNATURES.unit)
    first, second = "2026-05-14T12:00:00Z", "2026-05-14T13:00:00Z"
    save(store, Figure(SIGNATURES, ENGLAND, first, 629), Figure(target, ENGLAND, first, 700), source=PETITION)
    save(store, Figure(SIGNATURES, ENGLAND, second, 628), published=NOON + HOUR, source=PETITION)
    save(store, referrals(5))
    with store.reading() as reader:
        latest = reader.latest([PETITION, "never seen"])
    assert latest == {
        PETITION: {
            ("signatures", *ENGLISH): (second, Known(628, NOON + HOUR, 0)),
            ("target", *ENGLISH): (first, Known(700, NOON, 0)),
        },
        "never seen": {},
    }


def test_the_latest_reading_counts_its_revisions(store: Store) -> None:
    save(store, referrals(1), published=NOON + HOUR)
    save(store, referrals(2), published=NOON)
    with store.reading() as reader:
        assert reader.latest([NHS])[NHS]["M001", *ENGLISH] == ("2026-03", Known(1, NOON + HOUR, 1))


@given(names=st.permutations([("2026-01", "old"), ("2026-02", "new"), ("2026-03", "old")]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=6, deadline=None)
def test_a_measure_is_called_as_in_its_newest_period_whatever_arrives_last(
    store: Store, names: list[tuple[str, str]]
) -> None:
    source = f"source:{next(_numbers)}"
    for month, (period, name) in enumerate(names):
        measure, area = REFERRALS._replace(name=name), ENGLAND._replace(name=f"{name} England")
        save(store, Figure(measure, area, period, 1), published=NOON + month * HOUR, source=source)
    with store.reading() as reader:
        assert reader.measures(source) == {"M001": REFERRALS._replace(name="old")}
        assert {figure.area_name for figure in reader.figures(source)} == {"old England"}


def test_facts_are_remembered_as_they_were_said_last(store: Store) -> None:
    with store.writing() as writer:
        writer.save_facts(PETITION, [Fact("state", "open"), Fact("response", None)], NOON)
        writer.save_facts(PETITION, [Fact("state", "closed"), Fact("response", None)], NOON + HOUR)
        writer.save_facts(PETITION, [Fact("state", "open")], NOON + 2 * HOUR)
    with store.reading() as reader:
        assert reader.facts([PETITION, NHS]) == {PETITION: {"state": "open", "response": None}, NHS: {}}


def test_codes_are_sorted_alike_in_both_databases(store: Store) -> None:
    codes = ["A-1", "A1", "B1", "a1", "a_1", "b1"]
    save(store, *(referrals(1, area=Area(code, "ICB", code)) for code in reversed(codes)))
    with store.reading() as reader:
        assert [figure.area for figure in reader.figures()] == codes


def test_the_history_of_a_fact_is_what_it_ever_said_and_when_that_was_first_seen(store: Store) -> None:
    with store.writing() as writer:
        for hours, value in enumerate(["open", "open", None, "closed"]):
            writer.save_facts(PETITION, [Fact("state", value), Fact("other", "x")], NOON + hours * HOUR)
        found = writer.facts_history(PETITION, "state")
    assert found == [(NOON, "open"), (NOON + 2 * HOUR, None), (NOON + 3 * HOUR, "closed")]


def test_every_name_that_an_area_ever_had_is_remembered(store: Store) -> None:
    renamed = LONDON_ICB._replace(name="NHS West and North London ICB")
    save(store, referrals(1, "2026-03", LONDON_ICB), referrals(2, "2026-04", renamed), referrals(3))
    with store.reading() as reader:
        assert reader.area_names(NHS) == [
            AreaName("England", "England", "England", "2026-03"),
            AreaName("ICB", "QMJ", LONDON_ICB.name, "2026-03"),
            AreaName("ICB", "QMJ", renamed.name, "2026-04"),
        ]
        assert reader.area_names(PETITION) == []
