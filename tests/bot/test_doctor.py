"""The doctor: what works, and what to do about the rest."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.operate.doctor import examine
from bot.settings import Settings
from tests.fakes.sites import Sites

PAGE = "https://keepournhspublic.com/a-petition"
SCRIPT = "https://keepournhspublic.com/inlay-0a1b2c3d4e5f.js"
CAMPAIGN = f"""
[campaign]
name = "Test"
sources = []

[[petition]]
source = "konp_petition"
url = "{PAGE}"
"""


@pytest.mark.parametrize(
    ("script", "works", "says"),
    [
        ('i.inlays["0a1b2c3d4e5f"] = {"count":629};', True, "629 signatures"),
        ("console.log('Inlay unavailable: 0a1b2c3d4e5f');", False, "Inlay unavailable"),
    ],
)
def test_the_doctor_reads_what_a_live_page_says_now(
    script: str, works: bool, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    (tmp_path / "campaign.toml").write_text(CAMPAIGN)
    with Sites() as sites:
        sites.put(PAGE, f"<html><script src='{SCRIPT}' data-inlay-id='0a1b2c3d4e5f'></script></html>")
        sites.put(SCRIPT, script, content_type="text/javascript")
        monkeypatch.setenv("CAMPAIGN_FILE", str(tmp_path / "campaign.toml"))
        monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'figurewatch.db'}")
        monkeypatch.setenv("WEB_MIRROR", sites.url)
        monkeypatch.setenv("WEB_PAUSE", "0")
        (found,) = (checked for checked in asyncio.run(examine()) if checked.name == "konp_petition")
    assert found.ok is works
    assert says in found.says
