"""Draw the alert of March 2026 as it stands on a telephone: `python -m docs.picture` writes docs/alert.svg.

The figures are those of the recorded history in demo/, and the words are the ones that the worker posts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import NamedTuple

from bot.rules.findings import ReleaseOut
from bot.rules.headline import headline_rows
from bot.wording.markup import Line, Link, Message, Node, Styled, Text
from bot.wording.messages import compose
from scrapers.talking_therapies_monthly import SERIES, TalkingTherapiesMonthly
from scrapers.toolkit.contract import ENGLAND, Fetched, Page, Release, published_at

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "alert.svg"
NUMBER, SEEN = 5, datetime(2026, 5, 14, 8, 30, 41, tzinfo=UTC)
KEY = "performance-march-2026"

WIDTH, MARGIN, PADDING = 400, 10, 14  # pixels
SIZE, LEADING = 14, 21
ROOM = 44  # characters of a line, so few that they fit in whatever font the machine has
STYLES = {"b": ' font-weight="600"', "i": ' font-style="italic" fill="#5b6b7a"', "code": "", "": ""}


class Word(NamedTuple):
    """A word and the tag of its style; empty for none."""

    text: str
    style: str


def march_2026() -> Message:
    """Return the message of the demo's last release."""
    source = TalkingTherapiesMonthly({})
    history: defaultdict[str, dict[str, float | None]] = defaultdict(dict)
    for file in sorted(ROOT.glob("demo/*/files.digital.nhs.uk/*/*/*.csv")):
        fetched = Fetched(Release("", "", ""), Page(file.name, file.read_bytes(), "text/csv"))
        for figure in source.read(fetched, SEEN):
            if figure.area == ENGLAND:
                history[figure.measure.id][figure.period] = figure.value
    release = Release(KEY, "", f"{SERIES}/{KEY}", "2026-03", published_at(SEEN.date()))
    rows = headline_rows(source.headlines, "2026-03", history)
    return compose(ReleaseOut(f"release:{KEY}", release, rows), source, NUMBER, SEEN)


def words(nodes: tuple[Node, ...], style: str = "") -> Iterator[Word]:
    """Yield the words of a line, each with its style."""
    for node in nodes:
        match node:
            case Text(text):
                yield from (Word(word, style) for word in text.split())
            case Styled(tag, within):
                yield from words(within, tag)
            case Link(text, _):
                yield from words((text,), style)


def wrapped(line: Line) -> Iterator[list[Word]]:
    """Yield the rows that a line takes on the screen."""
    row: list[Word] = []
    for word in words(line.nodes):
        if row and sum(len(before.text) + 1 for before in row) + len(word.text) > ROOM:
            yield row
            row = []
        row.append(word)
    if row:
        yield row


def draw(message: Message) -> str:
    """Return the picture of a message as SVG."""
    rows = [row for line in message.shown() for row in wrapped(line)]
    text = [_row(row, MARGIN + PADDING + LEADING * (n + 1) - 5) for n, row in enumerate(rows)]
    bubble = LEADING * len(rows) + 2 * PADDING - 4
    top = MARGIN + bubble + 4
    buttons = [button.label for row in message.buttons for button in row]
    text += [_button(label, top + n * 40) for n, label in enumerate(buttons)]
    height = top + 40 * len(buttons) + MARGIN - 4
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
    spans = " ".join(f"<tspan{STYLES[word.style]}>{escape(word.text)}</tspan>" for word in row)
    return f'<text x="{MARGIN + PADDING}" y="{y}">{spans}</text>'


def _button(label: str, y: int) -> str:
    said = (
        f'<text x="{WIDTH // 2}" y="{y + 23}" text-anchor="middle" font-weight="600">{escape(label)}</text>'
    )
    return f"{_box(MARGIN, y, WIDTH - 2 * MARGIN, 36, '#a9bfd1')}\n{said}"


def _box(x: int, y: int, width: int, height: int, colour: str) -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="14" fill="{colour}"/>'


if __name__ == "__main__":
    PICTURE.write_text(draw(march_2026()), encoding="utf-8")
