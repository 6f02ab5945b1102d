"""The command line: what each command prints, and how it ends when something is wrong."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import main
from bot.settings import Settings
from tests.bot.cli import Said, figurewatch, settings_in
from tests.bot.test_whole_way import PROVIDERS, petition
from tests.fakes.nhs import Issue, Nhs, england, month_file
from tests.fakes.sites import Sites

MONTHLY = "talking_therapies_monthly"
PETITION = "parliament_petition:5"
COMMANDS = sorted(main.commands)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Give settings whose store holds two months, an announced one, and a petition; its sites answer."""
    with Sites() as sites:
        nhs = Nhs(sites)
        for period, day, referrals in (
            ("2026-02", date(2026, 4, 9), 151_810),
            ("2026-03", date(2026, 5, 14), 163_100),
        ):
            body = month_file(period, england(referrals), PROVIDERS).encode()
            nhs.publish(Issue(period, day, body=body))
        nhs.publish(Issue("2026-04", expected="11 Jun 2026"))
        sites.put("https://petition.parliament.uk/petitions/5.json", petition(628), "application/json")
        settings = settings_in(tmp_path_factory.mktemp("place"), WEB_MIRROR=sites.url)
        assert figurewatch(settings, "check").status == 0
        figurewatch(settings, "backfill")
        yield settings


def refused(said: Said) -> list[str]:
    """Return the lines of a command that could not do what was asked."""
    assert said.status == 2
    assert said.out == ""
    lines = said.err.splitlines()
    assert all(line.startswith("figurewatch: ") for line in lines)
    return [line.removeprefix("figurewatch: ") for line in lines]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    said = figurewatch({}, command, "--help")
    assert said.status == 0
    assert f"figurewatch {command}" in said.out.partition("Example:")[2]


def test_check_prints_a_table_and_the_messages(tmp_path: Path, place: dict[str, str]) -> None:
    said = figurewatch({**place, "DATABASE_URL": f"sqlite:///{tmp_path / 'new.db'}"}, "check")
    assert said.status == 0
    assert "👀 Now watching: " in said.out
    assert f"{PETITION}      ok  1         1        1        0" in said.out


def test_check_as_json_is_one_document_even_where_a_source_fails(tmp_path: Path) -> None:
    with Sites() as sites:
        Nhs(sites).publish(
            Issue("2026-03", date(2026, 5, 14), body=month_file("2026-03", england()).encode())
        )
        said = figurewatch(settings_in(tmp_path, WEB_MIRROR=sites.url), "check", "--json")
    assert said.status == 1
    assert said.json["ok"] is False
    fared = {source["name"]: source for source in said.json["sources"]}
    assert list(fared[PETITION]) >= ["name", "ok", "error", "releases", "figures", "changes", "alerts"]
    assert "404" in fared[PETITION]["error"]
    assert fared[MONTHLY]["error"] is None
    assert "⚠️ A source cannot be read" in said.err


def test_a_check_of_an_unknown_source_offers_the_nearest(place: dict[str, str]) -> None:
    assert refused(figurewatch(place, "check", "talking_therapies_montly", "parlament_petition")) == [
        "unknown source 'talking_therapies_montly'; did you mean 'talking_therapies_monthly'?",
        "unknown source 'parlament_petition'; did you mean 'parliament_petition'?",
    ]


KEYS = {
    "figures": "source measure area area_name period value withheld revision release url first_seen",
    "releases": "source key title url state expected published first_seen",
    "alerts": "id kind source text chat state created sent message_id",
}


@pytest.mark.parametrize("command", KEYS)
def test_json_rows_have_the_keys_that_were_promised(place: dict[str, str], command: str) -> None:
    said = figurewatch(place, command, "--json")
    assert said.status == 0
    assert said.err == ""
    assert all(set(row) >= set(KEYS[command].split()) for row in said.json)
    assert said.json


def test_figures_say_what_is_withheld(place: dict[str, str]) -> None:
    rows = figurewatch(place, "figures", "--measure", "M344", "--area", "RAB", "--json").json
    assert {(row["value"], row["withheld"]) for row in rows} == {(None, True)}
    table = figurewatch(place, "figures", "--measure", "M344", "--area", "RAB").out
    assert "withheld" in table


def test_figures_as_csv_hold_the_same_as_json(place: dict[str, str]) -> None:
    def plain(value: Any) -> str:
        return "" if value is None else str(value)

    as_csv = list(csv.DictReader(io.StringIO(figurewatch(place, "figures", "--csv").out)))
    as_json = figurewatch(place, "figures", "--json").json
    assert as_csv == [{key: plain(value) for key, value in row.items()} for row in as_json]


def test_a_derived_figure_is_worked_out_of_what_is_stored(place: dict[str, str]) -> None:
    rows = figurewatch(place, "figures", "--measure", "treated_once", "--json").json
    assert [(row["area"], row["period"], row["value"]) for row in rows] == [
        *(("England", "2026-02", 40.8), ("England", "2026-03", 40.8)),
    ]


@pytest.mark.parametrize("area", ["rab", "RAB nhs trust, the"])
def test_names_are_found_in_any_case_and_areas_by_code_or_name(place: dict[str, str], area: str) -> None:
    rows = figurewatch(place, "figures", "--measure", "m001", "--area", area, "--json").json
    assert [(row["measure"], row["area"], row["value"]) for row in rows] == [("M001", "RAB", 1230)] * 2


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("figures", "--measure", "treated_onc"), "no measure 'treated_onc' is stored; did you mean 'treat"),
        (("figures", "--measure", "M999"), "no measure 'M999' is stored"),
        (("figures", "--area", "nhs"), "no area 'nhs' is stored; did you mean 'RAB NHS TRUST, THE'?"),
        (("figures", "--source", "monthly"), f"no source 'monthly' is stored; did you mean {MONTHLY!r}?"),
        (("releases", "--source", "zzz"), "no source 'zzz' is stored"),
        (("figures", "--csv", "--json"), "Give --csv or --json, not both. See 'figurewatch figures --help'."),
        (("backfill", "--since", "2021-13"), "Invalid value for '--since': expected a month like 2021-01"),
        (("replay",), "Missing argument 'FOLDER'. See 'figurewatch replay --help'."),
        (("replay", "/nowhere"), "Invalid value for 'FOLDER': Directory '/nowhere' does not exist. See"),
        (("chek",), "No such command 'chek'. Did you mean 'check'? See 'figurewatch --help'."),
        (("check", "--jsn"), "No such option '--jsn'. Did you mean '--json'? See 'figurewatch check -"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_line(place: dict[str, str], words: tuple[str, ...], fault: str) -> None:
    (line,) = refused(figurewatch(place, *words))
    assert line.startswith(fault)


@pytest.mark.parametrize("command", ["figures", "releases", "alerts"])
def test_an_empty_store_says_so(tmp_path: Path, command: str) -> None:
    said = figurewatch(settings_in(tmp_path), command)
    assert said.status == 0
    assert said.out.count("\n") == 1
    assert said.err.startswith("Nothing of the kind is stored")
    assert figurewatch(settings_in(tmp_path), command, "--json").json == []


@pytest.mark.parametrize("columns", ["100", "200", "90"])
@pytest.mark.parametrize("command", ["figures", "releases", "alerts"])
def test_tables_fit_the_terminal_and_never_100_columns(
    place: dict[str, str], command: str, columns: str
) -> None:
    said = figurewatch({**place, "COLUMNS": columns}, command)
    assert max(map(len, said.out.splitlines())) <= min(100, int(columns))


def test_a_cut_title_still_tells_its_month(place: dict[str, str]) -> None:
    table = figurewatch(place, "releases").out
    assert [line.split()[-2:] for line in table.splitlines() if MONTHLY in line] == [
        *(["February", "2026"], ["March", "2026"], ["April", "2026"]),
    ]
    assert "announced  due 2026-06-11" in table


def test_a_backfill_of_a_live_page_says_that_it_has_no_past(place: dict[str, str]) -> None:
    said = figurewatch(place, "backfill", PETITION)
    assert (said.status, said.out) == (0, f"{PETITION}: a live page, it has no past to read\n")


def test_a_backfill_that_is_done_reads_nothing_again(place: dict[str, str]) -> None:
    said = figurewatch(place, "backfill", MONTHLY)
    assert f"{MONTHLY}: 0 past releases read" in said.out


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("sqlite:////nowhere/a.db", "cannot open the store sqlite:////nowhere/a.db: there is no folder"),
        ("sqlite:////dev/null/figures.db", "cannot open the store"),
        ("sqlite://", "DATABASE_URL: expected a file as in sqlite:///figurewatch.db, found a passing memory"),
        ("postgresql://u:hunter2@127.0.0.1:1/x", "cannot open the store postgresql://u:***@127.0.0.1:1/x: "),
    ],
)  # fmt: skip
def test_a_store_that_cannot_be_opened_is_one_line(tmp_path: Path, url: str, fault: str) -> None:
    (line,) = refused(figurewatch(settings_in(tmp_path, DATABASE_URL=url), "figures"))
    assert line.startswith(fault)
    assert "hunter2" not in line


def test_a_store_that_breaks_in_the_middle_is_one_line(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    figurewatch(settings, "figures")
    path = tmp_path / "figurewatch.db"
    path.write_bytes(path.read_bytes()[:4096] + b"\0" * 4096 + path.read_bytes()[8192:])
    with Sites() as sites:
        said = figurewatch({**settings, "WEB_MIRROR": sites.url}, "check")
    assert said.status == 2
    assert said.err.splitlines()[-1].startswith("figurewatch: ")


def test_every_fault_of_settings_and_campaign_is_a_line(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    lines = refused(figurewatch({**settings, "PORT": "x", "WEB_PAUSE": "soon"}, "check"))
    assert [line.partition(":")[0] for line in lines] == ["WEB_PAUSE", "PORT"]
    Path(settings["CAMPAIGN_FILE"]).write_text('[campaign]\nname = "x"\nsorces = []\n[petition]\n', "utf-8")
    said = refused(figurewatch(settings, "check"))
    assert [line.partition(": ")[2] for line in said] == [
        "[campaign] unknown key 'sorces'; did you mean 'sources'?",
        "[petition] must be written [[petition]], for there may be several",
    ]


def test_a_reader_who_goes_away_ends_a_command_in_silence(place: dict[str, str]) -> None:
    bare = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
    command = [sys.executable, "-m", "bot", "figures", "--json"]
    with subprocess.Popen(
        command, env={**bare, **place}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"[\n"
        process.stdout.close()
        assert process.stderr.read() == b""


def test_a_terminal_that_knows_few_characters_still_gets_the_rest(place: dict[str, str]) -> None:
    bare = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
    result = subprocess.run(
        [sys.executable, "-m", "bot", "alerts"],
        env={**bare, **place, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert b"Now watching" in result.stdout


def test_a_backup_in_the_place_of_the_store_holds_the_same_and_a_second_one_is_refused(
    place: dict[str, str], tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    said = figurewatch(place, "backup", str(copy))
    assert (said.status, said.out.startswith(f"{copy}: ")) == (0, True)
    restored = {**place, "DATABASE_URL": f"sqlite:///{copy}"}
    for command in ("figures", "releases", "alerts"):
        assert figurewatch(restored, command, "--json").json == figurewatch(place, command, "--json").json
    again = figurewatch(place, "backup", str(copy))
    assert again.status == 2
    assert again.err == f"figurewatch: expected a new file for the copy, found {copy}\n"
