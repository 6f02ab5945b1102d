"""Bad input: each gives one line that names source, what was expected and what was found; nothing is lost."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.bot.house import MONTHLY_ALONE, House, open_house, sqlite
from tests.bot.test_whole_way import PARLIAMENT, PROVIDERS, count_now
from tests.fakes.nhs import NEW_SERIES, Issue, Nhs, england, month_file

MONTHLY = "talking_therapies_monthly"
GOOD = month_file("2026-04", england(140_001), PROVIDERS)
FILE = Issue("2026-04").file_url
PAGE = Issue("2026-04").url
CAPTCHA = "<html><head><title>Just a moment...</title></head><body>Verify you are human</body></html>"

Change = Callable[[House], object]


def body(text: str | bytes, content_type: str = "text/csv", **more: object) -> Change:
    """Return a change that puts something else where the file was."""
    return lambda house: house.sites.put(FILE, text, content_type=content_type, **more)  # type: ignore[arg-type]


def page(text: str) -> Change:
    """Return a change that puts something else where the release's page was."""
    return lambda house: house.sites.put(PAGE, text)


def swapped(old: str, new: str) -> Change:
    """Return a change of one piece of the file."""
    assert GOOD.count(old) >= 1, old
    return body(GOOD.replace(old, new, 1))


def column(old: str, new: str) -> Change:
    """Return a change of the file's heading."""
    return body(GOOD.replace(old, new, 1))


def fail(kind: object, url: str = FILE) -> Change:
    """Return a fault of the site."""
    return lambda house: house.sites.fail(url, kind)  # type: ignore[arg-type]


BAD: dict[str, tuple[Change, tuple[str, ...]]] = {
    "HTML where CSV was expected": (
        body("<html><body>Moved</body></html>", "text/html"),
        ("text/csv", "text/html"),
    ),
    "HTML that says it is CSV": (body("<!DOCTYPE html><html><body>Moved</body></html>"), ("HTML",)),
    "an empty file": (body(""), ("empty",)),
    "an empty page": (page(""), ("empty",)),
    "a captcha page with status 200": (page(CAPTCHA), ("challenge",)),
    "a captcha page in place of the file": (body(CAPTCHA, "text/html"), ("challenge",)),
    "a truncated gzip": (fail("truncated gzip"), ("cut short",)),
    "a truncated CSV": (body(GOOD[: len(GOOD) * 2 // 3]), ("expected",)),
    "a renamed column": (column("MEASURE_VALUE_SUPPRESSED", "VALUE"), ("MEASURE_VALUE", "VALUE")),
    "a missing column": (
        body("\n".join(row.partition(",")[2] for row in GOOD.splitlines())),
        ("REPORTING_PERIOD_START",),
    ),
    "an unknown suppression mark": (swapped("_M344,*", "_M344,c"), ("'c'", "M344", "RAB")),
    "an unknown GROUP_TYPE": (swapped(",Provider,", ",Neighbourhood,"), ("GROUP_TYPE", "Neighbourhood")),
    "a share where a percentage was meant": (swapped("Recovery,51.2", "Recovery,0.512"), ("M192", "0.512")),
    "a provider's share where a percentage was meant": (
        swapped("Percentage_Recovery,48", "Percentage_Recovery,0.48"),
        ("0.48",),
    ),
    "two rows for one figure": (body(GOOD + GOOD.splitlines()[-1] + "\n"), ("two rows for one figure",)),
    "a wrong month inside": (
        body(GOOD.replace("2026-04-01,2026-04-30", "2026-03-01,2026-03-31")),
        ("2026-04", "2026-03"),
    ),
    "NaN": (swapped("Received,140001", "Received,NaN"), ("NaN",)),
    "infinity": (swapped("Received,140001", "Received,inf"), ("inf",)),
    "1 GB of zeros gzipped": (fail("bomb", PAGE), ("at most",)),
    "a redirect to a host that is not listed": (
        lambda house: house.sites.redirect(FILE, "https://evil.example/file.csv"),
        ("evil.example",),
    ),
    "a wrong encoding": (body(GOOD.replace("THE", "THÉ").encode("latin-1")), ("UTF-8",)),
    "a 404": (fail(404), ("404",)),
    "a 500 that lasts": (fail(500), ("500",)),
    "a hung connection": (fail("hang"), ("timed out",)),
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house that knows March 2026 and a petition, on the day on which April comes out."""
    with open_house(sqlite(tmp_path)) as house:
        house.campaign = {"campaign": MONTHLY_ALONE, "petition": [PARLIAMENT]}
        nhs = Nhs(house.sites)
        count_now(house, 628)
        nhs.publish(
            Issue("2026-03", date(2026, 5, 14), body=month_file("2026-03", england(), PROVIDERS).encode())
        )
        asyncio.run(house.check())
        nhs.publish(Issue("2026-04", date(2026, 6, 11), body=GOOD.encode()))
        house.later(days=28)
        yield house


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_changes_nothing(house: House, name: str) -> None:
    change, says = BAD[name]
    before = stored(house)
    change(house)
    count_now(house, 629)

    results = {result.source.key: result for result in asyncio.run(house.check())}

    error = results[MONTHLY].error
    assert error is not None
    assert "\n" not in error
    assert len(error) < 400
    for word in says:
        assert word in error, error
    assert stored(house) == before
    assert results["parliament_petition:5"].error is None
    assert [text.splitlines()[0] for text in house.team[1:]] == ["✍️ 629 signatures"]


def stored(house: House) -> set[tuple[str, str, float | None]]:
    """Return the monthly figures that the store holds."""
    with house.store() as store, store.reading() as tx:
        return {(f.period, f.measure, f.value) for f in tx.figures(MONTHLY)}


def test_a_gzipped_file_is_read_like_a_plain_one(house: House) -> None:
    house.sites.put(
        FILE, gzip.compress(GOOD.encode()), content_type="text/csv", headers={"Content-Encoding": "gzip"}
    )
    assert asyncio.run(house.check(MONTHLY))[0].error is None


def test_a_series_page_without_its_lists_is_refused(house: House) -> None:
    house.sites.put(NEW_SERIES, "<html><body><main><h1>We have moved</h1></main></body></html>")
    error = asyncio.run(house.check(MONTHLY))[0].error
    assert error is not None
    assert NEW_SERIES in error
