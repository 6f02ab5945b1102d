"""The pages of digital.nhs.uk: series, releases that are out, and announced ones."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from scrapers.toolkit import nhs_digital
from scrapers.toolkit.contract import LONDON, Page, Release, SourceChanged

CAPTURES = Path(__file__).parents[1] / "captures" / "talking_therapies_monthly"
STATISTICS = "data-and-information/publications/statistical"
SERIES = f"{STATISTICS}/nhs-talking-therapies-monthly-statistics-including-employment-advisors"
OLD = f"{STATISTICS}/psychological-therapies-report-on-the-use-of-iapt-services"
MAY_2021 = f"{OLD}/may-2021-final-including-a-report-on-the-iapt-employment-advisors-pilot"


def captured(day: str, path: str) -> Page:
    body = (CAPTURES / day / "digital.nhs.uk" / path / "index.html").read_bytes()
    return Page(f"https://digital.nhs.uk/{path}", body, "text/html", "utf-8")


SERIES_PAGE = captured("2025-06-12", SERIES)
RELEASE_PAGE = captured("2025-06-12", f"{SERIES}/performance-april-2025")
REVISED_PAGE = captured("2022-02-03", MAY_2021)


def with_text(page: Page, old: str, new: str) -> Page:
    text = page.body.decode()
    assert old in text
    return replace(page, body=text.replace(old, new).encode())


def test_a_series_lists_what_is_out_and_what_is_announced() -> None:
    series = nhs_digital.series_page(SERIES_PAGE)
    assert series.title == "NHS Talking Therapies Monthly Statistics Including Employment Advisors"
    assert [(release.key, release.published) for release in series.out] == [
        ("performance-april-2025", datetime(2025, 6, 12, 8, 30, tzinfo=UTC)),
        ("performance-march-2025", datetime(2025, 5, 8, 8, 30, tzinfo=UTC)),
    ]
    assert [(release.key, release.expected, release.published) for release in series.upcoming] == [
        ("performance-may-2025", "2025-07-10", None),
        ("performance-june-2025", "2025-08-14", None),
        ("performance-july-2025", "2025-09", None),
    ]
    assert series.out[0].url == f"https://digital.nhs.uk/{SERIES}/performance-april-2025"


def test_a_note_that_the_series_was_replaced_is_no_release() -> None:
    series = nhs_digital.series_page(captured("2023-08-10", SERIES))
    assert [release.key for release in series.out] == ["performance-may-2023"]
    assert series.upcoming == ()


def test_a_release_that_stands_in_both_lists_is_out() -> None:
    series = nhs_digital.series_page(with_text(SERIES_PAGE, "performance-may-2025", "performance-april-2025"))
    assert [release.key for release in series.out][:1] == ["performance-april-2025"]
    assert [release.key for release in series.upcoming] == ["performance-june-2025", "performance-july-2025"]


def test_a_release_in_winter_comes_out_at_half_past_nine_in_london_too() -> None:
    page = with_text(SERIES_PAGE, "Published: 12 June 2025", "Published: 12 January 2025")
    assert nhs_digital.series_page(page).out[0].published == datetime(2025, 1, 12, 9, 30, tzinfo=UTC)


def test_a_release_page_says_what_is_published() -> None:
    shown = nhs_digital.release_page(RELEASE_PAGE)
    assert shown.published == datetime(2025, 6, 12, 8, 30, tzinfo=UTC)
    assert shown.coverage == (date(2025, 4, 1), date(2025, 4, 30))
    assert shown.month == "2025-04"
    assert shown.files[0].endswith("/B7/F15915/nhstalkingtherapies_month_apr_2025_activity_performance.csv")
    assert len(shown.files) == 2
    assert shown.last_edited == datetime(2025, 6, 12, 9, 30, tzinfo=LONDON)
    assert shown.notices == ()


def test_a_page_that_answers_but_is_upcoming_is_an_announcement() -> None:
    near = nhs_digital.release_page(captured("2025-06-12", f"{SERIES}/performance-may-2025"))
    far = nhs_digital.release_page(captured("2025-06-12", f"{SERIES}/performance-july-2025"))
    assert (near.published, near.expected, near.files) == (None, "2025-07-10", ())
    assert (far.published, far.expected) == (None, "2025-09")
    listed = Release("k", "t", "u", published=datetime(2025, 6, 12, tzinfo=UTC), fingerprint="old")
    assert near.update(listed, "") == Release("k", near.title, "u", expected="2025-07-10")


def test_change_notices_are_read_in_the_sites_odd_clock_and_the_newest_is_told() -> None:
    shown = nhs_digital.release_page(REVISED_PAGE)
    assert [notice.at for notice in shown.notices] == [
        datetime(2021, 12, 16, 9, 30, tzinfo=LONDON),
        datetime(2022, 2, 3, 13, 6, tzinfo=LONDON),
    ]
    release = shown.update(Release("k", "t", "u"), "f")
    assert release.notice == "Correction: A footnote was put right."
    assert release.file == "f"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("FF/53FAFC", "FF/53FAFD"),
        ("A footnote was put right", "Two footnotes were put right"),
        ("3 February 2022 1:06 pm", "4 February 2022 1:06 pm"),
    ],
    ids=["a file's address", "a notice", "the last edit"],
)
def test_the_fingerprint_changes_with_anything_inside(old: str, new: str) -> None:
    before, after = (
        nhs_digital.release_page(page).fingerprint
        for page in (REVISED_PAGE, with_text(REVISED_PAGE, old, new))
    )
    assert before != after


def test_the_fingerprint_is_blind_to_the_pages_dress() -> None:
    dressed = with_text(REVISED_PAGE, "nhsd-o-global-header", "nhsd-o-other-header")
    assert nhs_digital.release_page(dressed).fingerprint == nhs_digital.release_page(REVISED_PAGE).fingerprint


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "js-publication-body",
            "js-body",
            "expected either a publication or '(Upcoming, not yet published)', found neither",
        ),
        (
            "2025-04-01/2025-04-30",
            "April 2025",
            "expected days covered such as 2025-04-01/2025-04-30, found 'April 2025'",
        ),
        ("2025-04-01/2025-04-30", "2025-04-30/2025-04-01", "expected days covered such as"),
        (
            "01 Apr 2025 to 30 Apr 2025",
            "01 May 2025 to 31 May 2025",
            "expected the date range 2025-04-01/2025-04-30",
        ),
        ("12 Jun 2025", "12/06/2025", "expected a day such as 12 June 2025, found '12/06/2025'"),
        ("12 Jun 2025", "Jun 2025", "expected a day such as 12 June 2025, found 'Jun 2025'"),
        (
            "Last edited: 12 June 2025 9:30 am",
            "Edited yesterday",
            "expected 'Last edited: …', found 'Edited yesterday'",
        ),
        ('data-uipath="document.title"', "", "expected one element for the release's title"),
        (
            'data-uipath="ps.publication.publication-date"',
            "",
            "expected one element for the publication date",
        ),
    ],
)
def test_a_release_page_that_is_not_understood_is_refused(old: str, new: str, said: str) -> None:
    with pytest.raises(SourceChanged) as change:
        nhs_digital.release_page(with_text(RELEASE_PAGE, old, new))
    assert str(change.value).startswith(said)
    assert change.value.url == RELEASE_PAGE.url


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Published: 12 June", "Out on: 12 June", "expected a date after 'Published: '"),
        ("Sept 2025", "Autumn 2025", "expected a day such as 12 June 2025, found 'Autumn 2025'"),
        ("ps.series.publications-list", "list", "expected a list of publications, found none"),
        ("performance-march-2025", "performance-april-2025", "expected each publication once"),
        ('class="cta__button"', 'class="button"', "expected one element for a publication's link"),
    ],
)
def test_a_series_page_that_is_not_understood_is_refused(old: str, new: str, said: str) -> None:
    with pytest.raises(SourceChanged) as change:
        nhs_digital.series_page(with_text(SERIES_PAGE, old, new))
    assert str(change.value).startswith(said)


@pytest.mark.parametrize(
    "body", [b"", b"<html><title>Are you human?</title><p>Please wait</p></html>", b"busy"]
)
def test_a_page_without_content_is_refused(body: bytes) -> None:
    for read in (nhs_digital.series_page, nhs_digital.release_page):
        with pytest.raises(SourceChanged):
            read(replace(SERIES_PAGE, body=body))


@pytest.mark.parametrize(
    ("first", "last", "month"),
    [
        (date(2025, 4, 1), date(2025, 4, 30), "2025-04"),
        (date(2024, 2, 1), date(2024, 2, 29), "2024-02"),
        (date(2023, 12, 1), date(2023, 12, 31), "2023-12"),
        (date(2025, 4, 1), date(2025, 4, 29), None),
        (date(2025, 4, 2), date(2025, 4, 30), None),
        (date(2018, 4, 1), date(2018, 6, 30), None),
        (date(2018, 1, 27), date(2018, 1, 27), None),
    ],
)
def test_only_a_whole_month_is_a_month(first: date, last: date, month: str | None) -> None:
    assert nhs_digital.month_of(first, last) == month


def test_the_shared_pages_are_read_as_expected(shared_samples: Path) -> None:
    folder = shared_samples / "nhsd_pages"
    for name, expected in json.loads((folder / "expected.json").read_text()).items():
        if name.endswith(".html"):
            url = f"https://digital.nhs.uk/{SERIES}"
            check_shared_page(Page(url, (folder / name).read_bytes(), "text/html", "utf-8"), expected)


def check_shared_page(page: Page, expected: dict[str, object]) -> None:
    if expected["kind"] == "series":
        series = nhs_digital.series_page(page)
        latest = series.out[0].published
        assert latest is not None
        assert latest.astimezone(LONDON).date().isoformat() == expected["latest_published"]
        upcoming = [[r.title.rpartition(", ")[2], r.expected] for r in series.upcoming]
        wanted = expected["upcoming"]
        assert isinstance(wanted, list)
        assert upcoming == [[title, when.partition(" ")[0]] for title, when in wanted]
        assert len(series.out) - 1 == expected["past_count"]
        return
    shown = nhs_digital.release_page(page)
    if expected["kind"] == "upcoming":
        assert shown.published is None
        assert shown.expected == str(expected["announced"]).partition(" ")[0]
    if expected["kind"] == "release":
        assert shown.title == expected["title"]
        assert shown.month == expected["period"]
        assert expected["data_file"] in shown.files
    if expected["kind"] == "chapter":
        figures = expected["figures"]
        assert isinstance(figures, dict)
        assert shown.month == figures["period"]
        assert len(shown.notices) == expected.get("notices", 0)


ANNUAL = f"{STATISTICS}/nhs-talking-therapies-for-anxiety-and-depression-annual-reports/2024-25"


def captured_report(path: str) -> Page:
    folder = CAPTURES.parent / "talking_therapies_annual" / "2025-10-30" / "digital.nhs.uk"
    return Page(
        f"https://digital.nhs.uk/{path}", (folder / path / "index.html").read_bytes(), "text/html", "utf-8"
    )


def test_a_release_of_a_financial_year_names_its_parts() -> None:
    shown = nhs_digital.release_page(captured_report(ANNUAL))
    assert (shown.month, shown.year) == (None, "2024-25")
    assert shown.parts[-1] == f"https://digital.nhs.uk/{ANNUAL}/therapy-based-outcomes"
    assert shown.update(Release("2024-25", "", ""), "").period == "2024-25"


def test_a_part_of_a_release_gives_its_files_once() -> None:
    part = captured_report(f"{ANNUAL}/therapy-based-outcomes")
    (file,) = nhs_digital.part_files(part)
    assert nhs_digital.file_name(file) == "ther-based-outcomes2425-2.zip"
    link = '<a class="nhsd-a-link" href='
    assert nhs_digital.part_files(with_text(part, link, f'<a href="{file}">again</a> {link}')) == (file,)
    with pytest.raises(SourceChanged, match="the release's title"):
        nhs_digital.part_files(with_text(part, "document.title", "other"))


@pytest.mark.parametrize(
    ("first", "last", "year"),
    [
        (date(2023, 4, 1), date(2024, 3, 31), "2023-24"),
        (date(1999, 4, 1), date(2000, 3, 31), "1999-00"),
        (date(2023, 1, 1), date(2023, 12, 31), None),
        (date(2023, 4, 1), date(2025, 3, 31), None),
        (date(2023, 4, 1), date(2023, 4, 30), None),
    ],
)
def test_a_financial_year_begins_in_april(first: date, last: date, year: str | None) -> None:
    assert nhs_digital.year_of(first, last) == year
