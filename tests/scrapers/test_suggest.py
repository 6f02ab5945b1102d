"""What a page's numbers are followed by: each is found again by its suggestion, the likeliest comes first."""

from __future__ import annotations

import io
from decimal import Decimal
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from scrapers.toolkit.contract import Page, SourceChanged
from scrapers.toolkit.places import Document, Place
from scrapers.toolkit.suggest import SHOWN, Suggestion, suggestions, title_of
from scrapers.toolkit.written import Written

URL = "https://example.org/figures.html"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def found(body: str | bytes, kind: str = "text/html", find: str = "") -> list[Suggestion]:
    raw = body.encode() if isinstance(body, str) else body
    return suggestions(Page(URL, raw, kind), find)


def html(body: str) -> str:
    return f"<html><head><title>Waits in 2026 | Example</title></head><body>{body}</body></html>"


def test_a_big_number_comes_before_years_and_footnotes() -> None:
    body = "<h1>Waits in 2026</h1><p>See note 2.</p><p class=kpi>1,630,000</p><p>Of those, 12 waited.</p>"
    first, *rest = found(html(body))
    assert (first.shown, first.options) == ("1,630,000", {"css": "p.kpi", "written": "1,630,000"})
    assert [one.shown for one in rest].index("12") < [one.shown for one in rest].index("2026")


def test_an_element_is_named_by_its_id_or_class_rather_than_its_place() -> None:
    body = "<div><p>1,111</p><p id=two>2,222</p><p class=c>3,333</p><p data-four>4,444</p></div>"
    css = {one.shown: one.options["css"] for one in found(html(body)) if "css" in one.options}
    assert css == {
        "1,111": "div > p:nth-of-type(1)",
        "2,222": "#two",
        "3,333": "p.c",
        "4,444": "p[data-four]",
    }


def test_a_cell_is_named_by_as_many_columns_as_tell_its_row() -> None:
    rows = ["Group,Code,Measure,Value", "All,E,M1,5120", "All,E,M2,731", "Trust,RAT,M1,44", "Trust,RAT,M2,35"]
    (first, *_) = found("\n".join(rows), "text/csv")
    place = {"column": "Value", "row": {"Measure": "M1", "Group": "All"}}
    assert first.shown == "5120"
    assert first.options["csv"] in (place, {**place, "row": {"Group": "All", "Measure": "M1"}})


@pytest.mark.parametrize("newest", ["first", "last"])
def test_a_series_is_followed_at_its_newest_end_with_its_period(newest: str) -> None:
    rows = [f"2026-0{month},{1000 + month}" for month in (1, 2, 3)]
    body = "\n".join(["Month,Items", *(rows if newest == "last" else reversed(rows))])
    first = found(body, "text/csv")[0]
    assert first.shown == "1003"
    assert first.options == {
        "csv": {"column": "Items", "row": newest},
        "period": {"column": "Month"},
    }


def test_the_last_of_a_list_is_followed_as_the_last() -> None:
    body = '{"months": [{"date": "2026 JAN", "value": "2.8"}, {"date": "2026 FEB", "value": "2.9"}]}'
    first = found(body, "application/json")[0]
    assert first.options == {"json": "/months/-1/value", "period": {"json": "/months/-1/date"}}


def test_a_workbook_is_looked_through_sheet_by_sheet() -> None:
    made = Workbook()
    sheet = made.create_sheet("Beds")
    for row in (["Available beds"], ["Region", "Beds"], ["London", 5120], ["Kent", 812]):
        sheet.append(row)
    body = io.BytesIO()
    made.save(body)
    first = found(body.getvalue(), XLSX)[0]
    assert first.options == {"xlsx": {"sheet": "Beds", "column": "Beds", "row": {"Region": "London"}}}


def test_numbers_in_scripts_are_found_where_their_name_is_there_once() -> None:
    body = '<script>var a = {"total": 98889, "id": 1, "id": 2};</script>'
    (only,) = found(html(body))
    assert (only.shown, only.context) == ("98889", "total")


def test_only_what_is_looked_for_is_shown() -> None:
    body = "<p>There were 4,213 vacancies in May.</p><p>There were 1,041 trusts.</p>"
    assert {one.shown for one in found(html(body), find="VACANCIES")} == {"4,213"}
    assert {one.shown for one in found(html(body), find="1,041")} == {"1,041"}
    assert found(html(body), find="doctors") == []


def test_at_most_twenty_are_shown_and_no_table_crowds_out_the_rest() -> None:
    rows = "".join(f"<tr><td>r{n}<td>{n},000,000</tr>" for n in range(1, 200))
    shown = found(html(f"<table><tr><th>Row<th>Much</tr>{rows}</table><p id=n>17</p>"))
    assert len(shown) <= SHOWN
    assert "17" in [one.shown for one in shown]


def test_a_page_without_numbers_has_no_suggestion() -> None:
    assert found(html("<p>none</p>")) == []
    assert found("just words", "text/plain") == []
    with pytest.raises(SourceChanged):
        found("{", "application/json")


def test_a_deep_document_is_looked_into_as_far_as_is_sensible() -> None:
    assert [one.shown for one in found('{"a":' * 20 + "5120" + "}" * 20, "application/json")] == ["5120"]
    assert found('{"a":' * 600 + "5120" + "}" * 600, "application/json") == []


def test_a_page_is_called_by_its_title_and_a_file_by_its_name() -> None:
    assert title_of(Page(URL, html("").encode(), "text/html")) == "Waits in 2026"
    assert title_of(Page("https://example.org/a/b.csv?x=1", b"", "text/csv")) == "b.csv"


PART = st.one_of(
    st.sampled_from(
        ["<p>", "</p>", "<b id=x>", "</b>", "<table>", "<tr>", "<td>", "<th>", "</table>", "<div class=n>"]
    ),
    st.sampled_from(
        [" there were ", " of ", "1,234", "51.2%", "£0.9bn", "629", "56 536 000", "2026", "{", "}", ","]
    ),
    st.text(max_size=8),
)


@settings(max_examples=150)
@given(st.lists(PART, max_size=25), st.sampled_from(["text/html", "text/csv", "text/plain"]))
def test_whatever_is_suggested_is_found_again_once(parts: list[str], kind: str) -> None:
    body = "".join(parts)
    page = Page(
        URL, (f"<html>{body}</html>" if kind == "text/html" else body).encode("utf-8", "ignore"), kind
    )
    try:
        shown = suggestions(page)
    except SourceChanged:
        return
    for one in shown:
        options = dict(one.options)
        form = Written.like(options.pop("written", "1234.5"))
        options.pop("period", None)
        value = Place.of(options).find(Document(page))
        assert one.number == (value if isinstance(value, Decimal) else form.number(value))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("".join(f"<p>There are {n} here</p>" for n in range(9000)), "text/html"),
        ("<p>" + "1,111" * 100_000, "text/html"),
        ("<script>" + "a = " * 200_000, "text/html"),
        ("A,B,C\n" + "\n".join(f"x{n % 7},y{n % 100},{n}" for n in range(50_000)), "text/csv"),
    ],
    ids=["sentences", "digits", "script", "rows"],
)
def test_a_long_page_is_looked_through_in_seconds(body: str, kind: str) -> None:
    began = perf_counter()
    found(html(body) if kind == "text/html" else body, kind)
    assert perf_counter() - began < 10
