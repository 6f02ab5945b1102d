"""A local web of sites over real HTTP: `https://host/path?x=1` is served at `<base>/host/path?x=1`.

In a test, `with Sites() as sites:` and `sites.put(...)`; in a process of its own,
`python -m tests.fakes.sites FOLDER` serves the files under `FOLDER/host/path` and prints its base address.
Beside a file, `<file>.meta.json` may hold any of put's other arguments.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import mimetypes
import sys
import threading
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from time import monotonic
from typing import Any, Literal, Self
from urllib.parse import unquote, urlsplit

Fault = Literal[
    "hang",  # takes the request and says nothing
    "drip",  # a byte now and then, without end
    "endless",  # a body without end, as fast as it can
    "cut",  # the connection is reset in the middle of the body
    "short",  # fewer bytes than the Content-Length says
    "truncated gzip",  # a whole answer whose gzip ends in the middle
    "not gzip",  # says gzip, is plain
    "bomb",  # 1 GiB of zeros as 1 MiB of gzip
    "junk",  # bytes that are no HTTP
]

MIB = 2**20
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Content:
    """What an address holds."""

    body: bytes
    content_type: str
    status: int = 200
    etag: str = ""
    last_modified: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0


@dataclass(slots=True)
class Broken:
    """How an address fails: a status or a fault, so many `times` more, or always."""

    kind: int | Fault
    times: int | None
    retry_after: str | None


@dataclass(slots=True)
class Asked:
    """One request as it came: when it came and when it was answered, by the monotonic clock."""

    time: float
    method: str
    url: str
    headers: dict[str, str]
    status: int = 0
    answered: float = 0.0


class Sites:
    """Serve a web of sites from a thread of its own, and remember who asked for what."""

    def __init__(
        self, folder: Path | None = None, make: Callable[[str], Content | None] = lambda place: None
    ) -> None:
        """Serve what is put, else what is made for a place (`host/path`), else the files under `folder`."""
        self.url = ""
        self.requests: list[Asked] = []
        self._folder, self._make = folder, make
        self._contents: dict[str, Content] = {}
        self._broken: dict[str, Broken] = {}
        self._listening = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listening.wait(10), "the local web did not start"
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def put(
        self,
        url: str,
        body: bytes | str,
        content_type: str = HTML,
        *,
        etag: str | None = None,
        last_modified: str = "",
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        delay: float = 0.0,
        packed: bool = False,
    ) -> None:
        """Put a page at `url`. Its ETag follows from its body unless given; `""` means none."""
        raw = body.encode() if isinstance(body, str) else body
        tag = f'"{hashlib.sha1(raw).hexdigest()[:16]}"' if etag is None else etag
        extra = dict(headers or {})
        if packed:
            raw, extra["Content-Encoding"] = gzip.compress(raw, mtime=0), "gzip"
        self._contents[_place(url)] = Content(raw, content_type, status, tag, last_modified, extra, delay)

    def remove(self, url: str) -> None:
        """Let the address answer 404."""
        self._contents.pop(_place(url), None)

    def redirect(self, url: str, to: str, status: int = 302) -> None:
        """Send whoever asks for `url` to the address `to`, which is sent as it stands."""
        self.put(url, b"", status=status, headers={"Location": to}, etag="")

    def fail(
        self, url: str, kind: int | Fault, *, times: int | None = None, retry_after: str | None = None
    ) -> None:
        """Let the address fail, so many `times` or always; `kind` is a status or a fault."""
        self._broken[_place(url)] = Broken(kind, times, retry_after)

    def mend(self, url: str) -> None:
        """Let the address answer again."""
        self._broken.pop(_place(url), None)

    def asked(self, url: str) -> list[Asked]:
        """Return the requests for this address so far."""
        return [request for request in self.requests if _place(request.url) == _place(url)]

    async def serve(self) -> None:
        """Serve on a free port until stopped."""
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, limit=2**18)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._listening.set()
        await self._stop.wait()
        server.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._answer(await reader.readuntil(b"\r\n\r\n"), writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except asyncio.CancelledError:
            writer.transport.abort()  # the web is being taken down; nobody waits for the task
        finally:
            writer.close()

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; return whether the connection goes on."""
        request = _request(head)
        self.requests.append(request)
        place = _place(request.url)
        broken = self._take_fault(place)
        content = self._contents.get(place) or self._make(place) or self._file(place)
        if broken is not None and not isinstance(broken.kind, int):
            await self._misbehave(broken.kind, content.body if content else b"x" * 4096, writer)
            return False
        if broken is not None:
            after = {"Retry-After": broken.retry_after} if broken.retry_after else {}
            content = Content(b"broken", "text/plain", int(broken.kind), headers=after)
        elif content is None:
            content = Content(b"nothing here", "text/plain", 404)
        if content.delay:
            await asyncio.sleep(content.delay)
        unchanged = content.status == 200 and _is_current(content, request.headers)
        request.status = 304 if unchanged else content.status
        request.answered = monotonic()
        writer.write(_head(content, request.status) + (b"" if unchanged else content.body))
        await writer.drain()
        return True

    def _take_fault(self, place: str) -> Broken | None:
        broken = self._broken.get(place)
        if broken is not None and broken.times is not None:
            broken.times -= 1
            if broken.times <= 0:
                del self._broken[place]
        return broken

    def _file(self, place: str) -> Content | None:
        """Return the file laid out at the place, with what stands beside it."""
        if self._folder is None or ".." in place:
            return None
        for name in (place, unquote(place)):
            path = self._folder / name
            path = path / "index.html" if path.is_dir() else path
            if path.is_file():
                return read_file(path)
        return None

    async def _misbehave(self, fault: Fault, body: bytes, writer: asyncio.StreamWriter) -> None:
        async for piece in _FAULTS[fault](body):
            writer.write(piece)
            await writer.drain()
        if fault == "cut":
            writer.transport.abort()


async def _hang(body: bytes) -> AsyncIterator[bytes]:
    await asyncio.sleep(3600)
    yield b""


async def _drip(body: bytes) -> AsyncIterator[bytes]:
    yield _ok()
    while True:
        yield b"1\r\nx\r\n"
        await asyncio.sleep(0.02)


async def _endless(body: bytes) -> AsyncIterator[bytes]:
    yield _ok()
    while True:
        yield b"10000\r\n" + b"x" * 0x10000 + b"\r\n"


async def _cut(body: bytes) -> AsyncIterator[bytes]:
    yield _ok(len(body)) + body[: len(body) // 2]
    await asyncio.sleep(0.05)  # or the reset overtakes the half


async def _short(body: bytes) -> AsyncIterator[bytes]:
    yield _ok(len(body) + 1000) + body


async def _truncated_gzip(body: bytes) -> AsyncIterator[bytes]:
    packed = gzip.compress(body)[:-9]
    yield _ok(len(packed), "gzip") + packed


async def _not_gzip(body: bytes) -> AsyncIterator[bytes]:
    yield _ok(len(body), "gzip") + body


async def _bomb(body: bytes) -> AsyncIterator[bytes]:
    deflate = zlib.compressobj(9, wbits=-15)
    zeros = deflate.compress(bytes(MIB)) + deflate.flush(zlib.Z_FULL_FLUSH)  # stands alone, so it repeats
    header = gzip.compress(b"")[:10]
    yield _ok(len(header) + 1024 * len(zeros), "gzip") + header
    for _ in range(1024):
        yield zeros


async def _junk(body: bytes) -> AsyncIterator[bytes]:
    yield bytes(range(1, 256)) * 8


_FAULTS = {
    "hang": _hang,
    "drip": _drip,
    "endless": _endless,
    "cut": _cut,
    "short": _short,
    "truncated gzip": _truncated_gzip,
    "not gzip": _not_gzip,
    "bomb": _bomb,
    "junk": _junk,
}


def _place(url: str) -> str:
    """Return where an address is served: `host/path?query`."""
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"


def _request(head: bytes) -> Asked:
    """Return the request, addressed as on the real web (always https)."""
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, target, _ = first.split(" ", 2)
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Asked(monotonic(), method, f"https://{target.lstrip('/')}", headers)


def _is_current(content: Content, headers: Mapping[str, str]) -> bool:
    """Return whether the asker's copy is the current one; an ETag counts more than a date."""
    if content.etag and "if-none-match" in headers:
        return headers["if-none-match"] == content.etag
    return bool(content.last_modified) and headers.get("if-modified-since") == content.last_modified


def _head(content: Content, status: int) -> bytes:
    lines = [f"HTTP/1.1 {status} {_phrase(status)}"]
    if content.etag:
        lines.append(f"ETag: {content.etag}")
    if content.last_modified:
        lines.append(f"Last-Modified: {content.last_modified}")
    if status != 304:
        if content.content_type:
            lines.append(f"Content-Type: {content.content_type}")
        lines.append(f"Content-Length: {len(content.body)}")
    lines += [f"{name}: {value}" for name, value in content.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _ok(length: int | None = None, packing: str = "") -> bytes:
    """Return the head of an HTML page, of unknown length in chunks."""
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    encoding = f"Content-Encoding: {packing}\r\n" if packing else ""
    return f"HTTP/1.1 200 OK\r\nContent-Type: {HTML}\r\n{encoding}{size}\r\n\r\n".encode()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def read_file(path: Path) -> Content:
    body = path.read_bytes()
    beside = path.with_name(f"{path.name}.meta.json")
    meta: dict[str, Any] = json.loads(beside.read_text()) if beside.is_file() else {}
    guessed = mimetypes.guess_type(path.name.partition("?")[0])[0] or "text/html"
    meta.setdefault("content_type", f"{guessed}; charset=utf-8" if guessed.startswith("text/") else guessed)
    meta.setdefault("etag", f'"{hashlib.sha1(body).hexdigest()[:16]}"')
    return Content(body, **meta)


def main(folder: Path) -> None:
    """Serve the folder until killed; the first line of output is the base address."""
    sites = Sites(folder)
    with sites:
        print(sites.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
