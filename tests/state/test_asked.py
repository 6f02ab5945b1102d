"""What is read to answer a question: one alert, the last ones of some chats, and when anything changed."""

from __future__ import annotations

from dataclasses import replace

from scrapers.toolkit.contract import Fact
from state.records import Parcel
from state.store import Store
from tests.state.samples import HOUR, NHS, NOON, PETITION, referrals, save, tell

TEAM, TOPIC, OTHER = Parcel("-100", {}), Parcel("-100", {}, 7), Parcel("42", {})


def test_the_last_alerts_of_some_chats_are_read_each_once_and_newest_first(store: Store) -> None:
    for name, parcels in {"a": (TEAM, TOPIC), "b": (OTHER,), "c": (OTHER, TEAM)}.items():
        tell(store, name, *parcels)
    with store.reading() as tx:
        assert [(one.text, one.chat) for one in tx.told(["-100"], 5)] == [
            ("About c", "-100"),
            ("About a", "-100"),
        ]
        assert [one.text for one in tx.told(["-100", "42"], 2)] == ["About c", "About b"]
        assert tx.told([], 5) == []


def test_an_edit_is_no_alert_of_its_own(store: Store) -> None:
    first = tell(store, "a", TEAM)
    tell(store, "b", replace(TEAM, action="edit", target=first))
    with store.reading() as tx:
        assert [one.text for one in tx.told(["-100"], 5)] == ["About a"]


def test_one_alert_is_read_by_its_number(store: Store) -> None:
    number = tell(store, "a", TEAM, OTHER)
    with store.reading() as tx:
        found = tx.alert(number)
        assert found is not None
        assert (found.id, found.text, found.chat, found.sent) == (number, "About a", "-100", None)
        assert tx.alert(number + 1) is None


def test_a_source_changed_when_a_figure_or_a_fact_of_it_was_last_seen_to_be_new(store: Store) -> None:
    with store.reading() as tx:
        assert tx.changed_at(NHS) is None
    save(store, referrals(100), published=NOON)
    with store.writing() as tx:
        tx.save_facts(PETITION, [Fact("state", "open")], NOON + 2 * HOUR)
    with store.reading() as tx:
        assert tx.changed_at(NHS) == NOON
        assert tx.changed_at(PETITION) == NOON + 2 * HOUR


def test_the_state_is_another_one_after_whatever_brings_a_name(store: Store) -> None:
    seen = []
    with store.reading() as tx:
        seen.append(tx.state())
    save(store, referrals(100))
    with store.reading() as tx:
        seen.append(tx.state())
    with store.writing() as tx:
        tx.save_facts(PETITION, [Fact("state", "open")], NOON)
    with store.reading() as tx:
        seen += [tx.state(), tx.state()]
    assert seen[0] != seen[1] != seen[2]
    assert seen[2] == seen[3]
