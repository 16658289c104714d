"""The report: one HTML file with tables, curves and pictures that needs no other file."""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ovsam.files import written_whole

MEDIA_TYPES = {".png": "image/png", ".svg": "image/svg+xml", ".jpg": "image/jpeg"}

STYLE = Path(__file__).with_suffix(".css").read_text()


@dataclass(frozen=True)
class ReportTable:
    """A table as texts."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]  # each as long as `header`
    notes: Sequence[str] = ()  # below it
    # (title, number of columns) over the header, from the first column on; "" for none
    groups: Sequence[tuple[str, int]] = ()


@dataclass(frozen=True)
class ReportImage:
    """A picture."""

    path: Path  # .png, .svg or .jpg
    text: str  # what it shows, for those who cannot see it
    caption: str = ""  # below it


@dataclass(frozen=True)
class Report:
    """What the page holds, in this order."""

    title: str
    lead: str  # first paragraph
    tables: Sequence[ReportTable] = ()  # measured numbers
    curves: Sequence[ReportImage] = ()  # of losses
    pictures: Sequence[ReportImage] = ()  # of predictions
    pictures_note: str = ""  # how the pictures were taken
    facts: Sequence[tuple[str, str]] = ()  # (name, value): hardware, versions, commit
    times: Sequence[tuple[str, str]] = ()  # (stage, duration) as texts


def write_report(report: Report, target: Path) -> None:
    """Write the page, its pictures inside it.

    Raises:
        FileNotFoundError: a picture that does not exist.
        ValueError: a picture of an unknown kind.
        OSError: no permission or no space.
    """
    parts = [f"<h1>{_text(report.title)}</h1>", f'<p class="lead">{_text(report.lead)}</p>']
    parts += [_table(table) for table in report.tables]
    if report.curves:
        parts += ["<h2>Training losses</h2>", *(_figure(image) for image in report.curves)]
    if report.pictures:
        parts += ["<h2>Predictions</h2>", f'<p class="note">{_text(report.pictures_note)}</p>']
        parts += ['<div class="pictures">', *(_figure(image) for image in report.pictures), "</div>"]
    if report.times:
        parts.append(_table(ReportTable("Time per stage", ("Stage", "Time"), report.times)))
    if report.facts:
        facts = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in report.facts)
        parts += ["<h2>Where these numbers come from</h2>", f"<dl>{facts}</dl>"]
    page = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(report.title)}</title>\n<style>\n{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{chr(10).join(parts)}\n</main>\n</body>\n</html>\n"
    )
    with written_whole(target) as partial:
        partial.write_text(page, encoding="utf-8")


def _table(table: ReportTable) -> str:
    head = "".join(f'<th scope="col">{_text(title)}</th>' for title in table.header)
    groups = "".join(_group(title, width) for title, width in table.groups)
    top = f"<tr>{groups}</tr>" if groups else ""
    body = "".join(f"<tr>{''.join(_cell(text) for text in row)}</tr>" for row in table.rows)
    notes = "".join(f'<p class="note">{_text(note)}</p>' for note in table.notes)
    scroll = f'<div class="scroll" tabindex="0" role="region" aria-label="{_text(table.title)}">'
    return (
        f"<h2>{_text(table.title)}</h2>\n{scroll}<table><thead>{top}<tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>{notes}"
    )


def _group(title: str, width: int) -> str:
    if not title:
        return f'<td colspan="{width}"></td>'
    return f'<th scope="colgroup" colspan="{width}" class="group">{_text(title)}</th>'


def _cell(text: str) -> str:
    kind = ' class="gap"' if text == "not measured" else ""
    return f"<td{kind}>{_text(text)}</td>"


def _figure(image: ReportImage) -> str:
    kind = MEDIA_TYPES.get(image.path.suffix.lower())
    if kind is None:
        raise ValueError(f"{image.path}: a report takes {', '.join(MEDIA_TYPES)}")
    content = base64.b64encode(image.path.read_bytes()).decode()
    caption = f"<figcaption>{_text(image.caption)}</figcaption>" if image.caption else ""
    source = f"data:{kind};base64,{content}"
    return f'<figure><img src="{source}" alt="{_text(image.text)}">{caption}</figure>'


def _text(text: str) -> str:
    return html.escape(text.replace("`", ""), quote=True)
