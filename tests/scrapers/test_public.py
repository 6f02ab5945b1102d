"""No request ever reaches a private network: not by an address, a name, a redirect or a changing answer."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

import httpcore
import pytest

from scrapers.toolkit.contract import SourceChanged, Unreachable
from scrapers.toolkit.public import PublicBackend, is_public, written_address
from scrapers.toolkit.web import WebClient
from tests.fakes.sites import Sites

PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd12::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
]
PUBLIC = ["8.8.8.8", "20.42.1.1", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]
OTHER_FORMS = ["2130706433", "0x7f000001", "0x7f.1", "127.1", "0177.0.0.1", "3232235777"]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_a_private_network_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_open_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("host", OTHER_FORMS)
def test_an_address_in_another_form_is_known_as_one(host: str) -> None:
    address = written_address(host)
    assert address is not None
    assert not is_public(address)


def test_a_name_is_no_address() -> None:
    assert written_address("digital.nhs.uk") is None
    assert written_address("1.2.3.4.example") is None


def ask(url: str, *hosts: str) -> str:
    """Return why an address could not be asked; no mirror is between."""

    async def main() -> str:
        async with WebClient(pause=0, attempts=1, timeout=2) as client:
            with pytest.raises((SourceChanged, Unreachable)) as refusal:
                await client.for_source(hosts).get(url, accept={"text/html"})
            return str(refusal.value)

    return asyncio.run(main())


@contextmanager
def listening() -> Iterator[tuple[int, list[object]]]:
    """Give a port of this machine, and what came in there."""
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, address = server.accept()
                except OSError:
                    return
                came.append(address)
                connection.close()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1], came


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "127.1", "169.254.169.254"]
)
def test_a_page_at_a_private_address_is_not_asked_for_although_its_host_is_listed(host: str) -> None:
    with listening() as (port, came):
        place = f"{host}:{port}"
        assert "expected a public address, found" in ask(f"http://{place}/", place)
    assert came == []


def test_a_name_that_leads_to_this_machine_is_not_connected_to() -> None:
    with listening() as (port, came):
        place = f"localhost:{port}"
        said = ask(f"http://{place}/latest/meta-data", place)
    assert "expected a public address, found localhost at " in said
    assert came == []


class Resolver:
    """A resolver whose answers change from one question to the next."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def getaddrinfo(self, host: str, port: int, **options: Any) -> list[Any]:
        """Return the next answer."""
        addresses = self.answers.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]


class Wire(httpcore.AsyncMockBackend):
    """A network that notes whom it is asked to connect to; the first so many do not answer."""

    def __init__(self, silent: int = 0) -> None:
        super().__init__([b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])
        self.asked: list[str] = []
        self._silent = silent

    async def connect_tcp(self, host: str, *more: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        """Note the host."""
        self.asked.append(host)
        if len(self.asked) <= self._silent:
            raise httpcore.ConnectError("nobody there")
        return await super().connect_tcp(host, *more, **options)


def connect(wire: Wire, *answers: list[str], times: int = 1, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connect to a name, so many times, over a wire and with these answers of the resolver."""

    async def main() -> None:
        resolver = Resolver(*answers)
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolver.getaddrinfo)
        backend = PublicBackend(wire)
        for _ in range(times):
            await backend.connect_tcp("rebind.example", 80, timeout=1)

    asyncio.run(main())


def test_the_address_that_was_checked_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire()
    with pytest.raises(SourceChanged, match=r"found rebind\.example at 127\.0\.0\.1"):
        connect(wire, ["8.8.8.8"], ["127.0.0.1"], times=2, monkeypatch=monkeypatch)
    assert wire.asked == ["8.8.8.8"]


def test_private_addresses_among_public_ones_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(silent=1)
    connect(wire, ["10.0.0.1", "8.8.8.8", "169.254.169.254", "9.9.9.9"], monkeypatch=monkeypatch)
    assert wire.asked == ["8.8.8.8", "9.9.9.9"]


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest", "http://[::1]/", "http://2130706433/", "//127.0.0.1/x"]
)
def test_a_redirect_into_a_private_network_is_not_followed(target: str) -> None:
    with Sites() as sites:
        sites.redirect("https://figures.example/", target)

        async def main() -> str:
            async with WebClient(pause=0, attempts=1, timeout=2, mirror=sites.url) as client:
                with pytest.raises(SourceChanged) as refusal:
                    await client.for_source(["figures.example"]).get(
                        "https://figures.example/", accept={"text/html"}
                    )
                return str(refusal.value)

        assert "found a redirect to " in asyncio.run(main())
        assert len(sites.requests) == 1


def test_a_name_that_is_not_found_may_be_found_later() -> None:
    assert "its name was not found" in ask("http://nobody.invalid/", "nobody.invalid")
