"""Draw a message as it stands on a telephone, as SVG. docs/phone.py says which ones."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from html import escape
from io import BytesIO
from typing import NamedTuple

from bot.wording import plots
from bot.wording.charts import Chart, packed
from bot.wording.markup import Line, Link, Message, Node, Styled, Text

WIDTH, MARGIN, PADDING = 400, 10, 14  # pixels
CHART_HEIGHT = 280  # with what is above it
SIZE, LEADING, LETTER = 14, 21, 8  # of a letter the width in bold
ROOM = 44  # characters of a line, so few that they fit in whatever font the machine has
STYLES = {"b": ' font-weight="600"', "i": ' font-style="italic" fill="#5b6b7a"', "code": "", "": ""}


class Word(NamedTuple):
    """A word and the tag of its style; empty for none. It is `joined` to the one before without a blank."""

    text: str
    style: str
    joined: bool = False


def words(nodes: Iterable[Node]) -> Iterator[Word]:
    """Yield the words of a line, each with its style."""
    open_ended = False  # what came before ends within a word
    for text, style in _pieces(nodes, ""):
        for n, word in enumerate(text.split()):
            yield Word(word, style, joined=n == 0 and open_ended and not text[0].isspace())
        open_ended = bool(text) and not text[-1].isspace()


def _pieces(nodes: Iterable[Node], style: str) -> Iterator[tuple[str, str]]:
    for node in nodes:
        match node:
            case Text(text):
                yield text, style
            case Styled(tag, within):
                yield from _pieces(within, tag)
            case Link(text, _):
                yield text.text, style


def wrapped(line: Line) -> Iterator[list[Word]]:
    """Yield the rows that a line takes on the screen."""
    row: list[Word] = []
    for word in words(line.nodes):
        if row and not word.joined and sum(len(before.text) + 1 for before in row) + len(word.text) > ROOM:
            yield row
            row = []
        row.append(word)
    if row:
        yield row


def painted(chart: Chart) -> bytes:
    """Return a chart as a PNG of few colours, which is a quarter of the size."""
    from PIL import Image

    out = BytesIO()
    Image.open(BytesIO(plots.draw(chart))).convert("RGB").quantize(160).save(out, "PNG", optimize=True)
    return out.getvalue()


def draw(message: Message, chart: Chart | None, paint: Callable[[Chart], bytes]) -> str:
    """Return the picture of a message as SVG, its chart above the words as it is painted."""
    rows = [row for line in message.shown() for row in wrapped(line)]
    above = CHART_HEIGHT if chart else 0
    text = [_chart(chart, paint(chart))] if chart else []
    text += [_row(row, MARGIN + above + PADDING + LEADING * (n + 1) - 5) for n, row in enumerate(rows)]
    bubble = above + LEADING * len(rows) + 2 * PADDING - 4
    top = MARGIN + bubble + 4
    text += [
        _button(button.label, top + n * 40, place, len(row))
        for n, row in enumerate(message.buttons)
        for place, button in enumerate(row)
    ]
    height = top + 40 * len(message.buttons) + MARGIN - 4
    said = escape(" ".join(word.text for row in rows for word in row))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
        f' viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{said}"'
        f' font-family="Roboto, Helvetica, Arial, sans-serif" font-size="{SIZE}" fill="#101820">',
        _box(0, 0, WIDTH, height, "#d5e3ee"),
        _box(MARGIN, MARGIN, WIDTH - 2 * MARGIN, bubble, "#fff"),
        *text,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _row(row: list[Word], y: int) -> str:
    spans = "".join(
        f"{'' if n == 0 or word.joined else ' '}<tspan{STYLES[word.style]}>{escape(word.text)}</tspan>"
        for n, word in enumerate(row)
    )
    return f'<text x="{MARGIN + PADDING}" y="{y}">{spans}</text>'


def _chart(chart: Chart, png: bytes) -> str:
    """Return a chart as a picture within the picture; what it shows is named by a mark, to be compared."""
    place = (
        f'x="{MARGIN}" y="{MARGIN + PADDING}" width="{WIDTH - 2 * MARGIN}" height="{CHART_HEIGHT - PADDING}"'
    )
    shows = sha256(packed(chart).encode()).hexdigest()[:12]
    return f'<image {place} data-shows="{shows}" href="data:image/png;base64,{b64encode(png).decode()}"/>'


def button_width(of: int) -> int:
    """Return how wide each of so many buttons beside each other is."""
    return (WIDTH - 2 * MARGIN - 4 * (of - 1)) // of


def _button(label: str, y: int, place: int, of: int) -> str:
    """Return a button, one `of` so many beside each other."""
    width = button_width(of)
    x = MARGIN + place * (width + 4)
    shown = label if len(label) * LETTER <= width else f"{label[: width // LETTER - 1]}…"
    at = f'x="{x + width // 2}" y="{y + 23}" text-anchor="middle" font-weight="600"'
    said = f"<text {at}>{escape(shown)}</text>"
    return f"{_box(x, y, width, 36, '#a9bfd1')}\n{said}"


def _box(x: int, y: int, width: int, height: int, colour: str) -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="14" fill="{colour}"/>'
