"""The web page: its parts, and what each of them does. Needs the extra `demo` (gradio 6)."""

import atexit
import html
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ovsam.automatic import GridSettings
from ovsam.demo.downloads import Downloads
from ovsam.demo.marks import KINDS, Kind, Marks
from ovsam.demo.service import OWN_WORDS, DemoService, Picture, split_words
from ovsam.structures.prediction import Prediction

LOGGER = logging.getLogger("ovsam.demo")
TITLE = "Click, get a mask and a name"
CLICK_MEANINGS = dict(zip(("This object", "Not this", "Corner of a box"), KINDS, strict=True))
FILE_KEPT_SECONDS = 3600
SESSION_SECONDS = 3600

STYLE = """
.gradio-container {max-width: 1200px !important; margin: 0 auto !important}
.gradio-container main {width: 100%}
#names {min-height: 300px}
#picture img {cursor: crosshair; user-select: none}
#status p {font-weight: 600; margin: 0; min-height: 1.5em}
#status p.problem::before {content: "⚠ "}
#found table {width: 100%; border-collapse: collapse}
#found th, #found td {text-align: left; padding: 4px 8px; border-bottom: 1px solid currentColor}
button:focus-visible, input:focus-visible, textarea:focus-visible {outline: 3px solid #0072b2 !important}
button.lg {min-height: 44px}
"""

#: Dragging with mouse or pen fills in the box and sends it; a finger scrolls, and marks two corners.
SCRIPT = """
<script>
(() => {
  let start = null, dragged = false;
  const image = event => event.target.closest && event.target.closest('#picture') &&
    document.querySelector('#picture img');
  const place = (event, img) => {
    const r = img.getBoundingClientRect();
    const s = Math.min(r.width / img.naturalWidth, r.height / img.naturalHeight);
    const left = r.left + (r.width - img.naturalWidth * s) / 2;
    const top = r.top + (r.height - img.naturalHeight * s) / 2;
    const within = (v, n) => Math.min(Math.max(v / s, 0), n);
    const [w, h] = [img.naturalWidth, img.naturalHeight];
    return [within(event.clientX - left, w), within(event.clientY - top, h)];
  };
  document.addEventListener('dragstart', event => { if (image(event)) event.preventDefault(); });
  document.addEventListener('pointerdown', event => {
    const img = image(event);
    dragged = false;
    if (!img || event.pointerType === 'touch') { start = null; return; }
    start = {x: event.clientX, y: event.clientY, at: place(event, img)};
  });
  document.addEventListener('pointerup', event => {
    const img = document.querySelector('#picture img');
    if (!start || !img) return;
    const far = Math.hypot(event.clientX - start.x, event.clientY - start.y) > 8;
    const [x0, y0] = start.at, [x1, y1] = place(event, img);
    start = null;
    if (!far) return;
    dragged = true;
    window.draggedBox = [x0, y0, x1, y1].map(v => v.toFixed(1)).join(' ');
    document.querySelector('button#dragged').click();
  });
  document.addEventListener('click', event => {
    if (!event.isTrusted) return;  // the one above
    if (dragged && image(event)) { event.stopImmediatePropagation(); event.preventDefault(); }
    dragged = false;
  }, true);
})();
</script>
"""
#: Puts the dragged box in the place of the second input.
TAKE_BOX = "(visit, box, ...words) => [visit, window.draggedBox, ...words]"


@dataclass(frozen=True)
class Visit:
    """What the server keeps of one visitor.

    Attributes:
        picture: the opened one.
        marks: on it.
        found: the answer to them.
    """

    picture: Picture | None = None
    marks: Marks = field(default_factory=Marks)
    found: Prediction | None = None


class Page:
    """Builds the page and handles its events.

    Args:
        service: answers.
        examples: pictures to start with: name and (H, W, 3) uint8 RGB.
        about: what stands below the title: model and licence; Markdown.
    """

    def __init__(
        self,
        service: DemoService,
        examples: Sequence[tuple[str, NDArray[np.uint8]]] = (),
        about: str = "",
    ) -> None:
        import gradio  # an extra: `pip install 'ovsam[demo]'`

        self.gr = gradio
        self.service = service
        self.examples = examples
        self.about = about
        origin = service.predictor.origin
        self.downloads = Downloads({"model": origin.config, "weights_licence": origin.licence})
        atexit.register(self.downloads.close)

    def build(self) -> Any:
        """The page as `gradio.Blocks`."""
        gr = self.gr
        kept = (FILE_KEPT_SECONDS // 4, FILE_KEPT_SECONDS)
        with gr.Blocks(
            title="ovsam", analytics_enabled=False, delete_cache=kept, fill_width=True
        ) as blocks:
            gr.Markdown(f"# {TITLE}\n{self.about}")
            visit = gr.State(Visit(), time_to_live=SESSION_SECONDS)
            with gr.Row():
                upload = gr.UploadButton(
                    "Open a picture",
                    file_types=["image"],
                    type="filepath",
                    elem_id="upload",
                    variant="primary",
                )
                if self.examples:
                    gallery = gr.Gallery(
                        [(array, name) for name, array in self.examples],
                        label="Or take one of these", columns=6, height=150, elem_id="examples",
                        allow_preview=False, interactive=False, object_fit="contain", buttons=[],
                    )  # fmt: skip
            status = gr.HTML(_status("Open a picture, or take one of the examples."), elem_id="status")
            words = self._vocabulary_fields()
            with gr.Tab("Click"):
                click_outputs = self._click_tab(visit, status, words)
            with gr.Tab("Everything"):
                everything_outputs = self._everything_tab(visit, status, words)
            opened = [visit, status, *click_outputs, *everything_outputs]
            self._on(upload.upload, self._open_file, [upload], opened)
            if self.examples:
                self._on(gallery.select, self._open_example, [], opened)
        blocks.queue(max_size=self.service.limits.queue, default_concurrency_limit=2)
        return blocks

    def launch(self, **arguments: Any) -> Any:
        """Build and serve; see `gradio.Blocks.launch`. Returns the served blocks."""
        limits, gr = self.service.limits, self.gr
        blocks = self.build()
        settings = {
            "show_error": False,
            "max_file_size": limits.file_bytes,
            "state_session_capacity": limits.sessions,
            "css": STYLE,
            "head": SCRIPT,
            "theme": gr.themes.Default(),
            "footer_links": [],
            "ssr_mode": False,
        }
        blocks.launch(**{**settings, **arguments})
        return blocks

    def _vocabulary_fields(self) -> list[Any]:
        gr, service = self.gr, self.service
        with gr.Row(visible=service.names_things):
            known = gr.Dropdown(
                service.word_lists, value=OWN_WORDS, label="List of names", elem_id="known"
            )
            typed = gr.Textbox(
                label="Or your own words, apart by commas", placeholder="red ball, blue box, dog",
                lines=1, max_lines=6, elem_id="words", scale=3, max_length=200_000,
            )  # fmt: skip
        return [known, typed]

    def _click_tab(self, visit: Any, status: Any, words: list[Any]) -> list[Any]:
        gr = self.gr
        kind = gr.Radio(
            list(CLICK_MEANINGS), value="This object", label="A click means", elem_id="kind",
            info="Drag with the mouse to draw a box, or mark two of its corners.",
        )  # fmt: skip
        with gr.Row():
            with gr.Column(scale=3, min_width=300):
                shown = gr.Image(
                    label="Picture", interactive=False, format="jpeg", elem_id="picture",
                    alt_text="The opened picture with masks and marks", buttons=["fullscreen"],
                )  # fmt: skip
                with gr.Row():
                    undo = gr.Button("Undo", elem_id="undo")
                    clear = gr.Button("Clear", elem_id="clear")
            with gr.Column(scale=1, min_width=260):
                names = gr.Label(num_top_classes=5, label="Names", elem_id="names", show_heading=True)
                mask = gr.DownloadButton("Download mask (PNG)", elem_id="mask", interactive=False)
                description = gr.DownloadButton("Download JSON", elem_id="json", interactive=False)
                with gr.Accordion("Without a mouse", open=False):
                    numbers = gr.Textbox(
                        label="x, y of a click, or left, top, right, bottom of a box (px)",
                        elem_id="numbers",
                    )
                    place = gr.Button("Mark", elem_id="place")
        box = gr.Textbox(visible="hidden", label="dragged box")
        dragged = gr.Button("dragged", visible="hidden", elem_id="dragged")
        answer = [shown, names, mask, description]
        changed = [visit, status, *answer]
        self._on(shown.select, self._click, [visit, kind, *words], changed)
        self._on(dragged.click, self._drag, [visit, box, *words], changed, js=TAKE_BOX)
        self._on(place.click, self._place, [visit, kind, numbers, *words], changed)
        self._on(numbers.submit, self._place, [visit, kind, numbers, *words], changed)
        self._on(undo.click, self._undo, [visit, *words], changed)
        self._on(clear.click, self._clear, [visit, *words], changed)
        for changes in (words[0].input, words[1].submit, words[1].blur):
            self._on(changes, self._renamed, [visit, *words], changed)
        return answer

    def _everything_tab(self, visit: Any, status: Any, words: list[Any]) -> list[Any]:
        gr, limits = self.gr, self.service.limits
        with gr.Row():
            side = gr.Slider(
                4, limits.points_per_side, value=min(16, limits.points_per_side), step=1,
                label="Points per side: more find smaller objects and take longer", elem_id="side",
            )  # fmt: skip
            stability = gr.Slider(
                0.5, 0.99, value=GridSettings.min_stability, step=0.01, elem_id="stability",
                label="Only masks at least this stable: fewer, and fewer wrong ones",
            )  # fmt: skip
            keep = gr.Textbox(
                label="Only these words, apart by commas; empty for everything", elem_id="keep",
                visible=self.service.names_things,
            )  # fmt: skip
            go = gr.Button("Find everything", variant="primary", elem_id="everything")
        shown = gr.Image(
            label="What was found", interactive=False, format="jpeg", elem_id="all",
            alt_text="The picture with all masks and names", buttons=["fullscreen", "download"],
        )  # fmt: skip
        with gr.Row():
            mask = gr.DownloadButton("Download map (PNG)", elem_id="all-mask", interactive=False)
            description = gr.DownloadButton("Download JSON", elem_id="all-json", interactive=False)
        table = gr.HTML(elem_id="found")
        outputs = [shown, mask, description, table]
        self._on(
            go.click, self._everything, [visit, side, stability, keep, *words], [visit, status, *outputs]
        )
        return outputs

    def _on(
        self, event: Any, handler: Callable, inputs: list[Any], outputs: list[Any], **options: Any
    ) -> None:
        """Wire an event; what goes wrong is said in the status line and nothing else changes."""
        gr = self.gr

        # gradio finds what the event selected by this annotation.
        def guarded(event_data: gr.EventData, *values: Any) -> list[Any]:
            try:
                visit, text, *rest = handler(*values, event_data)
                return [visit, _status(text), *rest]
            except (ValueError, TypeError, TimeoutError) as error:
                text = str(error)
            except Exception:
                LOGGER.exception("an answer failed")
                text = "Something went wrong here; try again or take another picture."
            return [gr.skip(), _status(text, is_problem=True), *[gr.skip()] * (len(outputs) - 2)]

        event(guarded, inputs, outputs, api_visibility="private", show_progress="minimal", **options)

    def _open_file(self, path: str | None, _: Any) -> list[Any]:
        if not path:
            raise ValueError("no picture came; try again")
        file = Path(path)
        if file.stat().st_size > self.service.limits.file_bytes:
            self.service.open(bytes(self.service.limits.file_bytes + 1))  # says the limit
        return self._opened(self.service.open(file.read_bytes(), file.name))

    def _open_example(self, event: Any) -> list[Any]:
        name, array = self.examples[int(event._data["index"])]
        return self._opened(self.service.picture(array, name))

    def _opened(self, picture: Picture) -> list[Any]:
        self.service.encoded(picture)
        height, width = picture.size
        text = f"{width} x {height} px. Click on an object."
        none = self._no_files()
        shown = self.service.draw(picture, Marks())
        return [Visit(picture), text, shown, None, *none, None, *none, ""]

    def _click(self, visit: Visit, kind: str, known: str, typed: str, event: Any) -> list[Any]:
        x, y = event._data["index"]
        picture = _picture_of(visit)
        return self._marked(visit, visit.marks.add(*picture.from_shown(x, y), _kind(kind)), known, typed)

    def _drag(self, visit: Visit, text: str, known: str, typed: str, _: Any) -> list[Any]:
        picture = _picture_of(visit)
        x0, y0, x1, y1 = _numbers(text)[:4]
        scale = max(picture.size) / picture.shown_side
        marks = _whole_boxes(visit.marks)
        marks = marks.add(x0 * scale, y0 * scale, "corner").add(x1 * scale, y1 * scale, "corner")
        return self._marked(visit, marks, known, typed)

    def _place(self, visit: Visit, kind: str, text: str, known: str, typed: str, _: Any) -> list[Any]:
        _picture_of(visit)
        numbers = _numbers(text)
        if len(numbers) == 2:
            marks = visit.marks.add(numbers[0], numbers[1], _kind(kind))
        elif len(numbers) == 4:
            marks = _whole_boxes(visit.marks).add(numbers[0], numbers[1], "corner")
            marks = marks.add(numbers[2], numbers[3], "corner")
        else:
            raise ValueError("give two numbers for a click, four for a box")
        return self._marked(visit, marks, known, typed)

    def _undo(self, visit: Visit, known: str, typed: str, _: Any) -> list[Any]:
        return self._marked(visit, visit.marks.undone(), known, typed)

    def _clear(self, visit: Visit, known: str, typed: str, _: Any) -> list[Any]:
        return self._marked(visit, Marks(), known, typed)

    def _renamed(self, visit: Visit, known: str, typed: str, _: Any) -> list[Any]:
        if visit.picture is None:
            return [visit, "Open a picture, or take one of the examples.", *[self.gr.skip()] * 4]
        return self._marked(visit, visit.marks, known, typed)

    def _marked(self, visit: Visit, marks: Marks, known: str, typed: str) -> list[Any]:
        picture, found, text = _picture_of(visit), None, "Click on an object."
        if marks.is_prompt:
            found = self.service.answer(picture, marks, split_words(typed) or known)
            share = 100 * found.areas[0] / (picture.size[0] * picture.size[1])
            name = f"{found.names[0]}: " if found.scores is not None else ""
            text = f"{name}mask of {found.areas[0]:,} px, {share:.1f} % of the picture."
        elif marks.open_corner:
            text = "Now the opposite corner."
        elif marks.clicks:
            text = "Now click on the object itself."
        names = dict(found.top[0]) if found and found.top else None
        files = self._no_files() if found is None else self._files(picture, found)
        shown = self.service.draw(picture, marks, found)
        return [replace(visit, marks=marks, found=found), text, shown, names, *files]

    def _everything(
        self, visit: Visit, side: float, stability: float, keep: str, known: str, typed: str, _: Any
    ) -> list[Any]:
        picture = _picture_of(visit)
        found = self.service.everything(
            picture,
            points_per_side=int(side),
            min_stability=float(stability),
            keep=split_words(keep or ""),
            words=split_words(typed) or known,
        )
        shown = self.service.draw(picture, Marks(), found)
        files = self._files(picture, found) if len(found) else self._no_files()
        return [visit, f"{len(found)} objects found.", shown, *files, _table(found)]

    def _files(self, picture: Picture, found: Prediction) -> list[Any]:
        paths = self.downloads.write(picture.name, found)
        return [self.gr.DownloadButton(value=path, interactive=True) for path in paths]

    def _no_files(self) -> list[Any]:
        return [self.gr.DownloadButton(value=None, interactive=False)] * 2


def _picture_of(visit: Visit) -> Picture:
    if visit.picture is None:
        raise ValueError("open a picture first")
    return visit.picture


def _kind(label: str) -> Kind:
    if label not in CLICK_MEANINGS:
        raise ValueError("choose what a click means")
    return CLICK_MEANINGS[label]


def _whole_boxes(marks: Marks) -> Marks:
    """Without a first corner that waits: the next two belong together."""
    if marks.open_corner is None:
        return marks
    last = max(row for row, click in enumerate(marks.clicks) if click[2] == "corner")
    return Marks(marks.clicks[:last] + marks.clicks[last + 1 :])


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        raise ValueError("numbers only, apart by commas or blanks") from None


def _status(text: str, is_problem: bool = False) -> str:
    kind = ' class="problem"' if is_problem else ""
    return (
        f'<p role="{"alert" if is_problem else "status"}" aria-live="polite"{kind}>{_escaped(text)}</p>'
    )


def _table(found: Prediction) -> str:
    """Objects by name, as HTML."""
    rows = []
    for row, name in enumerate(found.names):
        score = "" if found.scores is None else f"{found.scores[row]:.2f}"
        box = ", ".join(f"{value:.0f}" for value in found.boxes[row].tolist())
        cells = (str(row + 1), name, score, f"{found.areas[row]:,}", box)
        rows.append("".join(f"<td>{_escaped(cell)}</td>" for cell in cells))
    heads = ("Nr.", "Name", "Score", "Area (px)", "Left, top, right, bottom (px)")
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if rows else ""


def _escaped(text: str) -> str:
    """Shown as it is: neither HTML nor one of gradio's templates."""
    return html.escape(text).replace("$", "&#36;").replace("{", "&#123;")
