"""Two hundred petitions on loopback: against urlwatch in the same run, and against bare requests."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time

from bench.measure import TRIES, Cost, Line, ask, least, run, served

PETITIONS = 200
FIRST_COUNT = 1_000
SLOWER, PEAK = 2.0, 80.0  # than urlwatch; MiB
WARM_SLOWER = 1.5  # than bare requests
ROUNDS = 8  # of a warm process
HOST = "petition.parliament.uk"


def lines() -> Iterator[Line]:
    """Yield what a check costs when nothing changed and when all did, and a round of the running worker."""
    with tempfile.TemporaryDirectory() as name, served("tests.fakes.sites", f"{name}/web") as web:
        field = Field(Path(name), web)
        field.publish(0)
        field.both()  # the first look of each: it makes its store and learns what is normal
        still = [field.both(news=0) for _ in range(TRIES)]
        changed = []
        for turn in range(1, TRIES + 1):
            field.publish(turn)
            changed.append(field.both(news=PETITIONS))
        field.both(news=0)  # what was told last is read once more, so that nothing is new for the worker
        warm = ask(__name__, web, environment=field.environment)
    peer = [least(costs) for costs in ((peer for _, peer in still), (peer for _, peer in changed))]
    ours = [least(costs) for costs in ((ours for ours, _ in still), (ours for ours, _ in changed))]
    for what, cost, other in zip(("nothing changed", "all changed, 200 messages"), ours, peer, strict=True):
        yield Line(f"check of {PETITIONS} petitions, {what}", cost.wall, "s", other.wall, SLOWER)
        yield Line("  its CPU time", cost.cpu, "s", other.cpu, SLOWER)
    yield Line("  the whole process at its peak", max(cost.peak for cost in ours), "MiB", bound=PEAK)
    yield Line("a round of the running worker, to bare httpx", warm["round"], "s", warm["bare"], WARM_SLOWER)
    yield Line("  to all of urlwatch", warm["round"], "s", peer[0].wall, 1.0)
    yield Line("  its CPU time, to all of urlwatch", warm["cpu"], "s", peer[0].cpu, 1.0)


class Field:
    """The petitions on the local web, and both programs set up to watch them."""

    def __init__(self, folder: Path, web: str) -> None:
        """Write the settings of both into the folder."""
        self._folder = folder
        self.environment = {
            "CAMPAIGN_FILE": str(folder / "campaign.toml"),
            "DATABASE_URL": f"sqlite:///{folder}/figurewatch.db",
            "WEB_MIRROR": web,
            "WEB_PAUSE": "0",
        }
        numbers = range(1, PETITIONS + 1)
        (folder / "campaign.toml").write_text(
            '[campaign]\nname = "Two hundred petitions"\nsources = []\n'
            + "".join(
                f'[[petition]]\nsource = "parliament_petition"\nid = {n}\ntell_at = ["every 1"]\n'
                for n in numbers
            )
        )
        count = r'[{re.findall: {pattern: "signature_count\": ?([0-9]+)", repl: "\\1"}}]'
        (folder / "urls.yaml").write_text(
            "---\n".join(
                f"kind: url\nname: Petition {n}\nurl: {web}/{HOST}/petitions/{n}.json\nfilter: {count}\n"
                for n in numbers
            )
        )
        (folder / "urlwatch.yaml").write_text("report:\n  stdout: {enabled: true, color: false}\n")

    def publish(self, turn: int) -> None:
        """Let every petition have as many signatures more as this turn says."""
        place = self._folder / "web" / HOST / "petitions"
        place.mkdir(parents=True, exist_ok=True)
        for number in range(1, PETITIONS + 1):
            (place / f"{number}.json").write_text(petition(number, FIRST_COUNT + turn))

    def both(self, news: int | None = None) -> tuple[Cost, Cost]:
        """Let both look once; return what each cost. Raises RuntimeError unless both tell so many `news`."""
        ours, peer = self._folder / "figurewatch.log", self._folder / "urlwatch.log"
        files = {"urls": "urls.yaml", "config": "urlwatch.yaml", "cache": "urlwatch.db", "hooks": "none.py"}
        arguments = [f"--{option}={self._folder / file}" for option, file in files.items()]
        urlwatch = str(Path(sys.executable).with_name("urlwatch"))
        costs = (
            run([sys.executable, "-m", "bot", "check"], self.environment, log=ours),
            run([urlwatch, *arguments], log=peer),
        )
        told = ours.read_text().count("→ console"), peer.read_text().count(". CHANGED:")
        if news is not None and told != (news, news):
            raise RuntimeError(f"expected both to tell of {news} petitions, found {told}")
        return costs


def petition(number: int, signatures: int) -> str:
    """Return a petition as its site publishes it, without the long lists of places: about 1 kB."""
    attributes = {
        "action": f"Count what is asked for in petition {number}",
        "background": "What is counted should be said, and what is said should be counted. " * 4,
        "additional_details": "",
        "committee_note": "",
        "state": "open",
        "signature_count": signatures,
        "created_at": "2025-01-14T12:14:59.326Z",
        "updated_at": "2025-03-24T18:30:46.384Z",
        "rejected_at": None,
        "opened_at": "2025-01-20T10:25:02.393Z",
        "closed_at": None,
        "moderation_threshold_reached_at": "2025-01-14T14:57:53.747Z",
        "response_threshold_reached_at": None,
        "government_response_at": None,
        "debate_threshold_reached_at": None,
        "scheduled_debate_date": None,
        "debate_outcome_at": None,
        "creator_name": "A Person",
        "rejection": None,
        "government_response": None,
        "debate": None,
        "departments": [],
        "topics": [],
    }
    itself = f"https://{HOST}/petitions/{number}.json"
    return json.dumps(
        {"links": {"self": itself}, "data": {"type": "petition", "id": number, "attributes": attributes}},
        separators=(",", ":"),
    )


async def warm(web: str) -> dict[str, float]:
    """Time rounds of a process that goes on, and bare requests of the same pages, in turn."""
    import httpx

    from bot.campaign import load_campaign
    from bot.desk import open_desk
    from bot.settings import load_settings
    from state.store import Store

    settings = load_settings()
    campaign = load_campaign(settings.campaign_file)
    store = Store.open(settings.database_url.get_secret_value())
    rounds: list[tuple[float, float]] = []
    bare: list[float] = []
    async with open_desk(settings, campaign, store) as desk, httpx.AsyncClient() as client:
        for _ in range(ROUNDS):
            started, cpu = perf_counter(), process_time()
            results = await desk.checker.round(campaign.sources)
            rounds.append((perf_counter() - started, process_time() - cpu))
            if any(result.error or result.changes for result in results):
                raise RuntimeError("a page changed, or could not be read")
            started = perf_counter()
            for number in range(1, PETITIONS + 1):
                (await client.get(f"{web}/{HOST}/petitions/{number}.json")).raise_for_status()
            bare.append(perf_counter() - started)
    store.close()
    wall, cpu = (min(times[1:]) for times in zip(*rounds, strict=True))
    return {"round": wall, "cpu": cpu, "bare": min(bare[1:])}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(warm(sys.argv[1]))))
