"""What waits for the operator, and which parts of a source could not be read."""

from __future__ import annotations

from scrapers.toolkit.contract import ENGLAND, Fact, Figure, Release
from state.records import Content, Fault
from state.store import Store
from tests.state.samples import HOUR, LONDON_ICB, NHS, NOON, PETITION, RECOVERY, referrals, save

MARCH = Release(
    "march", "March 2026", "https://x/march", "2026-03", NOON, None, "f1", "https://x/m.csv", "Note"
)
DOUBTS = ({"what": "M001", "now": 5.0},)


def content(*figures: Figure, release: Release = MARCH) -> Content:
    """Return a release with these figures."""
    return Content(release, figures, (Fact("state", "open"), Fact("closed_at", None)))


def hold(store: Store, fingerprint: str = "f1", *, release: Release = MARCH) -> int | None:
    """Hold a release with one figure."""
    with store.writing() as tx:
        tx.save_releases(NHS, [release], NOON)
        return tx.hold(NHS, fingerprint, content(referrals(5), release=release), DOUBTS, NOON)


def held_under(store: Store) -> str | None:
    """Return the fingerprint under which March is held."""
    with store.reading() as tx:
        return next(release.held for release in tx.releases(NHS))


def test_what_is_held_comes_back_as_it_was(store: Store) -> None:
    figures = (
        referrals(163_100),
        referrals(None, area=LONDON_ICB),
        Figure(RECOVERY, ENGLAND, "2026-03", 51.2),
        Figure(RECOVERY, LONDON_ICB, "2026-02", 0.1 + 0.2),
    )
    with store.writing() as tx:
        id = tx.hold(NHS, "f1", content(*figures), DOUBTS, NOON)
    with store.reading() as tx:
        (held,) = tx.held(id)
    assert held.content == content(*figures)
    assert (held.source, held.fingerprint, held.doubts, held.found) == (NHS, "f1", DOUBTS, NOON)
    assert (held.verdict, held.decided) == (None, None)


def test_nothing_held_is_among_the_figures(store: Store) -> None:
    hold(store)
    with store.reading() as tx:
        assert list(tx.figures()) == []
        assert tx.releases(NHS)[0].read_at is None


def test_the_same_is_held_once_and_never_again_after_it_was_rejected(store: Store) -> None:
    id = hold(store)
    assert id is not None
    assert hold(store) is None
    with store.writing() as tx:
        assert tx.decide(id, "rejected", NOON + HOUR)
        assert not tx.decide(id, "released", NOON + HOUR)
    assert hold(store) is None
    assert held_under(store) == "f1"


def test_a_replaced_file_takes_the_place_of_what_was_held(store: Store) -> None:
    first, second = hold(store), hold(store, "f2")
    assert held_under(store) == "f2"
    with store.reading() as tx:
        assert [(held.id, held.verdict) for held in tx.held()] == [(first, "over"), (second, None)]


def test_what_was_released_or_is_over_is_held_no_more(store: Store) -> None:
    id = hold(store)
    assert id is not None
    with store.writing() as tx:
        tx.decide(id, "released", NOON)
    assert held_under(store) is None
    hold(store, "f2")
    with store.writing() as tx:
        tx.go_on(NHS, MARCH.key, NOON)
    assert held_under(store) is None


def test_the_newest_period_before_another_is_found(store: Store) -> None:
    save(store, referrals(1, "2025-12"), referrals(2, "2026-01"))
    with store.reading() as tx:
        assert tx.period_before(NHS, "2026-03") == "2026-01"
        assert tx.period_before(NHS, "2025-12") is None
        assert tx.period_before(PETITION, "2026-03") is None


def test_what_could_not_be_read_is_remembered_by_its_part(store: Store) -> None:
    faults = {"": Fault("changed", "no lists"), "march": Fault("passing", "503")}
    with store.writing() as tx:
        tx.save_faults(NHS, faults)
    with store.writing() as tx:
        assert tx.faults(NHS) == faults
        assert tx.faults(PETITION) == {}
        tx.save_faults(NHS, {"march": Fault("changed", "gone")})
        assert tx.faults(NHS) == {"march": Fault("changed", "gone")}
