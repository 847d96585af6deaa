import pytest

from rag.retrieval.retriever import fuse, match_expression, merge_duplicates, rerank, retrieve
from rag.types import Chunk, Hit

TEXT = "The port of Odesa was struck at night and a harbour guard was killed by the blast near the gate"


def chunk(text: str, source: str = "a.txt", paragraph: int = 1) -> Chunk:
    return Chunk(source, paragraph, 0, text)


def test_chunk_in_both_lists_comes_first() -> None:
    fused = fuse({"dense": [("x", 0.6), ("both", 0.58), ("z", 0.1)], "bm25": [("y", 7.0), ("both", 5.0)]})
    assert fused[0][0] == "both"
    assert fused[0][2] == {"dense": 2, "bm25": 2}


def test_only_chunk_with_a_rare_word_comes_first_though_its_vector_is_far() -> None:
    dense = [(f"like {number}", 0.40 - number / 1000) for number in range(50)]
    bm25 = [("named", 9.0), *((f"like {number}", 1.0) for number in range(49))]
    assert fuse({"dense": dense, "bm25": bm25})[0][0] == "named"


def test_paragraph_is_one_hit_and_deleted_chunks_are_dropped() -> None:
    chunks = {"a0": chunk("one"), "a1": Chunk("a.txt", 1, 1, "two"), "b0": chunk("three", paragraph=2)}
    hits = retrieve({"dense": [("a0", 1.0), ("gone", 0.9), ("a1", 0.8), ("b0", 0.7)]}, chunks, 5)
    assert [(hit.chunk.source, hit.chunk.paragraph) for hit in hits] == [("a.txt", 1), ("a.txt", 2)]


def test_near_duplicates_are_one_hit_with_all_places() -> None:
    again = TEXT.replace("was killed", "was  killed")
    hits = [Hit(chunk(TEXT, "b.txt", 9), 1.0), Hit(chunk(again, "b.txt", 2), 0.9), Hit(chunk(TEXT), 0.8)]
    (merged,) = merge_duplicates(hits, limit=5)
    assert (merged.chunk.source, merged.chunk.paragraph) == ("b.txt", 2)
    assert merged.also == (("a.txt", 1), ("b.txt", 9))


def test_other_figure_or_name_is_no_duplicate() -> None:
    long = f"{TEXT} while the crews of all the other ships in the roads slept and knew nothing until 5"
    for other in (long.replace("until 5", "until 6"), long.replace("Odesa", "Izmail")):
        hits = [Hit(chunk(long), 1.0), Hit(chunk(other, paragraph=2), 0.9)]
        assert len(merge_duplicates(hits, limit=5)) == 2


@pytest.mark.parametrize(
    "question", ['a "quoted" AND (odd) NEAR/3 * question:', "who?", "C'est “ça”", "9,000"]
)
def test_no_question_can_break_the_word_index(question: str) -> None:
    import sqlite3

    with sqlite3.connect(":memory:") as memory:
        memory.execute("CREATE VIRTUAL TABLE words USING fts5(text)")
        memory.execute("SELECT * FROM words WHERE words MATCH ?", (match_expression(question),)).fetchall()


def test_in_a_large_index_common_words_make_way_for_rarer_ones() -> None:
    counts = {"port": 80_000, "struck": 4_000, "izmail": 40, "mayor": 30_000}
    assert match_expression("Was the port of Izmail struck?", lambda _: counts) == '"izmail" OR "struck"'
    assert match_expression("Who was the mayor of the port?", lambda _: counts) == '"mayor"'
    few = {stem: count // 100 for stem, count in counts.items()}
    assert match_expression("Was the port struck?", lambda _: few) == '"port" OR "struck"'


def test_question_without_words_has_no_expression() -> None:
    assert match_expression("?!") == ""


class ShortestFirst:
    """A reranker by length; the real one is in tests/models."""

    def scores(self, question: str, texts: list[str]) -> list[float]:
        return [-float(len(text)) for text in texts]


def test_reranker_decides_the_order() -> None:
    hits = [Hit(chunk("a longer text"), 0.9, {"bm25": 1}), Hit(chunk("short", paragraph=2), 0.1, {"bm25": 2})]
    ordered = rerank("q", hits, ShortestFirst())
    assert [hit.chunk.text for hit in ordered] == ["short", "a longer text"]
    assert ordered[0].ranks == {"bm25": 2, "reranker": 1}
