"""One process at a time holds a lease."""

from __future__ import annotations

from datetime import timedelta

from state.lease import Claim
from state.store import Store
from tests.state.samples import NOON

TTL = timedelta(seconds=30)
WORKER, CHECK = Claim("delivery", "worker", TTL), Claim("delivery", "check", TTL)


def take(store: Store, claim: Claim, after: timedelta = timedelta()) -> bool:
    return store.outbox.take_over(claim, NOON + after, timedelta())


def test_a_free_lease_is_taken_and_another_owner_is_refused(store: Store) -> None:
    assert take(store, WORKER)
    assert not take(store, CHECK)
    assert store.lease.holder("delivery", NOON) == "worker"
    assert take(store, CHECK._replace(name="another"))


def test_a_holder_may_take_its_lease_again_and_has_it_for_longer(store: Store) -> None:
    assert take(store, WORKER)
    assert take(store, WORKER, TTL / 2)
    assert store.lease.holder("delivery", NOON + TTL) == "worker"
    assert not take(store, CHECK, TTL)


def test_a_lease_that_ran_out_may_be_taken_and_the_old_holder_learns_it(store: Store) -> None:
    take(store, WORKER)
    assert store.lease.holder("delivery", NOON + TTL) is None
    assert take(store, CHECK, TTL)
    assert not store.outbox.keep(WORKER, NOON + TTL)
    assert not take(store, WORKER, TTL)


def test_a_holder_keeps_a_lease_that_ran_out_and_that_nobody_took(store: Store) -> None:
    take(store, WORKER)
    assert store.outbox.keep(WORKER, NOON + 2 * TTL)
    assert not take(store, CHECK, 2 * TTL)


def test_only_its_holder_gives_a_lease_back(store: Store) -> None:
    take(store, WORKER)
    store.lease.release(CHECK)
    assert store.lease.holder("delivery", NOON) == "worker"
    store.lease.release(WORKER)
    assert take(store, CHECK)
