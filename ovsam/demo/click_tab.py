"""The tab "Click": clicks and boxes to a mask and its names."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from ovsam.demo.marks import KINDS, Kind, Marks
from ovsam.demo.pictures import Picture
from ovsam.demo.service import split_words
from ovsam.demo.style import TAKE_BOX
from ovsam.demo.tabs import Tab, Visit, connect, told
from ovsam.demo.texts import CLICK_FIRST, OPEN_FIRST, numbers_of

CLICK_MEANINGS = dict(zip(("This object", "Not this", "Corner of a box"), KINDS, strict=True))


class ClickTab(Tab):
    """A picture to click on, five names beside it."""

    title = "Click"

    def build(self, visit: Any, status: Any, words: list[Any], first: Picture | None) -> list[Any]:
        """See `Tab.build`."""
        gr = self.gr
        with gr.Row(elem_classes="beside"):
            alt_text = "The opened picture with masks and marks"
            shown = self.picture(first, "picture", alt_text, ["fullscreen"])
            with gr.Column():
                names = gr.Label(num_top_classes=5, label="Names", elem_id="names", show_heading=True)
                with gr.Row():
                    undo = gr.Button("Undo", elem_id="undo", size="md", min_width=120)
                    clear = gr.Button("Clear", elem_id="clear", size="md", min_width=120)
                kind = gr.Radio(
                    list(CLICK_MEANINGS), value="This object", label="A click means", elem_id="kind",
                    info="Drag with the mouse to draw a box, or mark two opposite corners.",
                )  # fmt: skip
                with gr.Row():
                    files = self.file_buttons("mask", "mask", "json")
                with gr.Accordion("Without a mouse", open=False, elem_id="without-mouse"):
                    numbers = gr.Textbox(
                        label="x, y of a click, or left, top, right, bottom of a box (px)",
                        elem_id="numbers",
                    )
                    place = gr.Button("Mark", elem_id="place")
        box = gr.Textbox(visible="hidden", label="dragged box")
        dragged = gr.Button("dragged", visible="hidden", elem_id="dragged")
        answer = [shown, names, *files]
        changed = [visit, status, *answer]

        def on(event: Any, change: Callable[..., Marks], *given: Any, **options: Any) -> None:
            inputs = [visit, *given, *words]
            connect(gr, event, partial(self._answer, change), inputs, changed, **options)

        on(shown.select, self._click, kind)
        on(dragged.click, self._drag, box, js=TAKE_BOX)
        on(place.click, self._place, kind, numbers)
        on(numbers.submit, self._place, kind, numbers)
        on(undo.click, lambda visit, _: visit.marks.undone())
        on(clear.click, lambda *_: Marks())
        for changes in (words[0].input, words[1].submit, words[1].blur):
            connect(gr, changes, self._renamed, [visit, *words], changed)
        return answer

    def opened(self, picture: Picture) -> list[Any]:
        """See `Tab.opened`."""
        return [self.service.draw(picture, Marks()), None, *self.files(None)]

    def _click(self, visit: Visit, kind: str, event: Any) -> Marks:
        place = told(event, "index")
        if not isinstance(place, list) or len(place) != 2 or not all(_is_place(p) for p in place):
            raise ValueError("the place of the click did not arrive; click again")
        return visit.marks.add(*visit.opened.from_shown(*place), kind_of(kind))

    def _drag(self, visit: Visit, text: str, _: Any) -> Marks:
        picture, numbers = visit.opened, numbers_of(text)
        if len(numbers) != 4:
            raise ValueError("the box did not arrive; drag it again")
        scale = max(picture.size) / picture.shown_side
        return with_box(visit.marks, *(number * scale for number in numbers))

    def _place(self, visit: Visit, kind: str, text: str, _: Any) -> Marks:
        numbers = numbers_of(text)
        if len(numbers) == 2:
            return visit.marks.add(*numbers, kind_of(kind))
        if len(numbers) == 4:
            return with_box(visit.marks, *numbers)
        raise ValueError("give two numbers for a click or four for a box")

    def _renamed(self, visit: Visit, *words_and_event: Any) -> list[Any]:
        if visit.picture is None:
            return [visit, OPEN_FIRST, *[self.gr.skip()] * 4]
        return self._answer(lambda visit, _: visit.marks, visit, *words_and_event)

    def _answer(self, change: Callable[..., Marks], visit: Visit, *values: Any) -> list[Any]:
        """The page after `change`, which makes marks of the visit, further values and the event."""
        *given, known, typed, event = values
        picture, found, text = visit.opened, None, f"{CLICK_FIRST}."
        marks = change(visit, *given, event)
        if marks.is_prompt:
            found = self.service.answer(picture, marks, split_words(typed) or known)
            share = 100 * found.areas[0] / (picture.size[0] * picture.size[1])
            name = f"{found.names[0]} ({found.scores[0]:.0%}): " if found.scores is not None else ""
            text = f"{name}mask of {found.areas[0]:,} px, {share:.1f} % of the picture."
        elif marks.open_corner:
            text = "Now the opposite corner."
        elif marks.clicks:
            text = "Now click on the object itself."
        names = dict(found.top[0]) if found and found.top else None
        paths = None if found is None else self.downloads.write(picture.name, found)
        shown = self.service.draw(picture, marks, found)
        return [replace(visit, marks=marks), text, shown, names, *self.files(paths)]


def kind_of(label: str) -> Kind:
    """What a click means.

    Raises:
        ValueError: nothing chosen.
    """
    if not isinstance(label, str) or label not in CLICK_MEANINGS:
        raise ValueError("choose what a click means")
    return CLICK_MEANINGS[label]


def with_box(marks: Marks, x0: float, y0: float, x1: float, y1: float) -> Marks:
    """With one more box; a first corner that waits for its second goes."""
    if marks.open_corner is not None:
        last = max(row for row, click in enumerate(marks.clicks) if click[2] == "corner")
        marks = Marks(marks.clicks[:last] + marks.clicks[last + 1 :])
    return marks.add(x0, y0, "corner").add(x1, y1, "corner")


def _is_place(value: object) -> bool:
    return type(value) is int and abs(value) < 100_000  # px
