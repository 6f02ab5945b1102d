"""A recorded web on this machine: folders of saved pages, one for each instant, served over HTTP."""

from __future__ import annotations

import hashlib
import mimetypes
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".js": "application/javascript",
    ".csv": "text/csv",
}


class RecordedWeb:
    """Serves `folder/host/path` for each shown folder; a later folder stands over the earlier ones.

    A page that is a folder too is kept in it as `index.html`. `url` is the address to give as WEB_MIRROR.
    """

    def __init__(self) -> None:
        self._folders: list[Path] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def show(self, folder: Path) -> None:
        """Let the pages of `folder` stand over those shown before."""
        self._folders.append(folder)

    def find(self, path: str) -> Path | None:
        """Return the file for a request's path, or None."""
        parts = [unquote(part) for part in urlsplit(path).path.split("/") if part not in ("", ".", "..")]
        for folder in reversed(self._folders):
            exact = folder.joinpath(*parts)
            for file in (exact, exact / "index.html"):
                if file.is_file():
                    return file
        return None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        web = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                file = web.find(self.path)
                if file is None:
                    self._answer(404, "text/plain", b"not found")
                    return
                body = file.read_bytes()
                etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
                kind = (
                    TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
                )
                same = self.headers.get("If-None-Match") == etag
                self._answer(304 if same else 200, kind, b"" if same else body, etag)

            def _answer(self, status: int, kind: str, body: bytes, etag: str = "") -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                if etag:
                    self.send_header("ETag", etag)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Stay silent: requests are no news."""

        return Handler
