"""What stands before the page's server: addresses, bodies, waiting, headers."""

import asyncio
import json

import pytest

from ovsam.demo.events import check_event
from ovsam.demo.guard import EVENT, UPLOAD, Guard, ServerLimits

LIMITS = ServerLimits(
    event_bytes=300,
    file_bytes=1000,
    kept_bytes=25_000,
    requests=2,
    silent_seconds=0.05,
    body_seconds=0.2,
)
GOOD = {"fn_index": 3, "data": [None, "x"], "session_hash": "ab12", "event_data": None, "trigger_id": 5}


async def app(scope, receive, send):
    """Tells the body that arrives."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-own", b"1")]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def guard():
    return Guard(app, limits=LIMITS, num_inputs={3: 2}, folder="/up")


async def requested(guard, method, path, pieces=(b"",), *, length=None, pause=0.0):
    """(status, headers, body) of the answer."""
    waiting = list(pieces)

    async def receive():
        await asyncio.sleep(pause if len(waiting) < len(pieces) else 0)
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    sent = []

    async def send(message):
        sent.append(message)

    headers = [] if length is None else [(b"content-length", str(length).encode())]
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    await guard(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(m.get("body", b"") for m in sent)


def ask(guard, *given, **options):
    return asyncio.run(requested(guard, *given, **options))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/gradio_api/proxy=http://x"), ("GET", "/gradio_api/file=http://x"), ("GET",
        "/monitoring"),
        ("GET", "/gradio_api/file=HTTPS://x"), ("POST", "/gradio_api/run/predict"), ("PUT", EVENT),
        ("POST", "/"), ("POST", "/gradio_api/vibe-edit"), ("GET", EVENT), ("GET",
        "/gradio_api/openapi.json"),
    ],
)  # fmt: skip
def test_an_address_that_the_page_does_not_need_does_not_exist(guard, method, path):
    assert ask(guard, method, path)[0] == 404


@pytest.mark.parametrize(
    "path", ["/", "/config", "/assets/a.js", "/gradio_api/file=/up/a", "/gradio_api/info"]
)
def test_what_the_page_needs_is_answered_and_loads_nothing_from_elsewhere(guard, path):
    status, headers, _ = ask(guard, "GET", path)
    assert status == 200
    assert headers[b"x-own"] == b"1"
    policy = headers[b"content-security-policy"].decode()
    assert "default-src 'self'" in policy
    assert "http" not in policy


def test_an_event_arrives_as_it_was_sent(guard):
    content = json.dumps(GOOD).encode()
    assert ask(guard, "POST", EVENT, [content[:20], content[20:]])[2] == content


def test_bodies_are_bounded_whether_their_length_is_told_or_not(guard):
    assert ask(guard, "POST", EVENT, length=301)[0] == 413
    assert ask(guard, "POST", EVENT, length="x")[0] == 413
    assert ask(guard, "POST", EVENT, [bytes(200), bytes(101)])[0] == 413
    assert ask(guard, "POST", UPLOAD, length=11_001)[0] == 413
    assert ask(guard, "POST", UPLOAD, [bytes(6_000), bytes(6_000)])[0] == 413
    assert ask(guard, "GET", "/", [b"x"])[0] == 413


def test_a_body_that_stops_or_trickles_is_not_waited_for(guard):
    assert ask(guard, "POST", EVENT, [b"{", b"}"], pause=0.2)[0] == 408
    assert ask(guard, "POST", UPLOAD, [b"x"] * 30, pause=0.03)[0] == 408


def test_uploads_of_a_while_are_bounded_together(guard):
    assert [ask(guard, "POST", UPLOAD, length=10_000)[0] for _ in range(3)] == [200, 200, 503]


def test_requests_at_once_are_bounded(guard):
    async def all_at_once():
        slow = dict(pieces=[b"", b""], pause=0.02)
        return await asyncio.gather(*(requested(guard, "GET", "/", **slow) for _ in range(4)))

    assert [answer[0] for answer in asyncio.run(all_at_once())] == [200, 200, 503, 503]
    assert guard.num_requests == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"fn_index": 4}, "no event 4"), ({"fn_index": True}, "no event"), ({"fn_index": 10**30},
        "of this number"),
        ({"data": [1]}, "a list of 2 values"), ({"data": None}, "a list of 2"),
        ({"session_hash": "../x"}, "letters"),
        ({"session_hash": None}, "letters"), ({"trigger_id": "x"}, "number"),
        ({"data": [None, {"path": "/etc/passwd"}]}, "uploaded here"),
        ({"data": [None, {"path": "/up/../etc/passwd"}]}, "uploaded here"),
        ({"data": [None, {"path": "/uploads"}]}, "uploaded here"),
        ({"data": [None, {"path": "http://x/y.png"}]}, "uploaded here"),
        ({"data": [None, [{"path": 5}]]}, "uploaded here"), ({"data": ["\ud800", 1]}, "no valid JSON"),
        ({"event_data": json.loads("[" * 30 + "]" * 30)}, "deeper than 20"),
    ],
)  # fmt: skip
def test_an_event_that_cannot_be_is_told(change, told):
    with pytest.raises(ValueError, match=told):
        check_event(json.dumps({**GOOD, **change}).encode(), {3: 2}, "/up")


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"[]", b"\xff", b"nul"])
def test_what_is_no_event_is_told(content):
    with pytest.raises(ValueError, match=r"no valid JSON|must be a JSON object"):
        check_event(content, {3: 2})


def test_an_uploaded_file_is_taken():
    event = {**GOOD, "data": [None, {"path": "/up/ab/x.png", "url": "http://here/x.png"}]}
    check_event(json.dumps(event).encode(), {3: 2}, "/up")
