"""The places that are stored, to be found by name or code with `bot.rules.places`."""

from __future__ import annotations

from bot.rules.breaks import Restarts
from bot.rules.places import ORGANISATIONS, SUCCESSIONS, Directory, directory, restarts
from state.store import Reader


def stored_places(tx: Reader, source: str) -> Directory:
    """Return the areas for which a source published figures, with what is known of organisations."""
    return directory(tx.area_names(source), tx.facts([*ORGANISATIONS, SUCCESSIONS]))


def stored_restarts(tx: Reader, source: str) -> Restarts:
    """Return the months with which the series of organisations begin anew that took over others."""
    where = stored_places(tx, source)
    return {code: [restart.period for restart in restarts(code, where)] for code in where.joined}
