"""Every site that the shipped campaign asks, and one of each other source, from the captures and the fakes.

In a test, `with shipped() as sites:`; in a process of its own, `python -m tests.fakes.shipped` serves it and
prints its base address. Pages and reports have the size of real ones.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fakes.nhs import (
    NEW_SERIES,
    OLD_SERIES,
    Issue,
    Nhs,
    england,
    introduction,
    month_file,
    release_page,
)
from tests.fakes.sites import Sites

CAPTURES = Path(__file__).parents[1] / "captures"
SERVED_AS_THEY_ARE = (
    "inactivity_long_term_sick/2025-11-11",
    "medicines_mental_health/2024-12-05",
    "mental_health_dashboard/2023-10-12",
    "page_figure/2024-11-24-json",
    "parliament_petition/2024-11-24",
    "petition_platforms/2025-03-03-38-degrees",
    "petition_platforms/2025-03-05-change-org",
    "petition_platforms/2025-03-06-action-network",
    "publisher_notices/2025-06-12",
    "talking_therapies_annual/2025-10-30",
    "talking_therapies_metadata/2026-07-09",
    "talking_therapies_annual_metadata/2025-10-30",
    "talking_therapies_workforce/2025-06-12",
)
# One of each source that the campaign does without.
MORE = """
[[petition]]
source = "parliament_petition"
id = 700143

[[petition]]
source = "petition_platforms"
id = "38-degrees"
url = "https://you.38degrees.org.uk/petitions/review-nhs-talking-therapies"

[[petition]]
source = "petition_platforms"
id = "change"
url = "https://www.change.org/p/review-nhs-talking-therapies"

[[petition]]
source = "petition_platforms"
id = "action"
url = "https://actionnetwork.org/petitions/review-nhs-talking-therapies"

[[source]]
id = "election"
title = "Signatures as JSON"
url = "https://petition.parliament.uk/petitions/700143/count.json"
json = "/signature_count"
unit = "count"
range = { min = 100_000, max = 10_000_000 }
"""
PETITION = "https://www.cbtwatch.com/tag/nhs-talking-therapies-accountability/"
NEWS = "https://keepournhspublic.com/rss/"
REPORT = "https://www.odsdatasearchandexport.nhs.uk/api/getReport?report="
# Rows in the measure of each report, and what stands in them after their code: most are of no concern.
_REST = '"","","","","","","19910401"' + ',""' * 16
ROWS = {
    "etr": (700, f'"SOMEWHERE NHS TRUST","Y58","QE1",{_REST}'),
    "ect": (60, f'"SOMEWHERE CARE TRUST","Y58","QE1",{_REST}'),
    "eother": (4_000, f'"SOMEWHERE ELSE","","",{_REST}'),
    "succ": (20_000, '"A81002","M","19990401",""'),
}
MONTHS, NEWEST = 60, "2026-03"
# What surrounds the few lines of a capture on a real page: two hundred links, and scripts.
_SURROUNDINGS = (
    "<nav><ul>"
    + '<li class="nav-item"><a href="/about">What else is published here</a></li>\n' * 200
    + f"</ul></nav><script>/* {'a script of the site ' * 3_000} */</script>"
)


@contextmanager
def shipped() -> Iterator[Sites]:
    """Serve them all."""
    with TemporaryDirectory() as name, Sites(Path(name)) as sites:
        for capture in SERVED_AS_THEY_ARE:
            _lay_out(CAPTURES / capture, Path(name))
        _petition(sites)
        _reports(sites)
        _months(sites)
        feed = _file("publisher_notices/2025-06-12/digital.nhs.uk/feed/pubfeed.xml")
        sites.put(NEWS, feed, "application/rss+xml")
        yield sites


def _lay_out(capture: Path, folder: Path) -> None:
    for file in capture.glob("*/**/*"):
        if file.is_file():
            place = folder / file.relative_to(capture)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(_surrounded(file.read_bytes()))


def _surrounded(page: bytes) -> bytes:
    """Return a page of the size of a real one; what is no page stays as it is."""
    return page.replace(b"</body>", f"{_SURROUNDINGS}</body>".encode())


def _file(place: str) -> bytes:
    return (CAPTURES / place).read_bytes()


def _petition(sites: Sites) -> None:
    """Put the petition's page where the campaign looks for it, and its script on the same host."""
    theirs, ours = b"civi.example.org", b"www.cbtwatch.com"
    folder = "konp_petition/2025-11-08"
    place = "sites/default/files/civicrm/inlay-0a1b2c3d4e5f.js"
    page = _file(f"{folder}/keepournhspublic.com/nhs-talking-therapies-petition/index.html")
    script = _file(f"{folder}/civi.example.org/{place}")
    sites.put(PETITION, _surrounded(page.replace(theirs, ours)))
    sites.put(f"https://www.cbtwatch.com/{place}", script, "text/javascript")


def _reports(sites: Sites) -> None:
    """Put the reports of organisations, with the rows of their captures."""
    for name, (count, rest) in ROWS.items():
        rows = "".join(f'"Z{number:05}",{rest}\n' for number in range(count))
        place = f"organisations/2026-05-14-{name}/{REPORT.removeprefix('https://')}{name}/index.html"
        kept = _file(place).decode() if (CAPTURES / place).is_file() else ""
        sites.put(f"{REPORT}{name}", kept + rows, "text/csv")


def _months(sites: Sites) -> None:
    """Put the monthly statistics, of which the newest page links to the workbook of definitions."""
    nhs = Nhs(sites)
    newest = 12 * int(NEWEST[:4]) + int(NEWEST[5:]) - 1
    for number in range(newest, newest - MONTHS, -1):
        period = f"{number // 12}-{number % 12 + 1:02}"
        out = date((number + 2) // 12, (number + 2) % 12 + 1, 12)
        series = NEW_SERIES if period > "2023-04" else OLD_SERIES
        figures = england(150_000 + number)
        said = introduction(period, figures)
        nhs.issues[period] = Issue(
            period, out, series=series, body=month_file(period, figures).encode(), introduction=said
        )
    nhs.publish(Issue("2026-04", expected="11 Jun 2026"))
    workbook = (
        "https://digital.nhs.uk/binaries/content/assets/website-assets/data-and-information/datasets/"
        "nhs-talking-therapies/reports/nhstalkingtherapies-monthly-metadata-20260709.xlsx"
    )
    page = release_page(nhs.issues[NEWEST])
    page = page.replace("</main>", f'<a href="{workbook}">Metadata</a></main>')
    sites.put(nhs.issues[NEWEST].url, _surrounded(page.encode()))


def main() -> None:
    """Serve until killed; the first line of output is the base address."""
    with shipped() as sites:
        print(sites.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
