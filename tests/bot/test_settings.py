"""The environment: what is read from it, and how every fault in it is told at once."""

from __future__ import annotations

import pytest

from bot.settings import EXPECTED, Chat, Settings, SettingsError, load_settings

TOKEN = "123456789:" + "A" * 35


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def faults(monkeypatch: pytest.MonkeyPatch, **environment: str) -> list[str]:
    """Return the lines of what is wrong with an environment."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return str(caught.value).splitlines()


def test_an_empty_environment_works_and_prints_to_the_console() -> None:
    settings = load_settings()
    assert settings.telegram_bot_token is None
    assert settings.database_url.get_secret_value() == "sqlite:///figurewatch.db"
    assert settings.web_pause == 2


def test_a_setting_that_is_empty_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(name.upper(), "")
    assert load_settings() == Settings()


def test_chats_are_ids_with_or_without_a_topic_and_each_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_CHATS", " -1001234567890:7, 42,,-1001234567890:7 ")
    monkeypatch.setenv("OPS_CHAT", "-5")
    settings = load_settings()
    assert settings.alert_chats == (Chat(-1001234567890, 7), Chat(42))
    assert [str(chat) for chat in settings.alert_chats] == ["-1001234567890:7", "42"]
    assert settings.ops_chat == Chat(-5)


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("TELEGRAM_BOT_TOKEN", "hunter2", "7 characters of another shape"),
        ("ALERT_CHATS", "-100,@campaign", "'@campaign'"),
        ("OPS_CHAT", "-100:x", "'-100:x'"),
        ("DATABASE_URL", "mysql://u:hunter2@h/d", "something else"),
        ("DATABASE_URL", "postgres://u:hunt@er2@h/d", "more than one @: write @ : / in a password as %40"),
        ("WEB_PAUSE", "soon", "'soon'"),
        ("WEB_PAUSE", "nan", "'nan'"),
        ("WEB_PAUSE", "-1", "'-1'"),
        ("WEB_MIRROR", "ftp://hunter2", "something else"),
        ("WEB_MIRROR", "http://[::1", "something else"),
        ("WEB_USER_AGENT", "two\nlines", "'two\\nlines'"),
        ("WEB_CONTACT", "me (at home)", "'me (at home)'"),
        ("TELEGRAM_API_URL", "http://host:port", "something else"),
        ("PORT", "70000", "'70000'"),
        ("HEALTHCHECK_URL", "hc-ping.com/hunter2", "something else"),
        ("LOG_LEVEL", "loud", "'loud'"),
    ],
)
def test_a_fault_is_one_line_with_what_was_expected_and_found(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, found: str
) -> None:
    (line,) = faults(monkeypatch, **{name: value})
    assert line.startswith(f"{name}: expected {EXPECTED[name]}; found {found}")


def test_every_fault_is_named_at_once_and_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = faults(
        monkeypatch, TELEGRAM_BOT_TOKEN="1:hunter2", DATABASE_URL="my://hunter2", PORT="x", WEB_PAUSE="x"
    )
    assert [line.partition(":")[0] for line in lines] == [
        *("TELEGRAM_BOT_TOKEN", "DATABASE_URL", "WEB_PAUSE", "PORT"),
    ]
    assert "hunter2" not in "\n".join(lines)


def test_what_must_not_be_logged_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("DATABASE_URL", "postgresql://watch:hunter2@localhost/figures")
    monkeypatch.setenv("WEB_MIRROR", "https://staging.example.org:8443/")
    monkeypatch.setenv("TELEGRAM_API_URL", "http://watch:swordfish@bots:8081")
    monkeypatch.setenv("HEALTHCHECK_URL", "https://hc-ping.com/0b0e-secret")
    settings = load_settings()
    assert set(settings.secrets) >= {TOKEN, "hunter2", "swordfish", "staging.example.org", "0b0e-secret"}
    assert not [secret for secret in settings.secrets if secret in repr(settings)]


@pytest.mark.parametrize("address", ["//watch:hunt%65r2@db/figures", "//watch@db/figures?password=hunter2"])
def test_a_password_is_known_however_it_is_written(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql:{address}")
    assert "hunter2" in load_settings().secrets
