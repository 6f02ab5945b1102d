"""Every number that the campaign quotes: where it comes from, and whether the claim on it stands."""

from __future__ import annotations

import csv
import gzip
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.campaign import load_campaign
from bot.rules.claims import Claim, FigureOf, standing
from scrapers.toolkit.contract import Unit
from tests.bot.cli import figurewatch
from tests.fakes.sites import Content, Sites, read_file

ROOT = Path(__file__).parents[2]
CAPTURES = ROOT / "tests" / "captures"
SHIPPED = ROOT / "campaign.toml"
ANNUAL, MONTHLY = "talking_therapies_annual", "talking_therapies_monthly"
MEDICINES, INACTIVITY = "medicines_mental_health", "inactivity_long_term_sick"
DASHBOARD, WORKFORCE = "mental_health_dashboard", "talking_therapies_workforce"
SOURCES = (ANNUAL, MONTHLY, MEDICINES, INACTIVITY, DASHBOARD, WORKFORCE)
SHOWN = (  # what the web shows at a first look, and later beside it
    (f"{ANNUAL}/2024-10-31", f"{MONTHLY}/2025-06-12", f"{MEDICINES}/2024-12-05", f"{INACTIVITY}/2025-11-11"),
    (f"{ANNUAL}/2025-10-30", f"{DASHBOARD}/2026-05-14-retired", f"{WORKFORCE}/2025-06-12"),
)
CENSUS = ("--from", "https://example.org/census.pdf", "--published", "2021-11-25", "--unit", "number")
SPEND = ("--from", "https://example.org/spend", "--published", "2024-02-08", "--unit", "million pounds")
BY_HAND = (
    (WORKFORCE, "workforce", "2019-20", "13799", CENSUS),
    (WORKFORCE, "workforce_patient_facing", "2019-20", "10721", CENSUS),
    (WORKFORCE, "workforce_not_patient_facing", "2019-20", "3059", CENSUS),
    (DASHBOARD, "talking_therapies_spend_actual", "2021-22", "776", SPEND),
    (DASHBOARD, "talking_therapies_spend_actual", "2023-24", "900", SPEND),
    (
        *(ANNUAL, "Percentage_FollowUpAppointment", "2023-24", "5.5"),
        ("--from", "https://example.org/annual", "--published", "2024-10-31", "--unit", "percent"),
    ),
)


def saved(captures: Sequence[str], place: str) -> Content | None:
    """Return the page of a place in the last of the captures that has it."""
    for capture in reversed(captures):
        for file in (CAPTURES / capture / place, CAPTURES / capture / place / "index.html"):
            if file.is_file():
                return read_file(file)
    return None


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Return the settings of a store that has read the local web, with what is entered by hand."""
    folder = tmp_path_factory.mktemp("claimed")
    campaign = folder / "campaign.toml"
    _, _, claims = SHIPPED.read_text(encoding="utf-8").partition("[[claim]]")
    head = f'[campaign]\nname = "Test"\nsources = {list(SOURCES)}\n'
    campaign.write_text(f"{head}[[claim]]{claims}", encoding="utf-8")
    settings = {
        "DATABASE_URL": f"sqlite:///{folder / 'figurewatch.db'}",
        "CAMPAIGN_FILE": str(campaign),
        "WEB_PAUSE": "0",
    }
    shown: list[str] = []
    with Sites(make=partial(saved, shown)) as web:
        for captures in SHOWN:
            shown += captures
            figurewatch({**settings, "WEB_MIRROR": web.url}, "check")
    for source, measure, period, value, more in BY_HAND:
        options = ("--measure", measure, "--period", period, "--value", value, "--name", measure, *more)
        assert figurewatch(settings, "enter", source, *options).status == 0
    return settings


def answers(store: Mapping[str, str], source: str, measure: str, period: str = "") -> list[dict[str, Any]]:
    """Return what `figures` lists of a measure, or of one period of it."""
    said = figurewatch(store, "figures", "--source", source, "--measure", measure, "--json")
    assert said.status == 0, said.err
    return [row for row in said.json if not period or row["period"] == period]


@pytest.mark.parametrize(
    ("source", "measure", "period", "value", "entered"),
    [
        (ANNUAL, "finished_share", "2023-24", 36.7, False),
        (ANNUAL, "finished_share", "2024-25", 37.0, False),
        (ANNUAL, "recovery_of_referrals", "2023-24", 17.4, False),
        (ANNUAL, "Percentage_Recovery", "2023-24", 50.1, False),
        (ANNUAL, "Percentage_Recovery", "2024-25", 50.5, False),
        (ANNUAL, "Percentage_Improvement", "2023-24", 66.8, False),
        (ANNUAL, "Count_ReferralsReceived", "2023-24", 1_829_202, False),
        (ANNUAL, "Count_FinishedCourseTreatment", "2023-24", 671_648, False),
        (ANNUAL, "Percentage_FollowUpAppointment", "2023-24", 5.5, True),
        (MONTHLY, "M053", "2025-04", 90.3, False),
        (MEDICINES, "0403_patients", "2024-Q3", 6_900_000, False),
        (MEDICINES, "0401_patients", "2024-Q3", 1_000_000, False),
        (INACTIVITY, "LF69", "2025-08", 2826, False),
        (WORKFORCE, "workforce", "2019-20", 13_799, True),
        (WORKFORCE, "workforce_patient_facing", "2019-20", 10_721, True),
        (WORKFORCE, "workforce_not_patient_facing", "2019-20", 3_059, True),
        (DASHBOARD, "talking_therapies_spend_actual", "2021-22", 776, True),
        (DASHBOARD, "talking_therapies_spend_actual", "2023-24", 900, True),
    ],
)
def test_each_number_that_is_quoted_is_answered(
    store: Mapping[str, str], source: str, measure: str, period: str, value: float, entered: bool
) -> None:
    (found,) = (row for row in answers(store, source, measure, period) if row["area"] in ("England", "UK"))
    assert (found["value"], found["entered"]) == (value, entered)


def test_each_figure_of_a_shipped_claim_is_answered(store: Mapping[str, str]) -> None:
    figures = [claim["figure"] for claim in tomllib.loads(SHIPPED.read_text(encoding="utf-8"))["claim"]]
    for figure in figures:
        for measure in filter(None, (figure["measure"], figure.get("less"))):
            assert answers(store, figure["source"], measure, figure.get("period", "")), measure


def test_the_ledger_says_which_figures_were_entered(store: Mapping[str, str]) -> None:
    rows = {row["says"]: row for row in figurewatch(store, "claims", "--json").json}
    assert {row["measure"] for row in rows.values() if row["entered"]} == {
        "Percentage_FollowUpAppointment",
        "workforce",
        "talking_therapies_spend_actual",
    }
    (workforce,) = (row for row in rows.values() if row["measure"] == "workforce")
    assert (workforce["verdict"], workforce["value"]) == ("broken", 13_799)
    assert workforce["why"] == "its own parts add up to 13,780, not to 13,799"
    assert "its figure was entered by hand." in figurewatch(store, "claims").out


def monthly(samples: Path) -> Iterator[tuple[str, str, float]]:
    """Yield measure, period and value of all that is published of England by month."""
    with gzip.open(samples / "nhs_tt_monthly/england_all_measures_2021-01_2026-03.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            if row["value"]:
                yield row["measure_id"], row["reporting_period"], float(row["value"])


def annual(samples: Path) -> Iterator[tuple[str, str, float]]:
    """Yield the same by year."""
    names = {
        "count_referrals_received": "Count_ReferralsReceived",
        "count_finished_course_treatment": "Count_FinishedCourseTreatment",
        "percentage_recovery": "Percentage_Recovery",
        "percentage_improvement": "Percentage_Improvement",
    }
    with (samples / "nhs_tt_annual/england_totals_by_year.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield from (
                (measure, row["reporting_period"], float(row[name]))
                for name, measure in names.items()
                if row[name]
            )


def test_each_shipped_claim_has_the_verdict_that_is_fair(shared_samples: Path) -> None:
    history: dict[str, dict[str, dict[str, float | None]]] = {source: {} for source in SOURCES}
    for source, figures in ((MONTHLY, monthly(shared_samples)), (ANNUAL, annual(shared_samples))):
        for measure, period, value in figures:
            history[source].setdefault(measure, {})[period] = value
    found = {
        claim.says: standing(claim, history[claim.figure.source], {claim.figure.measure: Unit.COUNT})
        for claim in load_campaign(str(SHIPPED)).claims
    }
    assert [(one.verdict, one.value, one.period) for one in found.values()] == [
        ("thin", 37.0, "2024-25"),
        ("unknown", 40.8, "2026-03"),
        ("holds", 50.5, "2024-25"),
        ("thin", 89.1, "2026-03"),
        ("unknown", None, None),
        ("holds", 5.4, "2026-03"),
        ("holds", 34.8, "2026-03"),
        ("holds", 1_829_202, "2023-24"),
        ("holds", 671_648, "2023-24"),
        ("holds", 50.1, "2023-24"),
        ("holds", 66.8, "2023-24"),
        ("broken", None, None),
        ("unknown", None, "2021-22"),
        ("unknown", None, "2023-24"),
        *[("unknown", None, None)] * 3,
    ]
    assert all(claim.note for claim in load_campaign(str(SHIPPED)).claims)


def test_the_examples_of_claims_are_right() -> None:
    section = (ROOT / "docs" / "measures.md").read_text(encoding="utf-8").partition("\n## Claims\n")[2]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    assert len(rows) == 3
    for figure, _, example, value in rows:
        numbers = [float(number.replace(",", "")) for number in re.findall(r"[\d,.]+", example)]
        asked = tomllib.loads("\n".join(re.findall(r"`(\w+ = .+?)`", figure)))
        of = FigureOf("it", re.findall(r"`(\w+)`", figure)[0], **asked)
        found = standing(Claim("it", "there", of), history_of(of, numbers), {of.measure: Unit.NUMBER})
        assert found.value == float(value.removesuffix("%"))


def history_of(figure: FigureOf, numbers: Sequence[float]) -> dict[str, dict[str, float | None]]:
    """Return what a figure is made of, from the numbers of an example in their order."""
    if figure.months:
        top, bottom = numbers[: figure.months], numbers[figure.months :]
        months = [f"2026-{month:02}" for month in range(1, figure.months + 1)]
        shares = {month: 100 * one / all_ for month, one, all_ in zip(months, top, bottom, strict=True)}
        counts = {"M052": dict(zip(months, top, strict=True)), "M076": dict(zip(months, bottom, strict=True))}
        return {"M053": {**shares}, **{code: {**values} for code, values in counts.items()}}
    if figure.less:
        return {figure.measure: {"2026-03": numbers[0]}, figure.less: {"2026-03": numbers[1]}}
    return {figure.measure: {"2024-25": numbers[0], "2019-20": numbers[1]}}
