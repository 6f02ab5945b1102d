"""The environment: every setting, its default, and what to do when one is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import time
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

EXPECTED = {
    "TELEGRAM_BOT_TOKEN": "the token that BotFather printed: digits, a colon, 35 characters",
    "ALERT_CHATS": "chat ids, comma-separated, each ID or ID:TOPIC, like -1001234567890:7",
    "OPS_CHAT": "one chat id, ID or ID:TOPIC, like -1001234567890",
    "DATABASE_URL": "sqlite:///figurewatch.db or postgresql://user:password@host/name",
    "WEB_PAUSE": "seconds from 0 to 600, like 2 or 0.5",
    "WEB_MIRROR": "an address, like http://127.0.0.1:8000",
    "WEB_USER_AGENT": "one line of plain ASCII",
    "WEB_CONTACT": "an address or e-mail in plain ASCII without brackets, like mailto:watch@example.org",
    "TELEGRAM_API_URL": "an address, like http://127.0.0.1:8081",
    "PORT": "a port number from 1 to 65535",
    "LEASE_TIME": "seconds from 1 to 600, like 30",
    "DAILY_AT": "a time of day in London, like 08:00, or off",
    "HEALTHCHECK_URL": "an address, like https://hc-ping.com/your-id",
    "LOG_LEVEL": "DEBUG, INFO, WARNING or ERROR",
}
SECRET_PATH = 8  # characters from which on the path of an address is taken for a secret by itself


class SettingsError(Exception):
    """Name every setting that cannot be used, and how to mend it."""


class Chat(NamedTuple):
    """A Telegram chat, and the topic in it where one is meant."""

    id: int
    topic: int | None = None

    def __str__(self) -> str:
        return str(self.id) if self.topic is None else f"{self.id}:{self.topic}"


def parse_chat(text: str) -> Chat:
    """Return the chat written as `ID` or `ID:TOPIC`, or raise ValueError with what was found."""
    found = re.fullmatch(r"(-?\d{1,19})(?::(\d{1,10}))?", text.strip())
    if not found:
        raise ValueError(f"{text.strip()[:40]!r}")
    return Chat(int(found[1]), int(found[2]) if found[2] else None)


class Settings(BaseSettings):
    """The settings of one process, read from the environment."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    telegram_bot_token: SecretStr | None = None
    alert_chats: Annotated[tuple[Chat, ...], NoDecode] = ()
    ops_chat: Annotated[Chat | None, NoDecode] = None
    database_url: SecretStr = SecretStr("sqlite:///figurewatch.db")
    campaign_file: str = "campaign.toml"
    web_pause: float = Field(default=2.0, ge=0, le=600)
    web_mirror: SecretStr | None = None
    web_user_agent: str | None = None
    web_contact: str | None = None
    evidence_dir: str | None = None
    telegram_api_url: SecretStr | None = None
    port: int | None = Field(default=None, ge=1, le=65535)
    healthcheck_url: SecretStr | None = None
    daily_at: time | None = time(8)  # London's
    lease_time: float = Field(default=30.0, ge=1, le=600)  # seconds until another takes over from the dead
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    # A validator raises ValueError with what it found; what was expected is said in EXPECTED.

    @field_validator("telegram_bot_token")
    @classmethod
    def _token_shape(cls, token: SecretStr | None) -> SecretStr | None:
        if token and not re.fullmatch(r"\d+:[\w-]{35}", token.get_secret_value(), re.ASCII):
            raise ValueError(f"{len(token)} characters of another shape")
        return token

    @field_validator("alert_chats", mode="before")
    @classmethod
    def _chats(cls, text: Any) -> Any:
        if not isinstance(text, str):
            return text
        return tuple(dict.fromkeys(parse_chat(part) for part in text.split(",") if part.strip()))

    @field_validator("ops_chat", mode="before")
    @classmethod
    def _chat(cls, text: Any) -> Any:
        return parse_chat(text) if isinstance(text, str) else text

    @field_validator("daily_at", mode="before")
    @classmethod
    def _time_or_off(cls, text: Any) -> Any:
        return None if text == "off" else text

    @field_validator("database_url")
    @classmethod
    def _database(cls, url: SecretStr) -> SecretStr:
        address = url.get_secret_value()
        if not re.match(r"(sqlite|postgres|postgresql)(\+psycopg)?://", address):
            raise ValueError("something else")
        if address.startswith("postgres") and address.partition("?")[0].count("@") > 1:
            raise ValueError("more than one @: write @ : / in a password as %40 %3A %2F")
        return url

    @field_validator("web_mirror", "telegram_api_url", "healthcheck_url")
    @classmethod
    def _address(cls, url: SecretStr | None) -> SecretStr | None:
        if url and not _is_web_address(url.get_secret_value()):
            raise ValueError("something else")
        return url

    @field_validator("web_user_agent", "web_contact")
    @classmethod
    def _header(cls, text: str | None, info: ValidationInfo) -> str | None:
        brackets = info.field_name == "web_contact" and text and set(text) & set("()")
        if text and (brackets or not (text.isascii() and text.isprintable())):
            raise ValueError(f"{text[:60]!r}")
        return text

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return what must appear in no log or file, each whole and in the parts that a library may show."""
        parts = set(_password(self.database_url.get_secret_value()))
        if self.telegram_bot_token:
            token = self.telegram_bot_token.get_secret_value()
            parts |= {token, token.partition(":")[2]}
        for address in (self.web_mirror, self.telegram_api_url, self.healthcheck_url):
            if address:
                parts |= set(_parts(address.get_secret_value()))
        return tuple(sorted(filter(None, parts), key=lambda part: (-len(part), part)))


def _password(database_url: str) -> Iterator[str]:
    """Yield a database's password as it is written in its address, and as it is."""
    found = re.search(r"://[^/@:]*:([^@/]+)@", database_url)
    if found:
        yield from (found[1], unquote(found[1]))
    yield from parse_qs(database_url.partition("?")[2]).get("password", [])


def _parts(address: str) -> Iterator[str]:
    """Yield an address that is nobody's business, its host, its path, and the password in it."""
    parts = urlsplit(address)
    yield address.rstrip("/")
    yield parts.netloc
    yield parts.password or ""
    if parts.hostname and "." in parts.hostname:  # a word like `localhost` says nothing
        yield parts.hostname
    if len(parts.path.strip("/")) >= SECRET_PATH:
        yield parts.path.strip("/")


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def load_settings() -> Settings:
    """Return the settings from the environment, or raise SettingsError that names every fault."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("\n".join(map(_fault, error.errors()))) from None


def _fault(item: Any) -> str:
    name = str(item["loc"][0]).upper()
    ours = item["type"] == "value_error"
    found = item["msg"].removeprefix("Value error, ") if ours else f"{item['input']!r:.60}"
    return f"{name}: expected {EXPECTED[name]}; found {found}"
