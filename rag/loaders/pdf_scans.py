"""Pages of a PDF that are images: which they are, and their text."""

from __future__ import annotations

from collections.abc import Sequence

from pypdfium2 import PdfiumError, PdfPage, raw

from rag.loaders import ocr
from rag.loaders.pdf_runs import Run
from rag.loaders.scans import NO_TEXT, ScannedPage, scanned_page

_DPI = 200
_MAX_LETTERS = 100  # of text on a scan, as scanners stamp it
_MIN_SHARE = 0.5  # of the page, that the image of a scan covers
_MIN_CONTRAST = 40  # between the darkest and the brightest pixel, of 255
_MAX_DEPTH = 3  # of objects within objects


def is_scan(page: PdfPage, runs: Sequence[Run]) -> bool:
    """Return whether a page has no text, or next to none on an image that fills most of it."""
    letters = sum(len(run.text) for run in runs)
    return not letters or (letters <= _MAX_LETTERS and _image_share(page) >= _MIN_SHARE)


def _image_share(page: PdfPage) -> float:
    """Return the share of the page that its largest image covers."""
    left, bottom, right, top = page.get_bbox()
    page_area = max((right - left) * (top - bottom), 1.0)
    shares = [0.0]
    for image in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=_MAX_DEPTH):
        try:
            x, y, end, high = image.get_bounds()
        except PdfiumError:  # an image without an extent
            continue
        wide, tall = min(end, right) - max(x, left), min(high, top) - max(y, bottom)
        shares.append(max(wide, 0.0) * max(tall, 0.0) / page_area)
    return max(shares)


def _invisible(page: PdfPage) -> str:
    """Return what a page that looks empty lacks, after "page 3 has"; "" if it is meant to be empty."""
    kinds = {each.type for each in page.get_objects(max_depth=_MAX_DEPTH)}
    if not kinds:
        return "no content, or damaged content"
    return NO_TEXT if raw.FPDF_PAGEOBJ_TEXT in kinds else ""


def read_scan(page: PdfPage, number: int) -> tuple[ScannedPage, str]:
    """Return the text that is recognised on a page, and what was left out, after "page 3 has"."""
    scale = min(_DPI / 72, ocr.MAX_SIDE / max(page.get_size()))
    nothing = ScannedPage([], 0, page.get_height())
    image = page.render(scale=scale).to_numpy()
    if image.max() - image.min() < _MIN_CONTRAST:
        return nothing, _invisible(page)
    if not ocr.is_installed():
        return nothing, f"no text; {ocr.advice()}"
    if number > ocr.MAX_PAGES:
        return nothing, f"no text; only the first {ocr.MAX_PAGES:,} pages are recognised, so split the file"
    found = scanned_page(image, scale)
    return found, found.left_out
