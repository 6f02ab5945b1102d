"""Revisions: which of the corrected figures are named, which are only counted, and what explains them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial
from hashlib import sha256

from bot.rules.findings import Revised
from scrapers.toolkit.contract import Area, Release
from state.records import Changes, FigureKey, Revision

NAMED_AT_MOST = 12


def revised(
    release: Release, changes: Changes, home: Area, headlines: Collection[str], now: datetime
) -> Revised | None:
    """Return the finding of a corrected release, or None where no figure changed.

    The `headlines` (codes) of their area `home` are named first, then its others, then other areas; the rest
    is counted.
    """
    revisions = changes.altered
    if not revisions and not changes.gone and not changes.new:
        return None
    named = sorted(revisions, key=partial(_rank, home, headlines))[:NAMED_AT_MOST]
    return Revised(
        f"revision:{release.key}:{now.isoformat()}",
        release,
        tuple(named),
        len(revisions) - len(named),
        len(changes.new),
        len(changes.gone),
    )


def overruled(release: Release, changes: Changes) -> Revised | None:
    """Return the finding of figures that a release says otherwise than somebody entered, or None."""
    revisions = [revision for revision in changes.altered if revision.entered]
    if not revisions:
        return None
    named = revisions[:NAMED_AT_MOST]
    return Revised(f"overruled:{release.key}", release, tuple(named), len(revisions) - len(named), 0, 0)


def disappearance(release: Release, gone: Iterable[FigureKey]) -> str:
    """Return the episode of these figures being in a release's file no longer."""
    return f"gone:{release.key}:{sha256(repr(sorted(map(tuple, gone))).encode()).hexdigest()}"


def without_old_notice(release: Release, read_at: datetime | None) -> Release:
    """Return a release without a note that stood on its page when it was last read: it is no news."""
    if read_at is None or (release.noticed and release.noticed > read_at):
        return release
    return replace(release, notice="", noticed=None)


def _rank(home: Area, headlines: Collection[str], revision: Revision) -> tuple[bool, bool]:
    figure = revision.figure
    return (figure.area.kind != home.kind, figure.measure.id not in headlines)
