"""A visitor without a browser: sends to the server what the page's script sends."""

import json
import secrets
import urllib.request
from collections.abc import Mapping
from http.client import HTTPResponse
from typing import Any

SECONDS = 120.0  # to wait for one answer


class PageClient:
    """One session with a running page.

    Args:
        address: of the page, such as http://127.0.0.1:7860.

    Attributes:
        status: text of the page's status line, HTML.
    """

    def __init__(self, address: str) -> None:
        address = address.rstrip("/")
        with urllib.request.urlopen(f"{address}/config", timeout=SECONDS) as response:
            self._config = json.loads(response.read())
        self._api = address + self._config.get("api_prefix", "")
        self._session = secrets.token_hex(8)
        self._components = {part["id"]: part for part in self._config["components"]}
        self.status = ""

    def open(self, name: str, content: bytes) -> str:
        """Upload a picture. Returns the status line."""
        edge = secrets.token_hex(16)
        head = (
            f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        body = head.encode() + content + f"\r\n--{edge}--\r\n".encode()
        [path] = json.loads(self._post("/upload", body, f"multipart/form-data; boundary={edge}"))
        file = {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}
        self.send("upload", "upload", {"upload": file})
        return self.status

    def click(self, x: float, y: float, **values: Any) -> str:
        """Click on the shown picture, px of it as it is shown. Returns the status line.

        Args:
            x, y: place.
            values: of other fields by their names, such as `words`.
        """
        index = [int(x), int(y)]
        self.send("picture", "select", values, {"index": index, "value": None, "selected": True})
        return self.status

    def send(
        self, target: str, event: str, values: Mapping[str, Any] | None = None, told: Any = None
    ) -> list[Any]:
        """Trigger an event of the page and wait for the answer.

        Args:
            target: `elem_id` of the part.
            event: its name, such as `click`.
            values: of the inputs by `elem_id`; the others keep their start values.
            told: data of the event.

        Returns:
            The outputs as the server sends them.

        Raises:
            ValueError: the page has no such event.
            RuntimeError: the server did not answer it.
        """
        number, inputs, trigger = self._event(target, event)
        given = dict(values or {})
        data = [given.pop(self._name(part), self._start(part)) for part in inputs]
        if given:
            raise ValueError(f"{event} of {target!r} has no input {' or '.join(given)}")
        told_server = {
            "data": data, "fn_index": number, "event_data": told, "trigger_id": trigger,
            "session_hash": self._session,
        }  # fmt: skip
        self._post("/queue/join", json.dumps(told_server).encode(), "application/json")
        outputs = self._answer()
        self.status = outputs[1] if isinstance(outputs[1], str) else self.status
        return outputs

    def _event(self, target: str, event: str) -> tuple[int, list[int], int]:
        for found in self._config["dependencies"]:
            for component, name in found["targets"]:
                if name == event and self._name(component) == target:
                    return found["id"], found["inputs"], component
        raise ValueError(f"the page has no event {event!r} of {target!r}")

    def _name(self, component: int) -> str | None:
        return self._components[component]["props"].get("elem_id")

    def _start(self, component: int) -> Any:
        return self._components[component]["props"].get("value")

    def _post(self, path: str, content: bytes, kind: str) -> bytes:
        headers = {"Content-Type": kind}
        request = urllib.request.Request(f"{self._api}{path}", data=content, headers=headers)
        with urllib.request.urlopen(request, timeout=SECONDS) as response:
            return bytes(response.read())

    def _answer(self) -> list[Any]:
        address = f"{self._api}/queue/data?session_hash={self._session}"
        response: HTTPResponse
        with urllib.request.urlopen(address, timeout=SECONDS) as response:
            for line in response:
                if not line.startswith(b"data:"):
                    continue
                message = json.loads(line[5:])
                if message["msg"] == "process_completed":
                    if not message["success"]:
                        raise RuntimeError(f"the page failed: {message['output']}")
                    return list(message["output"]["data"])
                if message["msg"] in ("unexpected_error", "close_stream"):
                    raise RuntimeError(f"the page did not answer: {message}")
        raise RuntimeError("the page ended the stream without an answer")
