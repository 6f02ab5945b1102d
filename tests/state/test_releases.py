"""Releases: announced, out, revised."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scrapers.toolkit.contract import Release
from state.records import StoredRelease
from state.store import Store
from tests.state.samples import HOUR, NHS, NOON

ANNOUNCED = Release("april", "April 2026", "https://x/april", "2026-04", expected="2026-06")
OUT = replace(ANNOUNCED, published=NOON, fingerprint="first", file="https://x/april.csv")


def saved(store: Store, *releases: Release) -> StoredRelease:
    """Save these one after the other, an hour apart, and return what is remembered."""
    for hour, release in enumerate(releases):
        with store.writing() as writer:
            writer.save_releases(NHS, [release], NOON + hour * HOUR)
    with store.reading() as reader:
        [stored] = reader.releases(NHS)
    return stored


def mark_read(store: Store, fingerprint: str | None) -> None:
    with store.writing() as writer:
        writer.mark_read(NHS, "april", fingerprint, NOON + HOUR)


def test_an_announcement_is_remembered_with_the_month_it_names(store: Store) -> None:
    stored = saved(store, ANNOUNCED)
    assert (stored.state, stored.expected, stored.published) == ("announced", "2026-06", None)
    assert (stored.first_seen, stored.read_at) == (NOON, None)


def test_an_announced_date_may_move_and_may_be_withdrawn(store: Store) -> None:
    assert saved(store, ANNOUNCED, replace(ANNOUNCED, expected="2026-06-11")).expected == "2026-06-11"
    assert saved(store, ANNOUNCED).expected == "2026-06-11"  # a day says more than its own month
    assert saved(store, replace(ANNOUNCED, expected="2026-07")).expected == "2026-07"
    assert saved(store, replace(ANNOUNCED, expected=None)).expected is None


def test_a_release_comes_out_and_keeps_when_it_was_first_seen(store: Store) -> None:
    stored = saved(store, ANNOUNCED, OUT)
    assert (stored.state, stored.published, stored.first_seen) == ("out", NOON, NOON)


def test_a_release_that_is_out_does_not_go_back_to_announced(store: Store) -> None:
    stored = saved(store, OUT, ANNOUNCED)
    assert (stored.state, stored.published) == ("out", NOON)


def test_an_overview_that_did_not_look_closely_erases_nothing(store: Store) -> None:
    stored = saved(store, OUT, replace(OUT, fingerprint=None, file=""))
    assert (stored.fingerprint, stored.file) == ("first", "https://x/april.csv")


def test_a_replaced_file_of_a_release_that_was_read_is_a_revision(store: Store) -> None:
    saved(store, OUT)
    mark_read(store, "first")
    stored = saved(store, replace(OUT, fingerprint="second"))
    assert (stored.state, stored.fingerprint, stored.read_at) == ("revised", "second", NOON + HOUR)
    assert saved(store, replace(OUT, fingerprint="second")).state == "revised"


@pytest.mark.parametrize("fingerprint", [None, "first"])
def test_a_release_that_was_read_and_looks_the_same_is_not_revised(
    store: Store, fingerprint: str | None
) -> None:
    saved(store, OUT)
    mark_read(store, "first")
    assert saved(store, replace(OUT, title="April 2026, final", fingerprint=fingerprint)).state == "out"


def test_the_first_close_look_at_a_release_read_without_one_is_no_revision(store: Store) -> None:
    saved(store, replace(OUT, fingerprint=None))
    mark_read(store, None)
    assert saved(store, OUT).state == "out"


def test_a_replaced_file_that_was_never_read_is_no_revision(store: Store) -> None:
    assert saved(store, OUT, replace(OUT, fingerprint="second")).state == "out"


def test_releases_are_listed_by_the_day_they_came_out_or_are_expected(store: Store) -> None:
    days = {
        "undated": Release("undated", "Undated", "https://x"),
        "day": Release("day", "Day", "https://x", expected="2026-06-11"),
        "month": Release("month", "Month", "https://x", expected="2026-06"),
        "out": Release("out", "Out", "https://x", published=NOON),
        "older": Release("older", "Older", "https://x", published=NOON - HOUR),
    }
    with store.writing() as writer:
        writer.save_releases(NHS, list(days.values()), NOON)
        writer.save_releases("another", [days["day"]], NOON)
    with store.reading() as reader:
        assert [release.key for release in reader.releases(NHS)] == [
            "older",
            "out",
            "month",
            "day",
            "undated",
        ]
        assert [release.source for release in reader.releases()].count("another") == 1
