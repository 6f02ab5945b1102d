"""Revisions: which of the corrected figures are named, and which are only counted."""

from __future__ import annotations

from datetime import datetime

from bot.rules.findings import Revised
from bot.rules.headline import NEEDED
from scrapers.toolkit.contract import ENGLAND, Release
from state.records import Changes, Revision

NAMED_AT_MOST = 12


def revised(release: Release, changes: Changes, now: datetime) -> Revised | None:
    """Return the finding of a corrected release, or None where no figure changed.

    England's headline figures are named first, then England's others, then other areas; the rest is counted.
    """
    revisions = (*changes.revised, *changes.withheld, *changes.appeared)
    if not revisions and not changes.gone and not changes.new:
        return None
    named = sorted(revisions, key=_rank)[:NAMED_AT_MOST]
    return Revised(
        f"revision:{release.key}:{now.isoformat()}",
        release,
        tuple(named),
        len(revisions) - len(named),
        len(changes.new),
        len(changes.gone),
    )


def _rank(revision: Revision) -> tuple[bool, bool]:
    figure = revision.figure
    return (figure.area.kind != ENGLAND.kind, figure.measure.id not in NEEDED)
