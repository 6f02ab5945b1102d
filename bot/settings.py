"""The environment: every setting, its default, and what to do when one is wrong."""

from __future__ import annotations

import re
from typing import Annotated, Any, NamedTuple

from pydantic import Field, HttpUrl, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

MENDING = {
    "TELEGRAM_BOT_TOKEN": "give the token that BotFather printed: digits, a colon, 35 characters",
    "ALERT_CHATS": "give chat ids, comma-separated, each ID or ID:TOPIC, like -1001234567890:7",
    "OPS_CHAT": "give one chat id, ID or ID:TOPIC, like -1001234567890",
    "DATABASE_URL": "give sqlite:///figurewatch.db or postgresql://user:password@host/name",
    "WEB_PAUSE": "give seconds, like 2 or 0.5",
    "WEB_USER_AGENT": "give one line of plain ASCII",
    "WEB_CONTACT": "give a mail or web address for publishers, like https://example.org/contact",
    "WEB_MIRROR": "give an address, like http://127.0.0.1:8000",
    "TELEGRAM_API_URL": "give an address, like http://127.0.0.1:8081",
    "PORT": "give a port number from 1 to 65535",
    "LEASE_TIME": "give seconds from 1 to 600, like 30",
    "HEALTHCHECK_URL": "give an address, like https://hc-ping.com/your-id",
}


class SettingsError(Exception):
    """Name every setting that cannot be used, and how to mend it."""


class Chat(NamedTuple):
    """A Telegram chat, and the topic in it where one is meant."""

    id: int
    topic: int | None = None

    def __str__(self) -> str:
        return str(self.id) if self.topic is None else f"{self.id}:{self.topic}"


def parse_chat(text: str) -> Chat:
    """Return the chat written as `ID` or `ID:TOPIC`, or raise ValueError."""
    found = re.fullmatch(r"(-?\d{1,19})(?::(\d{1,10}))?", text.strip())
    if not found:
        raise ValueError(f"{text.strip()[:40]!r} is not a chat id")
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
    telegram_api_url: SecretStr | None = None
    port: int | None = Field(default=None, ge=1, le=65535)
    healthcheck_url: HttpUrl | None = None
    lease_time: float = Field(default=30.0, ge=1, le=600)  # seconds until another takes over from the dead

    @field_validator("telegram_bot_token")
    @classmethod
    def _token_shape(cls, token: SecretStr | None) -> SecretStr | None:
        if token and not re.fullmatch(r"\d+:[\w-]{35}", token.get_secret_value()):
            raise ValueError("this is not the shape of a bot token")
        return token

    @field_validator("alert_chats", mode="before")
    @classmethod
    def _chats(cls, text: Any) -> Any:
        return (
            tuple(parse_chat(part) for part in text.split(",") if part.strip())
            if isinstance(text, str)
            else text
        )

    @field_validator("ops_chat", mode="before")
    @classmethod
    def _chat(cls, text: Any) -> Any:
        return parse_chat(text) if isinstance(text, str) else text

    @field_validator("database_url")
    @classmethod
    def _database(cls, url: SecretStr) -> SecretStr:
        if not re.match(r"(sqlite|postgres|postgresql)(\+psycopg)?://", url.get_secret_value()):
            raise ValueError("this is neither SQLite nor PostgreSQL")
        return url

    @field_validator("web_mirror", "telegram_api_url")
    @classmethod
    def _address(cls, url: SecretStr | None) -> SecretStr | None:
        if url and not re.match(r"https?://[^/\s]+", url.get_secret_value()):
            raise ValueError("this is not an http address")
        return url

    @field_validator("web_user_agent", "web_contact")
    @classmethod
    def _header(cls, text: str | None) -> str | None:
        if text and not (text.isascii() and text.isprintable()):
            raise ValueError("this does not fit into a header")
        return text

    @field_validator("web_contact")
    @classmethod
    def _contact(cls, text: str | None) -> str | None:
        if text and set(text) & set("()"):  # they would close the User-Agent's comment
            raise ValueError("a contact has no brackets")
        return text

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return what must appear in no log: the token, the database's password, staging addresses."""
        token = self.telegram_bot_token.get_secret_value() if self.telegram_bot_token else ""
        password = re.search(r"://[^/@:]*:([^@/]+)@", self.database_url.get_secret_value())
        mirror = self.web_mirror.get_secret_value() if self.web_mirror else ""
        return tuple(secret for secret in (token, password[1] if password else "", mirror) if secret)


def load_settings() -> Settings:
    """Return the settings from the environment, or raise SettingsError that names every fault."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("\n".join(_fault(item) for item in error.errors(include_input=False))) from None


def _fault(item: Any) -> str:
    name = str(item["loc"][0]).upper()
    why = item["msg"].removeprefix("Value error, ")
    return f"{name}: {why[:1].lower()}{why[1:]}; {MENDING.get(name, 'see docs/operating.md')}"
