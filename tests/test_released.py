"""Released weights: verified, resumed, pinned at first use, never fetched when offline."""

import hashlib
import http.server
import threading
from functools import partial

import pytest

from ovsam.released import RELEASED, DownloadError, Released, fetch

CONTENT = bytes(range(256)) * 40


class RangeHandler(http.server.BaseHTTPRequestHandler):
    requests: list

    def do_GET(self):
        start = 0
        if wanted := self.headers.get("Range"):
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        self.requests.append(start)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start : 500 if self.path.endswith("short.pth") else None])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("OVSAM_CACHE", str(tmp_path / "cache"))
    handler = partial(type("Handler", (RangeHandler,), {"requests": []}))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/file.pth", handler.func.requests
        running.shutdown()


def table(url, sha256):
    return {"it": Released(url=url, licence="a licence", sha256=sha256, names="sam")}


def test_download_is_verified_cached_and_its_licence_shown(server, capsys):
    url, requests = server
    released = table(url, hashlib.sha256(CONTENT).hexdigest())
    assert fetch("it", released).read_bytes() == CONTENT
    assert "a licence" in capsys.readouterr().err
    fetch("it", released)
    assert requests == [0]


def test_interrupted_download_goes_on(server, tmp_path):
    url, requests = server
    partial_file = tmp_path / "cache" / "file.pth.part"
    partial_file.parent.mkdir()
    partial_file.write_bytes(CONTENT[:1000])
    assert fetch("it", table(url, hashlib.sha256(CONTENT).hexdigest())).read_bytes() == CONTENT
    assert requests == [1000]


def test_closed_connection_is_an_error_and_what_arrived_is_kept(server, tmp_path):
    url = server[0].replace("file.pth", "short.pth")
    with pytest.raises(DownloadError, match="what arrived is kept"):
        fetch("it", table(url, None))
    assert [p.name for p in (tmp_path / "cache").glob("[!.]*")] == ["short.pth.part"]


def test_wrong_checksum_is_refused(server):
    with pytest.raises(DownloadError, match="expected 0000"):
        fetch("it", table(server[0], "0000"))


def test_unpublished_checksum_is_pinned_and_a_change_refused(server):
    released = table(server[0], None)
    path = fetch("it", released)
    path.write_bytes(b"changed")
    with pytest.raises(DownloadError, match="expected"):
        fetch("it", released)


def test_offline_names_address_and_place(tmp_path, monkeypatch):
    monkeypatch.setenv("OVSAM_CACHE", str(tmp_path))
    monkeypatch.setenv("OVSAM_OFFLINE", "1")
    with pytest.raises(DownloadError, match=r"offline.*sam_vit_b_01ec64\.pth.*download https"):
        fetch("sam_vit_b")


def test_table_pins_sam_and_names_every_licence():
    assert all(len(r.sha256) == 64 for name, r in RELEASED.items() if name.startswith("sam_"))
    assert all(r.licence and r.url.startswith("https://") for r in RELEASED.values())
