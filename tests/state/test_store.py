"""Opening the store, its schema, and who may write when."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from scrapers.toolkit.contract import CachedPage, Release
from state import database
from state.records import SourceState, Trouble
from state.store import Store, StoreError
from state.tables import SCHEMA, metadata
from tests.state.samples import HOUR, LONDON_ICB, NHS, NOON, PETITION, REFERRALS, referrals, save

if TYPE_CHECKING:
    from tests.conftest import PostgresServer

FIRST_SCHEMA_ROWS = """
INSERT INTO releases (id, source, key, title, url, state, published, file, first_seen) VALUES
  (1, 'talking_therapies_monthly', 'march', 'March', 'https://x', 'out', '2026-05-14T12:00:00.000000Z', '',
  '2026-05-14T12:00:00.000000Z');
INSERT INTO measures (id, source, code) VALUES (1, 'talking_therapies_monthly', 'M001');
INSERT INTO measure_names (measure, since, name, unit, denominator, definition) VALUES
  (1, '2026-03', 'Count_ReferralsReceived', 'count', '', 'Referrals received');
INSERT INTO areas (id, source, kind, code) VALUES (1, 'talking_therapies_monthly', 'England', 'England');
INSERT INTO area_names (area, since, name) VALUES (1, '2026-03', 'England');
INSERT INTO series (id, measure, area) VALUES (1, 1, 1);
INSERT INTO editions (id, source, period, published, release, first_seen) VALUES
  (1, 'talking_therapies_monthly', '2026-03', '2026-05-14T12:00:00.000000Z', 1,
  '2026-05-14T12:00:00.000000Z');
INSERT INTO figures (edition, series, value, withheld) VALUES (1, 1, 5.5, FALSE);
INSERT INTO alerts (id, source, kind, dedupe, text, finding, created) VALUES
  (1, 'talking_therapies_monthly', 'release', 'march', 'March', '{}', '2026-05-14T12:00:00.000000Z');
INSERT INTO outbox (alert, key, chat, part, payload, state, attempts, resends, not_before, created, error)
  VALUES (1, 'march', '42', 1, '{"html": "March"}', 'pending', 0, 0, '2026-05-14T12:00:00.000000Z',
  '2026-05-14T12:00:00.000000Z', '');
"""
RELEASE = Release("march", "March 2026", "https://x/march", published=NOON)


def script(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Run a program of a few lines in a process of its own."""
    return subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen[str]) -> str:
    """Wait for a program that ends well, and return what it printed."""
    printed, _ = process.communicate()
    assert process.returncode == 0
    return printed


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("figurewatch.db", "expected sqlite:///figurewatch.db or postgresql://"),
        ("mysql://me:hush@host/db", "expected sqlite:/// or postgresql://, found mysql://"),
        ("sqlite://", "expected a file as in sqlite:///figurewatch.db"),
        ("sqlite:////no/such/folder/figurewatch.db", "there is no folder /no/such/folder"),
        ("postgresql://me:hush@127.0.0.1:1/db", "cannot open the store postgresql://me:***@127.0.0.1:1/db: "),
        (
            "postgresql://me@127.0.0.1:1/db?password=hush",
            "cannot open the store postgresql://me@127.0.0.1:1/db: ",
        ),
    ],
)
def test_a_store_that_cannot_be_opened_is_one_line_without_the_password(url: str, says: str) -> None:
    with pytest.raises(StoreError) as raised:
        Store.open(url)
    assert says in str(raised.value)
    assert "hush" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    file = tmp_path / "figurewatch.db"
    file.write_text("dear diary, " * 100)
    with pytest.raises(StoreError, match="file is not a database"):
        Store.open(f"sqlite:///{file}")


def test_a_short_postgres_address_is_understood(postgres_server: PostgresServer) -> None:
    url = postgres_server.fresh().replace("postgresql://", "postgres://")
    store = Store.open(url)
    assert store.shown.startswith("postgresql://postgres@/figurewatch_")
    store.close()


def test_a_store_opened_again_still_knows_everything(empty_database_url: str) -> None:
    first = Store.open(empty_database_url)
    save(first, referrals(5))
    first.close()
    second = Store.open(empty_database_url)
    with second.reading() as reader:
        assert [figure.value for figure in reader.figures()] == [5]
    second.close()


def test_a_store_changed_by_a_newer_version_is_refused_and_left_alone(empty_database_url: str) -> None:
    Store.open(empty_database_url).close()
    engine = sa.create_engine(database.parse(empty_database_url))
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE schema_version SET version_num = '9999'"))
    with pytest.raises(
        StoreError, match=rf"expected schema {SCHEMA} or older, found 9999: update Figurewatch"
    ):
        Store.open(empty_database_url)
    engine.dispose()


def test_the_migrations_make_the_tables_that_the_store_expects(empty_database_url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    engine = database.connect(database.parse(empty_database_url))
    with database.reading(engine) as connection:
        options = {"version_table": database.VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert context.get_current_revision() == SCHEMA
        assert compare_metadata(context, metadata) == []
        inspector = sa.inspect(connection)
        for table in metadata.tables.values():
            checks = {check["name"] for check in inspector.get_check_constraints(table.name)}
            assert checks == {c.name for c in table.constraints if isinstance(c, sa.CheckConstraint)}
    engine.dispose()


def test_a_store_of_the_first_schema_is_brought_up_to_date_with_all_it_knew(empty_database_url: str) -> None:
    engine = sa.create_engine(database.parse(empty_database_url))
    with engine.begin() as connection:
        database.migrate(connection, "0001")
        for statement in FIRST_SCHEMA_ROWS.strip().split(";\n"):
            connection.exec_driver_sql(statement)
    engine.dispose()

    store = Store.open(empty_database_url)
    with store.reading() as reader:
        assert reader.releases(NHS)[0].published == NOON
        assert [(figure.area_name, figure.value) for figure in reader.figures()] == [("England", 5.5)]
        assert reader.measures(NHS) == {"M001": REFERRALS}
        assert [(alert.text, alert.state) for alert in reader.alerts()] == [("March", "pending")]
    assert [row.payload for row in store.outbox.due(NOON)] == [{"html": "March"}]
    store.close()


def test_processes_that_open_a_new_store_at_once_both_get_it(empty_database_url: str) -> None:
    code = "import sys; from state.store import Store; Store.open(sys.argv[1]).close()"
    both = [script(code, empty_database_url) for _ in range(2)]
    assert [finished(process) for process in both] == ["", ""]


def test_processes_that_write_at_once_see_each_other(store: Store, database_url: str) -> None:
    code = """
import sys
from datetime import UTC, datetime
from state.records import NewAlert
from state.store import Store

store, now = Store.open(sys.argv[1]), datetime.now(UTC)
for number in range(25):
    with store.writing() as writer:
        told = writer.remember("petition", f"mark {number}", now)
        alert = NewAlert(writer.next_alert_id(), "petition", "mark", f"mark {number}", "A mark")
        assert writer.add_alert(alert, now) == told
        print(alert.id if told else 0)
"""
    both = [script(code, database_url) for _ in range(2)]
    ids = [int(line) for process in both for line in finished(process).split()]
    assert len(ids) == 50
    assert sorted(number for number in ids if number) == list(range(1, 26))


def test_threads_that_write_at_once_wait_for_each_other(store: Store) -> None:
    seen: list[int] = []

    def add_one() -> None:
        with store.writing() as writer:
            known = writer.known(NHS, ["2026-03"])
            seen.append(len(known))
            figure = referrals(1, area=referrals(1).area._replace(code=f"area {len(known)}"))
            writer.save_releases(NHS, [RELEASE], NOON)
            writer.save_figures(NHS, RELEASE.key, [figure], NOON, NOON)

    threads = [threading.Thread(target=add_one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(8))


def test_what_another_process_added_is_found_before_it_is_added_again(
    store: Store, database_url: str
) -> None:
    save(store, referrals(1))
    other = Store.open(database_url)
    save(other, referrals(2, area=LONDON_ICB), published=NOON + HOUR)
    other.close()
    save(store, referrals(3, area=LONDON_ICB), published=NOON + 2 * HOUR)
    with store.reading() as reader:
        assert [figure.value for figure in reader.figures(area=LONDON_ICB.code)] == [2, 3]


def test_a_reader_sees_one_moment(store: Store) -> None:
    save(store, referrals(1))
    with store.reading() as reader:
        assert len(list(reader.figures())) == 1
        save(store, referrals(2), published=NOON + HOUR)
        assert len(list(reader.figures())) == 1
    with store.reading() as reader:
        assert len(list(reader.figures())) == 2


def test_a_source_is_remembered_from_its_first_check_on(store: Store) -> None:
    with store.writing() as writer:
        writer.note_checked([NHS, PETITION], NOON)
        writer.teach(NHS, NOON)
        writer.introduce([NHS], NOON)
    with store.writing() as writer:
        writer.note_checked([NHS], NOON + HOUR)
        assert writer.sources() == {
            NHS: SourceState(NHS, NOON + HOUR, NOON, introduced=True),
            PETITION: SourceState(PETITION, NOON),
        }


def test_a_trouble_is_remembered_until_it_is_over(store: Store) -> None:
    trouble = Trouble("changed", "expected a table, found none", NOON, rounds=2, told=True)
    with store.writing() as writer:
        writer.set_trouble(NHS, trouble)
        assert writer.sources()[NHS].trouble == trouble
        writer.set_trouble(NHS, None)
        assert writer.sources()[NHS] == SourceState(NHS)


def test_an_episode_is_remembered_once_for_each_source(store: Store) -> None:
    with store.writing() as writer:
        assert writer.remember(NHS, "mark 629", NOON)
        assert not writer.remember(NHS, "mark 629", NOON)
        assert writer.remember(PETITION, "mark 629", NOON)
        assert writer.episodes(NHS) == {"mark 629"}


def test_what_fails_apart_takes_nothing_else_with_it(store: Store) -> None:
    with store.writing() as writer:
        writer.save_releases(NHS, [RELEASE], NOON)

        def spoiled() -> None:
            with writer.apart():
                writer.teach(NHS, NOON)
                writer.save_figures(NHS, RELEASE.key, [referrals(1e308, area=LONDON_ICB)], NOON, NOON)

        with pytest.raises(sa.exc.IntegrityError):
            spoiled()
        with writer.apart():
            writer.save_figures(NHS, RELEASE.key, [referrals(5)], NOON, NOON)
        writer.save_figures(NHS, RELEASE.key, [referrals(6, area=LONDON_ICB)], NOON, NOON)
    with store.reading() as reader:
        assert reader.source(NHS).taught_at is None
        found = {figure.area: figure.value for figure in reader.figures()}
        assert found == {"England": 5, LONDON_ICB.code: 6}


def test_a_page_is_kept_as_its_address_answered_last(store: Store) -> None:
    page = CachedPage("https://x", b"<p>629</p>" * 100, "text/html", "utf-8", '"etag"', "Thu, 14 May 2026")
    other = CachedPage("https://y", b"", "application/json")
    store.save_pages([replace(page, body=b"628"), other], NOON)
    store.save_pages([page], NOON + HOUR)
    assert sorted(store.pages(), key=lambda kept: kept.url) == [page, other]
    assert store.pages(["https://x", "https://z"]) == [page]


def test_a_time_without_its_zone_is_refused(store: Store) -> None:
    with (
        pytest.raises(sa.exc.StatementError, match="expected a time with its zone"),
        store.writing() as writer,
    ):
        writer.note_checked([NHS], NOON.replace(tzinfo=None))


def test_a_current_store_opens_without_heavy_libraries(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'figurewatch.db'}"
    Store.open(url).close()
    code = """
import sys
from state.store import Store

Store.open(sys.argv[1]).close()
print(*{name.partition(".")[0] for name in sys.modules})
"""
    loaded = finished(script(code, url)).split()
    assert not {"alembic", "mako", "psycopg", "pandas", "pyarrow", "httpx"} & set(loaded)


def test_what_a_source_cost_is_remembered_for_its_latest_day(store: Store) -> None:
    today, tomorrow = NOON.date(), NOON.date() + timedelta(days=1)
    assert store.spending.on(NHS, today) == 0
    store.spending.note(NHS, today, 3)
    store.spending.note(NHS, today, 4)
    assert (store.spending.on(NHS, today), store.spending.on(NHS, tomorrow)) == (4, 0)
    store.spending.note(NHS, tomorrow, 1)
    assert (store.spending.on(NHS, today), store.spending.on(NHS, tomorrow)) == (0, 1)
