"""The places that are stored, to be found by name or code with `bot.rules.places`."""

from __future__ import annotations

from bot.rules.places import ORGANISATIONS, SUCCESSIONS, Directory, directory
from state.store import Reader


def stored_places(tx: Reader, source: str) -> Directory:
    """Return the areas for which a source published figures, with what is known of organisations."""
    return directory(tx.area_names(source), tx.facts([*ORGANISATIONS, SUCCESSIONS]))
