"""What the worker counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.check import Result
from state.records import OutboxRow
from state.store import Store

DELIVERY_BUCKETS = (15, 30, 60, 120, 300, 600, 1800, 3600, 6 * 3600, 24 * 3600)


class _Now(Collector):
    """Reads what others count: requests by host, and the outbox, at the moment of asking."""

    def __init__(self, store: Store, requests: Mapping[str, int], clock: Callable[[], datetime]) -> None:
        self._store, self._requests, self._clock = store, requests, clock

    def collect(self) -> Iterator[Metric]:
        """Yield requests by host, messages by state, and the age of the oldest unsent one."""
        asked = CounterMetricFamily("figurewatch_requests", "Requests sent, by host", labels=["host"])
        for host, count in self._requests.items():
            asked.add_metric([host], count)
        yield asked
        messages = GaugeMetricFamily("figurewatch_outbox_messages", "Messages, by state", labels=["state"])
        for state, count in self._store.outbox.counts().items():
            messages.add_metric([state], count)
        yield messages
        due = self._store.outbox.next_due()
        age = max(0.0, (self._clock() - due).total_seconds()) if due else 0.0
        yield GaugeMetricFamily(
            "figurewatch_outbox_overdue_seconds", "How long the oldest due message has waited", value=age
        )


class Metrics:
    """The worker's counters, in a registry of their own."""

    def __init__(self, store: Store, requests: Mapping[str, int], clock: Callable[[], datetime]) -> None:
        self._registry, self._clock = CollectorRegistry(), clock
        self._registry.register(_Now(store, requests, clock))
        self._checks = Counter(
            "figurewatch_checks",
            "Looks at a source, by how they went",
            ["source", "result"],
            registry=self._registry,
        )
        self._figures = Counter("figurewatch_figures", "Figures read", ["source"], registry=self._registry)
        self._changes = Counter("figurewatch_changes", "Changes found", ["source"], registry=self._registry)
        self._alerts = Counter("figurewatch_alerts", "Alerts posted", ["source"], registry=self._registry)
        self._sends = Counter(
            "figurewatch_sends", "Messages tried, by outcome", ["outcome"], registry=self._registry
        )
        self._delivery = Histogram(
            "figurewatch_delivery_seconds",
            "From publication to delivery",
            buckets=DELIVERY_BUCKETS,
            registry=self._registry,
        )

    def looked(self, result: Result) -> None:
        """Count one look at a source."""
        key = result.source.key
        how = "ok" if result.error is None else "passing" if result.passing else "changed"
        self._checks.labels(key, how).inc()
        self._figures.labels(key).inc(result.figures)
        self._changes.labels(key).inc(result.changes)
        self._alerts.labels(key).inc(result.alerts)

    def heard(self, message: OutboxRow, outcome: str) -> None:
        """Count one message that was tried; where it arrived, note how long that was after publication."""
        self._sends.labels(outcome).inc()
        published = message.finding.get("published")
        if outcome == "sent" and published:
            self._delivery.observe((self._clock() - datetime.fromisoformat(published)).total_seconds())

    def page(self) -> bytes:
        """Return all of it in Prometheus's text form."""
        return generate_latest(self._registry)
