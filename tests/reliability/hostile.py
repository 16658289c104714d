"""Requests of visitors who mean the page no good; each says what was wrong with the answer."""

import contextlib
import http.client
import io
import json
import socket
import time
import urllib.error
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from tests.demo.client import PageClient

ROOT = Path(__file__).resolve().parents[2]
API, EVENT, UPLOAD = "/gradio_api", "/gradio_api/queue/join", "/gradio_api/upload"
JSON, FORM = "application/json", "multipart/form-data; boundary=edge"
SECRETS = (str(ROOT), "site-packages", "Traceback", "root:")  # none of them belongs into an answer
SECONDS = 60  # until an answer counts as missing


def _send(address: str, method: str, path: str, body=None, kind: str = JSON, **headers: str):
    """(status, text) of an answer; status 0 where the server cut the connection."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=SECONDS)
    try:
        connection.request(method, path, body, {"Content-Type": kind, **headers})
        answer = connection.getresponse()
        return answer.status, answer.read(1_000_000).decode(errors="replace")
    except (ConnectionError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


def _judge(answer: tuple[int, str], *statuses: int) -> str:
    status, text = answer
    if any(secret in text for secret in SECRETS):
        return f"the answer tells too much: {text[:300]}"
    return "" if status in statuses else f"status {status}, expected {statuses}: {text[:200]}"


def _event(**changes) -> bytes:
    event = {"data": [], "fn_index": 0, "session_hash": "enemy", **changes}
    return json.dumps(event).encode()


def long_event(address: str) -> str:
    """A vocabulary of 20 MB."""
    return _judge(_send(address, "POST", EVENT, _event(data=["x" * 20_000_000])), 413, 0)


def long_upload(address: str) -> str:
    """A file of 30 MB."""
    return _judge(_send(address, "POST", UPLOAD, bytes(30_000_000), FORM), 413, 0)


def endless_upload(address: str) -> str:
    """A file whose length nobody told."""
    head = b'--edge\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'

    def pieces() -> Iterator[bytes]:
        yield head
        for _ in range(400):
            yield bytes(100_000)

    return _judge(_send(address, "POST", UPLOAD, pieces(), FORM), 413, 0)


def broken_events(address: str) -> str:
    """JSON that is none, or no event."""
    bodies = [
        b"", b"{", b"[" * 100_000, b'"\\ud800"', b"\xff\xfe", b"[]", b"null", _event(fn_index=9999),
        _event(fn_index="0"), _event(data=None), _event(data=[0] * 50), _event(session_hash=["a"]),
        _event(session_hash="../../x"), _event(session_hash="x" * 100_000), _event(trigger_id={}),
    ]  # fmt: skip
    answers = [_judge(_send(address, "POST", EVENT, body), 400) for body in bodies]
    return next(filter(None, answers), "")


def wrong_types(address: str) -> str:
    """Bodies of another type than their headers, and the other way round."""
    answers = [
        _judge(_send(address, "POST", UPLOAD, b"{}"), 400),
        _judge(_send(address, "POST", UPLOAD, b"{}", "multipart/form-data"), 400),
        _judge(_send(address, "POST", EVENT, b"--edge--", FORM), 400),
        _judge(_send(address, "POST", UPLOAD, b"--other--", FORM), 400, 422, 200),
        _judge(_send(address, "PUT", EVENT, _event()), 404),
        _judge(_send(address, "GET", EVENT), 404),
    ]
    return next(filter(None, answers), "")


def broken_pictures(address: str) -> str:
    """Files that are no pictures, or only their first half."""
    file = io.BytesIO()
    Image.fromarray(np.full((40, 50, 3), 90, np.uint8)).save(file, "PNG")
    whole = file.getvalue()
    bodies = [b"", b"no picture", whole[: len(whole) // 2], b"\xff\xd8\xff\xe0" + bytes(99), b"GIF89a"]
    return _judge_pictures(address, dict.fromkeys(bodies, "broken"))


def huge_pictures(address: str) -> str:
    """Small files that would take gigabytes of memory."""
    file = io.BytesIO()
    Image.new("L", (16_000, 12_500)).save(file, "PNG")
    bomb = _png(65_000, 65_000)
    unreadable = bomb[:29] + b"????" + bomb[33:]  # a wrong checksum, which OpenCV does not mind
    told = {file.getvalue(): "allowed are", bomb: "allowed are", unreadable: "broken"}
    return _judge_pictures(address, told)


def _judge_pictures(address: str, told_of: dict[bytes, str]) -> str:
    page = PageClient(address)
    for content, told in told_of.items():
        with _queue_may_be_full():
            page.open("../../../tmp/enemy.png", content)
            if told not in page.status or any(secret in page.status for secret in SECRETS):
                return f"told {page.status}"
    return "a file was written" if Path("/tmp/enemy.png").exists() else ""


def _png(width: int, height: int) -> bytes:
    """A picture that has no pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + kind + content + check

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(bytes(99))), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def other_people_s_files(address: str) -> str:
    """Paths out of the allowed folders, by addresses."""
    own = f"{API}/file={ROOT}/README.md"
    paths = [
        f"{API}/file=/etc/passwd", f"{API}/file=../../../../etc/passwd", own,
        f"{API}/file=/proc/self/environ",
        f"{API}/file=%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/assets/../../../../../../etc/passwd",
        "/static/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd", f"{API}/file=http://127.0.0.1:9/x",
        f"{API}/file=/tmp/gradio/../../etc/passwd", f"{API}/file=file:///etc/passwd",
    ]  # fmt: skip
    found = [_send(address, "GET", path) for path in paths]
    wrong = [status for status, text in found if status not in (400, 403, 404) or "root:" in text]
    return f"statuses {wrong}" if wrong else ""


def uploads_that_were_none(address: str) -> str:
    """Events that name files of the server, or of other servers."""
    page = PageClient(address)
    for path in ("/etc/passwd", f"{ROOT}/README.md", "/tmp", "", "http://127.0.0.1:9/x.png"):
        file = {"path": path, "orig_name": "a.png", "meta": {"_type": "gradio.FileData"}}
        with _queue_may_be_full(), contextlib.suppress(RuntimeError):
            page.send("upload", "upload", {"upload": file})
            if 'class="problem"' not in page.status or str(ROOT) in page.status:
                return f"{path} gave {page.status}"
    return ""


def hidden_addresses(address: str) -> str:
    """What gradio answers, and the page does not need."""
    sent = [
        f"{API}/vibe-edit",
        f"{API}/run/predict",
        f"{API}/call/x",
        f"{API}/component_server",
        "/login",
    ]
    read = [
        "/monitoring", f"{API}/dev/reload", f"{API}/openapi.json", f"{API}/proxy=http://127.0.0.1:9/",
        f"{API}/run-history/records", f"{API}/token", f"{API}/custom_component/1/client/component/x.js",
    ]  # fmt: skip
    answers = [_judge(_send(address, "POST", path, b"{}"), 404) for path in sent]
    answers += [_judge(_send(address, "GET", path), 404) for path in read]
    return next(filter(None, answers), "")


def slow_bodies(address: str) -> str:
    """A body that stops in its middle."""
    with _raw(address) as wire:
        wire.sendall(f"POST {EVENT} HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n{{".encode())
        text = wire.recv(10_000).decode()
        return "" if " 408 " in text else f"answered {text[:100]!r}"


def slow_heads(address: str) -> str:
    """A head that comes letter by letter, and never ends."""
    with _raw(address) as wire, contextlib.suppress(ConnectionError):
        for letter in b"GET / HTTP/1.1\r\nX-A":
            wire.sendall(bytes([letter]))
            time.sleep(0.1)
    return ""


def half_closed(address: str) -> str:
    """Visitors who leave before they are answered."""
    for leave in (socket.SHUT_WR, socket.SHUT_RDWR, None):
        with _raw(address) as wire, contextlib.suppress(OSError):
            wire.sendall(b"GET /config HTTP/1.1\r\nHost: x\r\n\r\n")
            if leave is not None:
                wire.shutdown(leave)
    return ""


def abandoned_events(address: str) -> str:
    """Events whose answers nobody fetches."""
    page = PageClient(address)
    number, inputs, trigger = page._event("clear", "click")
    body = _event(fn_index=number, data=[None] * len(inputs), trigger_id=trigger, session_hash="gone")
    return _judge(_send(address, "POST", EVENT, body), 200, 503)


@contextlib.contextmanager
def _raw(address: str) -> Iterator[socket.socket]:
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname, parts.port), timeout=SECONDS) as wire:
        yield wire


@contextlib.contextmanager
def _queue_may_be_full() -> Iterator[None]:
    try:
        yield
    except urllib.error.HTTPError as error:
        if error.code not in (400, 503):
            raise


KINDS: tuple[Callable[[str], str], ...] = (
    long_event, long_upload, endless_upload, broken_events, wrong_types, broken_pictures, huge_pictures,
    other_people_s_files, uploads_that_were_none, hidden_addresses, slow_bodies, slow_heads, half_closed,
    abandoned_events,
)  # fmt: skip
