"""From a template to pages: documents laid out for the printer, cut into pages, with header and footer.

A template is divided into pieces by comments such as `<!-- piece space=16 with-next -->`; see `Piece` for what
the words mean. Each piece is a document of its own, so where it may be cut is known before anything is drawn.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QRectF
from PySide6.QtGui import (
    QGuiApplication,
    QPageLayout,
    QPageSize,
    QPainter,
    QPdfWriter,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextOption,
    QTextTable,
)

from skindesk.paths import resource
from skindesk.reports.layout.canvas import BODY, INK, LINE, MUTED, POINTS_PER_INCH, SMALL, Canvas
from skindesk.reports.layout.flow import Head, Piece, paginate
from skindesk.reports.layout.fonts import foreign_runs, legible, missing_letters, report_font
from skindesk.reports.layout.insets import OBJECT_TYPE, InsetHandler, Insets, make_objects
from skindesk.reports.layout.lettering import with_true_letters
from skindesk.reports.layout.measuring import column_width
from skindesk.reports.words import MALIGNANT_MARK, listed, short_name, tr
from trainer import RESEARCH_ONLY, __version__
from trainer.dataset.classes.names import full_name
from trainer.wording import NO_BREAK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtGui import QPaintDevice, QTextBlock

    from skindesk.reports.layout.flow import Slice

PAPERS: dict[str, QPageSize.PageSizeId] = {
    "A4": QPageSize.PageSizeId.A4,
    "Letter": QPageSize.PageSizeId.Letter,
}

MARGIN = 18.0 * POINTS_PER_INCH / 25.4
"""Around header, text and footer: 18 mm in points."""
_HEADER = 28.0
_FOOTER = 30.0
"""Height of header and footer with their distance from the text, points."""
_FOOTER_TYPE = 7.5

_RESOLUTION = 1200  # of layout, units an inch: 1 unit is 0.06 points, well below what is seen
_SCALE = _RESOLUTION / POINTS_PER_INCH

_CODES_NAMED = 8  # letters that the remark on missing ones names

_log = logging.getLogger(__name__)

_SPACE_BEFORE_PERCENT = re.compile(r"(?<=\d) (?=%)")
_PIECE = re.compile(r"<!--\s*piece\b([^>]*?)-->")
_TOUCH = 0.5  # device units that two lines may overlap through rounding


@dataclass(frozen=True)
class Sheet:
    """What stands on every page, and the PDF's own description.

    Attributes:
        title: of the report.
        subject: whom or what it is about, in the header from the second page on.
        date: in words, in the header.
        author: of the PDF's description; may be empty.
        paper: `A4` or `Letter`.
    """

    title: str
    subject: str
    date: str
    author: str
    paper: str


def text_width(paper: str) -> float:
    """Return the width of the text on a paper, points."""
    return QPageSize(PAPERS[paper]).sizePoints().width() - 2 * MARGIN


def render(template: str, insets: Insets, context: dict[str, object]) -> str:
    """Fill in a template of `resources/report`; whatever is text in `context` is escaped.

    Lengths in a template are points, as in `{{ 8|pt }}`: HTML of Qt knows pixels of the screen only.
    """
    environment = Environment(
        loader=FileSystemLoader(resource("report")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pixels = QGuiApplication.primaryScreen().logicalDotsPerInchY() / POINTS_PER_INCH
    environment.filters["pt"] = lambda points: f"{points * pixels:.2f}"
    environment.filters |= {"short_name": short_name, "full_name": full_name, "marked": _marked}
    html = environment.get_template(template).render(
        inset=insets.add, fit=column_width, body=BODY, small=SMALL, ink=INK, muted=MUTED, line=LINE, **context
    )
    return _SPACE_BEFORE_PERCENT.sub(NO_BREAK, html)


def _marked(sentence: str) -> Markup:
    """Set the mark of malignant classes in a sentence as beside their names."""
    mark = Markup('<span class="mark">{}</span>').format(MALIGNANT_MARK)
    return mark.join(sentence.split(MALIGNANT_MARK))


def typeset(html: str, style: str, insets: Insets, sheet: Sheet) -> tuple[bytes, int]:
    """Lay HTML out on pages.

    Args:
        html: divided into pieces.
        style: sheet for all of them.
        insets: that `html` names.
        sheet: what stands around.

    Returns:
        The PDF file's bytes, and its number of pages.
    """
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = _writer(buffer, sheet)
    handler = InsetHandler(insets, _SCALE)
    width, height = writer.width() / _SCALE - 2 * MARGIN, writer.height() / _SCALE - 2 * MARGIN
    missing = missing_letters(f"{html}{sheet.subject}{sheet.title}")
    pieces = list(_pieces(legible(html + _letters_remark(missing))))
    documents = [_document(content, style, writer, handler, width * _SCALE) for _, content in pieces]
    flow = [_piece(words, document) for (words, _), document in zip(pieces, documents, strict=True)]
    pages = paginate(flow, (height - _HEADER - _FOOTER) * _SCALE)
    texts = [*(document.toPlainText() for document in documents), legible(sheet.subject), sheet.title]
    painter = QPainter(writer)
    for number, slices in enumerate(pages, start=1):
        if number > 1:
            writer.newPage()
        for part in slices:
            _paint(painter, documents[part.piece], part)
        canvas = Canvas(painter, MARGIN * _SCALE, MARGIN * _SCALE, _SCALE)
        _paint_header(canvas, sheet, width, number)
        _paint_footer(canvas, width, height, f"Page {number} of {len(pages)}")
    painter.end()
    return with_true_letters(bytes(buffer.data().data()), texts), len(pages)


def _letters_remark(missing: str) -> str:
    """Return a piece that says which letters stand as numbers; nothing where there are none."""
    if not missing:
        return ""
    codes = [f"U+{ord(letter):04X}" for letter in missing[:_CODES_NAMED]]
    if len(missing) > _CODES_NAMED:
        codes.append(tr("{0:,} more").format(len(missing) - _CODES_NAMED))
    _log.warning("No font on this machine has %s; a report shows the numbers instead.", ", ".join(codes))
    sentence = tr(
        "Letters that no font on this machine has are printed as their Unicode numbers: {0}."
    ).format(listed(codes))
    return str(Markup('<!-- piece space=8 --><p class="small muted">{}</p>').format(sentence))


def _writer(buffer: QBuffer, sheet: Sheet) -> QPdfWriter:
    writer = QPdfWriter(buffer)
    writer.setResolution(_RESOLUTION)
    writer.setPageLayout(
        QPageLayout(QPageSize(PAPERS[sheet.paper]), QPageLayout.Orientation.Portrait, QMarginsF(0, 0, 0, 0))
    )
    writer.setTitle(f"{sheet.title}, {sheet.date}")
    writer.setCreator(f"SkinDesk {__version__}")
    writer.setAuthor(sheet.author)
    return writer


def _pieces(html: str) -> Iterator[tuple[str, str]]:
    """Yield each piece's words and its HTML; what stands before the first is left out."""
    parts = _PIECE.split(html)
    for words, content in zip(parts[1::2], parts[2::2], strict=True):
        if content.strip():
            yield words, content


def _document(
    html: str, style: str, device: QPaintDevice, handler: InsetHandler, width: float
) -> QTextDocument:
    document = QTextDocument()
    document.setUndoRedoEnabled(False)
    document.setDocumentMargin(0.0)
    document.setDefaultFont(report_font(BODY))
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    document.setDefaultTextOption(option)
    document.setDefaultStyleSheet(style)
    document.setHtml(html)
    make_objects(document)
    _set_foreign_scripts(document)
    layout = document.documentLayout()
    layout.registerHandler(OBJECT_TYPE, handler)
    layout.setPaintDevice(device)
    document.setTextWidth(width)
    return document


def _set_foreign_scripts(document: QTextDocument) -> None:
    cursor = QTextCursor(document)
    for block in _blocks(document):
        for run in foreign_runs(block.text()):
            form = QTextCharFormat()
            form.setFontFamilies([run.family, *document.defaultFont().families()])
            cursor.setPosition(block.position() + run.start)
            cursor.setPosition(block.position() + run.start + run.length, QTextCursor.MoveMode.KeepAnchor)
            cursor.mergeCharFormat(form)


def _piece(words: str, document: QTextDocument) -> Piece:
    named = dict(word.partition("=")[::2] for word in words.split())
    cuts = _cuts(document)
    heads = tuple(_heads(document, cuts))
    return Piece(
        height=document.size().height(),
        space=float(named.get("space", "0")) * _SCALE,
        flows="flows" in named,
        with_next="with-next" in named,
        new_page="new-page" in named,
        # Between a head and the first row of its table nothing is cut.
        cuts=tuple(cut for cut in cuts if cut not in {head.end for head in heads}),
        heads=heads,
    )


def _heads(document: QTextDocument, cuts: tuple[float, ...]) -> Iterator[Head]:
    """Yield the heads of the tables that have one (`thead`); each ends where it could be cut off."""
    layout = document.documentLayout()
    for table in document.rootFrame().childFrames():
        if not isinstance(table, QTextTable) or not table.format().headerRowCount():
            continue
        around = layout.frameBoundingRect(table)
        first_row = table.cellAt(table.format().headerRowCount(), 0)
        if first_row.isValid():
            text = layout.blockBoundingRect(first_row.firstCursorPosition().block()).top()
            ends = [cut for cut in cuts if around.top() < cut <= text + _TOUCH]
            if ends:
                yield Head(around.top(), ends[-1], around.bottom())


def _cuts(document: QTextDocument) -> tuple[float, ...]:
    """Return the heights at which no line of the document is cut and none stands alone; in tables, no cell is cut.

    A row's border has its place in the middle between two rows' texts (see style.css), where it is cut.
    """
    layout, plain = document.documentLayout(), _is_plain(document)
    spans = sorted(
        span
        for block in _blocks(document)
        for span in _kept_together(block, layout.blockBoundingRect(block).y(), whole=not plain)
    )
    cuts: dict[float, None] = {}
    reach = 0.0
    for top, bottom in spans:
        if spans[0][0] < reach <= top + _TOUCH:
            cuts[(reach + max(top, reach)) / 2] = None
        reach = max(reach, bottom)
    return tuple(cut for cut in cuts if 0.0 < cut < document.size().height())


def _kept_together(block: QTextBlock, top: float, *, whole: bool) -> Iterator[tuple[float, float]]:
    """Yield top and bottom of lines, or of those that may not be parted: a paragraph's first two and last two."""
    layout = block.layout()
    lines = [layout.lineAt(index) for index in range(layout.lineCount())]
    start = 0
    for index, line in enumerate(lines):
        parts_here = index not in (0, len(lines) - 2) if len(lines) > 1 else True
        if index == len(lines) - 1 or (parts_here and not whole):
            yield top + lines[start].y(), top + line.y() + line.height()
            start = index + 1


def _paint(painter: QPainter, document: QTextDocument, part: Slice) -> None:
    painter.save()
    painter.translate(MARGIN * _SCALE, (MARGIN + _HEADER) * _SCALE + part.y - part.start)
    if _is_plain(document):
        _paint_lines(painter, document, part)
    else:
        # Rows that only touch the slice belong to the page before or after.
        height = part.end - part.start - 2 * _TOUCH
        document.drawContents(painter, QRectF(0.0, part.start + _TOUCH, document.textWidth(), height))
    painter.restore()


def _paint_lines(painter: QPainter, document: QTextDocument, part: Slice) -> None:
    """Draw the lines of a slice one by one: Qt would also draw, unseen, the line before, and it would be found."""
    for block in _blocks(document):
        layout = block.layout()
        for index in range(layout.lineCount()):
            line = layout.lineAt(index)
            middle = layout.position().y() + line.y() + line.height() / 2
            if part.start <= middle < part.end:
                line.draw(painter, layout.position())


def _is_plain(document: QTextDocument) -> bool:
    """Whether a document holds paragraphs alone."""
    return not document.rootFrame().childFrames()


def _blocks(document: QTextDocument) -> Iterator[QTextBlock]:
    block = document.begin()
    while block.isValid():
        yield block
        block = block.next()


def _paint_header(canvas: Canvas, sheet: Sheet, width: float, number: int) -> None:
    baseline = 7.0
    canvas.text(0.0, baseline, "SkinDesk", bold=True)
    canvas.text(width, baseline, sheet.date, colour=MUTED, align="right")
    if number > 1:
        left = canvas.width_of("SkinDesk", bold=True) + 8.0
        words = f"{sheet.title}  ·  {sheet.subject}" if sheet.subject else sheet.title
        room = width - left - canvas.width_of(sheet.date) - 16.0
        canvas.text(left, baseline, canvas.elided(words, room), colour=MUTED)


def _paint_footer(canvas: Canvas, width: float, height: float, page: str) -> None:
    top = height - 18.0
    canvas.line([(0.0, top), (width, top)], LINE)
    room = width - canvas.width_of(page, size=_FOOTER_TYPE) - 12.0
    size = canvas.size_to_fit(RESEARCH_ONLY, room, size=_FOOTER_TYPE)
    canvas.text(0.0, height - 4.0, RESEARCH_ONLY, size=size, colour=MUTED)
    canvas.text(width, height - 4.0, page, size=_FOOTER_TYPE, colour=MUTED, align="right")
