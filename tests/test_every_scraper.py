"""What every source must do. A new one is covered by standing in `scrapers/`, with a capture of its own."""

from __future__ import annotations

import asyncio
import importlib
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

import scrapers
from scrapers.__main__ import main
from scrapers.toolkit.capture import Look, Recorder, look
from scrapers.toolkit.contract import Every, ReleaseCalendar
from scrapers.toolkit.web import WebClient
from tests.fakes.sites import Sites

CAPTURES = Path(__file__).parent / "captures"
TAKEN = sorted(folder.parent for folder in CAPTURES.glob("*/*/capture.json"))


def name_of(capture: Path) -> str:
    return f"{capture.parent.name}/{capture.name}"


def look_again(capture: Path, keep_in: Path | None = None) -> Look:
    """Look at a capture as if it were the web; `keep_in` is where to save what was seen."""
    about = json.loads((capture / "capture.json").read_text())
    now = datetime.fromisoformat(about["taken"])
    source = scrapers.load(capture.parent.name)(about["entry"])

    async def ask(mirror: str) -> Look:
        async with WebClient(pause=0, mirror=mirror) as client:
            recorder = Recorder(client.for_source(source.hosts))
            found = await look(source, recorder, now)
            if keep_in is not None:
                recorder.save(keep_in, found, about["entry"], now)
            return found

    with Sites(capture) as sites:
        return asyncio.run(ask(sites.url))


@pytest.mark.parametrize("capture", TAKEN, ids=name_of)
def test_a_capture_reads_as_the_figures_that_a_person_checked(capture: Path) -> None:
    assert str(look_again(capture)) == (capture / "figures.txt").read_text()


@pytest.mark.parametrize("capture", TAKEN, ids=name_of)
def test_a_capture_that_is_saved_again_reads_the_same(capture: Path, tmp_path: Path) -> None:
    again = tmp_path / capture.parent.name / capture.name
    look_again(capture, keep_in=again)
    assert str(look_again(again)) == (capture / "figures.txt").read_text()


@pytest.mark.parametrize("name", scrapers.names())
def test_a_source_says_what_it_is(name: str) -> None:
    source = scrapers.load(name)
    module = importlib.import_module(source.__module__)
    assert source.name == name
    assert source.publisher
    assert source.__doc__
    assert module.__doc__
    assert source.options or not source.needs_entry
    assert isinstance(source.rhythm, Every | ReleaseCalendar)


@pytest.mark.parametrize("name", scrapers.names())
def test_a_source_has_a_capture_that_it_reads_and_one_that_it_refuses(name: str) -> None:
    told = [(folder / "figures.txt").read_text() for folder in TAKEN if folder.parent.name == name]
    assert any("refused" not in figures for figures in told)
    assert any("refused\texpected " in figures for figures in told)


@pytest.mark.parametrize("name", scrapers.names())
def test_a_source_asks_only_hosts_that_it_names(name: str) -> None:
    for capture in (folder for folder in TAKEN if folder.parent.name == name):
        entry = json.loads((capture / "capture.json").read_text())["entry"]
        source = scrapers.load(name)(entry)
        assert {place.name for place in capture.iterdir() if place.is_dir()} <= source.hosts
        assert source.title
        assert source.url.startswith("https://")
        assert source.key == (f"{name}:{entry['id']}" if "id" in entry else name)


@pytest.mark.parametrize("name", [name for name in scrapers.names() if scrapers.load(name).needs_entry])
def test_an_entry_that_cannot_be_used_is_refused_in_one_line(name: str) -> None:
    for entry in (
        {},
        {"url": 5},
        {"url": "ftp://example.org/x"},
        {"url": "https://[::1/"},
        {"url": "not one"},
    ):
        with pytest.raises(ValueError, match=r"\w") as refusal:
            scrapers.load(name)(entry)
        assert "\n" not in str(refusal.value)


def test_an_unknown_source_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match=r"'konp_petitions'.*did you mean konp_petition\?"):
        scrapers.load("konp_petitions")


def test_every_source_of_the_folder_is_found() -> None:
    folder = Path(scrapers.__file__).parent
    assert set(scrapers.all_scrapers()) == {path.stem for path in folder.glob("[a-z]*.py")}


def test_loading_one_source_loads_neither_the_others_nor_heavy_libraries() -> None:
    code = "import sys, scrapers; scrapers.load('parliament_petition'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    heavy = {"bs4", "lxml", "numpy", "pandas", "pyarrow", "python_calamine", "httpx"}
    assert not heavy & set(loaded.split())
    assert "scrapers.konp_petition" not in loaded


def test_a_source_can_be_tried_and_saved_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = CAPTURES / "talking_therapies_monthly" / "2025-06-12"
    monkeypatch.chdir(tmp_path)
    with Sites(capture) as sites:
        environment = {"WEB_MIRROR": sites.url, "WEB_PAUSE": "0"}
        ran = CliRunner().invoke(main, ["talking_therapies_monthly", "--save"], env=environment)
    assert ran.exit_code == 0, ran.output
    assert "2025-04\tEngland\tEngland\tM001\t133908\n" in ran.output
    assert "… and " in ran.output
    (saved,) = (tmp_path / "tests" / "captures" / "talking_therapies_monthly").iterdir()
    assert (saved / "figures.txt").read_text() == (capture / "figures.txt").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nhs_talking"], "no source is called 'nhs_talking'"),
        (["parliament_petition", "--id", "x"], "id must be the number of a petition"),
        (["parliament_petition", "--id", "5"], "expected a page, found 404 Not Found"),
    ],
)
def test_a_source_that_cannot_be_tried_says_why_in_one_line(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    with Sites(tmp_path) as sites:
        environment = {"WEB_MIRROR": sites.url, "WEB_PAUSE": "0"}
        ran = CliRunner().invoke(main, arguments, env=environment)
    assert ran.exit_code == 1
    (line,) = [line for line in ran.output.splitlines() if line.startswith("Error: ")]
    assert said in line
