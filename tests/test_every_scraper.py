"""What every source must do. A new one is covered by standing in `scrapers/`, with a capture of its own."""

from __future__ import annotations

import asyncio
import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

import scrapers
from scrapers.__main__ import main
from scrapers.toolkit.capture import Look, Recorder, SavedWeb, look
from scrapers.toolkit.capture import look_again as look_at_saved
from scrapers.toolkit.contract import Every, Figure, Page, ReleaseCalendar, Web
from scrapers.toolkit.web import WebClient
from tests.fakes.sites import Sites

CAPTURES = Path(__file__).parent / "captures"
TAKEN = sorted(folder.parent for folder in CAPTURES.glob("*/*/capture.json"))
READ = [folder for folder in TAKEN if "refused\texpected " not in (folder / "figures.txt").read_text()]


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


@pytest.mark.parametrize("capture", TAKEN, ids=name_of)
def test_a_capture_reads_the_same_without_a_request(capture: Path) -> None:
    found = look_at_saved(scrapers.load(capture.parent.name), capture)
    assert str(found) == (capture / "figures.txt").read_text()


@pytest.mark.parametrize("capture", READ, ids=name_of)
def test_a_source_knows_the_measures_that_it_reads(capture: Path) -> None:
    entry = json.loads((capture / "capture.json").read_text())["entry"]
    source = scrapers.load(capture.parent.name)(entry)
    read = {item.measure.id for item in look_again(capture).figures if isinstance(item, Figure)}
    assert [id for id in sorted(read) if not source.has_measure(id)] == []


@pytest.mark.parametrize("name", scrapers.names())
def test_a_source_has_a_capture_that_it_reads(name: str) -> None:
    assert any(folder.parent.name == name for folder in READ)


class BrokenWeb:
    """A saved web in which one page says something else."""

    def __init__(self, saved: Web, broken: str, body: bytes) -> None:
        self._saved, self._broken, self._body = saved, broken, body

    async def get(self, url: str, *, accept: Collection[str], limit: int = 0) -> Page:
        page = await self._saved.get(url, accept=accept)
        return replace(page, body=self._body) if url == self._broken else page


@pytest.mark.parametrize("body", [b"<html><body><p>This page has moved.</p></body></html>", b"{}", b"0"])
@pytest.mark.parametrize("capture", READ, ids=name_of)
def test_a_source_refuses_a_page_that_says_something_else(capture: Path, body: bytes) -> None:
    about = json.loads((capture / "capture.json").read_text())
    now = datetime.fromisoformat(about["taken"])

    def first_look(web: Web) -> Look:
        return asyncio.run(look(scrapers.load(capture.parent.name)(about["entry"]), web, now))

    whole = Recorder(SavedWeb(capture))
    assert first_look(whole).refusal is None
    for url in whole.asked:
        found = first_look(BrokenWeb(SavedWeb(capture), url, body))
        assert found.refusal is not None, f"{url} may say {body!r}"
        assert found.refusal.url == url


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
    assert {scrapers.load(name).name for name in scrapers.names()} == {
        path.stem for path in folder.glob("[a-z]*.py")
    }


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


def test_figures_of_a_capture_can_be_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    capture = CAPTURES / "parliament_petition" / "2024-11-24"
    copy = tmp_path / "tests" / "captures" / "parliament_petition" / "2024-11-24"
    shutil.copytree(capture, copy)
    (copy / "figures.txt").write_text("out of date")
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(main, ["parliament_petition", "--again", "2024-11-24"])
    assert ran.exit_code == 0, ran.output
    assert (copy / "figures.txt").read_text() == (capture / "figures.txt").read_text()
    missing = CliRunner().invoke(main, ["parliament_petition", "--again", "2024-11-23"])
    assert missing.exit_code == 1
    assert "2024-11-23" in missing.output.splitlines()[-1]


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
