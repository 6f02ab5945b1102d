"""One process at a time holds a lease."""

from __future__ import annotations

from datetime import timedelta

from state.store import Store
from tests.state.samples import NOON

TTL = timedelta(seconds=30)


def test_a_free_lease_is_taken_and_another_owner_is_refused(store: Store) -> None:
    assert store.lease.take("delivery", "worker", NOON, TTL)
    assert not store.lease.take("delivery", "check", NOON, TTL)
    assert store.lease.holder("delivery", NOON) == "worker"
    assert store.lease.take("another", "check", NOON, TTL)


def test_a_holder_may_take_its_lease_again(store: Store) -> None:
    assert store.lease.take("delivery", "worker", NOON, TTL)
    assert store.lease.take("delivery", "worker", NOON + TTL / 2, TTL)
    assert store.lease.holder("delivery", NOON + TTL) == "worker"


def test_a_lease_that_ran_out_may_be_taken_and_the_old_holder_learns_it(store: Store) -> None:
    store.lease.take("delivery", "worker", NOON, TTL)
    assert store.lease.holder("delivery", NOON + TTL) is None
    assert store.lease.take("delivery", "check", NOON + TTL, TTL)
    assert not store.lease.renew("delivery", "worker", NOON + TTL, TTL)


def test_a_renewed_lease_lasts_longer(store: Store) -> None:
    store.lease.take("delivery", "worker", NOON, TTL)
    assert store.lease.renew("delivery", "worker", NOON + TTL / 2, TTL)
    assert not store.lease.take("delivery", "check", NOON + TTL, TTL)


def test_only_its_holder_gives_a_lease_back(store: Store) -> None:
    store.lease.take("delivery", "worker", NOON, TTL)
    store.lease.release("delivery", "check")
    assert store.lease.holder("delivery", NOON) == "worker"
    store.lease.release("delivery", "worker")
    assert store.lease.take("delivery", "check", NOON, TTL)
