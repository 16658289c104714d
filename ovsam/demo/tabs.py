"""What the page's tabs share: a visitor's state, events, files to download."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ovsam.demo.downloads import Downloads
from ovsam.demo.marks import Marks
from ovsam.demo.pictures import Picture
from ovsam.demo.service import DemoService
from ovsam.demo.texts import status_line

LOGGER = logging.getLogger("ovsam.demo")


@dataclass(frozen=True)
class Visit:
    """What the server keeps of one visitor.

    Attributes:
        picture: the opened one.
        marks: on it.
    """

    picture: Picture | None = None
    marks: Marks = field(default_factory=Marks)

    @property
    def opened(self) -> Picture:
        """The opened picture.

        Raises:
            ValueError: there is none yet.
        """
        if self.picture is None:
            raise ValueError("open a picture first")
        return self.picture


class Tab(ABC):
    """One tab: its parts, and what each of them does.

    Args:
        gradio: the library, an extra.
        service: answers.
        downloads: files for visitors.
    """

    title: ClassVar[str]

    def __init__(self, gradio: Any, service: DemoService, downloads: Downloads) -> None:
        self.gr = gradio
        self.service = service
        self.downloads = downloads

    @abstractmethod
    def build(self, visit: Any, status: Any, words: list[Any], first: Picture | None) -> list[Any]:
        """Make the parts, the picture before the others, wire them, and return those an answer fills.

        Args:
            visit, status, words: the page's state, status line and two fields of the vocabulary.
            first: the picture opened at the start.
        """

    def opened(self, picture: Picture) -> list[Any]:
        """Values of what `build` returned, for a picture just opened."""
        return [self.service.draw(picture, Marks()), *self.files(None), ""]

    def picture(self, first: Picture | None, name: str, alt_text: str, buttons: list[str]) -> Any:
        """The part that shows a picture.

        Args:
            first: shown at the start.
            name: its `elem_id`.
            alt_text: for those who do not see it.
            buttons: on its edge.
        """
        return self.gr.Image(
            None if first is None else self.service.draw(first, Marks()),
            label="Picture", alt_text=alt_text, interactive=False, format="jpeg", elem_id=name,
            elem_classes="picture", show_label=False, buttons=buttons,
        )  # fmt: skip

    def file_buttons(self, kind: str, mask: str, description: str) -> list[Any]:
        """The two download buttons, with their `elem_id`; `files` fills them."""
        return [
            self.gr.DownloadButton(text, elem_id=name, interactive=False, size="md", min_width=120)
            for text, name in ((f"Download {kind} (PNG)", mask), ("Download JSON", description))
        ]

    def files(self, paths: tuple[str, str] | None) -> list[Any]:
        """The two buttons with files behind them, or with none."""
        if paths is None:
            return [self.gr.DownloadButton(value=None, interactive=False)] * 2
        return [self.gr.DownloadButton(value=path, interactive=True) for path in paths]


def told(event: Any, key: str) -> Any:
    """What the page's script says of an event; None where it says nothing."""
    data = event._data
    return data.get(key) if isinstance(data, dict) else None


def connect(
    gradio: Any, event: Any, handler: Callable, inputs: list[Any], outputs: list[Any], **options: Any
) -> None:
    """Wire an event; an error shows in the status line and changes nothing else.

    Args:
        gradio: the library.
        event: of a part, such as `button.click`.
        handler: values of `inputs` and the event's data -> visit, text of the status line, and values
            of the other `outputs`.
        inputs, outputs: parts; `outputs` start with the visit and the status line.
        options: further ones of gradio.
    """

    # gradio finds what the event selected by this annotation.
    def guarded(event_data: gradio.EventData, *values: Any) -> list[Any]:
        try:
            visit, text, *rest = handler(*values, event_data)
            return [visit, status_line(text), *rest]
        except (ValueError, TimeoutError) as error:
            text = str(error)
        except Exception:
            LOGGER.exception("an answer failed")
            text = "Something went wrong on the server; try again, or open another picture."
        rest = [gradio.skip()] * (len(outputs) - 2)
        return [gradio.skip(), status_line(text, is_problem=True), *rest]

    event(guarded, inputs, outputs, api_visibility="private", show_progress="minimal", **options)
