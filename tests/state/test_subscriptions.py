"""What chats asked for, and what waits for them, in each kind of database."""

from __future__ import annotations

from datetime import time

from state.records import Parcel, Subscription
from state.store import Store
from tests.state.samples import HOUR, NOON, tell

WANTED = Subscription(
    "-1",
    7,
    choices={"area QKS": "on", "area *": "off"},
    muted_until=NOON,
    quiet=(time(22), time(7)),
    digest=time(8, 30),
)
PAYLOAD = {"html": "<b>x</b>", "plain": "x", "short": "x", "silent": False}


def test_what_a_chat_asks_for_is_kept_for_each_topic_until_it_is_forgotten(store: Store) -> None:
    everything = Subscription("-1")
    with store.writing() as tx:
        tx.subscriptions.save(WANTED)
        tx.subscriptions.save(everything)
        tx.subscriptions.save(Subscription("-1", active=False))
    assert store.subscriptions() == {("-1", 7): WANTED, ("-1", None): Subscription("-1", active=False)}
    with store.writing() as tx:
        tx.subscriptions.remove("-1", None)
        assert tx.wanted() == {("-1", 7): WANTED}
        tx.forget_chat("-1")
    assert store.subscriptions() == {}


def test_a_chat_is_met_once_and_introduced_to(store: Store) -> None:
    with store.writing() as tx:
        assert tx.subscriptions.meet("-1", NOON)
        assert not tx.subscriptions.meet("-1", NOON + HOUR)
        assert tx.subscriptions.guests()["-1"] == ("-1", NOON, None)
        tx.subscriptions.introduce("-1", NOON + HOUR)
        assert tx.subscriptions.guests()["-1"].introduced == NOON + HOUR
        tx.subscriptions.forget("-1")
        assert tx.subscriptions.guests() == {}


def test_the_message_that_says_how_things_stand_is_known_by_chat_and_topic(store: Store) -> None:
    with store.writing() as tx:
        tx.subscriptions.show("-1", None, 5, "a")
        tx.subscriptions.show("-1", 7, 6, "a")
        tx.subscriptions.show("-1", 7, 9, "b")
        assert tx.subscriptions.boards() == {("-1", None): (5, "a"), ("-1", 7): (9, "b")}


def test_what_is_held_ripens_and_is_told_in_another_alert_once(store: Store) -> None:
    parcels = (Parcel("-1", PAYLOAD, held="quiet", due=NOON + HOUR), Parcel("-2", PAYLOAD))
    alert = tell(store, "one", *parcels)
    assert store.outbox.next_ripe(["quiet"]) == NOON + HOUR
    assert [row.chat for row in store.outbox.due(NOON + 2 * HOUR)] == ["-2"]
    with store.writing() as tx:
        assert tx.parcels.ripe(["quiet"], NOON) == []
        (row,) = tx.parcels.ripe(["quiet", "digest"], NOON + HOUR)
        assert (row.alert, row.chat, row.held) == (alert, "-1", "quiet")
        tx.parcels.tell_in([row], 9, NOON + HOUR)
        tx.parcels.tell_in([row], 10, NOON + HOUR)
        assert tx.parcels.ripe(["quiet"], NOON + HOUR) == []
        assert [one.chat for one in tx.parcels.standing(alert).parcels] == ["-2"]
        assert list(tx.payloads(alert)) == [("-2", None)]


def test_what_waits_in_a_place_can_be_silenced_held_and_given_up(store: Store) -> None:
    tell(store, "one", Parcel("-1", PAYLOAD), Parcel("-1", PAYLOAD, 7))
    with store.writing() as tx:
        (row,) = tx.parcels.waiting_in("-1", None, "quiet")
        tx.parcels.route(row, None, NOON + HOUR, silent=True)
        assert tx.parcels.waiting_in("-1", None, "quiet")[0].payload["silent"]
        (other,) = tx.parcels.waiting_in("-1", 7)
        tx.parcels.give_up(other, "the chat does not want it", NOON)
        assert tx.parcels.waiting_in("-1", 7) == []
    assert store.outbox.due(NOON) == []
    assert len(store.outbox.due(NOON + HOUR)) == 1


def test_what_was_given_up_is_sent_once_more_and_dropped_for_good(store: Store) -> None:
    alert = tell(store, "one", Parcel("-1", PAYLOAD), Parcel("-2", PAYLOAD, held="a yes"))
    with store.writing() as tx:
        assert tx.parcels.held_for(alert) == "a yes"
        assert tx.parcels.resend(alert, NOON) == 0
        assert tx.parcels.drop_alert(alert, "dropped", NOON) == 2
        assert tx.parcels.resend(alert, NOON + HOUR) == 1
    assert [row.chat for row in store.outbox.due(NOON + HOUR)] == ["-1"]
