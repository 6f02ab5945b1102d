"""The monthly figures of NHS Talking Therapies: which are kept, and which files are refused."""

from __future__ import annotations

import asyncio
import csv
import gzip
import io
import re
import zipfile
from calendar import monthrange
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapers.talking_therapies_monthly import (
    KEY_MEASURES,
    OLD_SERIES,
    SERIES,
    TalkingTherapiesMonthly,
    activity_file,
)
from scrapers.toolkit import nhs_digital
from scrapers.toolkit.contract import ENGLAND, Fetched, Figure, Page, Release, SourceChanged, Unit
from scrapers.toolkit.nhs_digital import share_in_tenths

CAPTURES = Path(__file__).parents[1] / "captures" / "talking_therapies_monthly"
NOW = datetime(2025, 6, 12, 8, 31, tzinfo=UTC)
SOURCE = TalkingTherapiesMonthly({})


@cache
def april() -> str:
    (file,) = (CAPTURES / "2025-06-12" / "files.digital.nhs.uk").rglob("*.csv")
    return file.read_text()


def page(body: bytes | str) -> Page:
    raw = body.encode() if isinstance(body, str) else body
    return Page("https://files.digital.nhs.uk/B7/F15915/april.csv", raw, "text/csv")


def read(body: bytes | str, period: str | None = "2025-04") -> Sequence[Figure]:
    return SOURCE.read(Fetched(Release("april", "April", "https://x", period=period), page(body)), NOW)


def edited(pattern: str, new: str, text: str | None = None, count: int = 1) -> str:
    """Return April's file with the first match of a pattern replaced, which must be there."""
    changed, matches = re.subn(
        pattern, new, april() if text is None else text, count=count, flags=re.MULTILINE
    )
    assert matches
    return changed


def england(measure: str, value: str) -> str:
    return edited(rf"^(.*,England,.*,{measure},.*),[^,\n]*$", rf"\g<1>,{value}")


def provider(measure: str, value: str) -> str:
    return edited(rf"^(.*,Provider,.*,RRE,.*,{measure},.*),[^,\n]*$", rf"\g<1>,{value}")


def refusal(body: bytes | str, period: str | None = "2025-04") -> str:
    with pytest.raises(SourceChanged) as change:
        read(body, period)
    assert "\n" not in str(change.value)
    assert change.value.body
    return str(change.value)


def values(figures: Sequence[Figure], kind: str, code: str) -> dict[str, float | None]:
    return {f.measure.id: f.value for f in figures if (f.area.kind, f.area.code) == (kind, code)}


def test_every_measure_is_kept_for_england_and_key_measures_for_others() -> None:
    figures = read(april())
    of_england = values(figures, "England", "England")
    assert of_england["M001"] == 133_908
    assert of_england["M288"] == 41.7
    assert "M062" in of_england
    assert set(of_england) > KEY_MEASURES
    for kind, code in {(f.area.kind, f.area.code) for f in figures} - {("England", "England")}:
        assert set(values(figures, kind, code)) <= KEY_MEASURES


def test_areas_are_known_by_the_code_of_their_kind() -> None:
    areas = {(f.area.kind, f.area.code): f.area for f in read(april())}
    assert areas["England", "England"] == ENGLAND
    assert areas["CommissioningRegion", "Y56"].name == "LONDON COMMISSIONING REGION"
    assert areas["SubICB", "00L"].name == "NHS NORTHUMBERLAND ICB - 00L"
    assert areas["Provider", "RRE"].name == "MIDLANDS PARTNERSHIP UNIVERSITY NHS FOUNDATION TRUST"


def test_pairs_of_sub_icb_and_provider_are_checked_and_not_kept() -> None:
    assert "SubICB/Provider" in april()
    assert {f.area.kind for f in read(april())} == {"England", "CommissioningRegion", "SubICB", "Provider"}
    wrong = edited(r"^(.*,SubICB/Provider,.*),\*$", r"\g<1>,n/k")
    assert "found 'n/k' for M001 SubICB/Provider 00L/RX4" in refusal(wrong)


def test_withheld_is_no_number_and_never_nought() -> None:
    figures = values(read(april()), "Provider", "8HX13")
    assert None in figures.values()
    assert 0 not in figures.values()


def test_a_withheld_figure_of_england_is_kept_as_withheld() -> None:
    assert values(read(england("M191", "*")), "England", "England")["M191"] is None
    assert values(read(england("M056", "-")), "England", "England")["M056"] is None


def test_units_and_denominators_come_with_the_measure() -> None:
    measures = {f.measure.id: f.measure for f in read(april())}
    assert measures["M001"].unit is Unit.COUNT
    assert measures["M053"].unit is Unit.PERCENT
    assert measures["M049"].unit is Unit.MEDIAN
    assert measures["M143"].unit is Unit.MAXIMUM
    assert measures["M053"].denominator.startswith("referrals that finished a course of treatment")
    assert measures["M288"].denominator == "referrals that ended after at least one treatment session"


def test_the_names_that_stood_for_two_measures_in_july_2022_do_no_harm() -> None:
    (file,) = (CAPTURES / "2022-10-13" / "files.digital.nhs.uk").rglob("*.csv")
    figures = read(file.read_bytes(), "2022-07")
    names = [f.measure.name for f in figures if f.area == ENGLAND]
    assert len(names) > len(set(names))
    assert len({f.measure.id for f in figures if f.area == ENGLAND}) == len(names)


def test_a_measure_never_seen_before_is_kept() -> None:
    row = next(line for line in april().splitlines() if ",England," in line and ",M001," in line)
    new = row.replace("M001,Count_ReferralsReceived,133908", "M9001,Count_SomethingNew,7")
    assert values(read(april() + new + "\n"), "England", "England")["M9001"] == 7


def test_known_slips_in_names_are_understood() -> None:
    body = edited("Percentage_EndedBeforeTreatment", "Percentage_ EndedBeforeTreatment")
    body = edited("Count_ReferralsReceived", "Coun_ReferralsReceived", body, count=0)
    assert (
        values(read(body), "England", "England")["M077"]
        == values(read(april()), "England", "England")["M077"]
    )


def test_the_month_is_taken_from_the_rows_where_the_page_does_not_say() -> None:
    assert {f.period for f in read(april(), None)} == {"2025-04"}


@pytest.mark.parametrize(
    "mark", ["x", "n/k", "", "N/A", "NULL", "nan", "NaN", "inf", "1e5", "0x10", "1,5", "**", "c"]
)
def test_an_unknown_mark_is_refused_with_its_place(mark: str) -> None:
    said = refusal(provider("M001", f'"{mark}"'))
    assert said.startswith(f"expected a plain number, * or -, found {mark!r} for M001 Provider RRE (https://")


@pytest.mark.parametrize(
    ("measure", "value", "said"),
    [
        ("M192", "0.51", "a percentage, not a share of 1"),
        ("M038", "0.51", "a whole count"),
        ("M192", "51.33", "a percentage of one decimal"),
        ("M192", "101", "a percentage of at most 100"),
        ("M049", "-1", "a value that is not negative"),
        ("M001", "-1", "a value that is not negative"),
    ],
)
def test_a_value_of_england_that_cannot_be_is_refused(measure: str, value: str, said: str) -> None:
    assert refusal(england(measure, value)).startswith(
        f"expected {said}, found {value!r} for {measure} England"
    )


@pytest.mark.parametrize(
    ("measure", "value", "said"),
    [
        ("M192", "0.48", "a percentage, not a share of 1"),
        ("M192", "48.2", "a provider's whole percentage"),
        ("M001", "5.5", "a whole count"),
        ("M001", "-5", "a value that is not negative"),
    ],
)
def test_a_value_of_a_provider_that_cannot_be_is_refused(measure: str, value: str, said: str) -> None:
    expected = f"expected {said}, found {value!r} for {measure} Provider RRE"
    assert refusal(provider(measure, value)).startswith(expected)


def test_a_mean_may_be_negative() -> None:
    negative = edited("Median_WaitAccessingServices", "Mean_WaitAccessingServices", count=0)
    negative = edited(r"^(.*,Provider,.*,RRE,.*,M049,.*),[^,\n]*$", r"\g<1>,-1.8", negative)
    assert values(read(negative), "Provider", "RRE")["M049"] == -1.8


@pytest.mark.parametrize(
    ("pattern", "new", "said"),
    [
        (",Provider,", ",Hospital,", "expected a known GROUP_TYPE, found 'Hospital'"),
        ("GROUP_TYPE", "GROUP", "expected the column GROUP_TYPE, found none of that name, but 'GROUP'"),
        (",M001,", ",M1,", "expected a MEASURE_ID such as M001, found 'M1'"),
        (
            "Count_Ref",
            "Sum_Ref",
            "expected a MEASURE_NAME that begins with a unit, as Count_, found 'Sum_Ref",
        ),
        ("Count_ReferralsR", "Mean_ReferralsR", "expected one unit for each measure, found two for M001"),
        (",England,all,", ",England,E92,", "expected codes as rows of England have, found 'E92' and 'all'"),
        (",RRE,", ",all,", "expected codes as rows of Provider have, found 'all' and 'all'"),
        (",00L,", ", ,", "expected an organisation code, found ' '"),
        (",MIDLANDS [^,]*,", ",,", "expected a name for each organisation, found none for RRE"),
        (
            "^2025-04-01,2025-04-30,Prov",
            "2025-04-01,2025-04-29,Prov",
            "expected one REPORTING_PERIOD_END in all",
        ),
        ("^(.*,RRE,.*,M076,.*)$", r"\1\n\1", "found two rows for one figure: M076 Provider RRE"),
        ("^.*,England,.*,M193,.*\n", "", "expected M193 among England's figures, found none"),
        ("^.*,England,.*,M070,.*\n", "", "expected M070 among England's figures, found none"),
    ],
)
def test_a_row_that_is_not_understood_is_refused(pattern: str, new: str, said: str) -> None:
    assert said in refusal(edited(pattern, new))


@pytest.mark.parametrize(
    ("pattern", "new", "said"),
    [
        ("^.*,England,.*\n", "", "expected rows for England, found none"),
        ("2025-04-30", "2025-05-31", "expected one whole month, found 2025-04-01 to 2025-05-31"),
        ("2025-04-30", "30-Apr-25", "expected a day such as 01/05/2023 or 2025-06-01, found '30-Apr-25'"),
        ("2025-04-30", "2025-04-31", "expected a day such as 01/05/2023 or 2025-06-01, found '2025-04-31'"),
    ],
)
def test_a_file_that_is_wrong_throughout_is_refused(pattern: str, new: str, said: str) -> None:
    assert said in refusal(edited(pattern, new, count=0))


def test_a_web_page_in_the_place_of_the_file_is_refused() -> None:
    said = refusal("<!DOCTYPE html>\n<title>Moved</title>")
    assert said.startswith("expected a CSV file, found an HTML page (https://files.digital.nhs.uk/")


def test_another_month_inside_is_refused() -> None:
    assert refusal(april(), "2025-05").startswith("expected figures of 2025-05, found of 2025-04")


def test_a_file_cut_short_is_refused() -> None:
    whole = april().encode()
    for length in range(len(whole) // 2, len(whole) - 1, 97):
        if whole[length - 1 : length] != b"\n":  # a cut between two lines looks like an end
            refusal(whole[:length])


def test_a_whole_file_without_a_last_line_end_is_read() -> None:
    text = "\n".join(
        line for line in april().splitlines() if ",England," in line or line.startswith("REPORTING")
    )
    assert len(read(text)) == len(values(read(april()), "England", "England"))


@pytest.mark.parametrize(
    "measure", ["M053", "M055", "M186", "M192", "M195", "M1010", "M077", "M078", "M079", "M126", "M288"]
)
def test_a_percentage_that_its_counts_do_not_give_is_refused(measure: str) -> None:
    published = values(read(april()), "England", "England")[measure]
    assert published is not None
    said = refusal(england(measure, f"{published + 0.1:.1f}"))
    assert said.startswith(f"expected {published} for {measure} of England (")


@given(
    st.sampled_from([57, 58, 59, 60, 61, 62, 63, 66, 69, 70, 71, 72, 340, 341, 342, 344]),
    st.integers(0, 99_999),
)
def test_end_codes_must_add_up_to_all_that_ended(number: int, value: int) -> None:
    measure = f"M{number:03}"
    if values(read(april()), "England", "England")[measure] != value:
        assert "expected 149401 ended (M056) as the sum of its 16 end codes" in refusal(
            england(measure, str(value))
        )


def test_sessions_may_miss_all_that_ended_by_as_much_as_they_did() -> None:
    true = values(read(april()), "England", "England")["M153"]
    assert true is not None
    read(england("M153", f"{true + 1:.0f}"))
    assert "as M153 + M075 + M076, within 4" in refusal(england("M153", f"{true + 9:.0f}"))


@pytest.mark.parametrize(
    ("part", "whole", "tenths"), [(2_025, 10_000, 203), (1, 2_000, 1), (1, 3, 333), (2, 3, 667)]
)
def test_a_percentage_is_rounded_half_up(part: int, whole: int, tenths: int) -> None:
    assert share_in_tenths(part, whole) == tenths


@given(
    st.integers(0, 10_000),
    st.sampled_from([b"", b",", b'"', b"\n", b"\xff", b"\x00", b"*", b"9", b"-", b"M", b"<"]),
)
def test_a_damaged_file_is_read_or_refused_and_never_breaks_the_reader(place: int, byte: bytes) -> None:
    body = april().encode()
    place = place * len(body) // 10_000
    with suppress(SourceChanged):
        assert values(read(body[:place] + byte + body[place + 1 :]), "England", "England")["M056"] == 149_401


# From pages to the file


class Pages:
    """A web of captured pages that remembers what was asked of it."""

    def __init__(self, pages: Mapping[str, bytes]) -> None:
        self.pages, self.asked = pages, list[str]()

    async def get(self, url: str, *, accept: Collection[str], limit: int = 0) -> Page:
        self.asked.append(url)
        if url not in self.pages:
            raise SourceChanged("a page", "404 Not Found", url=url)
        return Page(url, self.pages[url], sorted(accept)[0])


def captured(day: str) -> Pages:
    pages = {}
    for file in (CAPTURES / day).rglob("*"):
        if file.is_file() and file.parent != CAPTURES / day:
            path = file.relative_to(CAPTURES / day).as_posix().removesuffix("/index.html")
            pages[f"https://{path}"] = file.read_bytes()
    return Pages(pages)


def test_the_overview_costs_one_request() -> None:
    web = captured("2025-06-12")
    listed = asyncio.run(SOURCE.listed(web))
    assert web.asked == [SERIES]
    assert [release.published is None for release in listed] == [True, True, True, False, False]


def test_announced_releases_cost_no_request_of_their_own() -> None:
    web = captured("2025-06-12")
    releases = asyncio.run(SOURCE.releases(web))
    assert web.asked == [SERIES, f"{SERIES}/performance-april-2025", f"{SERIES}/performance-march-2025"]
    assert [release.fingerprint is None for release in releases] == [True, True, True, False, False]
    assert releases[3].file.endswith("/B7/F15915/nhstalkingtherapies_month_apr_2025_activity_performance.csv")


def test_a_release_without_a_known_file_is_looked_up_first() -> None:
    web = captured("2025-06-12")
    listed = asyncio.run(SOURCE.listed(web))[3]
    fetched = asyncio.run(SOURCE.fetch(listed, web))
    assert fetched.release.period == "2025-04"
    assert len(SOURCE.read(fetched, NOW)) == len(read(april()))


def test_the_past_is_in_two_series() -> None:
    web = captured("2025-06-12")
    old = captured("2022-02-03").pages
    pages = Pages({**web.pages, OLD_SERIES: old[SERIES]})

    async def past() -> list[Release]:
        return [release async for release in SOURCE.past(pages)]

    assert [release.key for release in asyncio.run(past())][-2:] == [
        "performance-march-2025",
        "may-2021-final-including-a-report-on-the-iapt-employment-advisors-pilot",
    ]


def shown(name: str, first: str = "2025-04-01", last: str = "2025-04-30") -> nhs_digital.ReleasePage:
    """Return a release page that covers these days and offers a file of that name, among others."""
    title = "Performance"
    coverage = (datetime.fromisoformat(first).date(), datetime.fromisoformat(last).date())
    files = tuple(
        f"https://files.digital.nhs.uk/AA/BBBBBB/{n}" for n in ("metadata.xlsx", *filter(None, [name]))
    )
    return nhs_digital.ReleasePage(title, NOW, None, coverage, files, (), None)


@pytest.mark.parametrize(
    "name",
    [
        "nhstalkingtherapies_month_apr_2025_activity_performance.csv",
        "nhstalkingtherapies_month_apr_2025_activity_final.csv",
        "iapt_month_apr_25_activity_updated.csv",
        "iapt_month_Apr_25_activity.zip",
        "iapt_month_apr_2025_activity%20v2.csv",
        "iapt-month-april-2025-final-data-v2.csv",
        "iapt-month-Apr-25-final-data.xlsx",
        "nhstalkingtherapies_month_apr_2025_activity_performance-2.csv",
    ],
)
def test_the_activity_file_is_known_by_each_name_it_has_had(name: str) -> None:
    assert activity_file(shown(name)).endswith(f"/{name}")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "expected one monthly activity file, found 0 in 'metadata.xlsx'"),
        (
            "nhstalkingtherapies_time_series.csv",
            "expected one monthly activity file, found 0 in 'metadata.xlsx, nhst",
        ),
        ("nhstalkingtherapies_month_mar_2025_activity_performance.csv", "expected a file for 2025-04, found"),
        (
            "nhstalkingtherapies_month_foo_2025_activity_performance.csv",
            "expected a month in the file's name",
        ),
    ],
)
def test_a_release_without_its_month_s_file_is_refused(name: str, said: str) -> None:
    with pytest.raises(SourceChanged) as change:
        activity_file(shown(name))
    assert str(change.value).startswith(said)


def test_two_activity_files_are_refused() -> None:
    page = shown("nhstalkingtherapies_month_apr_2025_activity_final.csv")
    twice = replace(page, files=(*page.files, "https://x/iapt_month_apr_25_activity.zip"))
    with pytest.raises(SourceChanged, match="expected one monthly activity file, found 2 in 'nhstalking"):
        activity_file(twice)


def test_releases_of_other_spans_and_before_2021_have_no_monthly_file() -> None:
    assert activity_file(shown("", "2018-04-01", "2018-06-30")) == ""
    assert activity_file(shown("", "2020-08-01", "2020-08-31")) == ""
    assert activity_file(replace(shown(""), published=None)) == ""
    assert activity_file(replace(shown(""), coverage=None, published=NOW.replace(year=2015))) == ""
    with pytest.raises(SourceChanged, match="expected one monthly activity file"):
        activity_file(replace(shown(""), coverage=None))


# The shared samples


def month_of(period: str) -> tuple[str, str]:
    """Return the first and last day of a month."""
    year, month = map(int, period.split("-"))
    return f"{period}-01", f"{period}-{monthrange(year, month)[1]}"


def test_england_equals_the_ground_truth_in_every_shared_month(shared_samples: Path) -> None:
    folder = shared_samples / "nhs_tt_monthly"
    with (folder / "england_key_measures_2021-01_2026-03.csv").open() as file:
        truth = {row.pop("reporting_period"): row for row in csv.DictReader(file)}
    months = sorted((folder / "reconstructed").iterdir())
    assert len(months) == 55
    for path in months:
        body = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        figures = [figure for figure in read(body, None) if figure.area == ENGLAND]
        period = figures[0].period
        published = {name.partition("_")[0]: float(value) for name, value in truth[period].items() if value}
        ours = {figure.measure.id: figure.value for figure in figures if figure.measure.id in published}
        assert ours == published, period


def test_the_identities_hold_in_all_63_months(shared_samples: Path) -> None:
    months: dict[str, list[list[str]]] = {}
    truth = shared_samples / "nhs_tt_monthly" / "england_all_measures_2021-01_2026-03.csv.gz"
    with gzip.open(truth, "rt") as file:
        for row in csv.DictReader(file):
            value = row["value"].removesuffix(".0")
            months.setdefault(row["reporting_period"], []).append(
                [row["measure_id"], row["measure_name"], value]
            )
    assert len(months) == 63
    for period, rows in months.items():
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(april().partition("\n")[0].split(","))
        writer.writerows([*month_of(period), "England", "all", "x", "all", "y", *row] for row in rows)
        assert len(read(text.getvalue(), period)) == len(rows)


def test_a_shared_month_reads_the_same_from_a_zip(shared_samples: Path) -> None:
    body = gzip.decompress(
        (shared_samples / "nhs_tt_monthly/reconstructed/nhstt_2025-12.reconstructed.csv.gz").read_bytes()
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("iapt_month_Dec_25_activity.csv", body)
    assert read(packed.getvalue(), "2025-12") == read(body, "2025-12")


def test_every_real_address_is_known_as_its_months_file(shared_samples: Path) -> None:
    with (shared_samples / "nhs_tt_monthly" / "file_urls_monthly.csv").open() as file:
        addresses = {row["period"]: row["url"] for row in csv.DictReader(file)}
    for period, url in addresses.items():
        offered = replace(shown("", *month_of(period)), files=(url,))
        assert activity_file(offered) == url
        with pytest.raises(SourceChanged, match="expected a file for 2031-01"):
            activity_file(replace(shown("", *month_of("2031-01")), files=(url,)))
