"""Pilcrow: ask your own documents; every sentence of the answer cites its file and paragraph."""

from rag.assistant import Assistant
from rag.errors import PilcrowError
from rag.ingestion.report import IngestReport
from rag.settings import Settings
from rag.stream import Stream
from rag.types import Answer, Citation, DocumentInfo, Evidence, Paragraph, Statement, Turn

__all__ = [
    "Answer",
    "Assistant",
    "Citation",
    "DocumentInfo",
    "Evidence",
    "IngestReport",
    "Paragraph",
    "PilcrowError",
    "Settings",
    "Statement",
    "Stream",
    "Turn",
]
