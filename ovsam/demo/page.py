"""The web page: its tabs, the pictures to open, serving. Needs the extra `demo` (gradio 6)."""

import atexit
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ovsam.demo.click_tab import ClickTab
from ovsam.demo.downloads import Downloads
from ovsam.demo.everything_tab import EverythingTab
from ovsam.demo.semantic_tab import SemanticTab
from ovsam.demo.service import OWN_WORDS, DemoService, Picture
from ovsam.demo.style import SCRIPT, STYLE
from ovsam.demo.tabs import Tab, Visit, connect
from ovsam.demo.texts import OPEN_FIRST, status_line

TITLE = "Click, get a mask and a name"
FILE_KEPT_SECONDS = 3600
SESSION_SECONDS = 3600


class Page:
    """Builds the page and handles the part above its tabs.

    Args:
        service: answers.
        examples: pictures to start with: name and (H, W, 3) uint8 RGB.
        about: Markdown below the title: models and licences.
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
            gr.Markdown(f"# {TITLE}\n{self.about}")
            visit = gr.State(Visit(), time_to_live=SESSION_SECONDS)
            with gr.Row():
                upload = gr.UploadButton(
                    "Open a picture", file_types=["image"], type="filepath", variant="primary",
                    elem_id="upload",
                )  # fmt: skip
                if self.examples:
                    gallery = gr.Gallery(
                        [(array, name) for name, array in self.examples],
                        label="Or choose one of these", columns=6, height=150, elem_id="examples",
                        allow_preview=False, interactive=False, object_fit="contain", buttons=[],
                    )  # fmt: skip
            status = gr.HTML(status_line(OPEN_FIRST), elem_id="status")
            words = self._vocabulary_fields()
            opened = [visit, status]
            for tab in self.tabs:
                with gr.Tab(tab.title):
                    opened += tab.build(visit, status, words)
            connect(gr, upload.upload, self._open_file, [upload], opened)
            if self.examples:
                connect(gr, gallery.select, self._open_example, [], opened)
        blocks.queue(max_size=self.service.limits.queue, default_concurrency_limit=2)
        return blocks

    def launch(self, **arguments: Any) -> Any:
        """Build and serve; see `gradio.Blocks.launch`. Returns the served blocks."""
        limits, gr = self.service.limits, self.gr
        blocks = self.build()
        blocks.launch(
            show_error=False,
            max_file_size=limits.file_bytes,
            state_session_capacity=limits.sessions,
            css=STYLE,
            head=SCRIPT,
            theme=gr.themes.Default(),
            footer_links=[],
            ssr_mode=False,
            **arguments,
        )
        return blocks

    def _vocabulary_fields(self) -> list[Any]:
        gr, service = self.gr, self.service
        with gr.Row(visible=service.names_things or service.semantic is not None):
            known = gr.Dropdown(
                service.word_lists, value=OWN_WORDS, label="List of names", elem_id="known"
            )
            typed = gr.Textbox(
                label="Or your own words, separated by commas", placeholder="red ball, blue box, dog",
                lines=1, max_lines=6, elem_id="words", scale=3, max_length=200_000,
            )  # fmt: skip
        return [known, typed]

    def _open_file(self, path: str | None, _: Any) -> list[Any]:
        if not path:
            raise ValueError("no picture arrived; try again")
        file = Path(path)
        self.service.check_file_bytes(file.stat().st_size)
        return self._opened(self.service.open(file.read_bytes(), file.name))

    def _open_example(self, event: Any) -> list[Any]:
        name, array = self.examples[int(event._data["index"])]
        return self._opened(self.service.picture(array, name))

    def _opened(self, picture: Picture) -> list[Any]:
        self.service.encoded(picture)
        height, width = picture.size
        text = f"{width} x {height} px. Click on an object."
        values = [value for tab in self.tabs for value in tab.opened(picture)]
        return [Visit(picture), text, *values]
