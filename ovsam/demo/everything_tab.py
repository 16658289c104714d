"""The tab "Everything": all objects of a picture, or those that words name."""

from typing import Any

from ovsam.demo.marks import Marks
from ovsam.demo.pictures import Picture
from ovsam.demo.service import split_words
from ovsam.demo.tabs import Tab, Visit, connect
from ovsam.demo.texts import objects_table
from ovsam.inference.everything import GridSettings


class EverythingTab(Tab):
    """A picture with all masks, a button and a table of them beside it."""

    title = "Everything"

    def build(self, visit: Any, status: Any, words: list[Any], first: Picture | None) -> list[Any]:
        """See `Tab.build`."""
        gr, limits = self.gr, self.service.limits
        with gr.Row(elem_classes="beside"):
            alt_text = "The picture with all masks and names"
            shown = self.picture(first, "all", alt_text, ["fullscreen", "download"])
            with gr.Column():
                go = gr.Button("Find everything", variant="primary", elem_id="everything")
                keep = gr.Textbox(
                    label="Only these names, separated by commas (empty: everything)", elem_id="keep",
                    visible=self.service.names_things,
                )  # fmt: skip
                table = gr.HTML(elem_id="found", elem_classes="answer")
                with gr.Row():
                    files = self.file_buttons("map", "all-mask", "all-json")
                with gr.Accordion("Find more or fewer", open=False):
                    side = gr.Slider(
                        4, limits.points_per_side, value=min(16, limits.points_per_side), step=1,
                        label="Points per side: more find smaller objects but take longer",
                        elem_id="side",
                    )  # fmt: skip
                    stability = gr.Slider(
                        0.5, 0.99, value=GridSettings.min_stability, step=0.01, elem_id="stability",
                        label="Least stability of a mask: higher finds fewer, and fewer wrong ones",
                    )  # fmt: skip
        outputs = [shown, *files, table]
        inputs = [visit, side, stability, keep, *words]
        connect(gr, go.click, self._everything, inputs, [visit, status, *outputs])
        return outputs

    def _everything(
        self, visit: Visit, side: float, stability: float, keep: str, known: str, typed: str, _: Any
    ) -> list[Any]:
        picture = visit.opened
        found = self.service.everything(
            picture,
            points_per_side=int(side),
            min_stability=float(stability),
            keep=split_words(keep),
            words=split_words(typed) or known,
        )
        shown = self.service.draw(picture, Marks(), found)
        paths = self.downloads.write(picture.name, found) if len(found) else None
        text = f"{len(found)} objects found."
        return [visit, text, shown, *self.files(paths), objects_table(found)]
