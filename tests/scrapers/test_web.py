"""The web client keeps its manners and its limits, and says in one line what went wrong."""

from __future__ import annotations

import asyncio
import logging
import socket
import tracemalloc
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from time import monotonic
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapers.toolkit.contract import BudgetSpent, CachedPage, Page, SourceChanged, Unreachable
from scrapers.toolkit.web import (
    MIB,
    PAGE_LIMIT,
    MemoryPages,
    WebClient,
    address_to_ask,
    host_of,
    is_challenge,
    media_type,
    redirected,
    retry_after,
    user_agent,
)
from tests.fakes.sites import Fault, Sites

HOST = "figures.example"
PAGE = f"https://{HOST}/series?page=1"
NOW = datetime(2026, 5, 14, 8, 30, tzinfo=UTC)
HTML = frozenset({"text/html"})
CSV = frozenset({"text/csv"})


@pytest.fixture
def sites() -> Iterator[Sites]:
    """Serve a local web for one test."""
    with Sites() as sites:
        yield sites


def quick(mirror: str | None, **settings: Any) -> WebClient:
    """Return a client that loses no time in tests."""
    swift: dict[str, Any] = {"pause": 0.0, "timeout": 5.0, "deadline": 5.0, "backoff": 0.001}
    return WebClient(mirror=mirror, **(swift | settings))


def look(
    sites: Sites,
    url: str = PAGE,
    *,
    hosts: Collection[str] = (HOST,),
    accept: Collection[str] = HTML,
    limit: int = PAGE_LIMIT,
    spend: Callable[[], None] | None = None,
    **settings: Any,
) -> Page:
    """Return one page, asked for by a client of its own."""

    async def main() -> Page:
        async with quick(sites.url, **settings) as client:
            return await client.for_source(hosts, spend=spend).get(url, accept=accept, limit=limit)

    return asyncio.run(main())


def look_all(client: WebClient, urls: Collection[str]) -> list[Page]:
    """Return the pages, all asked for at once."""

    async def main() -> list[Page]:
        async with client:
            web = client.for_source({host_of(url) for url in urls})
            return await asyncio.gather(*(web.get(url, accept=HTML) for url in urls))

    return asyncio.run(main())


def why_unreachable(sites: Sites, **asking: Any) -> str:
    """Return the one line that says why the page could not be read."""
    with pytest.raises(Unreachable) as failure:
        look(sites, **asking)
    return one_line(failure.value, sites)


def why_changed(sites: Sites, **asking: Any) -> str:
    """Return the one line that says what was expected and what was found."""
    with pytest.raises(SourceChanged) as failure:
        look(sites, **asking)
    return one_line(failure.value, sites)


def one_line(failure: Exception, sites: Sites) -> str:
    text = str(failure)
    assert "\n" not in text
    assert "127.0.0.1" not in text
    assert sites.url not in text
    return text


# What a page is


def test_a_page_is_returned_with_its_real_address_type_and_charset(sites: Sites) -> None:
    sites.put(PAGE, "Figures £", 'Text/HTML; Charset="UTF-8"')
    assert look(sites) == Page(PAGE, "Figures £".encode(), "text/html", "utf-8")


def test_a_packed_page_is_unpacked(sites: Sites) -> None:
    sites.put(PAGE, "figure " * 5000, packed=True)
    assert look(sites).body == b"figure " * 5000


def test_a_request_names_the_project_and_the_contact(sites: Sites) -> None:
    sites.put(PAGE, "page")
    look(sites, user_agent=user_agent("press@campaign.example"))
    assert "Figurewatch" in sites.requests[0].headers["user-agent"]
    assert "+press@campaign.example" in sites.requests[0].headers["user-agent"]


def test_a_contact_that_would_break_the_header_is_refused() -> None:
    with pytest.raises(ValueError, match="contact"):
        user_agent("me\r\nX-Evil: 1")


def test_cookies_are_not_kept(sites: Sites) -> None:
    sites.put(PAGE, "page", headers={"Set-Cookie": "visitor=1; Path=/"})
    client = quick(sites.url)
    look_all(client, [PAGE, PAGE])
    assert [request.headers.get("cookie") for request in sites.requests] == [None, None]


def test_the_fragment_of_an_address_is_not_sent(sites: Sites) -> None:
    sites.put(PAGE, "page")
    assert look(sites, f"{PAGE}#chapter").body == b"page"


# Pages that did not change


def test_an_unchanged_page_costs_a_304(sites: Sites) -> None:
    pages = MemoryPages()
    sites.put(PAGE, "page")
    first, second = look(sites, cache=pages), look(sites, cache=pages)
    assert (first.unchanged, second.unchanged) == (False, True)
    assert (second.body, second.content_type, second.charset) == (b"page", "text/html", "utf-8")
    assert [request.status for request in sites.requests] == [200, 304]


def test_a_page_without_an_etag_is_confirmed_by_its_date(sites: Sites) -> None:
    pages = MemoryPages()
    sites.put(PAGE, "page", etag="", last_modified="Thu, 14 May 2026 08:30:00 GMT")
    look(sites, cache=pages)
    assert look(sites, cache=pages).unchanged


def test_a_changed_page_is_read_anew(sites: Sites) -> None:
    pages = MemoryPages()
    sites.put(PAGE, "628")
    look(sites, cache=pages)
    sites.put(PAGE, "629")
    assert look(sites, cache=pages) == Page(PAGE, b"629", "text/html", "utf-8")
    assert [page.body for page in pages.changed()] == [b"629"]


def test_a_304_for_a_page_never_seen_is_a_fault_of_the_host(sites: Sites) -> None:
    sites.fail(PAGE, 304)
    assert "304" in why_unreachable(sites)


def test_a_page_that_was_refused_is_not_remembered(sites: Sites) -> None:
    pages = MemoryPages()
    sites.put(PAGE, "<html>", "text/html")
    why_changed(sites, accept=CSV, cache=pages)
    assert pages.changed() == []


def test_pages_are_remembered_as_changed_until_they_are_taken() -> None:
    loaded, new = CachedPage("a", b"1", "text/html"), CachedPage("b", b"2", "text/html")
    pages = MemoryPages([loaded])
    pages.put(loaded)
    pages.put(new)
    assert pages.take_changed() == [new]
    assert pages.changed() == []
    assert pages.get("b") == new


def test_large_pages_are_not_remembered_and_old_ones_make_room() -> None:
    pages = MemoryPages(largest=4, total=10)
    for url in ("a", "b", "c"):
        pages.put(CachedPage(url, b"1234", "text/html"))
        pages.get("a")
    pages.put(CachedPage("large", b"12345", "text/html"))
    assert [url for url in ("a", "b", "c", "large") if pages.get(url)] == ["a", "c"]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.binary(max_size=6))))
def test_memory_stays_bounded_and_holds_the_latest(puts: list[tuple[str, bytes]]) -> None:
    pages = MemoryPages(largest=5, total=12)
    for url, body in puts:
        pages.put(CachedPage(url, body, "text/html"))
    held = [page for url in "abcdef" if (page := pages.get(url))]
    assert sum(len(page.body) for page in held) <= 12
    fitting = [(url, body) for url, body in puts if len(body) <= 5]
    assert all(page.body == dict(fitting)[page.url] for page in held)


# Failures that pass


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 520])
def test_a_passing_status_is_tried_again(sites: Sites, status: int) -> None:
    sites.put(PAGE, "page")
    sites.fail(PAGE, status, times=2)
    assert look(sites).body == b"page"
    assert len(sites.requests) == 3


@pytest.mark.parametrize("fault", ["cut", "short", "truncated gzip", "not gzip", "junk"])
def test_a_broken_answer_is_tried_again(sites: Sites, fault: Fault) -> None:
    sites.put(PAGE, "figure " * 1000)
    sites.fail(PAGE, fault, times=1)
    assert look(sites).body == b"figure " * 1000
    assert len(sites.requests) == 2


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("cut", "the answer was cut off or garbled"),
        ("short", "the answer was cut off or garbled"),
        ("junk", "the answer was cut off or garbled"),
        ("truncated gzip", "the gzip was cut short"),
        ("not gzip", "the gzip is damaged"),
        (500, "500 Internal Server Error"),
    ],
)
def test_a_failure_that_lasts_is_said_in_one_line(sites: Sites, fault: Fault | int, text: str) -> None:
    sites.put(PAGE, "figure " * 1000)
    sites.fail(PAGE, fault)
    assert why_unreachable(sites) == f"{text}, 3 tries ({PAGE})"


def test_a_host_that_says_nothing_is_given_up(sites: Sites) -> None:
    sites.fail(PAGE, "hang")
    assert why_unreachable(sites, timeout=0.1) == f"timed out after 0.1 s, 3 tries ({PAGE})"


def test_a_dripping_answer_ends_at_the_deadline(sites: Sites) -> None:
    sites.fail(PAGE, "drip")
    began = monotonic()
    assert why_unreachable(sites, deadline=0.2) == f"not finished after 0.2 s ({PAGE})"
    assert monotonic() - began < 1
    assert len(sites.requests) == 1


def test_a_file_may_take_longer_than_a_page(sites: Sites) -> None:
    sites.put(PAGE, "page", delay=0.3)
    assert why_unreachable(sites, deadline=0.2).startswith("not finished")
    assert look(sites, deadline=0.2, limit=PAGE_LIMIT + 1).body == b"page"


def test_a_host_that_does_not_listen_is_unreachable() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as unused:
        port = unused.getsockname()[1]
    nowhere = Sites()
    nowhere.url = f"http://127.0.0.1:{port}"
    assert why_unreachable(nowhere) == f"no connection, 3 tries ({PAGE})"


def test_the_next_page_is_read_after_a_failure(sites: Sites) -> None:
    sites.put(f"https://{HOST}/next", "next")
    sites.fail(PAGE, "bomb")

    async def main() -> Page:
        async with quick(sites.url) as client:
            web = client.for_source({HOST})
            with pytest.raises(SourceChanged):
                await web.get(PAGE, accept=HTML)
            return await web.get(f"https://{HOST}/next", accept=HTML)

    assert asyncio.run(main()).body == b"next"


# Waiting as the host asks


def test_a_short_wait_that_the_host_asks_for_is_kept(sites: Sites) -> None:
    sites.put(PAGE, "page")
    sites.fail(PAGE, 429, times=1, retry_after="1")
    look(sites)
    first, second = sites.requests
    assert second.time - first.answered >= 0.99


def test_a_long_wait_is_not_sat_out_and_the_host_is_left_alone(sites: Sites) -> None:
    sites.fail(PAGE, 503, retry_after="1800")

    async def main() -> list[str]:
        async with quick(sites.url) as client:
            web = client.for_source({HOST})
            texts = []
            for _ in range(2):
                with pytest.raises(Unreachable) as failure:
                    await web.get(PAGE, accept=HTML)
                texts.append(one_line(failure.value, sites))
            return texts

    first, second = asyncio.run(main())
    assert first == f"503 Service Unavailable, asks to wait 1,800 s ({PAGE})"
    assert second.startswith("the host asked us to wait another 1,")
    assert len(sites.requests) == 1


def test_retry_after_is_a_number_or_a_date() -> None:
    assert retry_after("90", NOW) == 90
    assert retry_after(format_datetime(NOW + timedelta(seconds=30), usegmt=True), NOW) == 30
    assert retry_after(format_datetime(NOW - timedelta(days=1), usegmt=True), NOW) == 0
    assert retry_after("99999999", NOW) == 3600
    assert retry_after(None, NOW) is None


@given(st.text())
def test_no_retry_after_stops_the_client(header: str) -> None:
    wait = retry_after(header, NOW)
    assert wait is None or 0 <= wait <= 3600


# Manners


def test_one_host_gets_one_request_at_a_time_with_a_pause(sites: Sites) -> None:
    urls = [f"https://{HOST}/{n}" for n in range(4)]
    for url in urls:
        sites.put(url, "page", delay=0.02)
    look_all(quick(sites.url, pause=0.1), urls)
    requests = sites.requests
    assert all(b.time - a.answered >= 0.095 for a, b in pairwise(requests))


def test_two_hosts_are_asked_side_by_side(sites: Sites) -> None:
    urls = ["https://a.example/", "https://b.example/"]
    for url in urls:
        sites.put(url, "page", delay=0.2)
    look_all(quick(sites.url, pause=10), urls)
    first, second = sites.requests
    assert second.time < first.answered


def test_every_request_is_spent_redirects_tries_and_304s_included(sites: Sites) -> None:
    spent: list[None] = []
    pages = MemoryPages()
    sites.redirect(f"https://{HOST}/old", "/new")
    sites.put(f"https://{HOST}/new", "page")
    sites.fail(f"https://{HOST}/new", 500, times=1)
    for _ in range(2):
        look(sites, f"https://{HOST}/old", cache=pages, spend=lambda: spent.append(None))
    assert [request.status for request in sites.requests] == [302, 500, 200, 302, 304]
    assert len(spent) == 5


def test_nothing_is_asked_once_the_budget_is_spent(sites: Sites) -> None:
    sites.fail(PAGE, 500)
    left = iter([None, None])

    def spend() -> None:
        for _ in left:
            return
        raise BudgetSpent("two requests a day")

    with pytest.raises(Unreachable, match="failed, and today's requests are used up"):
        look(sites, spend=spend, attempts=5)
    assert len(sites.requests) == 2


def test_requests_are_counted_by_host(sites: Sites) -> None:
    urls = ["https://a.example/", "https://a.example/2", "https://b.example/"]
    for url in urls:
        sites.put(url, "page")
    client = quick(sites.url)
    look_all(client, urls)
    assert client.requests == {"a.example": 2, "b.example": 1}


def test_the_libraries_do_not_fill_the_log(sites: Sites, caplog: pytest.LogCaptureFixture) -> None:
    sites.put(PAGE, "page")
    sites.fail(PAGE, 500, times=1)
    with caplog.at_level(logging.INFO):
        look(sites)
    assert [record for record in caplog.records if record.name != "asyncio"] == []


# Hosts and redirects


def test_a_redirect_between_listed_hosts_is_followed(sites: Sites) -> None:
    sites.redirect(PAGE, "https://files.example/a.html?b=1", 301)
    sites.put("https://files.example/a.html?b=1", "page")
    page = look(sites, hosts=[HOST, "files.example"])
    assert (page.url, page.body) == ("https://files.example/a.html?b=1", b"page")


def test_a_redirect_to_a_host_that_is_not_listed_is_refused(sites: Sites) -> None:
    sites.redirect(PAGE, "https://evil.example/")
    assert why_changed(sites) == f"expected {HOST}, found a redirect to evil.example ({PAGE})"
    assert len(sites.requests) == 1


def test_an_address_on_a_host_that_is_not_listed_is_refused(sites: Sites) -> None:
    text = why_changed(sites, url="https://evil.example/")
    assert text == f"expected {HOST}, found the host evil.example (https://evil.example/)"
    assert sites.requests == []


@pytest.mark.parametrize(
    "url",
    [
        f"ftp://{HOST}/",
        "file:///etc/passwd",
        f"https://{HOST}@evil.example/",
        f"https://user@{HOST}/",
        f"https://{HOST}:8443/",
        f"https://{HOST}.evil.example/",
    ],
)
def test_an_address_that_only_looks_right_is_refused(sites: Sites, url: str) -> None:
    why_changed(sites, url=url)
    sites.redirect(PAGE, url)
    why_changed(sites)
    assert len(sites.requests) == 1


@pytest.mark.parametrize("url", ["https://[::1/", "https:///path", f"//{HOST}/", "/path", ""])
def test_what_is_no_address_is_refused(sites: Sites, url: str) -> None:
    assert "address" in why_changed(sites, url=url)


@pytest.mark.parametrize("location", ["new", "/new", "?new", f"//{HOST}/new", f"https://{HOST.upper()}/new"])
def test_a_redirect_may_be_written_short(sites: Sites, location: str) -> None:
    sites.redirect(PAGE, location)
    for new in ("/new", "/series?new"):
        sites.put(f"https://{HOST}{new}", "page")
    assert look(sites).body == b"page"


def test_a_redirect_without_end_is_stopped(sites: Sites) -> None:
    sites.redirect(PAGE, PAGE)
    assert why_changed(sites) == f"expected at most 5 redirects, found more ({PAGE})"
    assert len(sites.requests) == 6


def test_a_redirect_to_nowhere_is_news(sites: Sites) -> None:
    sites.fail(PAGE, 302)
    assert "a redirect that says where to" in why_changed(sites)


def test_a_redirect_into_the_mirror_is_the_real_page(sites: Sites) -> None:
    sites.redirect(PAGE, f"{sites.url}/{HOST}/new")
    sites.put(f"https://{HOST}/new", "page")
    assert look(sites).url == f"https://{HOST}/new"


def test_https_is_never_left_for_http() -> None:
    with pytest.raises(SourceChanged, match="expected https"):
        redirected(PAGE, f"HTTP://{HOST}/", mirror=None)
    assert redirected(PAGE, f"http://{HOST}/", mirror="http://127.0.0.1:1") == f"http://{HOST}/"


def test_a_mirror_is_asked_in_place_of_every_host() -> None:
    assert (
        address_to_ask("https://a.example:443/b%20c?d=1#e", "http://m/x") == "http://m/x/a.example/b%20c?d=1"
    )
    assert address_to_ask("https://a.example", "http://m") == "http://m/a.example/"
    assert address_to_ask("https://a.example/b?c#d", None) == "https://a.example/b?c"


@given(st.text(alphabet="htps:/\\@.#?%&[]~ \t\nagood.evil-8443", max_size=40))
def test_the_host_that_is_checked_is_the_host_that_is_asked(tail: str) -> None:
    try:
        host = host_of(f"https://{tail}")
        asked = httpx.URL(address_to_ask(f"https://{tail}", None))
    except (SourceChanged, httpx.InvalidURL):
        return
    if host.replace(".", "").isalpha() and host.isascii():  # as listed hosts are written
        assert asked.netloc.decode() == host


# Limits


def test_a_body_larger_than_its_limit_is_refused(sites: Sites) -> None:
    sites.put(PAGE, "x" * 1001)
    assert why_changed(sites, limit=1000) == f"expected at most 1,000 bytes, found more ({PAGE})"
    assert look(sites, limit=1001).body == b"x" * 1001


def test_a_packed_body_is_measured_unpacked(sites: Sites) -> None:
    sites.put(PAGE, "x" * 1001, packed=True)
    assert "at most 1,000 bytes" in why_changed(sites, limit=1000)
    assert len(look(sites, limit=1001).body) == 1001


@pytest.mark.parametrize("fault", ["bomb", "endless"])
def test_a_body_without_end_is_stopped_with_little_memory(sites: Sites, fault: Fault) -> None:
    sites.fail(PAGE, fault)
    tracemalloc.start()
    try:
        assert "at most 1,048,576 bytes" in why_changed(sites, limit=MIB)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12 * MIB
    assert len(sites.requests) == 1


# Answers that are not the page


@pytest.mark.parametrize("status", [404, 410, 400, 204])
def test_a_page_that_is_not_there_is_news(sites: Sites, status: int) -> None:
    sites.put(PAGE, "", status=status, etag="")
    assert why_changed(sites).startswith(f"expected a page, found {status} ")
    assert len(sites.requests) == 1


@pytest.mark.parametrize("status", [401, 403, 451])
def test_a_refusal_is_called_one(sites: Sites, status: int) -> None:
    sites.fail(PAGE, status)
    assert why_unreachable(sites).startswith(f"refused: {status} ")
    assert len(sites.requests) == 1


def test_html_in_place_of_a_csv_is_news(sites: Sites) -> None:
    sites.put(PAGE, "<html>moved", "text/html; charset=utf-8")
    assert why_changed(sites, accept=CSV) == f"expected text/csv, found text/html ({PAGE})"


def test_an_answer_without_a_type_is_news(sites: Sites) -> None:
    sites.put(PAGE, "a,b", content_type="")
    assert "found no content type" in why_changed(sites, accept=CSV)


@pytest.mark.parametrize("body", ["", " \r\n"])
def test_an_empty_page_is_news(sites: Sites, body: str) -> None:
    sites.put(PAGE, body)
    assert why_changed(sites) == f"expected text/html, found an empty page ({PAGE})"


def test_a_packing_nobody_asked_for_is_news(sites: Sites) -> None:
    sites.put(PAGE, "????", headers={"Content-Encoding": "br"})
    assert "expected gzip, or no packing, found br" in why_changed(sites)


@pytest.mark.parametrize("accept", [HTML, CSV])
def test_a_challenge_page_is_a_refusal_whatever_was_expected(sites: Sites, accept: Collection[str]) -> None:
    sites.put(PAGE, "<html><head><title>Just a moment...</title></head><body></body></html>")
    assert why_unreachable(sites, accept=accept) == f"refused with a challenge page ({PAGE})"


@pytest.mark.parametrize(
    "page",
    [
        "<html><head><title>Attention Required! | Cloudflare</title></head></html>",
        "<html><body>Request unsuccessful. Incapsula incident ID: 1-2</body></html>",
        "<html><body><p>To go on, please complete the CAPTCHA below.</p></body></html>",
        "<html><body><h1>Verify you are human</h1></body></html>",
    ],
)
def test_a_challenge_page_is_recognised(page: str) -> None:
    assert is_challenge(page.encode(), "text/html")


@pytest.mark.parametrize(
    "page",
    [
        "<html><body>629 signatures. Show that you are human to sign: " + "<p>text</p>" * 500,
        '<html><body><form class="g-recaptcha">629 signatures</form></body></html>',
        '<html><body>629<script src="/cdn-cgi/challenge-platform/jsd/main.js"></script></body></html>',
        '<html><body>629<script src="/_Incapsula_Resource?SWJIYLWA=1"></script></body></html>',
    ],
)
def test_an_ordinary_page_behind_a_guard_is_not_taken_for_a_challenge(page: str) -> None:
    assert not is_challenge(page.encode(), "text/html")


@given(st.text())
def test_any_content_type_header_is_read(header: str) -> None:
    kind, charset = media_type(header)
    assert kind == kind.strip()
    assert charset is None or charset
