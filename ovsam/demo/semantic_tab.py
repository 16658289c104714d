"""The tab "Semantic map": one of the chosen names for every pixel."""

from typing import Any

from ovsam.demo.pictures import Picture
from ovsam.demo.service import split_words
from ovsam.demo.tabs import Tab, Visit, connect
from ovsam.demo.texts import classes_table
from ovsam.inference.semantic_predictor import ViewsName

VIEWS_TEXTS: dict[str, ViewsName] = {
    "The whole picture": "whole",
    "Five views: finer, takes longer": "five",
}


class SemanticTab(Tab):
    """A picture in the colours of its classes, a button and a legend as a table beside it."""

    title = "Semantic map"

    def build(self, visit: Any, status: Any, words: list[Any], first: Picture | None) -> list[Any]:
        """See `Tab.build`."""
        gr = self.gr
        own = self.service.semantic_model.own_views
        with gr.Row(elem_classes="beside"):
            alt_text = "The picture in the colours of its classes; the table names them"
            shown = self.picture(first, "semantic", alt_text, ["fullscreen", "download"])
            with gr.Column():
                go = gr.Button("Name every pixel", variant="primary", elem_id="segment")
                table = gr.HTML(elem_id="legend", elem_classes="answer")
                with gr.Row():
                    files = self.file_buttons("map", "semantic-mask", "semantic-json")
                views = gr.Radio(
                    list(VIEWS_TEXTS),
                    value=next(text for text, name in VIEWS_TEXTS.items() if name == own),
                    label="The model looks at",
                    elem_id="views",
                )
                threshold = gr.Slider(
                    0, 1, value=0, step=0.01, elem_id="threshold",
                    label="Least probability of a name; with 0 every pixel gets a name",
                )  # fmt: skip
        outputs = [shown, *files, table]
        inputs = [visit, views, threshold, *words]
        connect(gr, go.click, self._segment, inputs, [visit, status, *outputs])
        return outputs

    def _segment(
        self, visit: Visit, views: str, threshold: float, known: str, typed: str, _: Any
    ) -> list[Any]:
        picture = visit.opened
        if views not in VIEWS_TEXTS:
            raise ValueError("choose what the model looks at")
        found = self.service.segment(
            picture,
            words=split_words(typed) or known,
            views=VIEWS_TEXTS[views],
            threshold=float(threshold),
        )
        origin = self.service.semantic_model.origin
        info = {"model": origin.config, "weights_licence": origin.licence}
        paths = self.downloads.write_map(picture.name, found, info)
        text = f"{len(found.found)} of {len(found.class_names):,} names found."
        shown = self.service.draw_map(picture, found)
        return [visit, text, shown, *self.files(paths), classes_table(found)]
