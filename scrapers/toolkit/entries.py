"""What entries of a campaign have in common: addresses and hosts. A wrong one is a ValueError of one line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

_HOST = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?::\d{1,5})?")


def address(entry: Mapping[str, Any], what: str) -> str:
    """Return an entry's `url`, which must be the address of `what`."""
    url = entry.get("url")
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
        host = parts.hostname if parts else None
    except ValueError:
        parts = host = None
    if parts is None or parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"url must be the address of {what}, not {url!r}")
    return parts.geturl()


def host_of(url: str) -> str:
    """Return the host of an address, with its port where it names one."""
    return urlsplit(url).netloc.lower()


def hosts(entry: Mapping[str, Any]) -> frozenset[str]:
    """Return the further hosts that an entry names."""
    named = entry.get("hosts", [])
    if not isinstance(named, list) or not all(
        isinstance(host, str) and _HOST.fullmatch(host) for host in named
    ):
        raise ValueError(f'hosts must be a list of names such as ["civi.example.org"], not {named!r}')
    return frozenset(host.lower() for host in named)
