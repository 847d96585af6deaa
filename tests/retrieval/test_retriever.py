from rag.retrieval.retriever import (
    Match,
    best_of_each,
    highest_bm25,
    merge_duplicates,
    rerank,
    searched_forms,
)
from rag.types import Chunk, Hit

TEXT = "The port of Odesa was struck at night and a harbour guard was killed by the blast near the gate"


def chunk(text: str, source: str = "a.txt", paragraph: int = 1) -> Chunk:
    return Chunk(source, paragraph, 0, text)


def test_a_poor_match_by_words_counts_little_even_where_there_is_no_better_one() -> None:
    highest = highest_bm25(["frugal", "cycle", "slow"], {"frugal": 1, "cycle": 50, "slow": 20}, 1000)
    poor = Match(0.2, 0.2, 1.0 / highest)
    near = Match(0.5, 0.4, 0.0)
    assert near.score > poor.score


def test_row_with_the_code_comes_before_its_neighbours() -> None:
    chunks = {key: chunk(key, paragraph=number) for number, key in enumerate(("A-1", "A-2"), 1)}
    matches = {"A-1": Match(0.6, 0.5, 0.2), "A-2": Match(0.5, 0.5, 0.2, exact=True)}
    assert [hit.chunk.text for hit in best_of_each(matches, {}, chunks, 5)] == ["A-2", "A-1"]


def test_paragraph_is_one_hit_with_its_ranks() -> None:
    chunks = {"a0": chunk("one"), "a1": Chunk("a.txt", 1, 1, "two"), "b0": chunk("three", paragraph=2)}
    matches = {key: Match(cosine, 0.0, 0.0) for key, cosine in (("a0", 1.0), ("a1", 0.8), ("b0", 0.7))}
    lists = {"dense": [("a0", 1.0), ("a1", 0.8), ("b0", 0.7)], "bm25": [("b0", 3.0)]}
    first, second = best_of_each(matches, lists, chunks, 5)
    assert [(hit.chunk.source, hit.chunk.paragraph) for hit in (first, second)] == [
        ("a.txt", 1),
        ("a.txt", 2),
    ]
    assert (first.ranks, second.ranks) == ({"dense": 1}, {"dense": 3, "bm25": 1})


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


def test_in_a_large_index_common_words_make_way_for_rarer_ones() -> None:
    counts = {"port": 80_000, "strike": 4_000, "izmail": 40, "mayor": 30_000}
    assert searched_forms("Was the port of Izmail struck?", lambda _: counts) == ["izmail", "strike"]
    assert searched_forms("Who was the mayor of the port?", lambda _: counts) == ["mayor"]
    few = {stem: count // 100 for stem, count in counts.items()}
    assert searched_forms("Was the port struck?", lambda _: few) == ["port", "strike"]


def test_question_without_words_has_no_forms() -> None:
    assert searched_forms("?!") == []


class ShortestFirst:
    """A reranker by length; the real one is in tests/models."""

    def scores(self, question: str, texts: list[str]) -> list[float]:
        return [-float(len(text)) for text in texts]


def test_reranker_decides_the_order() -> None:
    hits = [Hit(chunk("a longer text"), 0.9, {"bm25": 1}), Hit(chunk("short", paragraph=2), 0.1, {"bm25": 2})]
    ordered = rerank("q", hits, ShortestFirst())
    assert [hit.chunk.text for hit in ordered] == ["short", "a longer text"]
    assert ordered[0].ranks == {"bm25": 2, "reranker": 1}
