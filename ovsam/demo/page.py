"""The web page: its tabs, names and pictures below them, serving. Needs the extra `demo` (gradio 6)."""

import atexit
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ovsam.demo.click_tab import ClickTab
from ovsam.demo.downloads import Downloads
from ovsam.demo.everything_tab import EverythingTab
from ovsam.demo.guard import Guard, ServerLimits
from ovsam.demo.pictures import Picture
from ovsam.demo.semantic_tab import SemanticTab
from ovsam.demo.service import DemoService, split_words
from ovsam.demo.style import COLOURS, SCRIPT, STYLE
from ovsam.demo.tabs import Tab, Visit, connect, told
from ovsam.demo.texts import OPEN_FIRST, opened_text, status_line
from ovsam.demo.word_lists import OWN_WORDS
from ovsam.structures.vocabulary import prompt_name

TITLE = "Click, get a mask and a name"
FILE_KEPT_SECONDS = 3600
SESSION_SECONDS = 3600


class Page:
    """Builds the page and handles what its tabs share.

    Args:
        service: answers.
        examples: pictures to choose from, the first one opened: name and (H, W, 3) uint8 RGB.
        about: Markdown at the end: models and licences.
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
        kinds: list[type[Tab]] = [ClickTab, EverythingTab]
        if service.semantic is not None:
            kinds.append(SemanticTab)
        self.tabs = [kind(gradio, service, self.downloads) for kind in kinds]
        atexit.register(self.downloads.close)

    def build(self) -> Any:
        """The page as `gradio.Blocks`."""
        gr = self.gr
        kept = (FILE_KEPT_SECONDS // 4, FILE_KEPT_SECONDS)
        with gr.Blocks(
            title="ovsam", analytics_enabled=False, delete_cache=kept, fill_width=True
        ) as blocks:
            first = self._example(0) if self.examples else None
            if first:
                self.service.encoded(first)
            gr.Markdown(f"# {TITLE}", elem_id="title")
            visit = gr.State(Visit(first), time_to_live=SESSION_SECONDS)
            text = opened_text(first.size) if first else OPEN_FIRST
            status = gr.HTML(status_line(text), elem_id="status")
            words = self._vocabulary_fields()
            opened = [visit, status]
            for tab in self.tabs:
                with gr.Tab(tab.title):
                    opened += tab.build(visit, status, words, first)
            has_names = self.service.names_things or self.service.semantic is not None
            with gr.Row(elem_id="vocabulary", visible=has_names):
                for field in words:
                    field.render()
            if has_names:
                self._search_field(*words)
            with gr.Row(elem_id="pictures"):
                upload = gr.UploadButton(
                    "Open a picture", file_types=["image"], type="filepath", variant="primary",
                    elem_id="upload",
                )  # fmt: skip
                if self.examples:
                    gallery = gr.Gallery(
                        [(array, name) for name, array in self.examples],
                        label="Or choose one of these", columns=6, elem_id="examples",
                        allow_preview=False, interactive=False, object_fit="contain", buttons=[],
                    )  # fmt: skip
            gr.Markdown(self.about, elem_id="about")
            connect(gr, upload.upload, self._open_file, [upload], opened)
            if self.examples:
                connect(gr, gallery.select, self._open_example, [], opened)
        blocks.queue(max_size=self.service.limits.queue, default_concurrency_limit=2)
        return blocks

    def launch(self, **arguments: Any) -> Any:
        """Build and serve; see `gradio.Blocks.launch`. Returns the served blocks."""
        limits, gr = self.service.limits, self.gr
        blocks = self.build()
        taken = ServerLimits(file_bytes=limits.file_bytes, kept_seconds=FILE_KEPT_SECONDS)
        num_inputs = {number: len(function.inputs) for number, function in blocks.fns.items()}
        # starlette's pair of a middleware and its arguments
        folder = gr.utils.get_upload_folder()
        guard = (Guard, (), {"limits": taken, "num_inputs": num_inputs, "folder": folder})
        blocks.launch(
            show_error=False,
            max_file_size=limits.file_bytes,
            state_session_capacity=limits.sessions,
            css=STYLE,
            head=SCRIPT,
            theme=gr.themes.Default(primary_hue="blue").set(**COLOURS),
            footer_links=[],
            ssr_mode=False,
            app_kwargs={"middleware": [guard]},
            **arguments,
        )
        return blocks

    def _vocabulary_fields(self) -> list[Any]:
        """Two fields that the tabs read and that stand below them."""
        gr = self.gr
        known = gr.Dropdown(
            self.service.lists.names, value=OWN_WORDS, label="Names to choose from", elem_id="known",
            render=False,
        )  # fmt: skip
        typed = gr.Textbox(
            label="Or your own names, separated by commas", placeholder="red ball, blue box, dog",
            lines=1, max_lines=6, elem_id="words", scale=3, max_length=200_000, render=False,
        )  # fmt: skip
        return [known, typed]

    def _search_field(self, known: Any, typed: Any) -> None:
        """A text that filters the list as one types; what is chosen goes to the visitor's own names."""
        gr = self.gr
        with gr.Accordion("Search the list", open=False, elem_id="searching"):
            search = gr.Textbox(
                label="Part of a name", placeholder="red star", max_length=200, elem_id="search"
            )
            matches = gr.CheckboxGroup(
                [], label="Type to see names; those that you choose become your own names",
                elem_id="matches",
            )  # fmt: skip
        quick = {"api_visibility": "private", "show_progress": "hidden", "queue": False}

        # An answer to a former text comes to nothing: the last one typed counts.
        search.input(self._matches, [known, search], matches, trigger_mode="always_last", **quick)
        known.input(self._matches, [known, search], matches, trigger_mode="always_last", **quick)
        matches.input(with_chosen, [typed, matches], typed, **quick)

    def _matches(self, known: str, text: str) -> Any:
        try:
            names, found, total = self.service.search(known, text or "")
        except ValueError as error:
            return self.gr.CheckboxGroup(choices=[], value=[], label=str(error))
        shown = f", the first {len(names)}" if found > len(names) else ""
        label = f"{found:,} of {total:,} names{shown}"
        return self.gr.CheckboxGroup(choices=names, value=[], label=label)

    def _open_file(self, path: str | None, _: Any) -> list[Any]:
        if not path:
            raise ValueError("no picture arrived; try again")
        file = Path(path)
        self.service.check_file_bytes(file.stat().st_size)
        return self._opened(self.service.open(file.read_bytes(), file.name))

    def _open_example(self, event: Any) -> list[Any]:
        index = told(event, "index")
        if type(index) is not int or not 0 <= index < len(self.examples):
            raise ValueError("choose one of the pictures")
        return self._opened(self._example(index))

    def _example(self, index: int) -> Picture:
        name, array = self.examples[index]
        return self.service.picture(array, name, always=True)

    def _opened(self, picture: Picture) -> list[Any]:
        self.service.encoded(picture)
        values = [value for tab in self.tabs for value in tab.opened(picture)]
        return [Visit(picture), opened_text(picture.size), *values]


def with_chosen(typed: str, chosen: Sequence[str]) -> str:
    """The visitor's own names and those chosen from a search, each once; of a list of names the first.

    Example:
        >>> with_chosen("red ball, dog", ["dog", "sofa, couch"])
        'red ball, dog, sofa'
    """
    names = [*split_words(typed), *(prompt_name(name) for name in chosen)]
    return ", ".join(dict.fromkeys(names))
