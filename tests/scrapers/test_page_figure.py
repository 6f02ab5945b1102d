"""A watch without code: what an entry may say, and what is read by it or refused."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from click.testing import CliRunner
from openpyxl import Workbook

from scrapers.__main__ import main
from scrapers.page_figure import PageFigure
from scrapers.toolkit.contract import ENGLAND, LIVE, Every, Fetched, Figure, Page, Release, SourceChanged
from scrapers.toolkit.web import WebClient
from tests.fakes.sites import Sites

NOW = datetime(2026, 5, 14, 9, 0, tzinfo=UTC)
URL = "https://example.org/figures"
ENTRY: Mapping[str, Any] = {
    "id": "beds",
    "title": "Beds",
    "url": URL,
    "unit": "number",
    "range": {"min": -10, "max": 10**9},
}
TABLE = (
    "<table><caption>Beds</caption><tr><th>Region</th><th>Code</th><th>Beds</th></tr>"
    "<tr><td>London</td><td>Y56</td><td>1,234</td></tr>"
    "<tr><td> South\n East </td><td>Y59</td><td>812</td></tr></table>"
)


def read(body: str | bytes, kind: str = "text/html", **options: Any) -> Figure:
    """Return the figure that an entry of these options reads in a page."""
    source = PageFigure({**ENTRY, **options})
    raw = body.encode() if isinstance(body, str) else body
    (figure,) = source.read(Fetched(Release(LIVE, "", URL), Page(URL, raw, kind)), NOW)
    return figure


def html(body: str) -> str:
    return f"<html><head><title>9</title></head><body>{body}</body></html>"


def workbook() -> bytes:
    made = Workbook()
    made.create_sheet("Notes").append(["7"])
    sheet = made.create_sheet("Beds")
    for row in (["Available beds"], ["Region", "Beds", "Share"], ["London", 1234, 0.512], ["Kent", "x", 1]):
        sheet.append(row)
    body = io.BytesIO()
    made.save(body)
    return body.getvalue()


CSV = "\ufeffRegion,Code,Month,Beds\nLondon,Y56,2026-02,1200\nKent,Y59,2026-02,800\nLondon,Y56,2026-03,1234\n"


@pytest.mark.parametrize(
    ("body", "kind", "options", "value"),
    [
        (html("<b id=n>1,234</b>"), "text/html", {"css": "#n", "written": "1,234"}, 1234),
        (html("<b data-n=5.5>x</b>"), "text/html", {"css": "b", "attribute": "data-n"}, 5.5),
        (html("There are 12 of them"), "text/html", {"pattern": r"are (\d+) of"}, 12),
        (
            html("<p>1 of <i>1,234</i>"),
            "text/html",
            {"css": "p", "pattern": "of (.*)", "written": "1,234"},
            1234,
        ),
        (
            html(TABLE),
            "text/html",
            {"table": {"column": "Beds", "row": {"Code": "Y56"}}, "written": "1,234"},
            1234,
        ),
        (html(TABLE), "text/html", {"table": {"column": "Beds", "row": {"Region": "South East"}}}, 812),
        (
            CSV,
            "text/csv",
            {"csv": {"column": "Beds", "row": {"Region": "London", "Month": "2026-02"}}},
            1200,
        ),
        (CSV, "text/csv", {"csv": {"column": "Beds", "row": "last"}}, 1234),
        ('{"a": [{"b/c": 1}, {"b/c": 2.5}]}', "application/json", {"json": "/a/1/b~1c"}, 2.5),
        ('{"a": [3, 4]}', "application/json", {"json": "/a/-1"}, 4),
        ('{"a": "£1.5m", "id": 123456789012345678901}', "application/json", {"json": "/a"}, 1_500_000),
        (
            html("<div id=c data-c='{\"v\": [7, 8]}'></div>"),
            "text/html",
            {"css": "#c", "attribute": "data-c", "json": "/v/0"},
            7,
        ),
        (
            html('<script id=d type="application/json">{"v": 6}</script>'),
            "text/html",
            {"css": "#d", "json": "/v"},
            6,
        ),
        ("x = {count: 41};", "text/javascript", {"pattern": r"count: (\d+)"}, 41),
    ],
)
def test_a_figure_is_found_where_the_entry_says(
    body: str, kind: str, options: dict[str, Any], value: float
) -> None:
    if options.get("json") == "/a" and "£" in body:
        options = {**options, "written": "£1.2m", "unit": "pounds"}
    assert read(body, kind, **options).value == value


def test_a_cell_of_a_workbook_is_found_by_sheet_column_and_row() -> None:
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    place = {"sheet": "Beds", "column": "Beds", "row": {"Region": "London"}}
    assert read(workbook(), kind, xlsx=place).value == 1234
    share = read(workbook(), kind, xlsx={**place, "column": "Share"}, unit="percent", times=100)
    assert share.value == 51.2
    with pytest.raises(SourceChanged, match=r"number written like 1234\.5, found 'x'"):
        read(workbook(), kind, xlsx={**place, "row": {"Region": "Kent"}})
    with pytest.raises(SourceChanged, match="'Bedz'"):
        read(workbook(), kind, xlsx={**place, "sheet": "Bedz"})


@pytest.mark.parametrize(
    ("body", "kind", "options", "said"),
    [
        (
            html("<b>1</b><b>1</b>"),
            "text/html",
            {"css": "b"},
            "expected one element for the figure (b), found 2",
        ),
        (html(""), "text/html", {"css": "b"}, "found 0"),
        (html("<b>51<sup>2</sup></b>"), "text/html", {"css": "b"}, "found '51 2'"),
        (html("<b>5"), "text/html", {"css": "b", "attribute": "data-n"}, "data-n of the figure"),
        (
            html("1 of 1 of"),
            "text/html",
            {"pattern": r"(\d) of"},
            "expected one match of (\\d) of, found more",
        ),
        (html("none"), "text/html", {"pattern": r"(\d) of"}, "found 0"),
        (html("all of"), "text/html", {"pattern": r"(\d)? of"}, "an empty group"),
        (
            html(TABLE),
            "text/html",
            {"table": {"column": "Cots", "row": {"Code": "Y56"}}},
            "headings with Code, Cots",
        ),
        (
            html(TABLE),
            "text/html",
            {"table": {"column": "Beds", "row": {"Code": "Y1"}}},
            "whose Code is Y1, found 0",
        ),
        (html(TABLE + TABLE), "text/html", {"table": {"column": "Beds", "row": {"Code": "Y56"}}}, "found 2"),
        (
            html("<table><tr><th>A<th>B<tr><td rowspan=2>x<td>1<tr><td>2</table>"),
            "text/html",
            {"table": {"column": "B", "row": {"A": "x"}}},
            "a table whose cells are of one row",
        ),
        (CSV, "text/csv", {"csv": {"column": "Beds", "row": {"Region": "London"}}}, "found 2"),
        ("A,A\n1,2\n", "text/csv", {"csv": {"column": "A", "row": "last"}}, "expected one column A, found 2"),
        ("A,B\n", "text/csv", {"csv": {"column": "A", "row": "last"}}, "rows under the headings"),
        ('A\n"1\n', "text/csv", {"csv": {"column": "A", "row": "last"}}, "expected a CSV file"),
        ('{"a": 1, "a": 2}', "application/json", {"json": "/a"}, "each JSON key once"),
        ('{"a": [1]}', "application/json", {"json": "/a/1"}, "nothing at '1'"),
        ('{"a": [1]}', "application/json", {"json": "/a/01"}, "nothing at '01'"),
        ('{"a": true}', "application/json", {"json": "/a"}, "a number or text at /a, found True"),
        ('{"a": null}', "application/json", {"json": "/a"}, "found None"),
        ('{"a": 1e30}', "application/json", {"json": "/a"}, "found '1e30'"),
        ('{"a": "\\ud800 5"}', "application/json", {"json": "/a", "pattern": r"(\d)"}, "half of a character"),
        ('{"a": NaN}', "application/json", {"json": "/a"}, "a JSON number"),
        (
            html("<b>2000000000</b>"),
            "text/html",
            {"css": "b"},
            "from -10 to 1,000,000,000, which are its range",
        ),
        (html("<b>1.5</b>"), "text/html", {"css": "b", "unit": "count"}, "expected a whole number"),
    ],
)
def test_what_is_not_there_exactly_once_and_in_form_is_refused(
    body: str, kind: str, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(SourceChanged) as refusal:
        read(body, kind, **options)
    assert said in str(refusal.value)
    assert refusal.value.url == URL


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ({"written": "1.2 million", "unit": "count"}, 1_100_000),
        ({"written": "1.2 million", "unit": "thousands"}, 1100),
        ({"unit": "count", "times": 1_000_000, "css": "i"}, 1_100_000),
    ],
)
def test_a_figure_in_millions_is_scaled_exactly(options: dict[str, Any], value: float) -> None:
    body = html("<b>1.1 million</b> <i>1.1</i>")
    assert read(body, **{"css": "b", **options}).value == value


def test_money_in_words_is_kept_in_the_declared_unit() -> None:
    body = html("<b>£0.9bn</b>")
    assert read(body, css="b", written="£1.2bn", unit="million pounds").value == 900
    assert read(body, css="b", written="£1.2bn", unit="pounds").value == 900_000_000


@pytest.mark.parametrize(
    ("options", "period"),
    [
        ({}, "2026-05-14T09:00:00Z"),
        ({"period": {"css": "h2"}}, "2026-03"),
        ({"period": {"pattern": "year ending (.*)"}}, "2025-26"),
    ],
)
def test_a_figure_is_of_the_period_that_the_page_names_or_of_now(
    options: dict[str, Any], period: str
) -> None:
    body = html("<h2>March 2026</h2><b>12</b><p>year ending 2025/26")
    figure = read(body, css="b", **options)
    assert (figure.period, figure.area, figure.measure.id) == (period, ENGLAND, "beds")


def test_the_period_of_a_cell_stands_in_its_row() -> None:
    place = {"column": "Beds", "row": "last"}
    assert read(CSV, "text/csv", csv=place, period={"column": "Month"}).period == "2026-03"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "where to look is missing: give one of css, attribute, table, csv, xlsx, json, pattern"),
        ({"css": "b", "csv": {"column": "A", "row": "last"}}, "css and csv are two ways"),
        ({"csv": {"column": "A", "row": "last"}, "json": "/a"}, "csv and json are two ways"),
        ({"attribute": "x", "json": "/a"}, "attribute needs css"),
        ({"css": "b["}, "css: "),
        ({"css": 5}, "css must be a selector"),
        ({"csv": {"column": "A"}}, "csv must have the keys column, row"),
        ({"csv": {"column": "A", "row": "middle"}}, 'csv: row must be { "a heading"'),
        ({"xlsx": {"column": "A", "row": "last"}}, "xlsx: sheet must be the name of a sheet"),
        ({"json": "a/b"}, "json must be a JSON pointer"),
        ({"json": "/a~2"}, "json must be a JSON pointer"),
        ({"pattern": "(a"}, "pattern: missing )"),
        ({"pattern": "a"}, "expected one group in brackets around the number, found 0"),
        ({"pattern": r"(\d)(?=x)"}, "the syntax is RE2's"),
        ({"css": "b", "unit": "signatures"}, "unit must be one of count, percent"),
        ({"css": "b", "unit": "pints"}, "not 'pints'"),
        ({"css": "b", "written": "51.2%"}, 'which needs unit = "percent"'),
        ({"css": "b", "written": "£5"}, 'needs unit = "pounds" or "million pounds"'),
        ({"css": "b", "written": "5k", "unit": "thousands", "times": 1000}, "times is said by '5k' already"),
        ({"css": "b", "written": "£5k", "unit": "million pounds"}, "smaller than unit"),
        ({"css": "b", "times": 0.5}, "times must be a whole number"),
        ({"css": "b", "range": {"min": 5}}, "range must be { min = …, max = … }"),
        ({"css": "b", "range": {"min": 5, "max": 5}}, "range must be"),
        ({"css": "b", "range": {"min": True, "max": 5}}, "range must be"),
        ({"css": "b", "rhythm": "often"}, "rhythm must be one of 'every 15 minutes'"),
        ({"css": "b", "rhythm": "every 2 minutes"}, "at most every 5 minutes"),
        ({"css": "b", "period": {"column": "A"}}, "period: unknown key 'column'"),
        ({"css": "b", "period": {"csv": {"column": "A", "row": "last"}}}, "the same kind of page"),
        ({"css": "b", "measure": "signatures"}, "signatures are a petition's; write [[petition]]"),
        ({"css": "b", "id": "a b"}, "id must be a name of letters"),
        ({"css": "b", "title": ""}, "title must be a text"),
        ({"css": "b", "url": "example.org"}, "url must be the address of"),
        ({"css": "b", "hosts": "example.net"}, "hosts must be a list"),
    ],
)
def test_an_entry_that_cannot_be_followed_is_refused_in_one_line(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as refusal:
        PageFigure({**ENTRY, **options})
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("rhythm", "day", "night"),
    [
        ("every 15 minutes", timedelta(minutes=15), timedelta(hours=1)),
        ("every 6 hours", timedelta(hours=6), timedelta(hours=6)),
        ("hourly", timedelta(hours=1), timedelta(hours=1)),
        ("weekly", timedelta(days=7), timedelta(days=7)),
    ],
)
def test_a_rhythm_is_written_in_words(rhythm: str, day: timedelta, night: timedelta) -> None:
    assert PageFigure({**ENTRY, "css": "b", "rhythm": rhythm}).rhythm == Every(day, night)


def test_a_hostile_text_cannot_keep_a_pattern_busy() -> None:
    began = perf_counter()
    with pytest.raises(SourceChanged):
        read(html("a" * 1_000_000), pattern=r"^((?:a+)+)!$")
    with pytest.raises(SourceChanged):
        read(html("1" * 1_000_000), pattern=r"((?:\d+)+)x")
    assert perf_counter() - began < 2


def test_a_redirect_is_followed_to_a_listed_host_only() -> None:
    async def ask(source: PageFigure, mirror: str) -> Fetched:
        async with WebClient(pause=0, mirror=mirror) as client:
            return await source.fetch(Release(LIVE, "", URL), client.for_source(source.hosts))

    with Sites() as sites:
        sites.redirect(URL, "https://www.example.net/new")
        sites.put("https://www.example.net/new", html("<b>5</b>"))
        followed = PageFigure({**ENTRY, "css": "b", "hosts": ["www.example.net"]})
        assert asyncio.run(ask(followed, sites.url)).page.url == "https://www.example.net/new"
        with pytest.raises(
            SourceChanged, match=r"expected example\.org, found a redirect to www\.example\.net"
        ):
            asyncio.run(ask(PageFigure({**ENTRY, "css": "b"}), sites.url))
        sites.put(URL, html("x" * 2_200_000))
        with pytest.raises(SourceChanged, match="at most 2,097,152 bytes"):
            asyncio.run(ask(followed, sites.url))


def test_a_watch_is_tried_and_kept_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    more = ['title = "Beds"', 'css = "b"', 'unit = "count"', "range = { min = 1, max = 99 }"]
    words = ["page_figure", "--id", "beds", "--url", URL, *(word for key in more for word in ("--set", key))]
    with Sites() as sites:
        sites.put(URL, html("<b>5</b>"))
        ran = CliRunner().invoke(main, [*words, "--save"], env={"WEB_MIRROR": sites.url, "WEB_PAUSE": "0"})
        assert ran.exit_code == 0, ran.output
    (saved,) = (tmp_path / "tests" / "captures" / "page_figure").iterdir()
    assert "\tbeds\t5\n" in (saved / "figures.txt").read_text()
    again = CliRunner().invoke(main, ["page_figure", "--again", saved.name])
    assert again.exit_code == 0, again.output
    wrong = CliRunner().invoke(main, [*words, "--set", "unit = count"])
    assert wrong.output.startswith("Error: page_figure: ")
