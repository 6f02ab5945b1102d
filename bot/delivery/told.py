"""How a release was told: one line for the operator, when all is said or its time is up. Pure."""

from __future__ import annotations

from datetime import datetime

from bot.delivery.transports import LOCAL
from bot.rules.findings import ReleaseOut, Revised, Told
from state.records import ParcelState, Standing

REPORTED = frozenset({ReleaseOut.kind, Revised.kind})

_HOW = {
    "pending": "still waiting",
    "sending": "being sent",
    "ambiguous": "in doubt, to be sent again",
    "unconfirmed": "perhaps not delivered",
    "dead": "not delivered",
}


def told(standing: Standing) -> Told | None:
    """Return who was told of an alert, and how fast; None if it goes nowhere but to this machine."""
    chats: dict[str, list[ParcelState]] = {}
    for parcel in standing.parcels:
        if parcel.chat not in LOCAL:
            place = parcel.chat if parcel.thread is None else f"{parcel.chat}:{parcel.thread}"
            chats.setdefault(place, []).append(parcel)
    if not chats:
        return None
    missing = tuple((place, _how(parcels)) for place, parcels in chats.items() if not _reached(parcels))
    published = standing.finding.get("published")
    begun = datetime.fromisoformat(published) if published else standing.created
    arrived = [p.done for parcels in chats.values() if _reached(parcels) for p in parcels if p.done]
    return Told(
        f"told:{standing.id}",
        standing.id,
        len(chats),
        max(arrived) - begun if arrived else None,
        "publication" if published else "it was found",
        missing,
    )


def _reached(parcels: list[ParcelState]) -> bool:
    return all(parcel.state == "sent" for parcel in parcels)


def _how(parcels: list[ParcelState]) -> str:
    worst = next(parcel for parcel in parcels if parcel.state != "sent")
    return f"{_HOW[worst.state]} ({worst.error})" if worst.error else _HOW[worst.state]
