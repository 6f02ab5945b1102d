"""The documents say what is so: commands run, links lead somewhere, tables and examples follow the code."""

from __future__ import annotations

import asyncio
import logging
import re
import shlex
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from pydantic import BaseModel

import scrapers
import scrapers.__main__
from bot import campaign
from bot.__main__ import main
from bot.campaign import parse_campaign
from bot.operate import place
from bot.operate.metrics import Metrics
from bot.operate.recorded import RecordedWeb
from bot.rules.findings import Finding
from bot.rules.headline import headline_rows
from bot.rules.measures import DERIVED, Derived
from bot.settings import Settings
from bot.wording import numbers
from docs import phone
from docs.phone import unpainted
from docs.picture import draw
from scrapers.konp_petition import displayed_target
from scrapers.talking_therapies_monthly import HEADLINES, KEY_MEASURES, TalkingTherapiesMonthly
from scrapers.toolkit.capture import look
from scrapers.toolkit.contract import ENGLAND, Fetched, Figure, Page, Release, Scraper, Unit
from state.store import Store
from tests.fakes import nhs

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "demo" / "README.md", *sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md"))]
CAPTURES = ROOT / "tests" / "captures"
MONTHLY = TalkingTherapiesMonthly.name
OPERATING, MEASURES = ROOT / "docs" / "operating.md", ROOT / "docs" / "measures.md"
OTHER_PROGRAMS = {"alias", "git", "heroku", "journalctl", "podman", "systemctl"}  # what they do is theirs


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


def blocks(document: Path, language: str) -> list[str]:
    """Return the code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL)


def prose(document: Path) -> str:
    return re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)


def table(document: Path, heading: str) -> list[list[str]]:
    """Return the rows of the table whose first column has this heading, without back quotes."""
    _, found, after = document.read_text().partition(f"\n| {heading} |")
    assert found, f"{document.name} has no table of {heading}"
    rows = after.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip().replace("`", "") for cell in row.strip("|").split("|")] for row in rows]


class Command(NamedTuple):
    """One command as a document shows it."""

    document: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return shlex.join(self.words)


def commands() -> Iterator[Command]:
    for document in DOCUMENTS:
        for block in blocks(document, "sh"):
            for line in block.splitlines():
                for part in line.split(" && "):
                    if words := shlex.split(part, comments=True):
                        yield Command(name_of(document), tuple(words))


COMMANDS = list(commands())
OURS = [command for command in COMMANDS if command.words[0] == "figurewatch"]


@pytest.fixture
def local(
    tmp_path: Path, current_sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest.MonkeyPatch]:
    """Stand in an empty folder with a store of its own, before a local web of the recorded history."""
    old_series = tmp_path / "web" / nhs.OLD_SERIES.removeprefix("https://") / "index.html"
    old_series.parent.mkdir(parents=True)
    too_old = nhs.Issue("2020-01", date(2020, 3, 12), series=nhs.OLD_SERIES)
    old_series.write_text(nhs.series_page([too_old]))
    (tmp_path / "demo").symlink_to(ROOT / "demo")
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    (tmp_path / "figurewatch.db").write_bytes(current_sqlite.read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(place, "CONTAINER_MARKS", ())
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    handlers, level = logging.root.handlers[:], logging.root.level
    with RecordedWeb() as web:
        for folder in (tmp_path / "web", *sorted((ROOT / "demo").glob("2026-*"))):
            web.show(folder)
        monkeypatch.setenv("WEB_MIRROR", web.url)
        monkeypatch.setenv("WEB_PAUSE", "0")
        monkeypatch.setenv("CAMPAIGN_FILE", "demo/campaign.toml")
        yield monkeypatch
    logging.captureWarnings(False)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def test_every_command_that_is_shown_works(local: pytest.MonkeyPatch) -> None:
    for command in dict.fromkeys(command.words[1:] for command in OURS):
        if command == ("run",):  # it never ends
            assert CliRunner().invoke(main, ["run", "--help"]).exit_code == 0
            continue
        ran = CliRunner().invoke(main, command)
        if command[0] in ("release", "reject"):  # nothing waits for a decision here
            assert (
                ran.output
                == f"figurewatch: nothing was held as {command[1]}; `figurewatch held` lists what waits\n"
            )
            continue
        assert ran.exit_code == 0, f"{shlex.join(command)}: {ran.output}\n{ran.exception!r}"


def test_every_command_is_shown() -> None:
    assert {command.words[1] for command in OURS} == set(main.commands)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in OURS], ids=str)
def test_what_else_is_shown_is_there(command: Command) -> None:
    program, *arguments = command.words
    made = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    settings = {name.upper() for name in Settings.model_fields}
    set_here = [argument.partition("=")[0] for argument in arguments if re.match(r"[A-Z_]+=", argument)]
    assert set(set_here) <= settings
    match [program.removeprefix(".venv/bin/"), *arguments]:
        case ["make", target]:
            assert target in made
        case ["python", "-m", "scrapers", *options]:
            scrapers.__main__.main.make_context("scrapers", options)
        case ["python", "-m", module, *_]:
            assert find_spec(module)
        case ["export", _]:
            assert set_here
        case [tool, *_] if program.startswith(".venv/bin/"):
            assert f'"{tool}>=' in (ROOT / "pyproject.toml").read_text()
        case _:
            assert program in OTHER_PROGRAMS


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def anchors(document: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_decision_is_listed_and_numbered() -> None:
    files = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
    listed = re.findall(r"^- \[(\d+)\]\((\S+)\) (.+)$", (ROOT / "docs/decisions/README.md").read_text(), re.M)
    shown = [(f"{n:04}", file.name, file.read_text().splitlines()[0]) for n, file in enumerate(files, 1)]
    assert [(number, name, f"# {number}. {title}") for number, name, title in listed] == shown


@pytest.mark.parametrize("document", ["README.md", "ATTRIBUTIONS.md", "demo/README.md"])
def test_the_licence_of_the_figures_is_named(document: str) -> None:
    words = re.sub(r"\[(.+?)\]\(\S+?\)", r"\1", " ".join((ROOT / document).read_text().split()))
    needed = "Contains public sector information licensed under the Open Government Licence v3.0."
    assert needed in words


def test_the_table_of_settings_is_that_of_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    shown = {row[0]: row[1] for row in table(OPERATING, "Setting")}
    assert set(shown) == {name.upper() for name in Settings.model_fields}
    for name, default in Settings():
        plain = default.get_secret_value() if hasattr(default, "get_secret_value") else default
        if plain not in (None, ()):
            assert shown[name.upper()] == as_written(plain)


def as_written(default: object) -> str:
    match default:
        case float():
            return f"{default:g}"
        case time():
            return f"{default:%H:%M}"
        case _:
            return str(default)


def test_every_key_of_the_campaign_file_is_explained() -> None:
    models = [value for value in vars(campaign).values() if isinstance(value, type)]
    keys = {key for model in models if issubclass(model, BaseModel) for key in model.model_fields}
    keys |= {option for name in scrapers.names() for option in scrapers.load(name).options}
    section = OPERATING.read_text().partition("\n## campaign.toml\n")[2].partition("\n## ")[0]
    assert sorted(key for key in keys if f"`{key}`" not in section) == []


def test_the_campaign_file_that_is_shown_can_be_used() -> None:
    (shown,) = blocks(OPERATING, "toml")
    campaign_shown = parse_campaign(tomllib.loads(shown), "it")
    sources = [
        "konp_petition",
        "parliament_petition:700143",
        "page_figure:vacancies",
        "talking_therapies_monthly",
    ]
    assert [source.key for source in campaign_shown.sources] == sources


def test_the_page_that_is_shown_is_read_by_the_entry_that_is_shown() -> None:
    (shown,), (page,) = blocks(OPERATING, "toml"), blocks(OPERATING, "html")
    sources = parse_campaign(tomllib.loads(shown), "it").sources
    watch = next(source for source in sources if source.key == "page_figure:vacancies")
    body = f"<html><body>{page}</body></html>".encode()
    fetched = Fetched(Release("live", "", ""), Page(watch.url, body, "text/html"))
    (figure,) = watch.read(fetched, datetime(2026, 6, 1, tzinfo=UTC))
    assert isinstance(figure, Figure)
    assert (figure.period, figure.value) == ("2026-05", 4213)


def test_every_kind_of_message_is_explained() -> None:
    def kinds(finding: type[Finding]) -> Iterator[str]:
        for kind in finding.__subclasses__():
            yield kind.kind
            yield from kinds(kind)

    assert {row[0] for row in table(OPERATING, "Kind")} == set(kinds(Finding))


def test_every_metric_is_explained(current_sqlite: Path) -> None:
    store = Store.open(f"sqlite:///{current_sqlite}")
    try:
        page = Metrics(store, {"host": 1}, lambda: datetime.now(UTC)).page().decode()
    finally:
        store.close()
    served = re.findall(r"^# TYPE (\S+)", page, re.MULTILINE)
    assert {row[0] for row in table(OPERATING, "Metric")} == {
        name for name in served if not name.endswith("_created")
    }


def test_each_fault_is_proved_by_tests_that_are_there() -> None:
    rows = table(OPERATING, "Fault")
    for fault, *_, proofs in rows:
        assert proofs, fault
        for proof in proofs.split():
            path, _, name = proof.partition("::")
            assert f"\ndef {name}(" in (ROOT / path).read_text(), f"{fault}: {proof}"
    assert len(rows) > 20


def test_the_image_is_made_of_what_is_there() -> None:
    copied = re.findall(r"^COPY (\S+) ", (ROOT / "Containerfile").read_text(), re.MULTILINE)
    packages = {"bot", "scrapers", "state"}
    assert set(copied) >= packages
    assert [name for name in copied if not (ROOT / name).exists()] == []


class OnePage:
    """A web of one page."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def get(self, url: str, *, accept: Collection[str], limit: int = 0) -> Page:
        return Page(url, self._body, next(iter(accept)))


def test_the_source_to_begin_with_is_a_whole_one() -> None:
    (code,) = blocks(ROOT / "CONTRIBUTING.md", "python")
    module = ModuleType("scrapers.example_count")
    exec(compile(code, "CONTRIBUTING.md", "exec"), module.__dict__)
    (made,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__
    )
    assert issubclass(made, Scraper)
    source = made({"id": "a-campaign"})
    assert source.key == "example_count:a-campaign"
    found = asyncio.run(look(source, OnePage(b'{"signatures": 629}'), datetime(2026, 5, 14, tzinfo=UTC)))
    assert [figure.value for figure in found.figures if isinstance(figure, Figure)] == [629]
    assert asyncio.run(look(source, OnePage(b"{}"), datetime(2026, 5, 14, tzinfo=UTC))).refusal
    with pytest.raises(ValueError, match="id must be"):
        made({})


@cache
def march_2026() -> Mapping[str, float | None]:
    """Return England's published figures of March 2026."""
    (file,) = ROOT.glob("demo/*/files.digital.nhs.uk/*/*/*_mar_2026_*.csv")
    fetched = Fetched(Release("", "", ""), Page(file.name, file.read_bytes(), "text/csv"))
    read = TalkingTherapiesMonthly({}).read(fetched, datetime(2026, 5, 14, tzinfo=UTC))
    return {figure.measure.id: figure.value for figure in read if figure.area == ENGLAND}


def formula(top: Sequence[str], bottom: str, less: Sequence[str]) -> str:
    """Return a share as it is written in the documents: `(M072 + M071) ÷ M056`."""
    above = " + ".join(top) if len(top) == 1 else f"({' + '.join(top)})"
    below = f"({' − '.join((bottom, *less))})" if less else bottom
    return f"{above} ÷ {below}"


def with_numbers(written: str) -> str:
    return re.sub(r"M\d+", lambda code: f"{march_2026()[code[0]]:,.0f}", written)


def test_every_derived_figure_is_explained_with_an_example_that_is_right() -> None:
    rows = table(MEASURES, "Name")
    assert [row[0] for row in rows] == [share.name for share in DERIVED.values() if share.source == MONTHLY]
    for name, written, example, share, published in rows:
        derived = DERIVED[name]
        assert written == formula(derived.top, derived.bottom, derived.less)
        assert example == with_numbers(written)
        assert f"{replace(derived, published=None).value(march_2026()):.1f}%" == share
        assert published.partition(",")[0] == (derived.published or "")
        assert f"{derived.value(march_2026()):.1f}%" == share


def test_every_published_share_is_explained_with_an_example_that_is_right() -> None:
    for name, written, example, share in table(MEASURES, "Published"):
        top, bottom, *less = re.findall(r"M\d+", written)
        assert written == formula([top], bottom, less)
        assert example == with_numbers(written)
        computed = Derived("", "", "", (top,), bottom, tuple(less)).value(march_2026())
        assert f"{computed:.1f}%" == f"{march_2026()[name.split()[0]]:.1f}%" == share


def year_2023_24() -> dict[str, float]:
    """Return England's figures in the annual report of 2023-24."""
    lines = (CAPTURES / "talking_therapies_annual" / "2024-10-31" / "figures.txt").read_text().splitlines()
    cells = (line.split("\t") for line in lines if line.startswith("2023-24\tEngland\t"))
    return {measure: float(value) for *_, measure, value in cells}


def test_every_annual_share_is_explained_with_an_example_that_is_right() -> None:
    rows = table(MEASURES, "Annual")
    ours = [share.name for share in DERIVED.values() if share.source != MONTHLY]
    assert [row[0] for row in rows if row[0] in DERIVED] == ours
    figures = year_2023_24()
    for name, written, example, share in rows:
        top, bottom, *less = re.findall(r"Count_\w+", written)
        computed = DERIVED.get(name) or Derived("", "", "", (top,), bottom, tuple(less))
        assert written == formula(computed.top, computed.bottom, computed.less)
        assert example == re.sub(r"Count_\w+", lambda code: f"{figures[code[0]]:,.0f}", written)
        assert f"{computed.value(figures):.1f}%" == share
        assert figures.get(name, computed.value(figures)) == computed.value(figures)


def test_every_headline_is_explained_with_its_figure() -> None:
    history = {code: {"2026-03": value} for code, value in march_2026().items()}
    said = [
        [row.label, row.measure, row.of, numbers.value(row.value, row.unit)]
        for row in headline_rows(HEADLINES, "2026-03", history, {})
    ]
    assert [[row[0], row[1], row[2], row[4]] for row in table(MEASURES, "Headline")] == said
    assert len(said) == len(HEADLINES)


def test_the_key_measures_are_listed() -> None:
    section = MEASURES.read_text().partition("\n## What is kept\n")[2].partition("\n## ")[0]
    (listed,) = (part for part in section.split("\n\n") if part.startswith("M"))
    assert set(listed.split()) == KEY_MEASURES
    assert f"the {len(KEY_MEASURES)} key measures" in section


def test_the_target_shown_is_computed_as_it_is_explained() -> None:
    for count, target in table(MEASURES, "Signatures"):
        assert numbers.value(displayed_target(int(count.replace(",", ""))), Unit.SIGNATURES) == target


def test_the_screens_are_those_that_the_wording_makes() -> None:
    made = phone.screens()
    shown = {path.stem: path.read_text(encoding="utf-8") for path in phone.FOLDER.glob("*.svg")}
    renew = "is renewed by python -m docs.phone"
    assert shown.keys() == made.keys(), f"docs/screens {renew}"
    for name, screen in made.items():
        drawn = draw(screen.message, screen.chart, lambda _: b"")
        assert unpainted(shown[name]) == drawn, f"docs/screens/{name}.svg {renew}"


def test_every_screen_is_shown_to_the_team() -> None:
    linked = re.findall(r"\]\(screens/(\w+)\.svg\)", (ROOT / "docs" / "using.md").read_text())
    assert sorted(set(linked)) == sorted(path.stem for path in phone.FOLDER.glob("*.svg"))
