"""Small commands start fast: what a process loads for them, and what it leaves alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bot.settings import Settings
from tests.bot.cli import figurewatch, settings_in
from tests.fakes.sites import Sites
from tests.test_architecture import HEAVY

SLOW = HEAVY | {"PIL", "apscheduler", "prometheus_client"}
STORE = {"sqlalchemy", "pydantic", "pydantic_settings"}
WEB = {"httpx", "httpcore", "stamina"}
THEN_LIST = "import sys, bot.__main__ as m\ntry: m.main()\nfinally: print(*sys.modules, file=sys.stderr)"


def count_now(sites: Sites, count: int) -> None:
    """Let the petition show a count."""
    facts = {"action": "Review it", "state": "open", "signature_count": count}
    document = json.dumps({"data": {"type": "petition", "id": 5, "attributes": facts}})
    sites.put("https://petition.parliament.uk/petitions/5.json", document, content_type="application/json")


@pytest.fixture
def sites() -> Iterator[Sites]:
    """Give a web with a petition of 628 signatures."""
    with Sites() as sites:
        count_now(sites, 628)
        yield sites


@pytest.fixture
def place(tmp_path: Path, sites: Sites) -> Mapping[str, str]:
    """Return settings for a store that has met that petition."""
    settings = settings_in(tmp_path, WEB_MIRROR=sites.url)
    assert figurewatch(settings, "check", "parliament_petition:5").status == 0
    return settings


def loaded(place: Mapping[str, str], *words: str) -> set[str]:
    """Return the libraries that a process loads to carry out a command."""
    bare = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
    done = subprocess.run(
        [sys.executable, "-c", THEN_LIST, *words], env={**bare, **place}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return {module.partition(".")[0] for module in done.stderr.splitlines()[-1].split()}


@pytest.mark.parametrize(
    "command", ["run", "check", "figures", "backtest", "doctor", "enter", "judge", "try"]
)
def test_help_loads_neither_the_store_nor_the_web(command: str) -> None:
    assert not loaded({}, command, "--help") & (SLOW | STORE | WEB)


@pytest.mark.parametrize("command", ["figures", "releases", "alerts", "claims", "measures", "held"])
def test_listing_what_is_stored_loads_the_store_and_nothing_else_that_is_slow(
    place: Mapping[str, str], command: str
) -> None:
    assert not loaded(place, command) & (SLOW | WEB)


def test_a_look_at_a_petition_that_crosses_a_mark_loads_no_tables_charts_or_parsers(
    place: Mapping[str, str], sites: Sites
) -> None:
    count_now(sites, 1000)
    assert not loaded(place, "check", "parliament_petition:5") & SLOW
    assert "1,000 signatures" in figurewatch(place, "alerts").out
