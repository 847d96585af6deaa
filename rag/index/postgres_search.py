"""Search by words in PostgreSQL: the GIN index finds the chunks, and SQL scores them as FTS5's BM25 does."""

# ruff: noqa: S608  # all parts of the statements are constants

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, TextClause, text

from rag.index.postgres_words import Phrase, tsquery

# k1 = 1.2, b = 0.75; a word in the heading counts half, as in SQLite's catalog. `{weighted}` gives a chunk's
# key and length, a phrase's number, and `frequency`: the weighted number of times that the chunk has it.
_SEARCH = """WITH scored AS (
        SELECT key, sum((CAST(:weights AS double precision[]))[phrase] * (frequency * 2.2)
            / (frequency + 1.2 * (0.25 + 0.75 * CAST(length AS double precision) / :average))) AS score
        FROM ({weighted}) AS weighted GROUP BY key ORDER BY score DESC, key LIMIT :limit)
    SELECT chunk.id, score FROM scored JOIN chunk USING (key) JOIN document ON document.id = document
    ORDER BY score DESC, source, paragraph, part"""
_AMONG = """AND word.chunk IN (
    SELECT key FROM chunk JOIN document ON document.id = document WHERE source = ANY(:sources))"""
# The words of the chunk that are asked for, with their places.
_FOUND = "unnest(ts_filter(setweight(words, 'A', CAST(:tokens AS text[])), '{{a}}'))"
# Where each phrase is one token, which is nearly always. Rows of a select list are made faster than a join's.
_TOKENS = f"""SELECT key, length, array_position(CAST(:tokens AS text[]), (found).lexeme) AS phrase,
        CAST(cardinality((found).positions) AS double precision) - CAST(0.5 AS double precision)
            * width_bucket(CAST(least(heading, 16383) AS smallint), (found).positions) AS frequency
    FROM (SELECT chunk AS key, heading, length, {_FOUND} AS found
        FROM word WHERE words @@ CAST(:query AS tsquery) {{among}}) AS matched OFFSET 0"""
_PHRASES = f"""SELECT word.chunk AS key, length, phrase, frequency FROM word, LATERAL (
        SELECT phrase,
            sum(CAST(CASE WHEN start <= heading THEN 0.5 ELSE 1 END AS double precision)) AS frequency
        FROM (SELECT phrase, place - at AS start
            FROM {_FOUND} AS found CROSS JOIN LATERAL unnest(positions) AS place
            JOIN unnest(CAST(:tokens AS text[]), CAST(:phrases AS integer[]), CAST(:offsets AS integer[]))
                AS token (lexeme, phrase, at) USING (lexeme)
            GROUP BY phrase, start HAVING count(*) = (CAST(:sizes AS integer[]))[phrase]) AS instance
        GROUP BY phrase) AS counted
    WHERE words @@ CAST(:query AS tsquery) {{among}}"""
_STATEMENTS = {
    (weighted, among): text(_SEARCH.format(weighted=weighted.format(among=among)))
    for weighted in (_TOKENS, _PHRASES)
    for among in ("", _AMONG)
}
PHRASE_FREQUENCY = text("SELECT count(*) FROM word WHERE words @@ CAST(:query AS tsquery)")
# Words first: the planner would look at each word of the documents.
SOURCES_WITH = text("""WITH found AS MATERIALIZED (
        SELECT DISTINCT document FROM word JOIN chunk ON key = word.chunk
        WHERE words @@ CAST(:query AS tsquery))
    SELECT source FROM document JOIN found ON document = id WHERE source = ANY(:sources)""")


def inverse_frequency(count: int, chunks: int) -> float:
    """Return FTS5's weight of a phrase that `count` of the chunks have."""
    weight = math.log((chunks - count + 0.5) / (count + 0.5))
    return weight if weight > 0 else 1e-6


def best(
    connection: Connection,
    weights: dict[Phrase, float],
    average: float,
    limit: int,
    sources: Sequence[str] | None,
) -> list[tuple[str, float]]:
    """Return the (chunk id, score) of the best chunks with any of the phrases, best first.

    `weights` are those of the phrases, `average` is the mean number of tokens of a chunk.
    """
    values: dict[str, Any] = {
        "query": tsquery(weights),
        "weights": list(weights.values()),
        "average": average,
        "limit": limit,
        "tokens": [token for phrase in weights for token in phrase],
    }
    plain = all(len(phrase) == 1 for phrase in weights)
    if not plain:
        values["phrases"] = [number for number, phrase in enumerate(weights, 1) for _ in phrase]
        values["offsets"] = [offset for phrase in weights for offset in range(len(phrase))]
        values["sizes"] = [len(phrase) for phrase in weights]
    if sources is not None:
        values["sources"] = list(sources)
    statement = _statement(plain, sources is not None)
    return [(identifier, score) for identifier, score in connection.execute(statement, values)]


def _statement(plain: bool, among: bool) -> TextClause:
    return _STATEMENTS[_TOKENS if plain else _PHRASES, _AMONG if among else ""]
