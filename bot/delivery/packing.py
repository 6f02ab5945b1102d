"""From a message to its parcels: one for each chat, or two where a picture needs one of its own. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bot.wording.markup import CAPTION_LIMIT, Message, fits_caption, italic, line, payload
from state.records import Action, Destination, Parcel


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG, or a chart to be drawn, and in one line what it shows, for Telegram keeps no such text."""

    png: bytes
    alt: str


def pack(
    message: Message,
    to: Iterable[Destination],
    picture: Picture | None = None,
    *,
    action: Action = "send",
    target: int | None = None,
) -> tuple[Parcel, ...]:
    """Return the parcels of a message. A text that is too long for a caption goes before its picture."""
    contents = _contents(message, picture)
    return tuple(
        Parcel(chat, content, thread, part, photo=photo)
        if part > 1
        else Parcel(chat, content, thread, part, action, target, photo)
        for chat, thread in to
        for part, (content, photo) in enumerate(contents, start=1)
    )


def _contents(message: Message, picture: Picture | None) -> list[tuple[dict[str, object], bytes | None]]:
    """Return the payloads, each with its photo."""
    if picture is None:
        return [(payload(message), None)]
    alt = line(italic(picture.alt))
    captioned = replace(message, tail=(*message.tail, alt))
    if fits_caption(captioned):
        return [(payload(captioned, CAPTION_LIMIT), picture.png)]
    return [(payload(message), None), (payload(Message((alt,), silent=True), CAPTION_LIMIT), picture.png)]
