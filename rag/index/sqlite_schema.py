"""The catalog's tables and longer SQL statements; opening and upgrading its file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np

from rag.errors import StoreError
from rag.index.vector_bytes import to_halves, to_steps
from rag.text.language import main_language
from rag.text.words import searchable

APPLICATION_ID = 0x50494C43
FIRST_VERSION = 2  # the schema of Pilcrow 0.1.0
_WINDOW = """CREATE TABLE window (
    document INTEGER NOT NULL REFERENCES document ON DELETE CASCADE, first INTEGER NOT NULL,
    last INTEGER NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (document, first)) WITHOUT ROWID"""
TOKENIZER = "porter unicode61 remove_diacritics 2 tokenchars '.-'"  # of FTS5
_WORDS = (
    f'CREATE VIRTUAL TABLE chunk_fts USING fts5 (heading, text, tokenize = "{TOKENIZER}")',
    # A heading is repeated with each of its paragraphs, so its words count less than those of the text.
    "INSERT INTO chunk_fts (chunk_fts, rank) VALUES ('rank', 'bm25(0.5, 1.0)')",
    "CREATE VIRTUAL TABLE chunk_vocabulary USING fts5vocab (chunk_fts, 'row')",
)
_EDITIONS = "CREATE INDEX document_edition ON document (source) WHERE version <> ''"  # few documents have one
# Tells the documents of chunks without reading their rows, which are fifty times as large.
_DOCUMENT_OF_CHUNK = "CREATE INDEX chunk_rowid ON chunk (rowid, document)"
_FILL_WORDS = """INSERT INTO chunk_fts (rowid, heading, text)
    SELECT rowid, searchable(heading), searchable(text) FROM chunk"""
UPGRADES = (  # the first turns FIRST_VERSION into the next version, and so on
    (
        "UPDATE meta SET key = 'unreachable_share' WHERE key = 'astray'",
        "UPDATE meta SET key = 'deleted_vectors' WHERE key = 'dead'",
    ),
    (
        "ALTER TABLE document ADD COLUMN version TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE document ADD COLUMN replaces TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE document ADD COLUMN retired INTEGER NOT NULL DEFAULT 0",
        _WINDOW,
        "DROP TABLE chunk_vocabulary",
        "DROP TABLE chunk_fts",
        *_WORDS,
        _FILL_WORDS,
    ),
    (
        "ALTER TABLE document ADD COLUMN size INTEGER NOT NULL DEFAULT -1",
        "ALTER TABLE document ADD COLUMN modified INTEGER NOT NULL DEFAULT 0",
    ),
    (
        "ALTER TABLE document ADD COLUMN left_out TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE paragraph ADD COLUMN confidence REAL",
        "ALTER TABLE paragraph ADD COLUMN box TEXT",
    ),
    (
        "ALTER TABLE document ADD COLUMN language TEXT NOT NULL DEFAULT ''",
        """UPDATE document SET language = language_of((SELECT group_concat(text, ' ') FROM (
            SELECT text FROM paragraph WHERE document = document.id ORDER BY number LIMIT 40)))""",
        "DELETE FROM chunk_fts",
        _FILL_WORDS,
    ),
    ("ALTER TABLE pending ADD COLUMN source TEXT NOT NULL DEFAULT ''",),
    (
        "UPDATE chunk SET text = '' WHERE text = (SELECT paragraph.text FROM paragraph "
        "WHERE paragraph.document = chunk.document AND number = chunk.paragraph)",
        "UPDATE chunk SET vector = halves(vector)",
        "UPDATE sentence SET vector = steps(vector)",
        "UPDATE window SET vector = steps(vector)",
    ),
    (_EDITIONS,),
    (_DOCUMENT_OF_CHUNK,),
)
SCHEMA_VERSION = FIRST_VERSION + len(UPGRADES)

SCHEMA = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE document (
        id INTEGER PRIMARY KEY, source TEXT NOT NULL UNIQUE, path TEXT NOT NULL UNIQUE, root TEXT NOT NULL,
        sha256 TEXT NOT NULL, fingerprint TEXT NOT NULL, title TEXT NOT NULL, date TEXT,
        version TEXT NOT NULL DEFAULT '', replaces TEXT NOT NULL DEFAULT '',
        retired INTEGER NOT NULL DEFAULT 0, size INTEGER NOT NULL DEFAULT -1,
        modified INTEGER NOT NULL DEFAULT 0, left_out TEXT NOT NULL DEFAULT '',
        language TEXT NOT NULL DEFAULT '')""",
    _EDITIONS,
    """CREATE TABLE paragraph (
        document INTEGER NOT NULL REFERENCES document ON DELETE CASCADE, number INTEGER NOT NULL,
        text TEXT NOT NULL, kind TEXT NOT NULL, heading TEXT NOT NULL, page INTEGER, line INTEGER, date TEXT,
        confidence REAL, box TEXT, PRIMARY KEY (document, number))""",
    """CREATE TABLE chunk (
        rowid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
        document INTEGER NOT NULL REFERENCES document ON DELETE CASCADE, paragraph INTEGER NOT NULL,
        part INTEGER NOT NULL, text TEXT NOT NULL, heading TEXT NOT NULL, page INTEGER,
        ordinal INTEGER NOT NULL, vector BLOB NOT NULL)""",
    "CREATE INDEX chunk_document ON chunk (document, paragraph)",
    _DOCUMENT_OF_CHUNK,
    """CREATE TABLE sentence (
        document INTEGER NOT NULL REFERENCES document ON DELETE CASCADE, paragraph INTEGER NOT NULL,
        start INTEGER NOT NULL, "end" INTEGER NOT NULL, vector BLOB NOT NULL,
        PRIMARY KEY (document, paragraph, start)) WITHOUT ROWID""",
    _WINDOW,
    *_WORDS,
    "CREATE TABLE pending (id TEXT PRIMARY KEY, source TEXT NOT NULL DEFAULT '') WITHOUT ROWID",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)

_DOCUMENT = """SELECT source, title, sha256,
    (SELECT count(*) FROM paragraph WHERE paragraph.document = document.id), date, version, replaces, retired,
    language FROM document"""
DOCUMENTS = f"{_DOCUMENT} ORDER BY source"
DOCUMENT = f"{_DOCUMENT} WHERE source IN (?, ?) ORDER BY source DESC"  # NFC before NFD
EDITIONS = "SELECT source, title, date, version, replaces, retired FROM document WHERE version <> ''"
ORIGINS = """SELECT source, path, root, sha256, fingerprint, size, modified, left_out FROM document
    ORDER BY source"""
ORIGINS_OF = ORIGINS.replace("ORDER", "WHERE source IN (SELECT value FROM json_each(?)) ORDER")

# The text of most chunks is all of their paragraph's, and stored only there.
CHUNKS = """SELECT chunk.id, source, chunk.paragraph, part, iif(chunk.text = '', paragraph.text, chunk.text),
        chunk.heading, chunk.page, ordinal
    FROM chunk JOIN document ON document.id = chunk.document
    JOIN paragraph ON paragraph.document = document.id AND number = chunk.paragraph
    WHERE chunk.id IN (SELECT value FROM json_each(?))"""

CHUNK_IDS = """SELECT chunk.id FROM chunk JOIN document ON document.id = chunk.document
    WHERE source IN (SELECT value FROM json_each(?)) ORDER BY chunk.id"""

PARAGRAPHS = """SELECT number, text, kind, heading, page, line, paragraph.date, confidence, box
    FROM paragraph JOIN document ON document.id = paragraph.document
    WHERE source = ? ORDER BY number"""
PARAGRAPHS_BY_KEY = """SELECT source, number, text, kind, heading, page, line, paragraph.date, confidence, box
    FROM json_each(?) AS wanted
    JOIN document ON source = json_extract(wanted.value, '$[0]')
    JOIN paragraph ON document.id = paragraph.document AND number = json_extract(wanted.value, '$[1]')"""

# FTS5 picks the best in the inner query; equal scores get an order that does not depend on the ingestion.
_BEST = """SELECT chunk.id, score
    FROM (SELECT chunk_fts.rowid AS best, rank AS score {found} ORDER BY rank LIMIT ?)
    JOIN chunk ON chunk.rowid = best JOIN document ON document.id = chunk.document
    ORDER BY score, source, paragraph, part"""
_AMONG = """FROM chunk_fts JOIN chunk INDEXED BY chunk_rowid ON chunk.rowid = chunk_fts.rowid
        JOIN document ON document.id = chunk.document
    WHERE chunk_fts MATCH ? AND source IN (SELECT value FROM json_each(?))"""
SEARCH = _BEST.format(found="FROM chunk_fts WHERE chunk_fts MATCH ?")
SEARCH_AMONG = _BEST.format(found=_AMONG)

VECTORS_AT = """SELECT source, chunk.paragraph, vector
    FROM json_each(?) AS wanted
    JOIN document ON source = json_extract(wanted.value, '$[0]')
    JOIN chunk ON document.id = chunk.document AND chunk.paragraph = json_extract(wanted.value, '$[1]')"""

SENTENCES_AT = """SELECT source, sentence.paragraph, start, "end", vector
    FROM json_each(?) AS wanted
    JOIN document ON source = json_extract(wanted.value, '$[0]')
    JOIN sentence ON document.id = sentence.document
        AND sentence.paragraph = json_extract(wanted.value, '$[1]')
    ORDER BY wanted.key, start"""

WINDOWS_AT = """SELECT source, json_extract(wanted.value, '$[1]'), vector
    FROM json_each(?) AS wanted
    JOIN document ON source = json_extract(wanted.value, '$[0]')
    JOIN window ON window.document = document.id AND last >= json_extract(wanted.value, '$[1]')
        AND first = (SELECT max(first) FROM window AS other WHERE other.document = document.id
            AND other.first <= json_extract(wanted.value, '$[1]'))"""
WINDOWS = """SELECT first, last, vector FROM window JOIN document ON document.id = window.document
    WHERE source = ?"""

SOURCES_WITH = f"SELECT DISTINCT source {_AMONG}"
SOURCES_AT = "SELECT path, source FROM document WHERE path IN (SELECT value FROM json_each(?))"
TITLES = "SELECT source, title FROM document WHERE source IN (SELECT value FROM json_each(?))"
STEMS = "SELECT term, doc FROM json_each(?) AS wanted JOIN chunk_vocabulary ON term = wanted.value"

UNMERGED = "words_removed"  # in meta while words of removed documents are still in the file
REVISION = "SELECT value FROM meta WHERE key = 'revision'"
ADD_META = """INSERT INTO meta VALUES (?1, ?2)
    ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + ?2"""
REVISE = ADD_META.replace("?1", "'revision'").replace("?2", "1")

UNSEARCHABLE = "SELECT count(*) FROM chunk WHERE rowid NOT IN (SELECT rowid FROM chunk_fts)"
UNOWNED_WORDS = "SELECT count(*) FROM chunk_fts WHERE rowid NOT IN (SELECT rowid FROM chunk)"
DAMAGED_CHUNKS = "SELECT count(*) FROM chunk WHERE length(vector) <> ?"
DAMAGED_SENTENCES = "SELECT count(*) FROM sentence WHERE length(vector) <> ?"
DAMAGED_WINDOWS = "SELECT count(*) FROM window WHERE length(vector) <> ?"

INSERT_DOCUMENT = """INSERT INTO document (
    source, path, root, sha256, fingerprint, size, modified, left_out, title, date, version, replaces,
    retired, language) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
RELOCATE = "UPDATE document SET path = ?, root = ?, size = ?, modified = ? WHERE source = ?"
INSERT_PARAGRAPH = "INSERT INTO paragraph VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_CHUNK = """INSERT INTO chunk (id, document, paragraph, part, text, heading, page, ordinal, vector)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
INSERT_SENTENCE = "INSERT INTO sentence VALUES (?, ?, ?, ?, ?)"
INSERT_WINDOW = "INSERT INTO window VALUES (?, ?, ?, ?)"
DELETE_WORDS = """DELETE FROM chunk_fts WHERE rowid IN (
    SELECT chunk.rowid FROM chunk JOIN document ON document.id = chunk.document
    WHERE source IN (SELECT value FROM json_each(?)))"""
DELETE_DOCUMENTS = "DELETE FROM document WHERE source IN (SELECT value FROM json_each(?))"


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection that commits durably; the caller begins the transactions."""
    connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(
            "PRAGMA page_size = 8192"
        )  # of a new file: rows of some 800 bytes leave less unused
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # removed text must not stay in free pages
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def prepare(connection: sqlite3.Connection, path: Path) -> bool:
    """Create the tables, or upgrade an older version's, within the caller's transaction; return if upgraded.

    Raises StoreError if the file is not a catalog or has a version that can't be upgraded.
    """
    if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        for statement in SCHEMA:
            connection.execute(statement)
        return False
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StoreError(f"{path} was not made by Pilcrow. Use another folder for the index.")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"The index {path.parent} was written by a newer Pilcrow (schema {version}; this one reads up to "
            f"{SCHEMA_VERSION}). Update Pilcrow, or use another --index."
        )
    if version < FIRST_VERSION:
        raise StoreError(
            f"The index {path.parent} was written by a prerelease of Pilcrow (schema {version}) and can't be "
            "upgraded. Delete that folder, then run `pilcrow ingest PATH`."
        )
    if version < SCHEMA_VERSION:
        _upgrade(connection, version)
    return bool(version < SCHEMA_VERSION)


def _upgrade(connection: sqlite3.Connection, version: int) -> None:
    """Turn the tables of an older version into the current ones."""
    connection.create_function("searchable", 1, searchable, deterministic=True)
    connection.create_function("language_of", 1, lambda text: main_language([text or ""]))
    connection.create_function("halves", 1, lambda stored: to_halves(np.frombuffer(stored, np.float32)))
    connection.create_function("steps", 1, lambda stored: to_steps(np.frombuffer(stored, np.float16)))
    for statements in UPGRADES[version - FIRST_VERSION :]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def failure(path: Path, error: sqlite3.Error) -> str:
    """Describe an error of SQLite, with the remedy."""
    if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
        return f"Can't use the catalog {path}: {error}. Check the folder's permissions and the free space."
    return (
        f"The catalog {path} is damaged ({error}). Nothing was deleted. Move the folder {path.parent} away "
        "and ingest the documents again."
    )
