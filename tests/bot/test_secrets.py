"""At DEBUG, with everything that can leak made to: no secret in any output, file, page or chat."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import urlopen

import psycopg
import pytest

from state.store import Store
from tests.bot.house import OPERATOR, TEAM, House, open_house, sqlite
from tests.bot.test_whole_way import count_now
from tests.bot.test_worker import CAMPAIGN, until
from tests.conftest import PostgresServer
from tests.fakes.bot_api import TOKEN, UNAUTHORIZED
from tests.fakes.nhs import NEW_SERIES

PASSWORD = "hunter2@the:door"
PING = "0b0e2f5c-9d1e-4e0a-8d57-2f3a1c9b7e60"
PATIENCE = 30.0  # seconds, for a busy machine


@dataclass(slots=True)
class Deployment:
    """Processes at DEBUG in a folder of their own, and all that they leave behind."""

    house: House
    folder: Path
    more: Mapping[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)  # what was said, by where

    def __post_init__(self) -> None:
        (self.folder / "campaign.toml").write_text(CAMPAIGN.replace("sources = []", ""))

    @property
    def env(self) -> dict[str, str]:
        return {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "ALERT_CHATS": str(TEAM),
            "OPS_CHAT": str(OPERATOR),
            "DATABASE_URL": self.house.database_url,
            "CAMPAIGN_FILE": str(self.folder / "campaign.toml"),
            "EVIDENCE_DIR": str(self.folder / "broken"),
            "WEB_MIRROR": self.house.sites.url,
            "WEB_PAUSE": "0",
            "TELEGRAM_API_URL": self.house.telegram.url,
            "HEALTHCHECK_URL": f"{self.house.sites.url}/ping.example/{PING}",
            "LOG_LEVEL": "DEBUG",
            **self.more,
        }

    def begin(self, *words: str, **more: str) -> Callable[[], str]:
        """Start a process; what is returned waits for its end and returns what it said."""
        process = self.start(*words, **more)

        def end() -> str:
            out, err = process.communicate(timeout=PATIENCE)
            self.left[" ".join(words)] = out + err
            return out + err

        return end

    def start(self, *words: str, **more: str) -> subprocess.Popen[str]:
        """Start a process whose output is kept."""
        return subprocess.Popen(
            [sys.executable, "-m", *words],
            env={**self.env, **more},
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def secrets(self) -> set[str]:
        """Return what must be found nowhere."""
        addresses = (self.env["WEB_MIRROR"], self.env["TELEGRAM_API_URL"])
        parts = {part for url in addresses for part in (url, urlsplit(url).netloc)}
        return {TOKEN, TOKEN.partition(":")[2], PASSWORD, quote(PASSWORD, safe=""), PING, *parts}

    def found(self) -> list[tuple[str, str]]:
        """Return each secret that was found, with where."""
        places = {name: text.encode() for name, text in self.left.items()}
        kept = (path for path in self.folder.rglob("*") if path.is_file())
        places |= {str(path): path.read_bytes() for path in kept}
        with suppress(Exception):
            store = Store.open(self.house.database_url)
            places |= {f"page {page.url}": page.body for page in store.pages()}
            store.close()
        said = [*self.house.team, *self.house.operator]
        places |= {f"message {number}": text.encode() for number, text in enumerate(said)}
        return [
            (secret, place)
            for place, text in places.items()
            for secret in self.secrets
            if secret.encode() in text
        ]


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    """Give a deployment whose petition is well and whose other source is broken."""
    with open_house(sqlite(tmp_path)) as house:
        count_now(house, 628)
        house.sites.put(NEW_SERIES, "<p>broken</p>")
        yield Deployment(house, tmp_path)


def free_port() -> str:
    """Return a port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


def page(port: str, path: str) -> str:
    """Return what the worker's pages say."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/{path}") as answer:
            return str(answer.read().decode())
    except HTTPError as error:
        with error:
            return error.read().decode()
    except OSError:
        return ""


def test_nothing_leaks_where_all_is_well_and_a_page_is_broken(deployment: Deployment) -> None:
    port = free_port()
    worker = deployment.start("bot", "run", PORT=port)
    until(lambda: "figurewatch_sends" in page(port, "metrics") and deployment.house.team, "the first line")
    until(lambda: any("ping.example" in asked.url for asked in deployment.house.sites.requests), "a ping")
    others = [deployment.begin("bot", name) for name in ("check", "doctor", "backfill")]
    deployment.left |= {name: page(port, name) for name in ("health", "metrics")}
    for end in others:
        end()
    worker.send_signal(signal.SIGTERM)
    out, err = worker.communicate(timeout=PATIENCE)
    deployment.left["run"] = out + err
    assert "connect_tcp.started" in err  # the libraries do chat
    assert "[secret]" in err
    assert json.loads(deployment.left["health"])["ok"]
    assert (deployment.folder / "broken").is_dir()
    assert deployment.found() == []


def test_nothing_leaks_where_nothing_can_be_reached_and_the_token_is_refused(deployment: Deployment) -> None:
    deployment.house.telegram.fault = lambda call: UNAUTHORIZED
    nowhere = f"http://127.0.0.1:{free_port()}"
    (deployment.folder / "campaign.toml").write_text(CAMPAIGN)
    deployment.more = {"WEB_MIRROR": nowhere, "HEALTHCHECK_URL": f"{nowhere}/{PING}"}
    worker = deployment.start("bot", "run")
    others = [deployment.begin("bot", name) for name in ("check", "doctor")]
    said = [end() for end in others]
    time.sleep(0.5)
    worker.send_signal(signal.SIGTERM)
    out, err = worker.communicate(timeout=PATIENCE)
    deployment.left["run"] = out + err
    assert "no connection" in said[0]
    assert "compare TELEGRAM_BOT_TOKEN" in said[1]
    assert "Telegram refuses the bot's token" in err
    assert deployment.found() == []


@pytest.fixture
def locked(postgres_server: PostgresServer) -> str:
    """Return the address of a database that wants a password, with a place for it."""
    hba = Path(postgres_server.folder) / "pg_hba.conf"
    if "watcher" not in hba.read_text():
        hba.write_text(f"local all watcher scram-sha-256\n{hba.read_text()}")
    database = postgres_server.fresh()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("SELECT pg_reload_conf()")
        connection.execute(f"CREATE ROLE watcher LOGIN SUPERUSER PASSWORD '{PASSWORD}'".encode())
    return database.replace("postgres@", "watcher:{}@")


def test_no_password_leaks_whether_it_is_right_or_wrong(deployment: Deployment, locked: str) -> None:
    right, wrong = (
        deployment.begin("bot", "check", DATABASE_URL=locked.format(quote(password, safe="")))
        for password in (PASSWORD, f"{PASSWORD}!")
    )
    assert "parliament_petition:5" in right()
    assert "password authentication failed" in wrong()
    again = deployment.begin("bot", "doctor", DATABASE_URL=locked.format(quote(PASSWORD, safe="")))
    assert "schema" in again()
    assert deployment.found() == []


def test_whatever_is_made_to_leak_is_hidden(deployment: Deployment) -> None:
    deployment.more = {"DATABASE_URL": f"postgresql://watcher:{quote(PASSWORD, safe='')}@127.0.0.1/x"}
    said = deployment.begin("tests.bot.leaks")()
    for how in ("InvalidToken", "Bot[token=", "Task exception was never retrieved", "UserWarning"):
        assert how in said
    assert said.count("an error that nobody expected") > 10
    assert said.count("[secret]") > 50
    assert deployment.found() == []
