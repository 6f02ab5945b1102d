"""The strict readers: what they accept, and how they name what they do not."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapers.toolkit import reading
from scrapers.toolkit.contract import Page, SourceChanged


def page(body: bytes, charset: str | None = None) -> Page:
    return Page("https://example.org/a/b", body, "text/html", charset)


def refusal(change: pytest.ExceptionInfo[SourceChanged]) -> str:
    said = str(change.value)
    assert "\n" not in said
    return said


def test_days_are_read_in_both_of_the_sites_forms() -> None:
    assert reading.day("12 June 2025") == date(2025, 6, 12)
    assert reading.day("8 May 2025") == date(2025, 5, 8)
    assert reading.day("12 Jun 2025") == date(2025, 6, 12)
    assert reading.day("4 Sept 2025") == reading.day("4 Sep 2025") == date(2025, 9, 4)


def test_an_announced_date_may_be_a_month_only() -> None:
    assert reading.day_or_month("10 Jul 2025") == "2025-07-10"
    assert reading.day_or_month("Aug 2025") == "2025-08"
    assert reading.day_or_month("Sept 2025") == "2025-09"


@pytest.mark.parametrize(
    "written",
    ["", "31 June 2025", "0 May 2025", "5 Juny 2025", "5/6/2025", "2025-06-05", "June 5 2025", "13 2025"],
)
def test_a_date_in_an_unknown_form_is_refused(written: str) -> None:
    with pytest.raises(SourceChanged, match=r"expected a day such as 12 June 2025, found "):
        reading.day_or_month(written)


@pytest.mark.parametrize(
    ("written", "hour", "minute"),
    [
        ("3 February 2022 13:06 PM", 13, 6),
        ("3 February 2022 09:30 AM", 9, 30),
        ("3 February 2022 2:51 pm", 14, 51),
        ("3 February 2022 12:05 am", 0, 5),
        ("3 February 2022 12:05 PM", 12, 5),
        ("3 February 2022 00:05 AM", 0, 5),
    ],
)
def test_a_stamp_is_read_in_both_clocks(written: str, hour: int, minute: int) -> None:
    assert reading.stamp(written) == datetime(2022, 2, 3, hour, minute, tzinfo=ZoneInfo("Europe/London"))


@pytest.mark.parametrize(
    "written", ["3 February 2022", "3 February 2022 25:00 PM", "3 February 2022 9:61 am", "now"]
)
def test_a_stamp_in_an_unknown_form_is_refused(written: str) -> None:
    with pytest.raises(SourceChanged, match="expected a time such as"):
        reading.stamp(written)


def test_exactly_one_element_is_wanted() -> None:
    root = reading.soup(page(b"<p class=a>1,234\n <b>of</b>  x</p><p>2</p>"))
    assert reading.text(reading.one(root, "p.a", "the count")) == "1,234 of x"
    with pytest.raises(SourceChanged) as none:
        reading.one(root, "p.b", "the count")
    assert refusal(none) == "expected one element for the count (p.b), found 0"
    with pytest.raises(SourceChanged) as two:
        reading.at_most_one(root, "p", "the count")
    assert refusal(two) == "expected at most one element for the count (p), found 2"
    assert reading.at_most_one(root, "p.b", "the count") is None


def test_a_link_is_made_absolute_and_must_lead_somewhere() -> None:
    here = page(b'<a href=" /x?y=1 "></a><a href="javascript:void(0)"></a><a></a><a href="http://[/"></a>')
    links = reading.soup(here).select("a")
    assert reading.link(links[0], here, "it") == "https://example.org/x?y=1"
    for bad in links[1:]:
        with pytest.raises(SourceChanged, match=r"for it|of it"):
            reading.link(bad, here, "it")


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", "an empty page"),
        (b" \n ", "an empty page"),
        (b"Just a moment", "text that starts 'Just a moment'"),
        (b"<?xml version='1.0'?><rss/>", "text that starts"),
        (b"<p>\xa3 5</p>", "bytes that are not"),
        (b"\xff\xfe<\x00p\x00", "bytes that are not"),
    ],
)
def test_what_is_no_page_is_refused_with_what_it_is(body: bytes, found: str) -> None:
    with pytest.raises(SourceChanged) as change:
        reading.soup(page(body))
    assert found in refusal(change)
    assert change.value.url == "https://example.org/a/b"
    assert change.value.body == body


def test_a_page_is_decoded_as_it_says_and_never_by_guess() -> None:
    assert reading.decode(page(b"\xa3", "iso-8859-1")) == "£"
    assert reading.decode(page(b"\xef\xbb\xbf\xc2\xa3", "utf-8")) == "£"
    with pytest.raises(SourceChanged, match="expected a charset of the web, found 'klingon'"):
        reading.decode(page(b"x", "klingon"))


def test_a_very_deep_page_is_read_or_refused() -> None:
    root = reading.soup(page(b"<div>" * 20_000))
    assert reading.at_most_one(root, "p", "it") is None


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ("NaN", "NaN"),
        ('{"a": -Infinity}', "-Infinity"),
        ('{"a": 1e999}', "1e999"),
        ('{"a": 12345678901234567890}', "an integer of 20 digits"),
        ('{"a": 1, "a": 2}', "'a' twice"),
        ("[" * 100_000, "too many levels"),
        ('{"a": 1', "its end too early"),
        ("{} {}", "more after it"),
        ("", "its end too early"),
        ("<html>", "'<html>'"),
    ],
)
def test_json_that_is_not_strict_is_refused(document: str, found: str) -> None:
    with pytest.raises(SourceChanged) as change:
        reading.strict_json(document)
    assert found in refusal(change)


@given(st.recursive(st.none() | st.booleans() | st.integers(-9999, 9999) | st.text(), st.lists))
def test_json_is_found_after_its_marker(value: Any) -> None:
    import json

    script = f"var before = 1; it = {json.dumps(value)}; go();"
    assert reading.json_after(script, re.compile(r"it =")) == value


def test_a_marker_must_be_there_once() -> None:
    for script in ("", "it = 1; it = 2"):
        with pytest.raises(SourceChanged, match="expected one it = in the script"):
            reading.json_after(script, re.compile("it ="))


def test_a_json_field_is_named_by_its_path() -> None:
    assert reading.field({"a": {"b": 1}}, "a", "b") == 1
    with pytest.raises(SourceChanged, match=r"expected a\.b, found nothing of that name"):
        reading.field({"a": []}, "a", "b")


@pytest.mark.parametrize("value", [True, "629", 629.0, -1, None, [629]])
def test_a_count_is_a_whole_json_number(value: object) -> None:
    with pytest.raises(SourceChanged, match="expected a whole number for it"):
        reading.count(value, "it")
