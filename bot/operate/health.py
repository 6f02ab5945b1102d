"""`/health` and `/metrics` over HTTP, in a thread of their own, so that they answer when the worker hangs."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from wsgiref.simple_server import WSGIRequestHandler, make_server

from bot.settings import SettingsError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logging.getLogger("figurewatch.health")

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
UNWELL = "503 Service Unavailable"


class _Silent(WSGIRequestHandler):
    """Answers without a line in the log."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a request is no news."""


class HealthServer:
    """Serves the worker's health on every address of this machine. `port` 0 takes a free one.

    `reasons` returns why the worker is not well, without secrets; `metrics` the page for Prometheus.
    Raises SettingsError where the port cannot be had.
    """

    def __init__(self, port: int, reasons: Callable[[], Sequence[str]], metrics: Callable[[], bytes]) -> None:
        self._reasons, self._metrics = reasons, metrics
        try:
            self._server = make_server("", port, self._answer, handler_class=_Silent)
        except OSError as error:
            raise SettingsError(f"PORT: nothing can be served at {port}: {error.strerror}") from None
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), daemon=True)
        self.port = self._server.server_port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, request: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        try:
            status, kind, body = self._page(request["PATH_INFO"])
        except Exception:  # a store that does not answer; what would be shown otherwise hides no secrets
            log.exception("%s cannot be answered", request["PATH_INFO"])
            status, kind, body = UNWELL, "text/plain", b"the log says why\n"
        start(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    def _page(self, path: str) -> tuple[str, str, bytes]:
        """Return the status, type and body of a page."""
        match path:
            case "/health":
                reasons = list(self._reasons())
                body = json.dumps({"ok": not reasons, "reasons": reasons}).encode()
                return (UNWELL if reasons else "200 OK"), "application/json", body
            case "/metrics":
                return "200 OK", METRICS_TYPE, self._metrics()
            case _:
                return "404 Not Found", "text/plain", b"/health or /metrics\n"
