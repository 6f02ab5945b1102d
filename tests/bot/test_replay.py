"""replay: the recorded history that ships, and folders that are no recording."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.bot.cli import figurewatch

DEMO = Path(__file__).parents[2] / "demo"


def test_the_recorded_history_is_told_from_its_first_look_to_its_last() -> None:
    said = figurewatch({}, "replay", str(DEMO))
    assert (said.status, said.err) == (0, "")
    blocks = said.out.split("\n\n")
    told = [line for block in blocks for line in block.splitlines() if line[0] in "─(👀📊✏✍⚠✅→"]
    assert [line.rstrip("─ ") for line in told if not line.startswith("→")] == [
        "── 12 March 2026, 10:00",
        "👀 Now watching: One Size Does Not Fit All: independent review for NHS Talking Therapies "
        "(627 signatures); NHS Talking Therapies, monthly (newest: January 2026)",
        "(backfill: 1 past release read)",
        "── 20 March 2026, 12:00",
        "(nothing to tell)",
        "── 9 April 2026, 09:30",
        "📊 NHS Talking Therapies, monthly, England: February 2026",
        "── 16 April 2026, 15:05",
        "✏️ Corrected: NHS Talking Therapies, monthly, January 2026",
        "── 6 May 2026, 18:15",
        "✍️ 629 signatures",
        "── 14 May 2026, 09:30",
        "📊 NHS Talking Therapies, monthly, England: March 2026",
        "── 15 May 2026, 10:00",
        "⚠️ A source cannot be read",
        "── 15 May 2026, 10:30",
        "✅ A source can be read again",
    ]
    assert [line for line in told if line.startswith("→")] == ["→ console"] * 5 + ["→ operator"] * 2
    assert "Referrals received (M001), England: now 159,819, was 159,780" in said.out


def test_a_replay_asks_and_tells_nobody_else(tmp_path: Path) -> None:
    elsewhere = {
        "TELEGRAM_BOT_TOKEN": "123456789:" + "A" * 35,
        "ALERT_CHATS": "-1001",
        "TELEGRAM_API_URL": "http://127.0.0.1:1",
        "WEB_MIRROR": "http://127.0.0.1:1",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'figurewatch.db'}",
    }
    short = tmp_path / "short"
    shutil.copytree(DEMO / "2026-03-12T100000Z", short / "2026-03-12T100000Z")
    shutil.copy(DEMO / "campaign.toml", short)
    said = figurewatch(elsewhere, "replay", str(short))
    assert said.status == 0
    assert "👀 Now watching" in said.out
    assert not (tmp_path / "figurewatch.db").exists()


def test_a_source_in_trouble_at_the_end_is_a_status_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "2026-01-01T000000Z").mkdir()
    shutil.copy(DEMO / "campaign.toml", tmp_path)
    said = figurewatch({}, "replay", str(tmp_path))
    assert (said.status, said.err) == (1, "")
    assert "⚠️ 2 sources cannot be read" in said.out
    assert "(backfill: expected a page, found 404" in said.out


@pytest.mark.parametrize(
    ("folders", "campaign", "fault"),
    [
        ((), "", "holds no instants, folders named like 2026-05-14T083005Z"),
        (("2026-13-01T000000Z",), "", "is not named like 2026-05-14T083005Z"),
        (("2026-01-01T000000Z",), None, "does not exist"),
        (("2026-01-01T000000Z",), "name =", "is not TOML"),
    ],
)
def test_a_folder_that_is_no_recording_is_one_line(
    tmp_path: Path, folders: tuple[str, ...], campaign: str | None, fault: str
) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir()
    if campaign is not None:
        (tmp_path / "campaign.toml").write_text(campaign)
    said = figurewatch({}, "replay", str(tmp_path))
    assert (said.status, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert fault in said.err
