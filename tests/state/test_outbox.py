"""The outbox: what is told, in which order, and what becomes of it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

import pytest

from state.lease import Claim
from state.records import InHand, NewAlert, OutboxRow, Parcel, ParcelState
from state.store import Store
from tests.state.samples import HOUR, NHS, NOON, tell

GROUP, TOPIC, OTHER = Parcel("-100", {"html": "<b>x</b>"}), Parcel("-100", {"html": "y"}, 7), Parcel("42", {})
DOUBT = timedelta(seconds=30)
SOON = NOON + DOUBT
US = Claim("delivery", "us", timedelta(seconds=30))
OTHERS = US._replace(owner="others")


def due(store: Store, chats: list[str] | None = None, hours: int = 0) -> list[tuple[str, int, int]]:
    rows = store.outbox.due(NOON + hours * HOUR, chats)
    return [(row.chat, row.alert, row.part) for row in rows]


def begin(store: Store, row: OutboxRow, now: datetime = NOON) -> InHand:
    """Take the lease and a row, as a sender does."""
    assert store.outbox.take_over(US, now, DOUBT)
    hand = InHand(row.id, now)
    assert store.outbox.begin(hand, US, now)
    return hand


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
        begin(store, row)
        with store.writing() as tx:
            assert tx.parcels.sent(row.id, 1, NOON)
        order.append((row.alert, row.part))
    assert order == [(1, 1), (1, 2), (2, 1)]


def test_a_row_that_waits_holds_back_its_chat_and_no_other(store: Store) -> None:
    tell(store, "first", GROUP, OTHER)
    tell(store, "second", GROUP)
    [group, other] = store.outbox.due(NOON)
    hand = begin(store, group)
    assert due(store) == [("42", 1, 1)]
    with store.writing() as tx:
        assert tx.parcels.later(hand, NOON + HOUR, "429")
    assert due(store) == [("42", 1, 1)]
    assert due(store, hours=1) == [("-100", 1, 1), ("42", 1, 1)]
    assert due(store, ["-100"], hours=1) == [("-100", 1, 1)]
    hand = begin(store, other)
    with store.writing() as tx:
        assert tx.parcels.dead(hand, "blocked", NOON)
    assert store.outbox.next_due() == NOON + HOUR


def test_nothing_is_due_in_an_empty_outbox(store: Store) -> None:
    assert store.outbox.due(NOON) == []
    assert store.outbox.next_due() is None
    assert set(store.outbox.counts().values()) == {0}


def test_a_row_is_begun_once_and_only_with_the_lease(store: Store) -> None:
    tell(store, "fact", GROUP)
    [row] = store.outbox.due(NOON)
    assert not store.outbox.begin(InHand(row.id, NOON), US, NOON)
    begin(store, row)
    assert not store.outbox.begin(InHand(row.id, SOON), US, NOON)


def test_to_begin_may_be_repeated_by_who_does_not_know_whether_it_was_done(store: Store) -> None:
    tell(store, "fact", GROUP)
    [row] = store.outbox.due(NOON)
    hand = begin(store, row)
    with store.writing() as tx:
        tx.parcels.ambiguous(hand, NOON, "time-out")
    again = begin(store, row, SOON)
    assert begin(store, row, SOON) == again
    with store.writing() as tx:
        assert tx.parcels.later(again, SOON, "429")
    [row] = store.outbox.due(SOON)
    assert row.resends == 1


def test_a_lease_that_somebody_else_took_begins_nothing(store: Store) -> None:
    tell(store, "fact", GROUP)
    [row] = store.outbox.due(NOON)
    assert store.outbox.take_over(US, NOON, DOUBT)
    assert store.outbox.take_over(OTHERS, NOON + HOUR, DOUBT)
    assert not store.outbox.begin(InHand(row.id, NOON), US, NOON + HOUR)
    assert store.outbox.due(NOON) == [row]


def test_beginning_a_row_renews_the_lease_so_that_it_outlasts_the_call(store: Store) -> None:
    tell(store, "fact", GROUP)
    [row] = store.outbox.due(NOON)
    assert store.outbox.take_over(US, NOON, DOUBT)
    assert store.outbox.begin(InHand(row.id, NOON), US, NOON + US.ttl - timedelta(seconds=1))
    assert not store.outbox.take_over(OTHERS, NOON + US.ttl, DOUBT)


def test_a_failed_attempt_counts_and_one_that_was_told_to_wait_does_not(store: Store) -> None:
    tell(store, "fact", GROUP)
    [row] = store.outbox.due(NOON)
    for counts in (True, False):
        hand = begin(store, row)
        with store.writing() as tx:
            assert tx.parcels.later(hand, NOON, "no answer", counts=counts)
    [row] = store.outbox.due(NOON)
    assert (row.attempts, row.resends) == (1, 0)


def test_a_row_in_doubt_is_due_after_its_pause_and_counts_its_resend(store: Store) -> None:
    tell(store, "fact", GROUP)
    [row] = store.outbox.due(NOON)
    hand = begin(store, row)
    with store.writing() as tx:
        assert tx.parcels.ambiguous(hand, SOON, "time-out")
    assert store.outbox.due(NOON) == []
    [row] = store.outbox.due(SOON)
    assert (row.state, row.resends) == ("ambiguous", 0)
    hand = begin(store, row, SOON)
    with store.writing() as tx:
        assert tx.parcels.later(hand, SOON, "429")
    [row] = store.outbox.due(SOON)
    assert (row.state, row.resends) == ("pending", 1)


def test_a_row_given_up_is_never_due_again(store: Store) -> None:
    tell(store, "fact", GROUP, OTHER)
    [group, other] = (begin(store, row) for row in store.outbox.due(NOON))
    with store.writing() as tx:
        assert tx.parcels.unconfirmed(group, "time-out twice", NOON)
        assert tx.parcels.on_its_way(1)
        assert tx.parcels.dead(other, "chat not found", NOON)
        assert not tx.parcels.on_its_way(1)
    assert store.outbox.due(NOON + HOUR) == []
    assert not store.outbox.begin(other, US, NOON + HOUR)
    with store.reading() as reader:
        ends = {alert.chat: (alert.state, alert.error, alert.sent) for alert in reader.alerts()}
    assert ends == {
        "-100": ("unconfirmed", "time-out twice", None),
        "42": ("dead", "chat not found", None),
    }


def test_a_late_answer_that_it_arrived_beats_the_doubt(store: Store) -> None:
    tell(store, "fact", GROUP)
    [row] = store.outbox.due(NOON)
    begin(store, row)
    assert store.outbox.take_over(OTHERS, NOON + HOUR, DOUBT)
    with store.writing() as tx:
        assert tx.parcels.sent(row.id, 99, NOON)
        assert not tx.parcels.sent(row.id, 99, NOON)
    assert store.outbox.counts()["sent"] == 1


def test_a_late_answer_that_it_failed_does_not_disturb_who_took_over(store: Store) -> None:
    tell(store, "fact", GROUP)
    [row] = store.outbox.due(NOON)
    ours = begin(store, row)
    assert store.outbox.take_over(OTHERS, NOON + HOUR, DOUBT)
    assert store.outbox.begin(InHand(row.id, NOON + HOUR), OTHERS, NOON + HOUR)
    with store.writing() as tx:
        assert not tx.parcels.later(ours, NOON, "no answer")
        assert not tx.parcels.ambiguous(ours, NOON, "time-out")
        assert not tx.parcels.unconfirmed(ours, "time-out", NOON)
        assert not tx.parcels.dead(ours, "refused", NOON)
    assert store.outbox.counts()["sending"] == 1


def test_a_process_that_dies_while_sending_leaves_the_row_in_doubt(store: Store, database_url: str) -> None:
    tell(store, "fact", GROUP, OTHER)
    script = (
        "import os, sys, signal; from datetime import datetime, timedelta; from state.lease import Claim;"
        "from state.records import InHand; from state.store import Store; store = Store.open(sys.argv[1]);"
        "now = datetime.fromisoformat(sys.argv[2]);"
        "claim = Claim('delivery', 'child', timedelta(seconds=30));"
        "assert store.outbox.take_over(claim, now, timedelta());"
        "assert store.outbox.begin(InHand(store.outbox.due(now)[0].id, now), claim, now);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    died = subprocess.run([sys.executable, "-c", script, database_url, NOON.isoformat()], check=False)
    assert died.returncode < 0
    assert due(store) == [("42", 1, 1)]
    assert not store.outbox.take_over(US, NOON, DOUBT)
    assert due(store) == [("42", 1, 1)]
    assert store.outbox.take_over(US, NOON + US.ttl, DOUBT)
    [row, _] = store.outbox.due(NOON + US.ttl + DOUBT)
    assert (row.chat, row.state) == ("-100", "ambiguous")


def test_what_we_send_ourselves_stays_ours_when_we_take_the_lease_again(store: Store) -> None:
    tell(store, "fact", GROUP)
    [row] = store.outbox.due(NOON)
    begin(store, row)
    assert store.outbox.take_over(US, NOON + HOUR, DOUBT)
    assert store.outbox.counts()["sending"] == 1


def test_it_is_known_who_was_written_to_a_moment_ago(store: Store) -> None:
    tell(store, "fact", GROUP, OTHER)
    tell(store, "later", OTHER)
    for row, seconds in zip(store.outbox.due(NOON), (0, 40), strict=True):
        begin(store, row, NOON + timedelta(seconds=seconds))
    assert store.outbox.calls(NOON + timedelta(seconds=1)) == [("42", NOON + timedelta(seconds=40))]


def test_an_alert_stands_as_its_messages_do(store: Store) -> None:
    tell(store, "fact", GROUP, TOPIC, OTHER)
    [group, other] = store.outbox.due(NOON)
    begin(store, group)
    hand = begin(store, other)
    with store.writing() as tx:
        tx.parcels.sent(group.id, 1, SOON)
        tx.parcels.dead(hand, "blocked", SOON)
        standing = tx.parcels.standing(1)
        with pytest.raises(LookupError):
            tx.parcels.standing(2)
    assert (standing.kind, standing.created) == ("release", NOON)
    assert standing.parcels == (
        ParcelState("-100", None, "sent", SOON, ""),
        ParcelState("-100", 7, "pending", None, ""),
        ParcelState("42", None, "dead", SOON, "blocked"),
    )
    assert store.outbox.unsettled(["release"], NOON) == [1]
    assert store.outbox.unsettled(["mark"], NOON) == []
    assert store.outbox.unsettled(["release"], NOON - HOUR) == []


def test_the_log_has_one_entry_for_each_chat_in_order(store: Store) -> None:
    tell(store, "first", GROUP, OTHER)
    tell(store, "second", OTHER)
    [group, _] = store.outbox.due(NOON)
    begin(store, group)
    with store.writing() as tx:
        tx.parcels.sent(group.id, 99, NOON + HOUR)
    with store.reading() as reader:
        log = reader.alerts()
        assert [(alert.id, alert.chat, alert.state) for alert in log] == [
            (1, "-100", "sent"),
            (1, "42", "pending"),
            (2, "42", "pending"),
        ]
        assert (log[0].text, log[0].sent, log[0].message_id) == ("About first", NOON + HOUR, 99)
        assert reader.alerts(limit=1) == log[-1:]


def test_a_picture_is_kept_while_a_message_may_need_it(store: Store) -> None:
    chart, other = b"\x89PNG, a chart", b"\x89PNG, another"
    tell(store, "fact", replace(GROUP, photo=chart), replace(OTHER, photo=chart))
    tell(store, "refused", replace(OTHER, photo=other))

    def arrives(alert: int) -> list[bytes | None]:
        """Let the first message that is due arrive, and return the pictures that are left."""
        row = store.outbox.due(NOON)[0]
        assert row.alert == alert
        begin(store, row)
        with store.writing() as tx:
            assert tx.parcels.sent(row.id, 1, NOON)
        return [store.outbox.picture(sha256(picture).hexdigest()) for picture in (chart, other)]

    assert arrives(1) == [chart, other]
    assert arrives(1) == [None, other]
    [refused] = store.outbox.due(NOON)
    hand = begin(store, refused)
    with store.writing() as tx:
        assert tx.parcels.dead(hand, "refused", NOON)
        assert tx.parcels.resend(2, NOON)
    assert store.outbox.picture(str(refused.picture)) == other
    with store.writing() as tx:
        tx.forget_chat("42")
    assert store.outbox.picture(str(refused.picture)) is None


@pytest.mark.parametrize("finding", [{"period": "2026-03", "was": 1.5}, {"name": "Whittington – “é”"}])
def test_a_finding_comes_back_as_it_was(store: Store, finding: dict[str, object]) -> None:
    with store.writing() as writer:
        writer.add_alert(NewAlert(1, NHS, "release", "fact", "Text", finding, (GROUP,)), NOON)
    with store.reading() as reader:
        assert reader.alerts()[0].finding == finding
