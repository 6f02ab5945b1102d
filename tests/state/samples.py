"""Small things that the tests of the store are made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from scrapers.toolkit.contract import ENGLAND, Area, Figure, Measure, Release, Unit
from state.records import NewAlert, Parcel
from state.store import Store

NOON = datetime(2026, 5, 14, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
NHS = "talking_therapies_monthly"
PETITION = "parliament_petition:700143"
REFERRALS = Measure("M001", "Count_ReferralsReceived", Unit.COUNT, "", "Referrals received")
RECOVERY = Measure("M192", "Percentage_Recovery", Unit.PERCENT, "finished, at caseness", "Moved to recovery")
SIGNATURES = Measure("signatures", "Signatures", Unit.SIGNATURES)
LONDON_ICB = Area("QMJ", "ICB", "NHS North Central London ICB")


def referrals(value: float | None, period: str = "2026-03", area: Area = ENGLAND) -> Figure:
    """Return the referrals of a month."""
    return Figure(REFERRALS, area, period, value)


def save(
    store: Store, *figures: Figure, published: datetime = NOON, source: str = NHS, release: str = "march"
) -> None:
    """Store figures as one publication, released and seen when it was published."""
    with store.writing() as writer:
        writer.save_releases(
            source, [Release(release, "March 2026", "https://x/march", None, published)], NOON
        )
        writer.save_figures(source, release, figures, published, published)


def tell(store: Store, dedupe: str, *parcels: Parcel) -> int:
    """Put an alert with its parcels into the store, and return its id."""
    with store.writing() as writer:
        alert = NewAlert(writer.next_alert_id(), NHS, "release", dedupe, f"About {dedupe}", {}, parcels)
        assert writer.add_alert(alert, NOON)
        return alert.id
