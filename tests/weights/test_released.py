"""Released weights: verified, resumed, pinned at first use, never fetched when offline."""

import hashlib
import http.server
import json
import threading
from functools import partial

import open_clip
import pytest

from ovsam.models.backbones.clip_specs import CLIP_SPECS
from ovsam.weights import released as module
from ovsam.weights.released import (
    RELEASED,
    DownloadError,
    Released,
    fetch,
    fetch_verified,
    released_file,
)

CONTENT = bytes(range(256)) * 40
ETAG = '"second edition"'


class RangeHandler(http.server.BaseHTTPRequestHandler):
    requests: list

    def do_GET(self):
        start = 0
        if (wanted := self.headers.get("Range")) and self.headers.get("If-Range", ETAG) == ETAG:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        self.requests.append(start)
        if start >= len(CONTENT):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(CONTENT)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        if "tagged" in self.path:
            self.send_header("ETag", ETAG)
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


def test_wrong_checksum_is_refused_and_not_kept(server, tmp_path):
    with pytest.raises(DownloadError, match=r"expected 0000.*put the right file at"):
        fetch("it", table(server[0], "0000"))
    assert not list((tmp_path / "cache").glob("[!.]*"))


def start_of(tmp_path, name, content, etag=None):
    partial_file = tmp_path / "cache" / f"{name}.part"
    partial_file.parent.mkdir()
    partial_file.write_bytes(content)
    if etag:
        partial_file.with_name(f"{name}.part.etag").write_text(etag)


def test_download_killed_after_the_last_byte_is_taken(server, tmp_path):
    url, requests = server
    start_of(tmp_path, "file.pth", CONTENT)
    assert fetch("it", table(url, hashlib.sha256(CONTENT).hexdigest())).read_bytes() == CONTENT
    assert requests == [len(CONTENT)]


def test_partial_file_that_is_too_long_is_thrown_away(server, tmp_path):
    url, requests = server
    start_of(tmp_path, "file.pth", CONTENT + b"more")
    assert fetch("it", table(url, hashlib.sha256(CONTENT).hexdigest())).read_bytes() == CONTENT
    assert requests == [len(CONTENT) + 4, 0]


def test_start_of_a_file_that_changed_meanwhile_is_not_continued(server, tmp_path):
    url = server[0].replace("file.pth", "tagged.pth")
    start_of(tmp_path, "tagged.pth", b"x" * 1000, etag='"first edition"')
    assert fetch("it", table(url, None)).read_bytes() == CONTENT
    assert server[1] == [0]
    assert [p.name for p in sorted((tmp_path / "cache").glob("[!.]*"))] == ["pinned.json", "tagged.pth"]


def test_start_of_the_same_edition_is_continued(server, tmp_path):
    url = server[0].replace("file.pth", "tagged.pth")
    start_of(tmp_path, "tagged.pth", CONTENT[:700], etag=ETAG)
    assert fetch("it", table(url, None)).read_bytes() == CONTENT
    assert server[1] == [700]


def test_start_without_any_checksum_is_not_continued(server, tmp_path):
    start_of(tmp_path, "file.pth", b"x" * 1000)
    assert fetch("it", table(server[0], None)).read_bytes() == CONTENT
    assert server[1] == [0]


def test_of_many_askers_one_downloads(server):
    url, requests = server
    released = table(url, hashlib.sha256(CONTENT).hexdigest())
    threads = [threading.Thread(target=fetch, args=("it", released)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert requests == [0]


def test_a_file_is_hashed_once_a_process_unless_it_changes(server, monkeypatch):
    released = table(server[0], hashlib.sha256(CONTENT).hexdigest())
    path, digest = fetch_verified("it", released)
    assert digest == hashlib.sha256(CONTENT).hexdigest()
    hashed = []
    monkeypatch.setattr(module, "sha256_of", lambda p: hashed.append(p) or "another")
    assert fetch_verified("it", released) == (path, digest)
    assert not hashed
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(DownloadError, match="truncated or changed"):
        fetch("it", released)
    assert hashed == [path]


def test_damaged_pins_are_named(server, tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "pinned.json").write_text("{")
    with pytest.raises(DownloadError, match=r"pinned\.json is damaged"):
        fetch("it", table(server[0], None))


def test_unpublished_checksum_is_pinned_and_a_change_refused(server):
    released = table(server[0], None)
    path = fetch("it", released)
    pins = json.loads((path.parent / "pinned.json").read_text())
    assert pins == {"file.pth": hashlib.sha256(CONTENT).hexdigest()}
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


def test_clip_addresses_and_checksums_are_open_clips():
    ours = {r.url: r.sha256 for r in RELEASED.values() if "/clip/models/" in r.url}
    assert len(ours) == 7
    for spec in CLIP_SPECS.values():
        if spec.pretrained == "openai":
            url = open_clip.pretrained.get_pretrained_cfg(spec.model_name, "openai")["url"]
            assert ours[url] == url.split("/")[-2]
            assert spec.model_name.endswith("-quickgelu")
            assert spec.text.quick_gelu


def test_names_in_the_cache_differ():
    assert len({r.file_name for r in RELEASED.values()}) == len(RELEASED)


def test_local_copies_are_known_by_name():
    assert released_file("/data/sam_vit_h_4b8939.pth") is RELEASED["sam_vit_h"]
    assert released_file("RN50x16.pt") is RELEASED["clip_rn50x16"]
    assert released_file("mine.pth") is None
