"""Keep requests out of private networks: which addresses are public, and connections to those alone.

A name is resolved once and the address connected to is the one that was checked, so that a name that answers
differently a moment later gains nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

import httpcore

from scrapers.toolkit.contract import SourceChanged

Address = IPv4Address | IPv6Address

_TRANSLATED = IPv6Network("64:ff9b::/96")  # an IPv4 address behind a translator


def is_public(address: Address) -> bool:
    """Return whether an address is one of the open internet, and so is any that it wraps."""
    if isinstance(address, IPv6Address) and (inner := _wrapped(address)) is not None:
        return is_public(inner)
    return address.is_global and not (address.is_multicast or address.is_reserved)


def written_address(host: str) -> Address | None:
    """Return the address that a host is written as, in any form that systems take; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))  # as 2130706433, 0x7f.1 or 0177.0.0.1
    except (OSError, ValueError):
        return None


def refuse_private(host: str) -> None:
    """Raise SourceChanged for a host that is written as an address which is not public."""
    address = written_address(host)
    if address is not None and not is_public(address):
        raise SourceChanged("a public address", f"{host}")


class PublicBackend(httpcore.AsyncNetworkBackend):
    """Connections to public addresses only, whatever a name resolves to."""

    def __init__(self, network: httpcore.AsyncNetworkBackend | None = None) -> None:
        """Connect through `network`, the system's own unless given."""
        self._network = network or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's signature, as below
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first of a name's public addresses that answers; raise SourceChanged without any."""
        try:
            async with asyncio.timeout(timeout):
                addresses = await _resolve(host, port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"{host} was not resolved") from error
        public = [address for address in addresses if is_public(address)]
        if not public:
            raise SourceChanged("a public address", f"{host} at {addresses[0]}")
        share = None if timeout is None else timeout / len(public)
        for address in public[:-1]:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return await self._network.connect_tcp(
                    str(address), port, share, local_address, socket_options
                )
        return await self._network.connect_tcp(str(public[-1]), port, share, local_address, socket_options)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Refuse."""
        raise SourceChanged("a public address", "a socket of this machine")

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await self._network.sleep(seconds)


async def _resolve(host: str, port: int) -> list[Address]:
    """Return all addresses of a name, in the order in which the system would try them."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(str(error)) from error
    return [ip_address(str(info[4][0])) for info in found]


def _wrapped(address: IPv6Address) -> Address | None:
    """Return the IPv4 address that an IPv6 address stands for, or None."""
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
