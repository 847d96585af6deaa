"""What is typed onto a PDF: the values of its form fields, and free-text notes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from pypdfium2 import PdfDocument, PdfPage, raw

from rag.loaders.pdf_lines import Line, Segment, as_line
from rag.loaders.pdf_runs import Run

_HIDDEN = 2 | 32  # flags of an annotation: hidden, not shown
_PASSWORD = 1 << 13  # flag of a text field
_WORDY = re.compile(r"[^\W\d_]{3}")
_GENERATED = re.compile(
    r"(?:text|textfield|field|undefined|untitled|check ?box|f|c)[\s_\d.\[\]]*", re.IGNORECASE
)
_BUTTONS = raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON
_TYPED = raw.FPDF_FORMFIELD_TEXTFIELD, raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX


def typed_runs(document: PdfDocument, page: PdfPage) -> Iterator[Run]:
    """Yield the values of the form fields on a page, with the names of the fields, and its ticked boxes."""
    if not document.formenv:
        return
    form = document.formenv.raw
    for annotation in _annotations(page, raw.FPDF_ANNOT_WIDGET):
        kind = raw.FPDFAnnot_GetFormFieldType(form, annotation)
        if kind in _BUTTONS and raw.FPDFAnnot_IsChecked(form, annotation):
            yield _run(annotation, "[x]", None)
        if kind not in _TYPED or raw.FPDFAnnot_GetFormFieldFlags(form, annotation) & _PASSWORD:
            continue
        if value := _text(raw.FPDFAnnot_GetFormFieldValue, form, annotation):
            yield _run(annotation, value, _name(form, annotation))


def notes(page: PdfPage) -> Iterator[str]:
    """Yield the texts of the free-text notes on a page."""
    for annotation in _annotations(page, raw.FPDF_ANNOT_FREETEXT):
        if text := _text(raw.FPDFAnnot_GetStringValue, annotation, b"Contents"):
            yield text


def form_line(row: Sequence[Segment], page: int, above: Sequence[Segment]) -> Line:
    """Return the line of a row with form values, each "label: value"; the label is left of it, or above."""
    parts: list[Segment] = []
    for segment in row:
        before = parts[-1] if parts and parts[-1].label is None else None
        if segment.label is None:
            parts.append(segment)
        elif before:
            parts[-1] = replace(segment, x=before.x, text=_pair(before.text, segment.text))
        else:
            name = segment.label or next((each.text for each in above if _is_above(each, segment)), "")
            parts.append(replace(segment, text=_pair(name, segment.text)))
    return replace(as_line(parts, page), form=True)


def _pair(name: str, value: str) -> str:
    """Return "name: value", or the value alone."""
    name = name.rstrip(" :._")
    return f"{name}: {value}" if name else value


def _is_above(label: Segment, value: Segment) -> bool:
    """Return whether a label is directly above a value."""
    return label.label is None and label.x < value.end and value.x < label.end


def _annotations(page: PdfPage, subtype: int) -> Iterator[raw.FPDF_ANNOTATION]:
    """Yield the visible annotations of one kind on a page."""
    for index in range(raw.FPDFPage_GetAnnotCount(page)):
        annotation = raw.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        shown = not raw.FPDFAnnot_GetFlags(annotation) & _HIDDEN
        if shown and raw.FPDFAnnot_GetSubtype(annotation) == subtype:
            yield annotation
        raw.FPDFPage_CloseAnnot(annotation)


def _name(form: raw.FPDF_FORMHANDLE, annotation: raw.FPDF_ANNOTATION) -> str:
    """Return the name of a field as a person would say it; "" if only a program uses it."""
    if alternate := _text(raw.FPDFAnnot_GetFormFieldAlternateName, form, annotation):
        return alternate
    name = re.sub(r"\[\d+\]", "", _text(raw.FPDFAnnot_GetFormFieldName, form, annotation)).split(".")[-1]
    name = " ".join(re.sub(r"(?<=[a-z])(?=[A-Z])|[_\s]+", " ", name).split())
    return name if _WORDY.search(name) and not _GENERATED.fullmatch(name) else ""


def _run(annotation: raw.FPDF_ANNOTATION, text: str, label: str | None) -> Run:
    """Return the run of a value, in the place of its field."""
    box = raw.FS_RECTF()
    raw.FPDFAnnot_GetRect(annotation, box)
    height = abs(box.top - box.bottom)
    size = min(0.7 * height, 10.0)
    top = max(box.top, box.bottom)
    baseline = top - height / 2 - 0.35 * size if height < 30 else top - 1.2 * size
    return Run(box.left, max(box.left + 1, box.right), baseline, size, False, text, label=label)


def _text(call: Callable[..., int], *arguments: object) -> str:
    """Return the text that a function of PDFium writes into a buffer, on one line."""
    length = call(*arguments, None, 0)
    buffer = (raw.FPDF_WCHAR * (length // 2 + 1))()
    call(*arguments, buffer, length)
    return " ".join(bytes(buffer)[: max(length - 2, 0)].decode("utf-16-le", "replace").split())
