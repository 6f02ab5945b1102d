"""The polite way to ask the web: one client for the process, one `Web` for each source.

Nothing here knows what a page means. What went wrong is decided once: waiting may mend it (Unreachable) or a
person must look (SourceChanged). Texts name the real address, never the mirror's.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import zlib
from collections import Counter, OrderedDict, defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from time import monotonic
from typing import NamedTuple, Protocol, Self
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx
import stamina

from scrapers.toolkit.contract import BudgetSpent, CachedPage, Page, SourceChanged, Unreachable, Web
from scrapers.toolkit.public import PublicBackend, refuse_private

MIB = 2**20
PAGE_LIMIT = 8 * MIB  # the largest body of a page; a source that reads files says its own limit
FILE_PATIENCE = 5  # a body that may be larger than a page may take so many times as long
DRAINED = 64 * 1024  # bytes read of a body that nobody wants, so that its connection can be used again
REDIRECTS_FOLLOWED = 5
LONGEST_REST = 3600.0  # seconds that a host can make us stay away with one Retry-After

REDIRECTS = frozenset({301, 302, 303, 307, 308})
REFUSALS = frozenset({401, 403, 407, 451})
PASSING = frozenset({408, 425, 429})  # and every 5xx

# What stands on the challenge pages of Cloudflare, Incapsula, DataDome, PerimeterX, AWS and Sucuri, in lower
# case, and not on ordinary pages behind the same guards (`challenge-platform`, `_Incapsula_Resource` do).
CHALLENGE_MARKS = (
    b"<title>just a moment",
    b"<title>attention required",
    b"<title>access denied",
    b"<title>captcha",
    b"<title>human verification",
    b"<title>pardon our interruption",
    b"<title>robot check",
    b"_cf_chl_opt",
    b"cf-browser-verification",
    b"incapsula incident id",
    b"captcha-delivery.com",
    b'id="px-captcha"',
    b"awswafcookiedomainlist",
    b"sucuri_cloudproxy_js",
)
CHALLENGE_SIZE = 64 * 1024
# What a plain captcha page says; beside a form of a full page the same words are ordinary.
CAPTCHA_WORDS = (
    b"complete the captcha",
    b"solve the captcha",
    b"enter the captcha",
    b"you are human",
    b"you are not a robot",
)
CAPTCHA_SIZE = 4 * 1024


def user_agent(contact: str = "") -> str:
    """Return the User-Agent that names the project and, where one is given, a contact (address or URL).

    Raises ValueError for a contact that a header cannot hold.
    """
    if not (contact.isascii() and contact.isprintable()) or set(contact) & set("()"):
        raise ValueError(f"a contact is one line of plain ASCII without brackets, not {contact!r}")
    # Opens like a browser's: this publisher has refused clients that do not.
    return f"Mozilla/5.0 (compatible; Figurewatch/0.1{f'; +{contact}' if contact else ''})"


USER_AGENT = user_agent()


class PageCache(Protocol):
    """Where pages are remembered between requests; a store may keep them between runs."""

    def get(self, url: str) -> CachedPage | None:
        """Return the page as last seen."""
        ...

    def put(self, page: CachedPage) -> None:
        """Remember the page in place of an earlier copy."""
        ...

    def forget(self, url: str) -> None:
        """Remember no page here, and nothing of it that was put since loading."""
        ...


class MemoryPages:
    """Remember pages in memory: small ones only, the least recently used forgotten first."""

    def __init__(
        self, pages: Iterable[CachedPage] = (), *, largest: int = MIB, total: int = 16 * MIB
    ) -> None:
        """Load `pages`; `largest` and `total` bound the bodies, in bytes."""
        self._largest, self._total = largest, total
        self._pages: OrderedDict[str, CachedPage] = OrderedDict()
        self._size = 0
        self._changed: dict[str, CachedPage] = {}
        for page in pages:
            self._keep(page)

    def get(self, url: str) -> CachedPage | None:
        """Return the page as last seen."""
        page = self._pages.get(url)
        if page is not None:
            self._pages.move_to_end(url)
        return page

    def put(self, page: CachedPage) -> None:
        """Remember the page, unless it is too large."""
        if self._pages.get(page.url) != page and self._keep(page):
            self._changed[page.url] = page

    def forget(self, url: str) -> None:
        """Remember no page here, and nothing of it that was put since loading."""
        self._changed.pop(url, None)
        dropped = self._pages.pop(url, None)
        self._size -= len(dropped.body) if dropped else 0

    def changed(self) -> list[CachedPage]:
        """Return the pages that were put since loading, or since they were last taken."""
        return list(self._changed.values())

    def take_changed(self) -> list[CachedPage]:
        """Return the changed pages and forget that they changed."""
        changed, self._changed = self.changed(), {}
        return changed

    def _keep(self, page: CachedPage) -> bool:
        if len(page.body) > self._largest:
            return False
        replaced = self._pages.pop(page.url, None)
        self._pages[page.url] = page
        self._size += len(page.body) - (len(replaced.body) if replaced else 0)
        while self._size > self._total:
            _, dropped = self._pages.popitem(last=False)
            self._size -= len(dropped.body)
        return True


class Passing(Unreachable):
    """Say that one try failed as another may not; `wait` is what the host asked for, in seconds."""

    def __init__(self, text: str, wait: float | None = None) -> None:
        super().__init__(text)
        self.wait = wait


class Answer(NamedTuple):
    """What a host answered to one request. `body` is unpacked, and cut just beyond the limit."""

    status: int
    headers: httpx.Headers
    body: bytes


class WebClient:
    """Ask the web for all sources of the process: politely, patiently, within limits.

    At most one request at a time goes to a host, `pause` seconds after the one before it ended. A passing
    failure is tried again, `attempts` times in all. Times are in seconds: `timeout` bounds each silence,
    `deadline` one whole page (a file, five times that), `backoff` starts the growing wait between tries, and
    a host that asks for more than `longest_wait` is left alone until then.
    """

    def __init__(
        self,
        *,
        pause: float = 2.0,
        mirror: str | None = None,
        cache: PageCache | None = None,
        user_agent: str = USER_AGENT,
        timeout: float = 20.0,
        deadline: float = 60.0,
        attempts: int = 3,
        backoff: float = 1.0,
        longest_wait: float = 120.0,
    ) -> None:
        self.requests: Counter[str] = Counter()  # sent so far, by host
        self.mirror = mirror.rstrip("/") if mirror else None
        self.cache: PageCache = MemoryPages() if cache is None else cache
        self._pause, self._timeout, self._deadline = pause, timeout, deadline
        self._attempts, self._backoff, self._longest_wait = attempts, backoff, longest_wait
        self._user_agent = user_agent
        self._hosts: defaultdict[str, _Host] = defaultdict(_Host)
        self._http: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    def for_source(self, hosts: Collection[str] | None, *, spend: Callable[[], None] | None = None) -> Web:
        """Return the web as one source may use it; without `hosts`, as a person who asks for one address.

        `spend` is called before every request that is sent, tries and redirects included; it may raise
        BudgetSpent.
        """
        listed = None if hosts is None else frozenset(host.lower() for host in hosts)
        return _SourceWeb(self, listed, spend or _spend_nothing)

    def forget(self, url: str) -> None:
        """Forget a page that could not be read, so that it does not take the place of the last good one."""
        self.cache.forget(url)

    async def ask(
        self, url: str, *, headers: dict[str, str], limit: int, spend: Callable[[], None]
    ) -> Answer:
        """Return the host's answer that is no passing failure.

        Raises Unreachable when every try failed, the budget allows no other, or the host asked for a longer
        wait than we keep.
        """
        tries = 0
        try:
            async for attempt in stamina.retry_context(
                on=self._again,
                attempts=self._attempts,
                timeout=None,
                wait_initial=self._backoff,
                wait_jitter=self._backoff,
                wait_max=30 * self._backoff,
            ):
                with attempt:
                    tries = attempt.num
                    return await self._try(url, headers, limit, spend)
        except Passing as failure:
            asked = f", asks to wait {failure.wait:,.0f} s" if failure.wait else ""
            count = f", {tries} tries" if tries > 1 else ""
            raise Unreachable(f"{failure}{asked}{count} ({url})") from None
        except BudgetSpent:
            if tries == 1:
                raise
            raise Unreachable(f"failed, and today's requests are used up ({url})") from None
        raise AssertionError("either a try returned or the last one raised")

    def _again(self, failure: Exception) -> bool | float:
        """Return whether to try again, or after how many seconds: stamina's hook."""
        if not isinstance(failure, Passing):
            return False
        if failure.wait is None:
            return True
        return failure.wait if failure.wait <= self._longest_wait else False

    async def _try(self, url: str, headers: dict[str, str], limit: int, spend: Callable[[], None]) -> Answer:
        name = host_of(url)
        host, http = self._hosts[name], self._client()
        deadline = self._deadline * (1 if limit <= PAGE_LIMIT else FILE_PATIENCE)
        async with self._turn(host, url):
            spend()
            self.requests[name] += 1
            try:
                async with asyncio.timeout(deadline):
                    request = http.build_request("GET", address_to_ask(url, self.mirror), headers=headers)
                    answer = await _send(http, request, limit)
            except TimeoutError:
                raise Unreachable(f"not finished after {deadline:g} s ({url})") from None
            except httpx.TransportError as error:
                raise Passing(_what_failed(error, self._timeout)) from None
            except httpx.InvalidURL:
                raise SourceChanged("an address", repr(url)) from None
            if answer.status in PASSING or answer.status >= 500:
                wait = retry_after(answer.headers.get("retry-after"), datetime.now(UTC))
                host.rest(wait or 0)
                raise Passing(_phrase(answer.status), wait)
            return answer

    @asynccontextmanager
    async def _turn(self, host: _Host, url: str) -> AsyncIterator[None]:
        """Wait until this host may be asked, alone, and give it its pause afterwards."""
        async with host.lock:
            wait = host.free_at - monotonic()
            if wait > max(self._longest_wait, self._pause):
                raise Unreachable(f"the host asked us to wait another {wait:,.0f} s ({url})")
            if wait > 0:
                await asyncio.sleep(wait)
            try:
                yield
            finally:
                host.rest(self._pause)

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            for chatty in ("httpx", "httpcore", "stamina"):  # each request at INFO, each retry at WARNING
                logging.getLogger(chatty).setLevel(logging.ERROR)
            # Loading the certificates takes 20 to 30 ms; a plain mirror needs none, so none are trusted.
            plain = self.mirror is not None and self.mirror.startswith("http://")
            trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else httpx.create_ssl_context()
            self._http = httpx.AsyncClient(
                verify=trusted,
                transport=None if self.mirror else _Outward(trusted),
                headers={"User-Agent": self._user_agent, "Accept-Encoding": "gzip"},
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # every visit is a first one
                timeout=httpx.Timeout(self._timeout, pool=None),
                http2=False,
            )
        return self._http


class _Outward(httpx.AsyncBaseTransport):
    """The open internet: public addresses, or the proxy that the environment names."""

    def __init__(self, trusted: ssl.SSLContext) -> None:
        self._direct = httpx.AsyncHTTPTransport(verify=trusted)
        # httpx takes no network backend; this is the pool that it would make, with ours.
        self._direct._pool = httpcore.AsyncConnectionPool(
            ssl_context=trusted,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=PublicBackend(),
        )
        self._proxies = {
            scheme: httpx.AsyncHTTPTransport(verify=trusted, proxy=httpx.Proxy(address))
            for scheme, address in getproxies().items()
            if scheme in ("http", "https")
        }

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request by its way; a proxy resolves names itself."""
        proxy = self._proxies.get(request.url.scheme)
        if proxy is None or proxy_bypass(request.url.host):
            return await self._direct.handle_async_request(request)
        return await proxy.handle_async_request(request)

    async def aclose(self) -> None:
        """Close all connections."""
        for transport in (self._direct, *self._proxies.values()):
            await transport.aclose()


class _Host:
    """When a host may be asked again: one request at a time."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.free_at = 0.0  # by the monotonic clock

    def rest(self, seconds: float) -> None:
        self.free_at = max(self.free_at, monotonic() + seconds)


class _SourceWeb:
    """The web as one source may use it: its hosts only, or any where there is no list."""

    def __init__(self, client: WebClient, hosts: frozenset[str] | None, spend: Callable[[], None]) -> None:
        self._client, self._hosts, self._spend = client, hosts, spend

    async def get(self, url: str, *, accept: Collection[str], limit: int = PAGE_LIMIT) -> Page:
        """Return the page at `url`, following redirects between the source's hosts: see Web.get."""
        asked = url
        for _ in range(REDIRECTS_FOLLOWED + 1):
            self._check_host(asked, came_from=url)
            known = self._client.cache.get(asked)
            answer = await self._client.ask(asked, headers=conditions(known), limit=limit, spend=self._spend)
            if answer.status not in REDIRECTS:
                return self._page(asked, answer, known, accept, limit)
            asked = redirected(asked, answer.headers.get("location"), self._client.mirror)
        raise SourceChanged(f"at most {REDIRECTS_FOLLOWED} redirects", "more", url=url)

    def _check_host(self, asked: str, came_from: str) -> None:
        host = host_of(asked)
        if self._hosts is not None and host not in self._hosts:
            found = f"the host {host}" if asked == came_from else f"a redirect to {host}"
            raise SourceChanged(" or ".join(sorted(self._hosts)), found, url=came_from)

    def _page(
        self, url: str, answer: Answer, known: CachedPage | None, accept: Collection[str], limit: int
    ) -> Page:
        page = page_of(url, answer, known, accept, limit)
        etag, last_modified = answer.headers.get("etag"), answer.headers.get("last-modified")
        if not page.unchanged and (etag or last_modified):
            self._client.cache.put(
                CachedPage(url, page.body, page.content_type, page.charset, etag, last_modified)
            )
        return page


def address_to_ask(url: str, mirror: str | None) -> str:
    """Return the address to ask for `url`: its own, or `<mirror>/<host>/<path>?<query>`.

    Every request passes through here, redirects included. Raises SourceChanged for an address of a private
    network; a name that leads to one is refused when it is connected to.
    """
    parts = urlsplit(url)
    if mirror is None:
        refuse_private(parts.hostname or "")
        return parts._replace(fragment="").geturl()
    query = f"?{parts.query}" if parts.query else ""
    return f"{mirror}/{host_of(url)}{parts.path or '/'}{query}"


def host_of(url: str) -> str:
    """Return the host of an http or https address, with its port where that is not the usual one.

    Raises SourceChanged for any other address. A user name stays, so that no list of hosts allows it.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise SourceChanged("an address", repr(url)) from None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise SourceChanged("an http or https address", repr(url))
    return parts.netloc.lower().removesuffix(":443" if parts.scheme == "https" else ":80")


def redirected(url: str, location: str | None, mirror: str | None) -> str:
    """Return the real address that a redirect from `url` leads to.

    A location inside the mirror is read as the real host's. Raises SourceChanged without a location, and
    where https would go down to http (a mirror may hold either).
    """
    if not location:
        raise SourceChanged("a redirect that says where to", "none", url=url)
    scheme = urlsplit(url).scheme
    if mirror is not None and location.startswith(f"{mirror}/"):
        location = f"{scheme}://{location.removeprefix(f'{mirror}/')}"
    try:
        target = urljoin(url, location)
    except ValueError:
        raise SourceChanged("an address", repr(location), url=url) from None
    if mirror is None and scheme == "https" and urlsplit(target).scheme == "http":
        raise SourceChanged("https", f"a redirect to {target}", url=url)
    return target


def conditions(known: CachedPage | None) -> dict[str, str]:
    """Return the headers that let a server answer that the known page has not changed."""
    if known is None:
        return {}
    headers = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in headers.items() if value}


def page_of(url: str, answer: Answer, known: CachedPage | None, accept: Collection[str], limit: int) -> Page:
    """Return the page that the answer holds, or confirms.

    Raises SourceChanged where the answer is not such a page, Unreachable where the host refused to say.
    """
    if answer.status == HTTPStatus.NOT_MODIFIED:
        if known is None:
            raise Unreachable(f"answered 304 to a first request ({url})")
        page = Page(url, known.body, known.content_type, known.charset, unchanged=True)
    elif answer.status in REFUSALS:
        raise Unreachable(f"refused: {_phrase(answer.status)} ({url})")
    elif answer.status != HTTPStatus.OK:
        raise SourceChanged("a page", _phrase(answer.status), url=url, body=answer.body)
    else:
        page = Page(url, answer.body, *media_type(answer.headers.get("content-type", "")))
    _check(page, answer.headers, [kind.lower() for kind in accept], limit)
    return page


def _check(page: Page, headers: httpx.Headers, accept: Sequence[str], limit: int) -> None:
    """Raise unless the page is of an accepted type, within the limit, and not empty."""
    if is_challenge(page.body, page.content_type):
        raise Unreachable(f"refused with a challenge page ({page.url})")
    wanted = f"{accept[0]} or the like" if len(accept) > 2 else " or ".join(accept)
    if page.content_type not in accept:
        found = page.content_type or "no content type"
        raise SourceChanged(wanted, found, url=page.url, body=page.body)
    packing = headers.get("content-encoding", "")
    if not (_is_plain(packing) or _is_gzip(packing)):
        raise SourceChanged("gzip, or no packing", packing, url=page.url)
    if len(page.body) > limit or _declared(headers) > limit:
        raise SourceChanged(f"at most {limit:,} bytes", "more", url=page.url)
    if not page.body or page.body.isspace():
        raise SourceChanged(wanted, "an empty page", url=page.url)


def media_type(content_type: str) -> tuple[str, str | None]:
    """Return the media type and the charset of a Content-Type header, both in lower case."""
    kind, _, parameters = content_type.lower().partition(";")
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and (charset := value.strip(" \t\"'")):
            return kind.strip(), charset
    return kind.strip(), None


def is_challenge(body: bytes, content_type: str) -> bool:
    """Return whether this is a page that asks for proof of a human, put in the place of the real one."""
    if content_type not in ("text/html", "application/xhtml+xml") or len(body) > CHALLENGE_SIZE:
        return False
    text = body.lower()
    marks = CHALLENGE_MARKS + CAPTCHA_WORDS if len(body) <= CAPTCHA_SIZE else CHALLENGE_MARKS
    return any(mark in text for mark in marks)


def retry_after(header: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for, by number or date, or None."""
    if not header:
        return None
    if header.strip().isdecimal():
        return min(float(header), LONGEST_REST)
    try:
        until = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:  # written with `-0000`; HTTP dates are in UTC
        until = until.replace(tzinfo=UTC)
    return min(max((until - now).total_seconds(), 0.0), LONGEST_REST)


async def _send(http: httpx.AsyncClient, request: httpx.Request, limit: int) -> Answer:
    response = await http.send(request, stream=True)
    try:
        wanted = response.status_code == HTTPStatus.OK
        body = await (_read(response, limit) if wanted else _drain(response))
    finally:
        await response.aclose()
    return Answer(response.status_code, response.headers, body)


async def _read(response: httpx.Response, limit: int) -> bytes:
    """Return the body, unpacked; a body beyond the limit is cut there, or not read at all.

    httpx would unpack 64 KiB into 64 MiB at once and takes a gzip that ends too early for a whole one.
    """
    if _declared(response.headers) > limit:
        return b""
    gzip = zlib.decompressobj(wbits=31) if _is_gzip(response.headers.get("content-encoding", "")) else None
    body = bytearray()
    received = 0
    async for chunk in response.aiter_raw():
        received += len(chunk)
        body += chunk if gzip is None else _unpack(gzip, chunk, room=limit + 1 - len(body))
        if len(body) > limit or received > limit + DRAINED:
            break
    else:
        if gzip is not None and received and not gzip.eof:
            raise Passing("the gzip was cut short")
    return bytes(body)


def _unpack(gzip: zlib._Decompress, chunk: bytes, room: int) -> bytes:
    """Return what the chunk unpacks to, at most `room` bytes of it."""
    try:
        part = gzip.decompress(chunk, room)
    except zlib.error:
        raise Passing("the gzip is damaged") from None
    if gzip.unused_data:
        raise Passing("the gzip is followed by something else")
    return part


async def _drain(response: httpx.Response) -> bytes:
    """Return the beginning of a body that nobody asked for, so that its connection can be used again."""
    parts: list[bytes] = []
    async for chunk in response.aiter_raw():
        parts.append(chunk)
        if sum(map(len, parts)) > DRAINED:
            break
    return b"".join(parts)


def _declared(headers: httpx.Headers) -> int:
    """Return the length that the answer declares, or 0."""
    length = headers.get("content-length", "")
    return int(length) if length.isdecimal() else 0


def _is_gzip(packing: str) -> bool:
    return packing.strip().lower() in ("gzip", "x-gzip")


def _is_plain(packing: str) -> bool:
    return packing.strip().lower() in ("", "identity")


def _phrase(status: int) -> str:
    """Return a status with its standard words, never the server's own."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _what_failed(error: httpx.TransportError, timeout: float) -> str:
    """Say in our words what failed; the library's may hold the mirror's address."""
    if isinstance(error, httpx.ConnectTimeout):
        return f"no connection in {timeout:g} s"
    if isinstance(error, httpx.TimeoutException):
        return f"timed out after {timeout:g} s"
    if isinstance(error, httpx.ConnectError):
        return _why_no_connection(error)
    if isinstance(error, httpx.ProxyError):
        return "the proxy did not let it through"
    return "the answer was cut off or garbled"


def _why_no_connection(error: BaseException | None) -> str:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"its certificate is not good: {error.verify_message}"
        if isinstance(error, socket.gaierror):
            return "its name was not found"
        error = error.__cause__ or error.__context__
    return "no connection"


def _spend_nothing() -> None:
    """Stand in for a budget where there is none."""
