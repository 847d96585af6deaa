from collections.abc import Iterable
from datetime import date

from rag.retrieval.evidence import SECTION_WORDS, WIDENED, gather
from rag.types import Chunk, Hit, Kind, Paragraph, Place

LONG = "word " * (SECTION_WORDS + 1)


def hit(paragraph: int, score: float = 1.0, source: str = "a.txt", also: tuple[Place, ...] = ()) -> Hit:
    return Hit(Chunk(source, paragraph, 0, "a part of it"), score, also=also)


class Shelf:
    """Paragraphs by place, as the catalog would give them."""

    def __init__(self, *paragraphs: Paragraph, source: str = "a.txt") -> None:
        self._held = {(source, paragraph.number): paragraph for paragraph in paragraphs}

    def __call__(self, places: Iterable[Place]) -> dict[Place, Paragraph]:
        """Those of the places that are held."""
        return {place: self._held[place] for place in places if place in self._held}


def test_hit_brings_its_whole_paragraph_and_its_place() -> None:
    stated = date(2023, 7, 26)
    paragraph = Paragraph(3, LONG, Kind.TABLE_ROW, "Fleet › Losses", page=2, line=41, date=stated)
    (found,) = gather([hit(3, 0.5, also=(("b.txt", 7),))], Shelf(paragraph), 8)
    assert (found.number, found.source, found.paragraph, found.text) == (1, "a.txt", 3, LONG)
    assert (found.heading, found.page, found.line, found.date) == ("Fleet › Losses", 2, 41, stated)
    assert (found.kind, found.score, found.also) == (Kind.TABLE_ROW, 0.5, (("b.txt", 7),))


def test_paragraph_brings_its_section_after_all_hits() -> None:
    shelf = Shelf(
        *(Paragraph(number, f"Short {number}.", heading="Tides") for number in range(1, 5)),
        Paragraph(5, "Winds", Kind.HEADING),
        Paragraph(6, "Short 6.", heading="Winds"),
    )
    found = gather([hit(2), hit(6)], shelf, 8)
    assert [each.paragraph for each in found] == [2, 6, 1, 3, 4]
    assert [each.number for each in found] == [1, 2, 3, 4, 5]


def test_list_item_brings_its_whole_list_and_what_announces_it() -> None:
    steps = [Paragraph(number, LONG, Kind.LIST_ITEM) for number in range(3, 9)]
    shelf = Shelf(Paragraph(1, LONG), Paragraph(2, "To reset it:"), *steps, Paragraph(9, LONG))
    found = gather([hit(5)], shelf, 8)
    assert sorted(each.paragraph for each in found) == [2, 3, 4, 5, 6, 7, 8]


def test_long_paragraph_brings_no_neighbours_and_a_row_its_table() -> None:
    shelf = Shelf(Paragraph(1, "Before."), Paragraph(2, LONG), Paragraph(3, "After."))
    assert [each.paragraph for each in gather([hit(2)], shelf, 8)] == [2]
    rows = [Paragraph(number, f"Ship: {number}", Kind.TABLE_ROW) for number in range(1, 4)]
    table = Shelf(*rows, Paragraph(4, "Below the table."))
    assert [each.paragraph for each in gather([hit(2)], table, 8)] == [2, 1, 3]


def test_no_paragraph_is_listed_twice() -> None:
    shelf = Shelf(*(Paragraph(number, f"Short {number}.") for number in range(1, 6)))
    found = gather([hit(2), hit(3), hit(4, also=(("a.txt", 5),))], shelf, 8)
    assert [each.paragraph for each in found] == [2, 3, 4, 1]


def test_only_the_best_hits_are_widened() -> None:
    shelf = Shelf(
        *(Paragraph(number, f"Short {number}.", heading=str(number // 3)) for number in range(1, 60))
    )
    found = gather([hit(number) for number in range(4, 54, 9)], shelf, 8)
    assert len(found) == 6 + 2 * WIDENED


def test_deleted_paragraph_is_left_out() -> None:
    shelf = Shelf(Paragraph(1, LONG), Paragraph(3, LONG))
    assert [(each.number, each.paragraph) for each in gather([hit(2), hit(3)], shelf, 8)] == [(1, 3)]
    assert gather([], shelf, 8) == ()
