"""Messages as trees that escape by construction, and are cut by content, never by string."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from html import escape
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from bot.wording import numbers
from bot.wording.language import later, t

TEXT_LIMIT = 4096  # UTF-16 units after entity parsing
MOST_ENTITIES = 100  # Telegram ignores the styles beyond them
CAPTION_LIMIT = 1024  # of a photo
NAME_CAP = 80  # characters of what a publisher calls a place, a measure or a release
RESENT = later("(re-sent: the first copy could not be confirmed)")
REPLACES = later("(updated: this takes the place of an earlier message)")

_LABEL_LIMIT = 64
_ROOM_FOR_MARKS = 192  # the lines that say that a copy is a second one, a replacement, and late
_LONGEST_CALLBACK = 64  # bytes
_JOINER = "\u2060"
# A / or @ that begins a line or a word makes a command to tap, or a mention that rings somebody's telephone.
# A slash after another one is part of an address.
_TRIGGER = re.compile(r"^[/@]+|(?<![\w/<>])/(?=\w)|(?<!\w)@(?=\w)")
# Characters that show as nothing although they are letters, marks or symbols.
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def late(found: datetime) -> str:
    """Return the line that begins a message sent long after its news was found."""
    return t("(late: this was found on {time})", time=numbers.day_and_time(found))


@dataclass(frozen=True, slots=True)
class Text:
    """Plain words, on one line. Whatever would break a message is taken out; the rest is shown as it is."""

    text: str

    def __post_init__(self) -> None:
        if not _is_plain(self.text):
            object.__setattr__(self, "text", "".join(_harmless(self.text)))


@dataclass(frozen=True, slots=True)
class Styled:
    """Words in bold, italic or code."""

    tag: Literal["b", "i", "code"]
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """Words that open a web address."""

    text: Text
    url: str


Node = Text | Styled | Link
Part = Node | str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a message."""

    nodes: tuple[Node, ...] = ()


class Button(NamedTuple):
    """A button under a message: it opens a web address, or sends `callback` back to us."""

    label: str
    url: str = ""
    callback: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """What is said: lines, then items that may be left out from the end, then the tail.

    The first line is the title. `omitted` counts the items that were left out. `buttons` are rows.
    """

    lines: tuple[Line, ...]
    items: tuple[Line, ...] = ()
    tail: tuple[Line, ...] = ()
    buttons: tuple[tuple[Button, ...], ...] = ()
    silent: bool = False
    omitted: int = 0

    def shown(self) -> tuple[Line, ...]:
        """Return the lines in their order, with a word on what was left out."""
        more = (line(t("… and {count} more", count=self.omitted)),) if self.omitted else ()
        return (*self.lines, *self.items, *more, *self.tail)


def corrected(number: int) -> str:
    """Return the line that marks a message with other figures than stand now."""
    return t("✏️ Corrected since: see #A{number}", number=number)


def headed(payload: Mapping[str, Any], mark: str) -> dict[str, Any]:
    """Return an outbox payload with a line before its first, without markup."""
    words = {form: f"{mark}\n{payload[form]}" for form in ("html", "plain", "short")}
    return {**payload, **words, "marks": payload.get("marks", 0) + 1}


def instead(said: Mapping[str, Any], payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an outbox payload that takes the place of another: under its marks, and no louder."""
    marks = said["plain"].split("\n")[: said.get("marks", 0)]
    quiet = {**payload, "silent": payload["silent"] or said.get("silent", False)}
    return reduce(headed, reversed(marks), quiet)


def bold(*parts: Part) -> Styled:
    """Return the parts in bold."""
    return Styled("b", _nodes(parts))


def italic(*parts: Part) -> Styled:
    """Return the parts in italics."""
    return Styled("i", _nodes(parts))


def code(text: str) -> Styled:
    """Return the text in a fixed width, to be copied at a tap."""
    return Styled("code", (Text(text),))


def link(text: str, url: str) -> Link | Text:
    """Return a link, or only its words where `url` is not a web address."""
    words = Text(text or url)
    return Link(words, url) if is_web_address(url) else words


def line(*parts: Part) -> Line:
    """Return one line made of the parts; a string is plain words."""
    return Line(_nodes(parts))


def is_web_address(url: str) -> bool:
    """Say whether `url` is http or https with a host, and nothing that a message could choke on."""
    if not (_is_plain(url) or all(map(_is_visible, url))) or any(map(str.isspace, url)):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def clean(text: str, cap: int) -> str:
    """Return hostile text as harmless words on one line, at most `cap` characters long.

    Control, bidirectional, zero-width and tag characters go, white space collapses, and a / or @ at the
    beginning of the line or of a word is set between word joiners, so that it is no command and no mention.
    """
    visible = text
    if not _is_plain(text):
        visible = unicodedata.normalize("NFC", "".join(filter(_is_visible, _spaced(text))))
    words = _TRIGGER.sub(rf"{_JOINER}\g<0>{_JOINER}", " ".join(visible.split()))
    return words if len(words) <= cap else words[: cap - 1].rstrip() + "…"


def utf16_length(text: str) -> int:
    """Return the length of `text` in UTF-16 units, which is how Telegram counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def to_html(message: Message) -> str:
    """Return the message in Telegram's HTML."""
    return _joined(message, _html)


def to_plain(message: Message) -> str:
    """Return the message as plain text that says the same; links and buttons with their addresses."""
    said = _joined(message, _plain)
    buttons = (button for row in _usable(message) for button in row if button.url and button.url not in said)
    return "\n".join((said, *(f"{button.label}: {button.url}" for button in buttons)))


def visible_length(message: Message) -> int:
    """Return the length in UTF-16 units of what a reader sees, as Telegram counts it."""
    return utf16_length(_joined(message, _words))


def fit(message: Message, limit: int = TEXT_LIMIT) -> Message:
    """Return the message within Telegram's limits: whole items are left out from the end, and counted.

    What does not fit without any item is told in short: its title and its first address.
    """
    return _fitting(message, lambda m: _fits(m, limit), limit)


def payload(message: Message, limit: int = TEXT_LIMIT) -> dict[str, Any]:
    """Return the message as JSON for the outbox: html, plain, short, buttons, silent.

    `plain` and `short` (the title and one address) are plain text for when the HTML is refused. Each leaves
    room for the lines that say what is special about a copy. `limit` is another one for a caption.
    """
    limit -= _ROOM_FOR_MARKS
    return {
        "html": to_html(fit(message, limit)),
        "plain": to_plain(_fitting(message, lambda m: utf16_length(to_plain(m)) <= limit, limit)),
        "short": to_plain(_short(message, limit)),
        "buttons": [[_as_json(button) for button in row] for row in _usable(message)],
        "silent": message.silent,
    }


def fits_caption(message: Message) -> bool:
    """Say whether the message can stand whole under a photo, with what may have to be said of a copy."""
    return _fits(message, CAPTION_LIMIT - _ROOM_FOR_MARKS)


def fits_text(message: Message) -> bool:
    """Say whether the message can stand whole by itself, with what may have to be said of a copy."""
    return _fits(message, TEXT_LIMIT - _ROOM_FOR_MARKS)


def _fits(message: Message, limit: int) -> bool:
    return visible_length(message) <= limit and _entities(message) <= MOST_ENTITIES


def _as_json(button: Button) -> dict[str, str]:
    """Return a button with what it does, and without what it does not."""
    return {name: value for name, value in button._asdict().items() if value}


def _nodes(parts: Sequence[Part]) -> tuple[Node, ...]:
    return tuple(Text(part) if isinstance(part, str) else part for part in parts)


def _is_plain(text: str) -> bool:
    """Say whether `text` is ASCII without controls, as most is: nothing in it needs a closer look."""
    return text.isascii() and text.isprintable()


def _harmless(text: str) -> Iterator[str]:
    """Yield the characters of `text` that may stand in a line."""
    for char in _spaced(text):
        if unicodedata.category(char) not in ("Cc", "Cs") and char not in _BIDI:
            yield char


def _spaced(text: str) -> str:
    return re.sub(r"\s", " ", text)


def _is_visible(char: str) -> bool:
    """Say whether a reader sees `char`: no control, format (Cf), surrogate, private or blank character."""
    hidden = unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co")
    return not hidden and char not in _BLANKS and not "\U000e0000" <= char <= "\U000e0fff"


def _joined(message: Message, render: Callable[[Node], str]) -> str:
    return "\n".join("".join(map(render, row.nodes)) for row in message.shown())


def _html(node: Node) -> str:
    match node:
        case Text(text):
            return escape(text)
        case Styled(tag, nodes):
            return f"<{tag}>{''.join(map(_html, nodes))}</{tag}>"
        case Link(text, url):
            return f'<a href="{escape(url)}">{_html(text)}</a>'


def _plain(node: Node) -> str:
    match node:
        case Text(text):
            return text
        case Styled(_, nodes):
            return "".join(map(_plain, nodes))
        case Link(text, url):
            return url if text.text == url else f"{text.text} ({url})"


def _words(node: Node) -> str:
    match node:
        case Text(text):
            return text
        case Styled(_, nodes):
            return "".join(map(_words, nodes))
        case Link(text, _):
            return text.text


def _within(node: Node) -> Iterator[Node]:
    """Yield a node and all below it."""
    yield node
    if isinstance(node, Styled):
        for child in node.nodes:
            yield from _within(child)


def _everything(message: Message) -> Iterator[Node]:
    for row in message.shown():
        for node in row.nodes:
            yield from _within(node)


def _entities(message: Message) -> int:
    return sum(not isinstance(node, Text) for node in _everything(message))


def _usable(message: Message) -> tuple[tuple[Button, ...], ...]:
    """Return the buttons that Telegram accepts: one refused address would refuse the whole message."""
    rows = (
        tuple(
            button._replace(label=clean(button.label, _LABEL_LIMIT) or t("Open"))
            for button in row
            if (
                _is_usable(button.url)
                if button.url
                else 0 < len(button.callback.encode()) <= _LONGEST_CALLBACK
            )
        )
        for row in message.buttons
    )
    return tuple(row for row in rows if row)


def _is_usable(url: str) -> bool:
    return is_web_address(url) and "." in (urlsplit(url).hostname or "")


def _fitting(message: Message, fits: Callable[[Message], bool], limit: int) -> Message:
    if fits(message):
        return message

    def with_items(count: int) -> Message:
        left_out = len(message.items) - count + message.omitted
        return replace(message, items=message.items[:count], omitted=left_out)

    too_many = bisect_left(range(len(message.items)), True, key=lambda count: not fits(with_items(count)))
    return with_items(too_many - 1) if too_many else _short(message, limit)


def _short(message: Message, limit: int) -> Message:
    """Return only the title, capped, and the first address found in the message or its buttons."""
    title = clean("".join(map(_words, message.lines[0].nodes)), limit // 8)
    linked = (node.url for node in _everything(message) if isinstance(node, Link))
    pressed = (button.url for row in _usable(message) for button in row if button.url)
    address = next((url for url in (*linked, *pressed) if len(url) <= limit // 2), None)
    tail = (line(link(address, address)),) if address else ()
    return Message(lines=(line(title),), tail=tail, silent=message.silent)
