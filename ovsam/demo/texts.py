"""Texts of the page as escaped HTML, and the numbers that visitors type."""

import html
from collections.abc import Sequence

from ovsam.structures.prediction import Prediction
from ovsam.structures.semantic_prediction import SemanticPrediction
from ovsam.visualization.semantic import colour_of

OPEN_FIRST = "Open a picture, or choose an example."
CLICK_FIRST = "Click on an object in the picture"
NO_NAME = "without a name"


def escaped(text: str) -> str:
    """Text that neither HTML nor gradio's templates interpret."""
    return html.escape(text).replace("$", "&#36;").replace("{", "&#123;")


def status_line(text: str, is_problem: bool = False) -> str:
    """The line above the tabs; screen readers say it when it changes.

    As long as it starts with `CLICK_FIRST`, the style writes that onto the picture, too.
    """
    kind = "problem" if is_problem else "start" if text.startswith(CLICK_FIRST) else "answer"
    return (
        f'<p role="{"alert" if is_problem else "status"}" aria-live="polite" class="{kind}">'
        f"{escaped(text)}</p>"
    )


def opened_text(size: tuple[int, int]) -> str:
    """What to do with a picture of `size` (H, W) that was just opened."""
    return f"{CLICK_FIRST} ({size[1]} x {size[0]} px)."


def objects_table(found: Prediction) -> str:
    """A table of objects."""
    rows = []
    for row, name in enumerate(found.names):
        score = "" if found.scores is None else f"{found.scores[row]:.2f}"
        box = ", ".join(f"{value:.0f}" for value in found.boxes[row].tolist())
        rows.append([escaped(c) for c in (str(row + 1), name, score, f"{found.areas[row]:,}", box)])
    heads = ("No.", "Name", "Score", "Area (px)", "Left, top, right, bottom (px)")
    return _table(heads, rows)


def classes_table(found: SemanticPrediction) -> str:
    """Legend of a label map: colour, name, share, area and score of each class, the largest first."""
    rows = [
        [
            _swatch(colour_of(row.label)),
            escaped(row.name),
            f"{100 * row.share:.1f} %",
            f"{row.area:,}",
            f"{row.score:.2f}",
        ]
        for row in found.found
    ]
    if found.unlabelled_area:
        share = 100 * found.unlabelled_area / found.labels.size
        rows.append(["", NO_NAME, f"{share:.1f} %", f"{found.unlabelled_area:,}", ""])
    return _table(("Colour", "Name", "Part of the picture", "Area (px)", "Score"), rows)


def numbers_of(text: str | None) -> list[float]:
    """Numbers that commas or spaces separate.

    Raises:
        ValueError: something else.
    """
    try:
        return [float(part) for part in (text or "").replace(",", " ").split()]
    except ValueError:
        raise ValueError("numbers only, separated by commas or spaces") from None


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are HTML already; empty without rows."""
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _swatch(colour: tuple[int, int, int]) -> str:
    red, green, blue = colour
    style = f"background: rgb({red} {green} {blue})"
    return f'<span class="swatch" aria-hidden="true" style="{style}"></span>'
