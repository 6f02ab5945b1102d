"""Telegram's HTML, parsed as strictly as the official server does (tdlib, `parse_html`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

MOST_ENTITIES = 100

_TYPES = {  # outer ones first, where two cover the same words
    "blockquote": "blockquote",
    "pre": "pre",
    "code": "code",
    "a": "text_link",
    **dict.fromkeys(("b", "strong"), "bold"),
    **dict.fromkeys(("i", "em"), "italic"),
    **dict.fromkeys(("u", "ins"), "underline"),
    **dict.fromkeys(("s", "strike", "del"), "strikethrough"),
    **dict.fromkeys(("span", "tg-spoiler"), "spoiler"),
    "tg-emoji": "custom_emoji",
}
_RANK = {name: rank for rank, name in enumerate(_TYPES.values())}
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_SPACE = r"[ \t\r\n\v]"
_START = re.compile(rf"<([^ \t\r\n\v>]*){_SPACE}*", re.ASCII)
_END = re.compile(rf"</([^ \t\r\n\v>]*){_SPACE}*(>?)", re.ASCII)
_NAME = re.compile(rf"([^ \t\r\n\v=>]*){_SPACE}*(=?){_SPACE}*", re.ASCII)
_TOKEN = re.compile(rf"([a-zA-Z0-9.-]*)(?={_SPACE}|>|$){_SPACE}*", re.ASCII)
_QUOTED = re.compile(rf"(?P<q>[\"'])(.*?)(?P=q){_SPACE}*", re.ASCII | re.DOTALL)
_REFERENCE = re.compile(r"&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|([a-zA-Z]+));?")
_WEB = re.compile(r"https?://[^\s/?#]+", re.IGNORECASE)


class MarkupError(Exception):
    """Say what the server would say of markup that it refuses."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A styled stretch of a text; `offset` and `length` are in UTF-16 units."""

    type: str
    offset: int
    length: int
    url: str = ""


@dataclass(frozen=True, slots=True)
class _Open:
    tag: str
    offset: int
    begin: int  # in code points of what is shown so far
    argument: str


def utf16_units(text: str) -> int:
    """Return how long Telegram thinks `text` is."""
    return len(text) + sum(char > "\uffff" for char in text)


def parse_html(source: str) -> tuple[str, tuple[Entity, ...]]:
    """Return what a reader sees and its entities, or raise MarkupError in the server's words."""
    shown = ""
    entities: list[Entity] = []
    stack: list[_Open] = []
    pos = 0
    while pos < len(source):
        if source.startswith("</", pos):
            opened, pos = _end_tag(source, pos, stack)
            entities += _entity(opened, shown)
        elif source[pos] == "<":
            tag, argument, pos = _start_tag(source, pos)
            stack.append(_Open(tag, utf16_units(shown), len(shown), argument))
        else:
            char, pos = _character(source, pos)
            shown += char
    if stack:
        raise MarkupError(f"Can't find end tag corresponding to start tag {stack[-1].tag}")
    if any("\ud800" <= char <= "\udfff" for char in shown):
        raise MarkupError("Text contains invalid Unicode characters after decoding HTML entities")
    entities.sort(key=lambda entity: (entity.offset, -entity.length, _RANK[entity.type]))
    return shown, tuple(entities)


def tidy(text: str, entities: tuple[Entity, ...] = ()) -> tuple[str, tuple[Entity, ...]]:
    """Return the text as a chat shows it: without controls, ends trimmed, at most 100 entities."""
    text = re.sub(r"[\x00-\x09\x0b-\x1f\x7f]", " ", text.replace("\r", ""))
    start = utf16_units(text) - utf16_units(text.lstrip())
    text = text.strip()
    end = utf16_units(text)
    kept = (_within(replace(e, offset=e.offset - start), end) for e in entities)
    return text, tuple(entity for entity in kept if entity.length > 0)[:MOST_ENTITIES]


def _within(entity: Entity, end: int) -> Entity:
    first, last = max(entity.offset, 0), min(entity.offset + entity.length, end)
    return replace(entity, offset=first, length=last - first)


def _character(source: str, pos: int) -> tuple[str, int]:
    """Return one shown character and where the next begins; only four names decode, and numbers."""
    match = _REFERENCE.match(source, pos)
    if match is None:
        return source[pos], pos + 1
    hexadecimal, decimal, name = match.groups()
    if name is not None:
        char = _NAMED.get(name, "")
    else:
        code = int(hexadecimal, 16) if hexadecimal else int(decimal)
        char = chr(code) if 0 < code < 0x10FFFF else ""
    return (char, match.end()) if char else (source[pos], pos + 1)


def _at(source: str, pos: int) -> str:
    return f"at byte offset {len(source[:pos].encode('utf-8', 'surrogatepass'))}"


def _start_tag(source: str, begin: int) -> tuple[str, str, int]:
    """Return the tag, what its attributes say that matters, and the position after it."""
    match = _START.match(source, begin)
    assert match is not None
    tag, pos = match[1].lower(), match.end()
    if pos == len(source):
        raise MarkupError(f"Unclosed start tag {_at(source, begin)}")
    if tag not in _TYPES:
        raise MarkupError(f'Unsupported start tag "{tag}" {_at(source, begin)}')
    argument = ""
    while not source.startswith(">", pos):
        name, value, pos = _attribute(source, pos, tag, begin)
        argument = _argument(tag, name, value) or argument
    if tag == "span" and argument != "spoiler":
        raise MarkupError(f'Tag "span" must have class "tg-spoiler" {_at(source, begin)}')
    return tag, argument, pos + 1


def _attribute(source: str, pos: int, tag: str, begin: int) -> tuple[str, str, int]:
    match = _NAME.match(source, pos)
    assert match is not None
    name, equals = match.groups()
    if not name:
        raise MarkupError(f'Empty attribute name in the tag "{tag}" {_at(source, begin)}')
    if not equals:
        what = f'Expected equal sign in declaration of an attribute of the tag "{tag}"'
        raise MarkupError(f"{what} {_at(source, begin)}")
    pos = match.end()
    if source[pos : pos + 1] in ("'", '"'):
        quoted = _QUOTED.match(source, pos)
        if quoted is None or quoted.end() == len(source):
            raise MarkupError(f"Unclosed start tag {_at(source, begin)}")
        return name, _decoded(quoted[2]), quoted.end()
    token = _TOKEN.match(source, pos)
    if token is None:
        raise MarkupError(f"Unexpected end of name token {_at(source, pos)}")
    if token.end() == len(source):
        raise MarkupError(f'Unclosed start tag "{tag}" {_at(source, begin)}')
    return name, token[1].lower(), token.end()


def _argument(tag: str, name: str, value: str) -> str:
    match tag, name:
        case ("a", "href") | ("tg-emoji", "emoji-id"):
            return value
        case "span", "class":
            return value.removeprefix("tg-") if value.startswith("tg-") else ""
        case _:
            return ""


def _decoded(text: str) -> str:
    def characters() -> Iterator[str]:
        pos = 0
        while pos < len(text):
            char, pos = _character(text, pos)
            yield char

    return "".join(characters())


def _end_tag(source: str, begin: int, stack: list[_Open]) -> tuple[_Open, int]:
    """Close the innermost tag; return it and the position after the end tag."""
    if not stack:
        raise MarkupError(f"Unexpected end tag {_at(source, begin)}")
    match = _END.match(source, begin)
    assert match is not None
    found, closed = match[1].lower(), match[2]
    if not closed:
        raise MarkupError(f"Unclosed end tag {_at(source, begin)}")
    expected = stack[-1].tag
    if found and found != expected:
        pair = f'expected "</{expected}>", found "</{found}>"'
        raise MarkupError(f"Unmatched end tag {_at(source, begin)}, {pair}")
    return stack.pop(), match.end()


def _entity(opened: _Open, shown: str) -> Iterator[Entity]:
    """Yield the entity that a closed tag makes: none for an empty one, or for a link to nowhere."""
    length = utf16_units(shown) - opened.offset
    if not length:
        return
    if opened.tag == "tg-emoji" and not re.fullmatch(r"[1-9][0-9]*", opened.argument):
        raise MarkupError("Invalid custom emoji identifier specified")
    url = ""
    if opened.tag == "a":
        url = opened.argument or shown[opened.begin :]
        if not _WEB.match(url) and not url.startswith("tg://"):
            return
    yield Entity(_TYPES[opened.tag], opened.offset, length, url)
