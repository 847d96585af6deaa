-- The catalog of an index that Pilcrow 0.1.0 wrote (schema 2): one document of two paragraphs.
BEGIN;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE document (
    id INTEGER PRIMARY KEY, source TEXT NOT NULL UNIQUE, path TEXT NOT NULL UNIQUE, root TEXT NOT NULL,
    sha256 TEXT NOT NULL, fingerprint TEXT NOT NULL, title TEXT NOT NULL, date TEXT);
CREATE TABLE paragraph (
    document INTEGER NOT NULL REFERENCES document ON DELETE CASCADE, number INTEGER NOT NULL,
    text TEXT NOT NULL, kind TEXT NOT NULL, heading TEXT NOT NULL, page INTEGER, line INTEGER, date TEXT,
    PRIMARY KEY (document, number));
CREATE TABLE chunk (
    rowid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    document INTEGER NOT NULL REFERENCES document ON DELETE CASCADE, paragraph INTEGER NOT NULL,
    part INTEGER NOT NULL, text TEXT NOT NULL, heading TEXT NOT NULL, page INTEGER,
    ordinal INTEGER NOT NULL, vector BLOB NOT NULL);
CREATE INDEX chunk_document ON chunk (document, paragraph);
CREATE TABLE sentence (
    document INTEGER NOT NULL REFERENCES document ON DELETE CASCADE, paragraph INTEGER NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, vector BLOB NOT NULL,
    PRIMARY KEY (document, paragraph, start)) WITHOUT ROWID;
CREATE VIRTUAL TABLE chunk_fts USING fts5 (
    heading, text, tokenize = "porter unicode61 remove_diacritics 2");
INSERT INTO chunk_fts (chunk_fts, rank) VALUES ('rank', 'bm25(0.5, 1.0)');
CREATE VIRTUAL TABLE chunk_vocabulary USING fts5vocab (chunk_fts, 'row');
CREATE TABLE pending (id TEXT PRIMARY KEY) WITHOUT ROWID;
PRAGMA application_id = 1346980931;
PRAGMA user_version = 2;
INSERT INTO meta VALUES ('revision', '2');
INSERT INTO meta VALUES ('embedder', 'hash');
INSERT INTO meta VALUES ('dimension', '4');
INSERT INTO meta VALUES ('chroma', 'chroma-0123456789ab');
INSERT INTO meta VALUES ('collection', 'pilcrow-0123456789ab');
INSERT INTO meta VALUES ('dead', '3');
INSERT INTO meta VALUES ('astray', '0.25');
INSERT INTO document VALUES (1, 'a.txt', '/docs/a.txt', '/docs', '0000000000000000000000000000000000000000000000000000000000000000', 'hash/2', 'Harbour news', '2024-05-01');
INSERT INTO paragraph VALUES (1, 1, 'Harbour news', 'heading', '', NULL, 1, NULL);
INSERT INTO paragraph VALUES (1, 2, 'Barges wait at the quay.', 'body', 'Harbour news', NULL, 3, '2024-05-01');
INSERT INTO chunk VALUES (1, 'b3f198858b08798539afa7532f348c3b', 1, 1, 0, 'Harbour news', '', NULL, 0, x'0000803f000000000000000000000000');
INSERT INTO chunk VALUES (2, '18b8f4f6b62b0fe069bd7d3b605cabe2', 1, 2, 0, 'Barges wait at the quay.', 'Harbour news', NULL, 0, x'000000000000803f0000000000000000');
INSERT INTO sentence VALUES (1, 2, 0, 24, x'0000003c00000000');
INSERT INTO chunk_fts (rowid, heading, text) VALUES (1, '', 'harbor news');
INSERT INTO chunk_fts (rowid, heading, text) VALUES (2, 'harbor news', 'barges wait at the quay');
COMMIT;
