"""The addresses for those who watch over Pilcrow: whether it can answer, and its figures for Prometheus."""

from __future__ import annotations

import logging

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from rag.health import problem, sizes
from ui import metrics
from ui.desk import Librarian, OnDesk

router = APIRouter()
log = logging.getLogger(__name__)


@router.get("/health")
def health(desk: OnDesk) -> JSONResponse:
    """Say whether the stores answer; 503 and which if one doesn't. Needs no login; the log says more."""
    store, why = problem(desk.assistant)
    if not store:
        return JSONResponse({"status": "ok"})
    log.error("%s: %s", store, why)
    return JSONResponse({"status": "failed", "failed": store}, 503)


@router.get("/metrics")
def figures(desk: OnDesk, _: Librarian) -> Response:
    """Return the figures of this process and the index."""
    documents, chunks = sizes(desk.assistant)
    metrics.DOCUMENTS.set(documents)
    metrics.CHUNKS.set(chunks)
    metrics.WAITING.set(desk.runs.waiting())
    return Response(generate_latest(metrics.REGISTRY), media_type=CONTENT_TYPE_LATEST)
