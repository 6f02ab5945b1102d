"""NHS Digital's site as its templates render it, and monthly files in the published layout, small."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from tests.fakes.sites import Sites

SITE = "https://digital.nhs.uk"
SERIES = f"{SITE}/data-and-information/publications/statistical/"
NEW_SERIES = SERIES + "nhs-talking-therapies-monthly-statistics-including-employment-advisors"
OLD_SERIES = SERIES + "psychological-therapies-report-on-the-use-of-iapt-services"
HEADER = (
    "REPORTING_PERIOD_START,REPORTING_PERIOD_END,GROUP_TYPE,ORG_CODE1,ORG_NAME1,ORG_CODE2,ORG_NAME2,"
    "MEASURE_ID,MEASURE_NAME,MEASURE_VALUE_SUPPRESSED"
)
NAMES = {
    "M001": "Count_ReferralsReceived",
    "M031": "Count_AccessingServices",
    "M038": "Count_WaitingForTreatment",
    "M046": "Count_FirstToSecondTreatmentOver28days",
    "M047": "Count_FirstToSecondTreatmentOver90days",
    "M053": "Percentage_AccessingServices6WeeksFinishedCourseTreatment",
    "M055": "Percentage_AccessingServices18WeeksFinishedCourseTreatment",
    "M056": "Count_EndedReferrals",
    "M075": "Count_EndedTreatedOnce",
    "M076": "Count_FinishedCourseTreatment",
    "M077": "Percentage_EndedBeforeTreatment",
    "M079": "Percentage_FinishedCourseTreatment",
    "M126": "Percentage_FirstToSecondTreatmentOver90days",
    "M153": "Count_EndedBeforeTreatment",
    "M186": "Percentage_ReliableImprovement",
    "M192": "Percentage_Recovery",
    "M195": "Percentage_ReliableRecovery",
    "M288": "Percentage_AccessAttrition",
    "M1010": "Percentage_ReliableDeterioration",
}
_SHARES = frozenset({"M053", "M055", "M195"})
END_CODES = (57, 58, 59, 60, 61, 62, 63, 66, 69, 70, 71, 72, 340, 341, 342, 344)


def england(referrals: int = 163_100, **counts: int) -> dict[str, float]:
    """Return figures of England that agree with each other; `counts` replace the counts they follow from."""
    n = {
        "accessed": 96_682,
        "before": 56_370,
        "once": 39_740,
        "finished": 57_590,
        "six_weeks": 50_852,
        "eighteen_weeks": 56_496,
        "not_caseness": 2_656,
        "recovered": 28_127,
        "reliably_recovered": 26_588,
        "improved": 39_564,
        "deteriorated": 3_283,
        "second_28": 12_000,
        "second_over_28": 42_767,
        "second_over_90": 12_925,
        "waiting": 151_439,
        **counts,
    }
    ended = n["before"] + n["once"] + n["finished"]
    at_caseness = n["finished"] - n["not_caseness"]
    figures: dict[str, float] = {
        "M001": referrals,
        "M031": n["accessed"],
        "M038": n["waiting"],
        "M046": n["second_over_28"],
        "M047": n["second_over_90"],
        "M052": n["six_weeks"],
        "M053": _share(n["six_weeks"], n["finished"]),
        "M054": n["eighteen_weeks"],
        "M055": _share(n["eighteen_weeks"], n["finished"]),
        "M056": ended,
        "M075": n["once"],
        "M076": n["finished"],
        "M077": _share(n["before"], ended),
        "M079": _share(n["finished"], ended),
        "M121": n["second_28"],
        "M126": _share(n["second_over_90"], n["second_28"] + n["second_over_28"]),
        "M153": n["before"],
        "M179": n["not_caseness"],
        "M185": n["improved"],
        "M186": _share(n["improved"], n["finished"]),
        "M189": n["deteriorated"],
        "M191": n["recovered"],
        "M192": _share(n["recovered"], at_caseness),
        "M193": n["reliably_recovered"],
        "M195": _share(n["reliably_recovered"], at_caseness),
        "M1010": _share(n["deteriorated"], n["finished"]),
        "M288": _share(n["once"], n["once"] + n["finished"]),
    }
    for code in END_CODES[:-1]:
        figures[f"M{code:03}"] = ended // 20
    figures[f"M{END_CODES[-1]:03}"] = ended - (len(END_CODES) - 1) * (ended // 20)
    return dict(sorted(figures.items()))


def _share(part: int, whole: int) -> float:
    return (2000 * part + whole) // (2 * whole) / 10


def month_file(
    period: str,
    england: Mapping[str, object],
    providers: Mapping[str, Mapping[str, object]] | None = None,
) -> str:
    """Return a monthly file in the published layout; `providers` map a code to values by measure."""
    first, last = bounds(period)
    rows = [HEADER]
    places: list[tuple[str, str, Mapping[str, object]]] = [
        ("England", "all,all SubICBs,all,all Providers", england)
    ]
    for code, values in (providers or {}).items():
        places.append(("Provider", f'all,all SubICBs,{code},"{code} NHS TRUST, THE"', values))
    for kind, place, values in places:
        for measure, value in values.items():
            shown = f"{value:g}" if isinstance(value, float) else value
            rows.append(f"{first},{last},{kind},{place},{measure},{_name(measure)},{shown}")
    return "\n".join(rows) + "\n"


def _name(measure: str) -> str:
    return NAMES.get(measure, f"Count_{measure}")


def bounds(period: str) -> tuple[date, date]:
    """Return the first and last day of a month."""
    year, month = int(period[:4]), int(period[5:])
    return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])


@dataclass(frozen=True, slots=True)
class Issue:
    """One release as the site knows it: not out while `published` is None, `expected` as it is written."""

    period: str
    published: date | None = None
    expected: str = ""
    body: bytes = b""
    file: str = ""
    content_type: str = "text/csv"
    edited: str = ""
    notice: str = ""
    noticed: str = "16 December 2021 09:30 AM"
    series: str = NEW_SERIES
    suffix: str = ""  # of the address
    introduction: Sequence[str] = ()  # the sentences of that chapter; without any there is none

    @property
    def slug(self) -> str:
        """Return the last part of its address."""
        month = f"{bounds(self.period)[0]:%B-%Y}".lower()
        old = self.series == OLD_SERIES
        slug = f"{month}-final-including-a-report-on-the-iapt-pilots" if old else f"performance-{month}"
        return slug + self.suffix

    @property
    def url(self) -> str:
        """Return its address."""
        return f"{self.series}/{self.slug}"

    @property
    def chapter_url(self) -> str:
        """Return the address of its introduction."""
        return f"{self.url}/introduction"

    @property
    def title(self) -> str:
        """Return its title."""
        return f"NHS Talking Therapies Monthly Statistics, Performance {bounds(self.period)[0]:%B %Y}"

    @property
    def file_url(self) -> str:
        """Return the address of its file."""
        month = f"{bounds(self.period)[0]:%b_%Y}".lower()
        return self.file or (
            f"https://files.digital.nhs.uk/AB/12CD34/nhstalkingtherapies_month_{month}_activity_performance.csv"
        )


@dataclass(slots=True)
class Nhs:
    """The publisher on a local web of sites: `issues` by month; `serve` brings the site up to date."""

    sites: Sites
    issues: dict[str, Issue] = field(default_factory=dict)

    def publish(self, issue: Issue) -> None:
        """Add or replace a release and serve the site with it."""
        self.issues[issue.period] = issue
        self.serve()

    def change(self, period: str, **fields: object) -> None:
        """Change fields of a release and serve the site with it."""
        self.publish(replace(self.issues[period], **fields))  # type: ignore[arg-type]  # as given by the test

    def serve(self) -> None:
        """Serve both series pages and every release's page and file as they are now."""
        for series in (NEW_SERIES, OLD_SERIES):
            listed = [issue for issue in self.issues.values() if issue.series == series]
            if listed or series == NEW_SERIES:
                self.sites.put(series, series_page(listed))
        for issue in self.issues.values():
            self.sites.put(issue.url, release_page(issue))
            if issue.published:
                self.sites.put(issue.file_url, issue.body, content_type=issue.content_type)
            if issue.published and issue.introduction:
                self.sites.put(issue.chapter_url, chapter_page(issue))


def series_page(issues: Sequence[Issue]) -> str:
    """Return the page of a series."""
    out = sorted((i for i in issues if i.published), key=lambda i: i.published or date.max, reverse=True)
    upcoming = sorted((i for i in issues if not i.published), key=lambda i: i.period)
    return f"""<!DOCTYPE html><html lang="en"><body><main>
<h1 data-uipath="document.title">NHS Talking Therapies Monthly Statistics</h1>
{_section("latest", [_box(issue, "Published: ") for issue in out[:1]])}
{_section("upcoming", [_call(issue) for issue in upcoming[:4]])}
{_section("previous", [_box(issue) for issue in out[1:]])}
</main></body></html>"""


def _section(name: str, items: Sequence[str]) -> str:
    rows = "".join(f"<li>{item}</li>" for item in items)
    return f'<ul data-uipath="ps.series.publications-list.{name}">{rows}</ul>' if items else ""


def _box(issue: Issue, prefix: str = "") -> str:
    day = issue.published or date.max
    return f"""<h3><a class="cta__button" href="{issue.url.removeprefix(SITE)}">{issue.title}</a></h3>
<p class="callout-box__content-description-date">{prefix}{day.day} {day:%B %Y}</p>"""


def _call(issue: Issue) -> str:
    return f"""<h3><a class="cta__button" href="{issue.url.removeprefix(SITE)}">{issue.title}</a></h3>
<p class="cta__text">{issue.expected}</p>"""


def release_page(issue: Issue) -> str:
    """Return a release's own page: out, or announced with the same address and status 200."""
    if issue.published is None:
        return f"""<!DOCTYPE html><html lang="en"><body><main>
<h1 data-uipath="document.title">{issue.title}</h1>
<dl><dd data-uipath="ps.publication.publication-date">{issue.expected}</dd></dl>
<p class="nhsd-t-heading-xs">(Upcoming, not yet published)</p></main></body></html>"""
    first, last = bounds(issue.period)
    notice = (
        f"""<div class="nhsd-m-emphasis-box"><p class="nhsd-t-heading-s">Correction</p>
<div class="nhsd-t-body-s"><p>{issue.notice}</p></div>
<p class="nhsd-t-body-s">{issue.noticed}</p></div>"""
        if issue.notice
        else ""
    )
    edited = f'<p id="last-edited">Last edited: {issue.edited}</p>' if issue.edited else ""
    return f"""<!DOCTYPE html><html lang="en"><body><main>
<meta itemprop="temporalCoverage" content="{first}/{last}"/>
<h1 data-uipath="document.title">{issue.title}</h1>
<dl><dd data-uipath="ps.publication.publication-date">{issue.published.day} {issue.published:%b %Y}</dd>
<dd data-uipath="ps.publication.date-range">{first:%d %b %Y} to {last:%d %b %Y}</dd></dl>
{notice}<div class="js-publication-body">
<div data-uipath="ps.publication.resources-attachment">
<a class="nhsd-a-box-link" href="{issue.file_url}">data</a></div>
{edited}</div>{_chapters(issue)}</main></body></html>"""


def _chapters(issue: Issue) -> str:
    if not issue.introduction:
        return ""
    places = {"Overview": issue.url, "Introduction": issue.chapter_url}
    links = (
        f'<li><a itemprop="url" href="{url.removeprefix(SITE)}">{name}</a></li>'
        for name, url in places.items()
    )
    return f'<div id="chapter-index"><ol data-uipath="ps.publication.pages">{"".join(links)}</ol></div>'


def introduction(period: str, england: Mapping[str, float]) -> list[str]:
    """Return what the introduction says of a month's figures."""
    month = f"{bounds(period)[0]:%B %Y}"
    n = {code: f"{value:.1f}%" if code in _SHARES else f"{value:,.0f}" for code, value in england.items()}
    at_caseness = f"{england['M076'] - england['M179']:,.0f}"
    return [
        f"{n['M001']} new referrals were received in {month}.",
        f"{n['M031']} referrals had accessed NHS Talking Therapies in the month.",
        f"{n['M056']} referrals ended (for any reason) in the month.",
        f"Of the {n['M076']} referrals that finished a course of treatment in {month}, {n['M053']} waited "
        f"less than 6 weeks and {n['M055']} waited less than 18 weeks to access services.",
        f"{at_caseness} referrals finished a course of treatment in {month} having started at "
        f"caseness<sup>3</sup>, of which {n['M193']} ({n['M195']}) reliably recovered.",
    ]


def chapter_page(issue: Issue) -> str:
    """Return a release's introduction."""
    first, last = bounds(issue.period)
    items = "".join(f"<li>{sentence}</li>" for sentence in issue.introduction)
    return f"""<!DOCTYPE html><html lang="en"><body><main>
<meta itemprop="temporalCoverage" content="{first}/{last}"/>
<h1 data-uipath="document.title">{issue.title}</h1>
<div class="js-publication-body"><h2 data-uipath="ps.publication.page-title">Introduction</h2>
<div data-uipath="website.contentblock.section.content"><ul>{items}</ul></div></div>
{_chapters(issue)}</main></body></html>"""
