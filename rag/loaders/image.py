"""Images: the text that is recognised in them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from itertools import islice

import numpy as np
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from rag.errors import LoadError
from rag.loaders import ocr
from rag.loaders.left_out import by_pages
from rag.loaders.paragraphs import Contents
from rag.loaders.pdf import Page, page_paragraphs
from rag.loaders.pdf_lines import segments
from rag.loaders.scans import scanned_page

_REMEDY = "open it in an image program and save it again as .png"
_DAMAGED = (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError)
_ANIMATED = {"GIF", "PNG", "WEBP"}  # whose frames are no pages


def read(data: bytes, source: str) -> Contents:
    """Return the paragraphs of an image; those of a TIFF file with several images have pages."""
    if not ocr.is_installed():
        raise LoadError(source, f"is an image; {ocr.advice()}")
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(BytesIO(data)) as image:
            scans = [scanned_page(frame) for frame in islice(_frames(image), ocr.MAX_PAGES)]
            more = getattr(image, "n_frames", 1) - ocr.MAX_PAGES
    except _DAMAGED as error:
        raise LoadError(source, f"is damaged or not an image; {_REMEDY}") from error
    pages = [Page(segments(scan.runs), [], [], (0.0, scan.height), scan.left_out) for scan in scans]
    paragraphs = tuple(page_paragraphs(pages))
    if len(pages) > 1:
        left_out = by_pages([page.left_out for page in pages])
        if more > 0:
            left_out += (
                f"{more} pages after the first {ocr.MAX_PAGES:,} are not recognised; split the file",
            )
        return Contents(paragraphs, left_out=left_out)
    left_out = (f"the image has {pages[0].left_out}",) if pages[0].left_out else ()
    return Contents(tuple(replace(each, page=None) for each in paragraphs), left_out=left_out)


def _frames(image: Image.Image) -> Iterator[ocr.Image]:
    """Yield the pixels of the pages in a file, turned as its metadata say, on white."""
    for frame in ImageSequence.Iterator(image):
        upright = ImageOps.exif_transpose(frame).convert("RGBA")
        upright.thumbnail((ocr.MAX_SIDE, ocr.MAX_SIDE))
        white = Image.new("RGBA", upright.size, "white")
        yield np.asarray(Image.alpha_composite(white, upright).convert("RGB"))[:, :, ::-1]
        if image.format in _ANIMATED:
            return
