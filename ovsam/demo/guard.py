"""Stands before the page's server: lets through what the page's script asks for, within limits.

gradio answers far more addresses than the page uses, reads bodies of any length, and waits for them
without end. An address that the page does not need does not exist here.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from ovsam.demo.events import check_event

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

API = "/gradio_api"
EVENT, UPLOAD = f"{API}/queue/join", f"{API}/upload"
#: What the page's script asks for.
READ = re.compile(
    rf"/|/config|/theme\.css|/favicon\.ico|/manifest\.json|/(assets|static)/.*"
    rf"|{API}/(info|startup-events|queue/data|upload_progress|heartbeat/[\w-]+|file=(?!\w\w+:).*)/?"
)
SENT = (EVENT, UPLOAD, f"{API}/reset", f"{API}/cancel")
#: gradio's page brings scripts and styles within itself, and makes functions of the events' `js`.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:;"
    " style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:;"
    " worker-src 'self' blob:; connect-src 'self' blob: data:; object-src 'none'; base-uri 'self';"
    " form-action 'self'; frame-ancestors 'self'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)
FORM_BYTES = 10_000  # of an upload, beside the file


@dataclass(frozen=True, kw_only=True)
class ServerLimits:
    """What the server takes in.

    Attributes:
        event_bytes: of one event; the longest vocabulary that can be typed has 200,000 letters.
        file_bytes: of one upload.
        kept_bytes: of all uploads within `kept_seconds`, so long are they on the disk.
        kept_seconds: see `kept_bytes`.
        requests: that are answered at once, of all visitors; an open page holds two.
        silent_seconds: without a byte of a body that is under way.
        body_seconds: for a whole body.
    """

    event_bytes: int = 2_000_000
    file_bytes: int = 20_000_000
    kept_bytes: int = 4_000_000_000
    kept_seconds: float = 3600.0
    requests: int = 1_000
    silent_seconds: float = 10.0
    body_seconds: float = 120.0


class Refused(Exception):
    """A request that is not answered, with the status of HTTP and the reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Guard:
    """An ASGI middleware.

    Args:
        app: what it guards.
        limits: see `ServerLimits`.
        num_inputs: number of an event of the page -> how many inputs it has.
        folder: of the uploaded files.
    """

    def __init__(
        self, app: App, *, limits: ServerLimits, num_inputs: Mapping[int, int], folder: str
    ) -> None:
        self.app = app
        self.limits = limits
        self.num_inputs = num_inputs
        self.folder = folder
        self.num_requests = 0
        self._uploads: deque[tuple[float, int]] = deque()  # (when, bytes)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request; see the ASGI specification."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        has_begun = False

        async def with_headers(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                message = {**message, "headers": [*message.get("headers", ()), *HEADERS]}
            await send(message)

        self.num_requests += 1
        try:
            receive = await self._checked(scope, receive)
            await self.app(scope, receive, with_headers)
        except Refused as refused:
            if not has_begun:
                await _tell(with_headers, refused)
        finally:
            self.num_requests -= 1

    async def _checked(self, scope: Message, receive: Receive) -> Receive:
        """What gives the app the body of a request that may be answered."""
        path, method = scope["path"], scope["method"]
        if self.num_requests > self.limits.requests:
            raise Refused(503, "too many requests at once; try again later")
        if method in ("GET", "HEAD") and READ.fullmatch(path):
            return _Body(receive, self.limits, 0).receive
        if method != "POST" or path not in SENT:
            raise Refused(404, "not found")
        most = self.limits.file_bytes + FORM_BYTES if path == UPLOAD else self.limits.event_bytes
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > most:
            raise Refused(413, f"a request may have {most:,} bytes here")
        body = _Body(receive, self.limits, most)
        if path == UPLOAD:
            self._count_upload(int(length) or most)
            return body.receive
        content = await body.read()
        if path == EVENT:
            try:
                check_event(content, self.num_inputs, self.folder)
            except ValueError as error:
                raise Refused(400, str(error)) from None
        return _given(content, receive)

    def _count_upload(self, num_bytes: int) -> None:
        now = time.monotonic()
        while self._uploads and self._uploads[0][0] < now - self.limits.kept_seconds:
            self._uploads.popleft()
        if sum(number for _, number in self._uploads) + num_bytes > self.limits.kept_bytes:
            raise Refused(503, "the server keeps too many pictures; try again later")
        self._uploads.append((now, num_bytes))


class _Body:
    """A body that comes in pieces: no longer than it may be, and not too slowly."""

    def __init__(self, receive: Receive, limits: ServerLimits, most: int) -> None:
        self._receive, self._limits, self._left = receive, limits, most
        self._end = time.monotonic() + limits.body_seconds
        self._is_whole = False

    async def receive(self) -> Message:
        """The next piece; after the last one it waits until the visitor leaves."""
        if self._is_whole:
            return await self._receive()
        seconds = min(self._limits.silent_seconds, self._end - time.monotonic())
        try:
            message = await asyncio.wait_for(self._receive(), max(seconds, 0))
        except asyncio.TimeoutError:
            raise Refused(408, "the request came too slowly") from None
        self._left -= len(message.get("body", b""))
        self._is_whole = message["type"] != "http.request" or not message.get("more_body")
        if self._left < 0:
            raise Refused(413, "the request is too long")
        return message

    async def read(self) -> bytes:
        """The whole body."""
        pieces = []
        while not self._is_whole:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise Refused(400, "the request is cut")
            pieces.append(message.get("body", b""))
        return b"".join(pieces)


def _given(content: bytes, receive: Receive) -> Receive:
    """Gives `content` as a body, then waits until the visitor leaves."""
    pieces = [content]

    async def given() -> Message:
        if pieces:
            return {"type": "http.request", "body": pieces.pop(), "more_body": False}
        return await receive()

    return given


async def _tell(send: Send, refused: Refused) -> None:
    body = str(refused).encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
