"""The real history: five years of published figures from a local web through the whole way."""

from __future__ import annotations

import asyncio
import csv
import gzip
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import groupby, pairwise
from pathlib import Path

import pytest

from bot.rules.digest import MOST
from bot.rules.periods import shifted
from tests.bot.house import House, open_house, sqlite
from tests.fakes.nhs import NEW_SERIES, OLD_SERIES, Issue, Nhs

MONTHLY = "talking_therapies_monthly"
NEWEST = "2026-01"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def workbook(text: str, sheet: str) -> bytes:
    """Return a monthly file as the workbook that its address promises, with real dates and numbers in it."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    rows = book.create_sheet(sheet)
    for number, row in enumerate(csv.reader(io.StringIO(text))):
        rows.append(row if number == 0 else [*map(_day, row[:2]), *row[2:9], _number(row[9])])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _day(text: str) -> date:
    day, month, year = map(int, text.split("/"))
    return date(year, month, day)


def _number(text: str) -> float | str:
    return float(text) if text.replace(".", "").lstrip("-").isdigit() else text


def issues(samples: Path) -> Iterator[Issue]:
    """Yield every month of the samples at its true address, wrapped as that address says."""
    monthly = samples / "nhs_tt_monthly"
    with (monthly / "file_urls_monthly.csv").open() as file:
        addresses = {row["period"]: row for row in csv.DictReader(file)}
    for path in sorted((monthly / "reconstructed").glob("*.csv.gz")):
        period = path.name[6:13]
        body, kind = gzip.decompress(path.read_bytes()), "text/csv"
        if addresses[period]["format"] == "xlsx":
            body, kind = workbook(body.decode(), addresses[period]["sheet"]), XLSX
        out = shifted(period, 2)
        yield Issue(
            period,
            date(int(out[:4]), int(out[5:]), 10),
            body=body,
            file=addresses[period]["url"],
            content_type=kind,
            edited="",
            series=OLD_SERIES if period < "2023-05" else NEW_SERIES,
        )


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house that watches the monthly figures alone."""
    with open_house(sqlite(tmp_path)) as house:
        house.campaign = {"campaign": {"name": "History", "sources": [MONTHLY]}}
        yield house


def test_five_years_are_read_to_the_last_digit_and_the_next_month_is_one_message_beside_what_moved(
    house: House, shared_samples: Path
) -> None:
    nhs = Nhs(house.sites)
    nhs.issues = {issue.period: issue for issue in issues(shared_samples)}
    newest = nhs.issues[NEWEST]

    async def story() -> None:
        house.now = datetime(2026, 3, 1, 12, tzinfo=UTC)
        nhs.publish(Issue(NEWEST, expected="10 Mar 2026"))
        past = await house.backfill(MONTHLY)
        assert (past.read, past.refused, past.passing) == (len(nhs.issues) - 1, {}, {})
        await house.check()
        assert house.team == []

        house.now = datetime(2026, 3, 10, 9, 30, 20, tzinfo=UTC)
        nhs.publish(newest)
        await house.check()
        release, *moved = house.team
        assert release.startswith("📊 NHS Talking Therapies, monthly, England: January 2026\n")
        assert len(moved) <= MOST
        assert all(" organisations" in text or "usual " in text for text in moved)
        await house.check()
        assert house.team == [release, *moved]

        address = newest.file.replace("/D3/", "/D4/")
        nhs.change(
            NEWEST,
            body=newest.body.replace(
                b"M001,Count_ReferralsReceived,159819", b"M001,Count_ReferralsReceived,159820"
            ),
            file=address,
        )
        await house.check()
        await house.check()
        (correction,) = house.team[1 + len(moved) :]
        assert "Referrals received (M001), England: now 159,820, was 159,819" in correction
        assert len(correction.splitlines()) == 4

    asyncio.run(story())
    assert house.operator == []
    release, correction = (line.splitlines()[0] for line in house.told)
    assert release == "📬 #A1 told: 1 of 1 chat, 20 s after publication"
    assert correction.endswith(" told: 1 of 1 chat, 0 s after it was found")
    assert published(house) == truth(shared_samples, set(nhs.issues))


def published(house: House) -> dict[tuple[str, str], float | None]:
    """Return England's first published figures as stored, by month and measure."""
    with house.store() as store, store.reading() as tx:
        return {
            (f.period, f.measure): f.value for f in tx.figures(MONTHLY, None, "England") if not f.revision
        }


def truth(samples: Path, periods: set[str]) -> dict[tuple[str, str], float | None]:
    """Return England's figures of these months as tabulated beside the samples."""
    path = samples / "nhs_tt_monthly" / "england_all_measures_2021-01_2026-03.csv.gz"
    with gzip.open(path, "rt") as file:
        return {
            (row["reporting_period"], row["measure_id"]): float(row["value"])
            for row in csv.DictReader(file)
            if row["reporting_period"] in periods
        }


def test_the_key_measures_of_the_ground_truth_are_among_the_stored_ones(shared_samples: Path) -> None:
    tabulated = truth(shared_samples, {"2021-06", "2025-11"})
    with (shared_samples / "nhs_tt_monthly" / "england_key_measures_2021-01_2026-03.csv").open() as file:
        for row in csv.DictReader(file):
            for name, text in row.items():
                key = (row["reporting_period"], name.partition("_")[0])
                if name != "reporting_period" and text and key[0] in ("2021-06", "2025-11"):
                    assert tabulated[key] == float(text), key


def test_the_petition_is_read_through_its_unavailable_hour(house: House, shared_samples: Path) -> None:
    samples = shared_samples / "petition"
    page, script = (
        "https://keepournhspublic.com/petition/",
        "https://civi.example.org/sites/default/files/civicrm",
    )
    house.sites.put(page, (samples / "konp_page_raw.html").read_bytes())
    house.campaign = {
        "campaign": {"name": "Petition", "sources": []},
        "petition": [
            {
                "source": "konp_petition",
                "url": page,
                "hosts": ["civi.example.org"],
                "tell_at": [629, "every 10"],
            }
        ],
    }

    async def story() -> None:
        for name in ("628", "629", "630_target_rolls", "unavailable", "unavailable", "630_target_rolls"):
            house.later(minutes=15)
            body = (samples / f"konp_inlay_bundle_{name}.js").read_bytes()
            house.sites.put(f"{script}/inlay-0a1b2c3d4e5f.js", body, content_type="application/javascript")
            await house.check()

    asyncio.run(story())
    assert [text.splitlines()[0] for text in house.team[1:]] == ["✍️ 629 signatures", "✍️ 630 signatures"]
    assert ["unavailable" in text for text in house.operator] == [True, False]
    with house.store() as store, store.reading() as tx:
        readings = {
            m: [f.value for f in tx.figures("konp_petition", m)] for m in ("signatures", "displayed_target")
        }
    assert readings == {"signatures": [628, 629, 630], "displayed_target": [900, 1000]}


def test_falling_counts_are_stored_and_tell_nobody(house: House, shared_samples: Path) -> None:
    with (shared_samples / "petition" / "parliament_241584_readings_2019.csv").open() as file:
        counts = [int(row["signature_count"]) for row in csv.DictReader(file)]
    falls = [(a, b) for a, b in pairwise(counts) if b < a]
    assert falls
    house.campaign = {
        "campaign": {"name": "Petition", "sources": []},
        "petition": [{"source": "parliament_petition", "id": 241584, "tell_at": ["every 1000"]}],
    }
    document = (shared_samples / "petition" / "parliament_241584_2019-03-24.json").read_text()

    async def story() -> None:
        for before, after in falls[:4]:
            for count in (before, after):
                house.later(minutes=15)
                house.sites.put(
                    "https://petition.parliament.uk/petitions/241584.json",
                    document.replace('"signature_count":5156603', f'"signature_count":{count}'),
                    content_type="application/json",
                )
                await house.check()

    asyncio.run(story())
    with house.store() as store, store.reading() as tx:
        stored = [f.value for f in tx.figures("parliament_petition:241584", "signatures")]
    assert stored == [count for count, _ in groupby(count for fall in falls[:4] for count in fall)]
    assert len([text for text in house.team if "signatures" in text]) <= 4
