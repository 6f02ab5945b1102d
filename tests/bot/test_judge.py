"""`figurewatch judge`: the XmR verdict on a series that somebody brings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.rules import periods
from tests.bot.cli import figurewatch
from tests.bot.test_xmr import GOOD, VECTORS, row, vectors

CALM = ["50", "52", "49", "51", "48", "51", "50"] * 4


def file(folder: Path, *lines: str, header: str = "period,value") -> str:
    """Return the path of a CSV file with these lines."""
    path = folder / "series.csv"
    path.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    return str(path)


def months(values: list[str], first: str = "2022-01") -> list[str]:
    """Return a line for each month."""
    return [f"{periods.shifted(first, n)},{value}" for n, value in enumerate(values)]


def judged(folder: Path, lines: list[str], *options: str) -> Any:
    """Return the JSON of a verdict."""
    said = figurewatch({}, "judge", file(folder, *lines), "--json", *options)
    assert (said.status, said.err) == (0, "")
    return said.json


def test_the_vectors_of_the_reference_come_out_of_the_command_as_they_went_in(
    tmp_path: Path, shared_samples: Path
) -> None:
    tried = 0
    for series, run in vectors(shared_samples):
        options, expected = run["options"], run["expected"]
        lines = [
            f"{day[:7]},{'' if value is None else value}"
            for day, value in zip(series["dates"], series["values"], strict=True)
        ]
        if "gaps" in series["id"]:
            continue  # the reference does not notice a month that is absent; here it is a gap
        words = ["--settings", "r", "--good", GOOD[options["improvement_direction"]]]
        words += [] if options["screen_outliers"] else ["--no-screen"]
        words += ["--target", str(options["target"])] if "target" in options else []
        words += [word for start in options.get("rebase") or [] for word in ("--rebase", start)]
        fixed = options.get("fix_after_n_points")
        words += ["--baseline", str(fixed)] if fixed else []
        document = judged(tmp_path, lines, *words)
        points = document["points"]
        assert [point["type"] for point in points] == expected["special_cause_type"], series["id"]
        assert [point["flag"] for point in points] == expected["special_cause_flag"]
        for name, theirs in (("mean", "mean"), ("lower", "lpl"), ("upper", "upl")):
            np.testing.assert_allclose(row([p[name] for p in points]), row(expected[theirs]), 1e-9)
        assert document["variation"] == expected["variation_icon"]
        assert document["assurance"] == expected["assurance_type"]
        tried += 1
    assert tried == 2 * (VECTORS - 1)


def test_a_verdict_is_said_in_words(tmp_path: Path) -> None:
    said = figurewatch(
        {}, "judge", file(tmp_path, *months([*CALM, "57"])), "--good", "down", "--target", "40"
    )
    assert said.status == 0
    assert said.out.splitlines() == [
        "series.csv: 29 months with a value, 2022-01 to 2024-05; 0 without one, 0 missing",
        "2024-05: 57, above its usual range",
        "Usual range 44.394 to 56.364, average 50.379",
        "Variation: concern high",
        "Assurance: consistent fail, target 40",
        "special cause  value  why",
        "2024-05           57  Above UCL",
    ]


def test_a_blank_is_published_without_a_value_and_an_absent_month_is_a_gap(tmp_path: Path) -> None:
    lines = months(["50", "52", "", "51", "48", "51", "50", "49"])
    document = judged(tmp_path, [lines[0], *lines[2:]])
    assert [point["period"] for point in document["points"]][:2] == ["2022-01", "2022-03"]
    assert document["points"][1]["value"] is None
    assert document["missing"] == ["2022-02"]
    assert document["warning"] == (
        "limits of 6 months with a value are trial limits; 13 are needed for a verdict"
    )


def test_a_newest_month_without_a_value_is_not_called_no_change(tmp_path: Path) -> None:
    said = figurewatch({}, "judge", file(tmp_path, *months([*CALM, ""])))
    assert "2024-05: not published, so that nothing is said of it" in said.out.splitlines()


@pytest.mark.parametrize(
    ("written", "missing"),
    [
        (["2025-Q3", "2025-Q4", "2026-Q2"], ["2026-Q1"]),
        (["2010-11", "2011-12", "2013-14"], ["2012-13"]),
        (["1999-00", "2000-01"], []),
        (["2019", "2021"], ["2020"]),
        (["2022-12-01", "2023-02-01"], ["2023-01"]),
    ],
)
def test_months_quarters_and_years_are_read(tmp_path: Path, written: list[str], missing: list[str]) -> None:
    assert judged(tmp_path, [f"{period},1" for period in written])["missing"] == missing


def test_limits_may_begin_anew_be_fixed_and_be_screened(tmp_path: Path) -> None:
    lines = months(CALM + [str(float(value) + 20) for value in CALM])
    anew = judged(tmp_path, lines, "--rebase", "2024-05")["points"]
    assert anew[27]["mean"] == pytest.approx(anew[28]["mean"] - 20)
    assert judged(tmp_path, lines, "--baseline", "28")["points"][-1]["mean"] == pytest.approx(anew[0]["mean"])
    plain, screened = (judged(tmp_path, lines, *o)["points"][0]["upper"] for o in ((), ("--screen",)))
    assert screened < plain
    r, r_plain = (
        judged(tmp_path, lines, "--settings", "r", *o)["points"][0]["upper"] for o in ((), ("--no-screen",))
    )
    assert (r, r_plain) == (screened, plain)


def test_a_chart_is_drawn(tmp_path: Path) -> None:
    chart = tmp_path / "series.png"
    lines = [*months(CALM), "2024-08,57"]
    judged(tmp_path, lines, "--chart", str(chart), "--good", "up", "--target", "55", "--rebase", "2023-01")
    assert chart.read_bytes().startswith(b"\x89PNG")
    said = figurewatch({}, "judge", file(tmp_path, *lines), "--chart", str(tmp_path / "none" / "series.png"))
    assert (said.status, said.out) == (2, "")
    assert said.err.endswith("series.png cannot be written: No such file or directory\n")


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ([], "series.csv: expected periods and values, found none"),
        (
            ["March 2026,5"],
            "line 2: expected a period like 2025-26, 2026-03, 2025-Q3, 2025, found 'March 2026'",
        ),
        (["2026-03,5", "2026-Q2,6"], "line 3: expected another month, found '2026-Q2'"),
        (["2026-03,5", "2026-03,6"], "line 3: 2026-03 is there a second time"),
        (["2026-03,51%"], "line 2: expected a number or nothing, found '51%'"),
        (["2026-03,nan"], "line 2: expected a number or nothing, found 'nan'"),
        (['2026-03,"1,234"'], "line 2: expected a number or nothing, found '1,234'"),
        (["2026-03"], "line 2: expected a period and a value, found '2026-03'"),
        (['2026-03,"5'], "line 2: unexpected end of data"),
        (["0001-01,5", "2026-03,6"], "expected at most 10,000 periods from first to newest, found 24,303"),
    ],
)
def test_a_file_that_cannot_be_judged_ends_in_one_line(tmp_path: Path, lines: list[str], fault: str) -> None:
    said = figurewatch({}, "judge", file(tmp_path, *lines))
    assert (said.status, said.out) == (2, "")
    (line,) = said.err.splitlines()
    assert line.startswith("figurewatch: ")
    assert line.endswith(fault)


def test_other_columns_and_other_bytes_are_refused(tmp_path: Path) -> None:
    said = figurewatch({}, "judge", file(tmp_path, "2026-03,5", header="month,value"))
    assert said.err.endswith("expected the columns period,value, found 'month,value'\n")
    (tmp_path / "series.csv").write_bytes(b"period,value\n2026-03,\xa35\n")
    said = figurewatch({}, "judge", str(tmp_path / "series.csv"))
    assert said.err.endswith("expected UTF-8, found other bytes\n")


@pytest.mark.parametrize("period", ["2022-01", "2030-01", "2024"])
def test_a_re_basing_must_lie_within_the_series(tmp_path: Path, period: str) -> None:
    said = figurewatch({}, "judge", file(tmp_path, *months(CALM)), "--rebase", period)
    assert said.status == 2
    assert said.err == f"figurewatch: --rebase: expected a month from 2022-02 to 2024-04, found '{period}'\n"
