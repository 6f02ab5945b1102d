"""The outbox: what is told, in which order, and what becomes of it."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest

from state.records import NewAlert, Parcel
from state.store import Store
from tests.state.samples import HOUR, NHS, NOON, tell

GROUP, TOPIC, OTHER = Parcel("-100", {"html": "<b>x</b>"}), Parcel("-100", {"html": "y"}, 7), Parcel("42", {})
SOON = NOON + timedelta(seconds=30)


def due(store: Store, chats: list[str] | None = None, hours: int = 0) -> list[tuple[str, int, int]]:
    rows = store.outbox.due(NOON + hours * HOUR, chats)
    return [(row.chat, row.alert, row.part) for row in rows]


def test_a_fact_is_told_once_whoever_finds_it_again(store: Store) -> None:
    tell(store, "fact", GROUP)
    with store.writing() as writer:
        again = NewAlert(writer.next_alert_id(), NHS, "release", "fact", "Again", {}, (GROUP, OTHER))
        assert not writer.add_alert(again, NOON)
    assert store.outbox.counts()["pending"] == 1


def test_an_alert_goes_to_each_chat_and_topic(store: Store) -> None:
    tell(store, "fact", GROUP, TOPIC, OTHER)
    assert store.outbox.counts()["pending"] == 3
    [first, other] = store.outbox.due(NOON)
    assert (first.chat, first.thread, first.payload, first.created) == (
        "-100",
        None,
        {"html": "<b>x</b>"},
        NOON,
    )
    assert (first.source, first.kind, first.state, first.attempts, first.resends) == (
        NHS,
        "release",
        "pending",
        0,
        0,
    )
    assert other.chat == "42"


def test_a_chat_gets_its_messages_in_order_and_their_parts_too(store: Store) -> None:
    tell(store, "first", Parcel("42", {}, part=2), Parcel("42", {}, part=1))
    tell(store, "second", OTHER)
    order = []
    while rows := store.outbox.due(NOON):
        [row] = rows
        assert store.outbox.begin(row.id, NOON)
        store.outbox.sent(row.id, 1, NOON)
        order.append((row.alert, row.part))
    assert order == [(1, 1), (1, 2), (2, 1)]


def test_a_row_that_waits_holds_back_its_chat_and_no_other(store: Store) -> None:
    tell(store, "first", GROUP, OTHER)
    tell(store, "second", GROUP)
    [group, other] = store.outbox.due(NOON)
    store.outbox.begin(group.id, NOON)
    assert due(store) == [("42", 1, 1)]
    store.outbox.later(group.id, NOON + HOUR, "429")
    assert due(store) == [("42", 1, 1)]
    assert due(store, hours=1) == [("-100", 1, 1), ("42", 1, 1)]
    assert due(store, ["-100"], hours=1) == [("-100", 1, 1)]
    store.outbox.dead(other.id, "blocked", NOON)
    assert store.outbox.next_due() == NOON + HOUR


def test_nothing_is_due_in_an_empty_outbox(store: Store) -> None:
    assert store.outbox.due(NOON) == []
    assert store.outbox.next_due() is None
    assert set(store.outbox.counts().values()) == {0}


def test_a_row_is_begun_by_one_sender_only(store: Store) -> None:
    tell(store, "fact", GROUP)
    [row] = store.outbox.due(NOON)
    assert store.outbox.begin(row.id, NOON)
    assert not store.outbox.begin(row.id, NOON)


def test_a_failed_attempt_counts_and_one_that_was_told_to_wait_does_not(store: Store) -> None:
    tell(store, "fact", GROUP)
    [row] = store.outbox.due(NOON)
    for counts in (True, False):
        store.outbox.begin(row.id, NOON)
        store.outbox.later(row.id, NOON, "no answer", counts=counts)
    [row] = store.outbox.due(NOON)
    assert (row.attempts, row.resends) == (1, 0)


def test_a_row_in_doubt_is_due_after_its_pause_and_counts_its_resend(store: Store) -> None:
    tell(store, "fact", GROUP)
    [row] = store.outbox.due(NOON)
    store.outbox.begin(row.id, NOON)
    store.outbox.ambiguous(row.id, SOON, "time-out")
    assert store.outbox.due(NOON) == []
    [row] = store.outbox.due(SOON)
    assert (row.state, row.resends) == ("ambiguous", 0)
    assert store.outbox.begin(row.id, SOON)
    store.outbox.later(row.id, SOON, "429")
    [row] = store.outbox.due(SOON)
    assert (row.state, row.resends) == ("pending", 1)


def test_a_row_given_up_is_never_due_again(store: Store) -> None:
    tell(store, "fact", GROUP, OTHER)
    [group, other] = store.outbox.due(NOON)
    store.outbox.unconfirmed(group.id, "time-out twice", NOON)
    store.outbox.dead(other.id, "chat not found", NOON)
    assert store.outbox.due(NOON + HOUR) == []
    assert not store.outbox.begin(other.id, NOON)
    with store.reading() as reader:
        ends = {alert.chat: (alert.state, alert.error, alert.sent) for alert in reader.alerts()}
    assert ends == {
        "-100": ("unconfirmed", "time-out twice", None),
        "42": ("dead", "chat not found", None),
    }


def test_a_late_answer_that_it_arrived_beats_the_doubt(store: Store) -> None:
    tell(store, "fact", GROUP)
    [row] = store.outbox.due(NOON)
    store.outbox.begin(row.id, NOON)
    store.outbox.recover(NOON, SOON)
    store.outbox.sent(row.id, 99, NOON)
    assert store.outbox.counts()["sent"] == 1


def test_a_late_answer_that_it_failed_does_not_disturb_who_took_over(store: Store) -> None:
    tell(store, "fact", GROUP)
    [row] = store.outbox.due(NOON)
    store.outbox.begin(row.id, NOON)
    store.outbox.recover(NOON, SOON)
    store.outbox.later(row.id, NOON, "no answer")
    assert store.outbox.counts()["ambiguous"] == 1


def test_a_process_that_dies_while_sending_leaves_the_row_in_doubt(store: Store, database_url: str) -> None:
    tell(store, "fact", GROUP, OTHER)
    script = (
        "import os, sys, signal; from datetime import datetime; from state.store import Store;"
        "store = Store.open(sys.argv[1]); now = datetime.fromisoformat(sys.argv[2]);"
        "assert store.outbox.begin(store.outbox.due(now)[0].id, now); os.kill(os.getpid(), signal.SIGKILL)"
    )
    died = subprocess.run([sys.executable, "-c", script, database_url, NOON.isoformat()], check=False)
    assert died.returncode < 0
    assert due(store) == [("42", 1, 1)]
    assert store.outbox.recover(NOON, SOON) == 1
    [row, _] = store.outbox.due(SOON)
    assert (row.chat, row.state) == ("-100", "ambiguous")


def test_the_log_has_one_entry_for_each_chat_in_order(store: Store) -> None:
    tell(store, "first", GROUP, OTHER)
    tell(store, "second", OTHER)
    [group, _] = store.outbox.due(NOON)
    store.outbox.begin(group.id, NOON)
    store.outbox.sent(group.id, 99, NOON + HOUR)
    with store.reading() as reader:
        log = reader.alerts()
        assert [(alert.id, alert.chat, alert.state) for alert in log] == [
            (1, "-100", "sent"),
            (1, "42", "pending"),
            (2, "42", "pending"),
        ]
        assert (log[0].text, log[0].sent, log[0].message_id) == ("About first", NOON + HOUR, 99)
        assert reader.alerts(limit=1) == log[-1:]


@pytest.mark.parametrize("finding", [{"period": "2026-03", "was": 1.5}, {"name": "Whittington – “é”"}])
def test_a_finding_comes_back_as_it_was(store: Store, finding: dict[str, object]) -> None:
    with store.writing() as writer:
        writer.add_alert(NewAlert(1, NHS, "release", "fact", "Text", finding, (GROUP,)), NOON)
    with store.reading() as reader:
        assert reader.alerts()[0].finding == finding
