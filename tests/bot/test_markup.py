"""Messages escape by construction, fit, and say the same as plain text."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.wording.language import languages, speaking, t
from bot.wording.markup import (
    CAPTION_LIMIT,
    MOST_ENTITIES,
    REPLACES,
    RESENT,
    TEXT_LIMIT,
    Button,
    Message,
    Part,
    Styled,
    Text,
    bold,
    clean,
    code,
    fit,
    italic,
    late,
    line,
    link,
    payload,
    to_html,
    to_plain,
    utf16_length,
    visible_length,
)
from tests.fakes.telegram_html import parse_html, tidy, utf16_units

ANY = st.text(st.characters(), max_size=40)  # surrogates too
HOSTILE = st.one_of(
    ANY,
    st.sampled_from(
        ["</b>", "<script>", "&lt", "&#x202e;", '" onclick="', "a&b", "😀" * 20, "/stop", "@all"]
    ),
)
URLS = st.one_of(
    HOSTILE, st.sampled_from(["https://a.uk/?x=1&y=<2>", "HTTP://b.uk/'\"", "javascript:alert(1)"])
)
PARTS = st.recursive(
    st.one_of(HOSTILE, st.builds(Text, HOSTILE), st.builds(code, HOSTILE), st.builds(link, HOSTILE, URLS)),
    lambda part: st.one_of(st.builds(bold, part, part), st.builds(italic, part)),
    max_leaves=4,
)
LINES = st.lists(PARTS, max_size=4).map(lambda parts: line(*parts))
MESSAGES = st.builds(
    lambda title, lines, items, tail, url: Message(
        (line("📉 ", title), *lines), tuple(items), tuple(tail), ((Button("Open", url),),)
    ),
    PARTS,
    st.lists(LINES, max_size=3),
    st.lists(LINES, max_size=30).map(lambda items: items * 20),
    st.lists(LINES, max_size=2),
    URLS,
)


def shown(html: str) -> str:
    """Return what a reader sees of a message, having parsed it as strictly as Telegram."""
    text, _ = parse_html(html.encode().decode())
    return text


class Links(HTMLParser):
    """Writes addresses after their words, as the plain form does."""

    def __init__(self) -> None:
        super().__init__()
        self.plain, self._url, self._words = "", "", ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._url, self._words = dict(attrs)["href"] or "", ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._words != self._url:
            self.plain += f" ({self._url})"

    def handle_data(self, data: str) -> None:
        self.plain += data
        self._words += data


@settings(max_examples=150, deadline=None)
@given(MESSAGES, st.sampled_from(languages()))
def test_whatever_was_scraped_telegram_accepts_it_within_its_limits(message: Message, language: str) -> None:
    with speaking(language):
        sent, room = payload(message), len(f"{t(RESENT)}\n")
    text, entities = parse_html(sent["html"].encode().decode())
    assert utf16_units(text) <= TEXT_LIMIT - room
    assert utf16_units(sent["plain"]) <= TEXT_LIMIT - room
    assert utf16_units(sent["short"]) <= TEXT_LIMIT - room
    assert len(entities) <= MOST_ENTITIES
    assert tidy(text)[0]


@settings(max_examples=100, deadline=None)
@given(MESSAGES)
def test_plain_says_what_the_html_says(message: Message) -> None:
    message = fit(message)
    said = Links()
    said.feed(to_html(message))
    said.close()
    assert to_plain(message).startswith(said.plain)
    assert utf16_length(shown(to_html(message))) == visible_length(message)


@settings(max_examples=100, deadline=None)
@given(MESSAGES, st.integers(2500, TEXT_LIMIT))
def test_a_message_is_cut_between_items_and_says_how_many_are_missing(message: Message, limit: int) -> None:
    fitted = fit(message, limit)
    kept = len(fitted.items)
    assert fitted.items == message.items[:kept]
    if fitted.lines == message.lines:
        assert fitted.omitted == len(message.items) - kept
        assert (f"… and {fitted.omitted} more" in to_plain(fitted).split("\n")) == bool(fitted.omitted)


@settings(max_examples=300, deadline=None)
@given(st.one_of(ANY, st.text(alphabet="/@a1 \u2060\u200b\u202e\n😀é\u0301")), st.integers(1, 30))
def test_cleaned_text_is_one_harmless_line(text: str, cap: int) -> None:
    cleaned = clean(text, cap)
    assert len(cleaned) <= cap
    assert cleaned == unicodedata.normalize("NFC", cleaned)
    assert not cleaned.startswith(("/", "@", " "))
    assert not re.search(r"(?<![\w/<>])/\w|(?<!\w)@\w|\s\s|\n", cleaned)
    hidden = [
        char for char in cleaned if unicodedata.category(char) in ("Cc", "Cf", "Cs") and char != "\u2060"
    ]
    assert not hidden


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  two\t\nwords ", "two words"),
        ("e\u200b\u0301tat", "état"),
        ("evil\u202egnp.exe", "evilgnp.exe"),
        ("tag\U000e0041\U000e007f, \ud800lone, \x00nul", "tag, lone, nul"),
        ("\u200b/stop", "\u2060/\u2060stop"),
        ("call @admin, not a@b.uk, 2025/26", "call \u2060@\u2060admin, not a@b.uk, 2025/26"),
        ("x" * 12, "xxxxxxxxx…"),
        ("⚠️ 📉 £4", "⚠️ 📉 £4"),
    ],
)
def test_clean_shows(text: str, cleaned: str) -> None:
    assert clean(text, 10 if text[0] == "x" else 80) == cleaned


def test_words_are_escaped_wherever_they_stand() -> None:
    message = Message(
        (line("R&D <", bold("5 < 6", italic("'x'")), code("<br>"), link('"q"', "https://a.uk/?a&b")),)
    )
    assert to_html(message) == (
        "R&amp;D &lt;<b>5 &lt; 6<i>&#x27;x&#x27;</i></b><code>&lt;br&gt;</code>"
        '<a href="https://a.uk/?a&amp;b">&quot;q&quot;</a>'
    )
    assert to_plain(message) == "R&D <5 < 6'x'<br>\"q\" (https://a.uk/?a&b)"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "tg://resolve?domain=x",
        "//a.uk",
        "https://",
        "https://a.uk/\u202ex",
        "http://[a",
    ],
)
def test_only_web_addresses_become_links(url: str) -> None:
    assert link("words", url) == Text("words")


def test_buttons_show_in_plain_text_unless_the_address_was_said() -> None:
    buttons = ((Button("Open", "https://a.uk/1"), Button("Why", "https://a.uk/2"), Button("No", "tg://x")),)
    message = Message((line("Title ", link("here", "https://a.uk/1")),), buttons=buttons)
    assert to_plain(message) == "Title here (https://a.uk/1)\nWhy: https://a.uk/2"
    assert payload(message)["buttons"] == [
        [{"label": "Open", "url": "https://a.uk/1"}, {"label": "Why", "url": "https://a.uk/2"}]
    ]


def test_a_button_that_asks_us_something_is_for_telegram_alone() -> None:
    buttons = ((Button("Why", callback="why 142"), Button("No", callback="x" * 65), Button("Nothing")),)
    message = Message((line("Title"),), buttons=buttons)
    assert to_plain(message) == "Title"
    assert payload(message)["buttons"] == [[{"label": "Why", "callback": "why 142"}]]


@given(st.integers(0, 1200), st.integers(0, 30), st.sampled_from(languages()))
def test_every_form_of_a_caption_fits_under_a_photo_with_all_that_is_said_of_a_copy(
    length: int, items: int, language: str
) -> None:
    rows = tuple(line("an item ", link("somewhere", "https://a.uk/")) for _ in range(items))
    with speaking(language):
        sent = payload(Message((line("x" * length or "x"),), rows), CAPTION_LIMIT)
        marks = f"{t(RESENT)}\n{late(datetime(2026, 9, 30, tzinfo=UTC))}\n{t(REPLACES)}\n"
    for form in ("plain", "short", "html"):
        seen = parse_html(sent[form])[0] if form == "html" else sent[form]
        assert utf16_length(marks + seen) <= CAPTION_LIMIT


def test_items_go_from_the_end_and_the_tail_stays() -> None:
    items = tuple(line(f"• item {number}") for number in range(1, 16))
    message = Message((line(bold("Title")),), items, (line("#A142"),))
    limit = visible_length(Message(message.lines, items[:3], message.tail, omitted=12))
    assert to_plain(fit(message, limit)) == "Title\n• item 1\n• item 2\n• item 3\n… and 12 more\n#A142"
    assert fit(fit(message, limit), limit) == fit(message, limit)
    assert fit(message) == message


def test_a_message_of_too_many_styles_loses_items_rather_than_styles() -> None:
    items = tuple(line(bold(str(number))) for number in range(150))
    assert to_plain(fit(Message((line("Title"),), items))).endswith("99\n… and 50 more")


def test_lines_that_never_fit_are_told_in_short() -> None:
    message = Message((line(bold("T" * 5000)), line("x" * 5000, link("more", "https://a.uk/"))))
    html = to_html(fit(message))
    assert html.startswith("TTT")
    assert html.endswith('…\n<a href="https://a.uk/">https://a.uk/</a>')


def test_the_short_form_is_the_title_and_one_address() -> None:
    message = Message(
        (line(bold("630 signatures")), line("up 1")),
        buttons=((Button("Open", "https://a.uk/p"),),),
        silent=True,
    )
    sent = payload(message)
    assert sent["short"] == "630 signatures\nhttps://a.uk/p"
    assert sent["silent"] is True


def test_utf16_counts_an_emoji_as_two() -> None:
    assert utf16_length("📉 a") == 4


def test_parts_nest() -> None:
    parts: tuple[Part, ...] = (bold("a", code("b")), "c")
    assert line(*parts).nodes == (Styled("b", (Text("a"), Styled("code", (Text("b"),)))), Text("c"))
