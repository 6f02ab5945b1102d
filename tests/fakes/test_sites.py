"""The local web of sites serves a folder as benches need it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.fakes.sites import Sites


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Lay out one host with a page, a file with a space in its name, and a page with a query."""
    host = tmp_path / "a.example"
    (host / "series").mkdir(parents=True)
    (host / "series" / "index.html").write_text("series")
    (host / "series" / "index.html?page=2").write_text("older")
    (host / "activity v2.csv").write_text("a,b\n")
    (host / "count").write_text("{}")
    (host / "count.meta.json").write_text('{"content_type": "application/json", "etag": "\\"7\\""}')
    return tmp_path


@pytest.mark.parametrize(
    ("path", "content_type", "body"),
    [
        ("series/", "text/html; charset=utf-8", b"series"),
        ("series/index.html?page=2", "text/html; charset=utf-8", b"older"),
        ("activity%20v2.csv", "text/csv; charset=utf-8", b"a,b\n"),
        ("count", "application/json", b"{}"),
    ],
)
def test_a_folder_is_served_as_a_web(folder: Path, path: str, content_type: str, body: bytes) -> None:
    with Sites(folder) as sites, urlopen(f"{sites.url}/a.example/{path}") as answer:
        assert (answer.headers["Content-Type"], answer.read()) == (content_type, body)


def test_what_is_not_in_the_folder_is_not_served(folder: Path) -> None:
    with Sites(folder / "a.example") as sites:
        for path in ("other", "../a.example/count"):
            with pytest.raises(HTTPError, match="404") as missing:
                urlopen(f"{sites.url}/{path}")
            missing.value.close()


def test_a_file_that_is_written_anew_is_served_anew(folder: Path) -> None:
    with Sites(folder) as sites:
        address = f"{sites.url}/a.example/series/"
        with urlopen(address) as answer:
            tag = answer.headers["ETag"]
        (folder / "a.example" / "series" / "index.html").write_text("revised")
        with urlopen(Request(address, headers={"If-None-Match": tag})) as answer:
            assert answer.read() == b"revised"


def test_a_process_of_its_own_says_its_address_first(folder: Path) -> None:
    command = [sys.executable, "-m", "tests.fakes.sites", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            with urlopen(f"{server.stdout.readline().strip()}/a.example/count") as answer:
                assert answer.read() == b"{}"
        finally:
            server.terminate()
