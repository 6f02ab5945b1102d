"""What the tests of the watch list share: entries of it, and the published past, month by month."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.rules.breaks import Breaks
from bot.rules.measures import History
from bot.rules.policy import judge_watch_list
from bot.rules.signals import Judged, State, Watch
from bot.rules.xmr import Good

NOW = datetime(2026, 5, 14, 9, 0, tzinfo=UTC)

Figures = dict[str, dict[str, float | None]]


@dataclass(frozen=True, slots=True)
class Watched:
    """An entry of a watch list."""

    measure: str = "M192"
    good: Good = "up"
    minimum: float = 1.0
    area: str = "England"
    target: float | None = None
    family: str = ""
    settings: str = "nhse"


def up_to(history: History, period: str) -> History:
    """Return the figures that were there when a period's release came out."""
    return {code: {p: v for p, v in values.items() if p <= period} for code, values in history.items()}


def judge(
    england: History,
    watches: Sequence[Watch],
    state: State | None = None,
    *,
    breaks: Breaks | None = None,
    providers: Mapping[str, History] | None = None,
    renamed: Sequence[str] = (),
) -> Judged:
    """Judge England's figures as they stand; another area that is watched has the same."""
    return judge_watch_list(
        {"England": england} | {watch.area: england for watch in watches},
        watches,
        state or {},
        NOW,
        breaks=breaks or {},
        providers=providers,
        renamed=renamed,
    )


def england(samples: Path) -> Figures:
    """Return England's published figures, 2021-01 to 2026-03."""
    history: Figures = defaultdict(dict)
    path = samples / "nhs_tt_monthly" / "england_all_measures_2021-01_2026-03.csv.gz"
    with gzip.open(path, "rt") as file:
        for row in csv.DictReader(file):
            history[row["measure_id"]][row["reporting_period"]] = float(row["value"])
    return dict(history)


def providers(samples: Path, *months: str) -> dict[str, Figures]:
    """Return the providers' published figures of some months, by code; a withheld one is None."""
    history: dict[str, Figures] = defaultdict(lambda: defaultdict(dict))
    for month in months:
        path = samples / "nhs_tt_monthly" / "reconstructed" / f"nhstt_{month}.reconstructed.csv.gz"
        with gzip.open(path, "rt") as file:
            for row in csv.DictReader(file):
                text = row["MEASURE_VALUE_SUPPRESSED"]
                if row["GROUP_TYPE"] == "Provider":
                    value = None if text == "*" else float(text)
                    history[row["ORG_CODE2"]][row["MEASURE_ID"]][month] = value
    return {code: dict(figures) for code, figures in history.items()}
