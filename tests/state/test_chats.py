"""What is remembered of chats."""

from __future__ import annotations

from state.lease import Claim
from state.records import ChatState, InHand, Parcel
from state.store import Store
from tests.state.samples import HOUR, NOON, tell


def test_a_group_that_moved_is_remembered_once(store: Store) -> None:
    with store.writing() as tx:
        assert tx.chats.moved("-5", "-1005")
    with store.writing() as tx:
        assert not tx.chats.moved("-5", "-1005")
    assert store.chats() == {"-5": ChatState("-5", "-1005", None, "")}


def test_ids_of_messages_in_a_group_that_moved_are_forgotten(store: Store) -> None:
    tell(store, "fact", Parcel("-5", {}))
    with store.writing() as tx:
        tx.parcels.sent(1, 77, NOON)
        for chat in ("-5", "-6"):
            tx.subscriptions.show(chat, None, 78, "a")
        tx.chats.moved("-5", "-1005")
        assert tx.subscriptions.boards() == {("-6", None): (78, "a")}
    with store.reading() as tx:
        assert [(alert.state, alert.message_id) for alert in tx.alerts()] == [("sent", None)]


def test_a_paused_chat_keeps_its_messages_until_it_goes_on(store: Store) -> None:
    tell(store, "fact", Parcel("-5", {}))
    [row] = store.outbox.due(NOON)
    with store.writing() as tx:
        assert not tx.chats.resume("-5", NOON)
        assert tx.chats.pause("-5", "kicked", NOON)
        assert not tx.chats.pause("-5", "kicked", NOON + HOUR)
    assert store.chats()["-5"] == ChatState("-5", None, NOON, "kicked")
    with store.writing() as tx:
        assert tx.chats.resume("-5", NOON)
    assert store.chats()["-5"].paused is None
    assert store.outbox.due(NOON) == [row]


def test_a_chat_that_goes_on_need_not_wait_for_its_hour(store: Store) -> None:
    tell(store, "fact", Parcel("-5", {}))
    tell(store, "elsewhere", Parcel("-6", {}))
    with store.writing() as tx:
        tx.chats.moved("-5", "-1005")
        tx.chats.pause("-5", "kicked", NOON)
        tx.chats.pause("-6", "kicked", NOON)
    postpone(store)
    assert store.outbox.due(NOON) == []
    with store.writing() as tx:
        assert tx.chats.resume("-1005", NOON)
    assert [row.chat for row in store.outbox.due(NOON)] == ["-5"]


def postpone(store: Store) -> None:
    """Put everything off by an hour."""
    claim = Claim("delivery", "us", HOUR)
    assert store.outbox.take_over(claim, NOON, HOUR)
    for row in store.outbox.due(NOON):
        hand = InHand(row.id, NOON)
        assert store.outbox.begin(hand, claim, NOON)
        with store.writing() as tx:
            tx.parcels.later(hand, NOON + HOUR, "kicked", counts=False)
