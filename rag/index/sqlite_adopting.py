"""Take over the vectors that another catalog has of the same documents, all or nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from rag.errors import StoreError
from rag.index import sqlite_schema as schema

_TAKE = (
    "DELETE FROM main.chunk_fts",
    "DELETE FROM main.sentence",
    "DELETE FROM main.window",
    "DELETE FROM main.chunk",
    "DELETE FROM main.pending",
    """INSERT INTO main.chunk (rowid, id, document, paragraph, part, text, heading, page, ordinal, vector)
        SELECT made.rowid, made.id, ours.id, paragraph, part, text, heading, page, ordinal, vector
        FROM beside.chunk AS made JOIN beside.document AS theirs ON theirs.id = made.document
        JOIN main.document AS ours ON ours.source = theirs.source""",
    "INSERT INTO main.chunk_fts (rowid, heading, text) SELECT rowid, heading, text FROM beside.chunk_fts",
    """INSERT INTO main.sentence (document, paragraph, start, "end", vector)
        SELECT ours.id, paragraph, start, "end", vector
        FROM beside.sentence AS made JOIN beside.document AS theirs ON theirs.id = made.document
        JOIN main.document AS ours ON ours.source = theirs.source""",
    """INSERT INTO main.window (document, first, last, vector)
        SELECT ours.id, first, last, vector
        FROM beside.window AS made JOIN beside.document AS theirs ON theirs.id = made.document
        JOIN main.document AS ours ON ours.source = theirs.source""",
    """UPDATE main.document SET fingerprint = theirs.fingerprint
        FROM beside.document AS theirs WHERE theirs.source = main.document.source""",
    """UPDATE main.meta SET value = made.value
        FROM beside.meta AS made WHERE made.key = main.meta.key AND made.key IN ('embedder', 'dimension')""",
    # So that the vector store is made again from these vectors, also after a kill.
    "DELETE FROM main.meta WHERE key IN ('chroma', 'collection', 'deleted_vectors', 'unreachable_share')",
    schema.REVISE,
    "INSERT INTO main.chunk_fts (chunk_fts) VALUES ('optimize')",
)


def adopt(catalog: Path, beside: Path) -> None:
    """Give a catalog the chunks, vectors and embedder of the one `beside`; documents and paragraphs stay.

    Both have the same documents. StoreError if a file can't be read or written; then nothing has changed.
    """
    try:
        with closing(schema.connect(catalog)) as connection:
            connection.execute("ATTACH DATABASE ? AS beside", (str(beside),))
            connection.execute("BEGIN IMMEDIATE")
            for statement in _TAKE:
                connection.execute(statement)
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise StoreError(schema.failure(catalog, error)) from error
