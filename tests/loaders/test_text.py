"""Plain text: paragraphs, headings, dates and encodings; files of any format that cannot be read."""

import textwrap
from datetime import date
from pathlib import Path

import pytest

from rag.errors import LoadError, UnsupportedFormat
from rag.loaders import SUFFIXES, load
from rag.types import Document, Kind

SHARED = Path(__file__).resolve().parents[3] / "shared"


def read(text: str | bytes, name: str = "a.txt") -> Document:
    return load(Path(name), name, text.encode() if isinstance(text, str) else text)


def texts(text: str | bytes) -> list[str]:
    return [paragraph.text for paragraph in read(text).paragraphs]


@pytest.mark.skipif(not (SHARED / "seeds").is_dir(), reason="the five news files are not on this machine")
def test_real_files_have_the_paragraphs_a_person_counts() -> None:
    files = sorted((SHARED / "seeds").glob("*.txt"))
    assert [len(load(file, file.name).paragraphs) for file in files] == [10, 64, 169, 113, 32]


def test_blank_lines_separate_paragraphs_and_lines_are_numbered_as_in_an_editor() -> None:
    for newline in ("\n", "\r\n", "\r"):
        document = read(f"{newline}One.{newline}\u00a0{newline}Two.{newline}{newline}{newline}Three.")
        assert [(each.number, each.line, each.text) for each in document.paragraphs] == [
            (1, 2, "One."),
            (2, 4, "Two."),
            (3, 7, "Three."),
        ]


@pytest.mark.parametrize(
    "text",
    [
        "Ann Archer\n12 Long Street\nLondon\nThe crane fell over.\nNobody was hurt in the harbour.",
        "The boats come in at evening\nwith lanterns on the bow,\nand nobody\nasks how the nets were torn",
    ],
    ids=["letter", "poem"],
)
def test_lines_that_are_not_wrapped_are_separate_paragraphs(text: str) -> None:
    assert texts(text) == text.split("\n")


def test_interior_whitespace_is_kept() -> None:
    assert texts("  The  crane\u00a0fell.  ") == ["The  crane\u00a0fell."]


MAIL = """\
Hi Bob,
thanks for the quick reply to my note about the budget. I went
through the figures last night and I think that we can open the
reading room in September.

> Could you tell me what the shelves cost, and whether we need
> the planning permission before the builders come?

We need two things before June:
 - the permission of the town, which takes about six weeks and
   has to be asked for in writing
 * an offer from a second
   builder

Best regards,
Ann Archer
"""


def test_hard_wrapped_mail_is_joined_only_where_it_was_wrapped() -> None:
    document = read(MAIL)
    assert [(each.line, each.kind, each.text) for each in document.paragraphs] == [
        (1, Kind.BODY, "Hi Bob,"),
        (
            2,
            Kind.BODY,
            "thanks for the quick reply to my note about the budget. I went through the figures last night "
            "and I think that we can open the reading room in September.",
        ),
        (
            6,
            Kind.BODY,
            "> Could you tell me what the shelves cost, and whether we need the planning permission before "
            "the builders come?",
        ),
        (9, Kind.BODY, "We need two things before June:"),
        (
            10,
            Kind.LIST_ITEM,
            "- the permission of the town, which takes about six weeks and has to be asked for in writing",
        ),
        (12, Kind.LIST_ITEM, "* an offer from a second builder"),
        (15, Kind.BODY, "Best regards,"),
        (16, Kind.BODY, "Ann Archer"),
    ]


def test_a_memo_in_72_columns_keeps_its_columns_and_headings() -> None:
    document = read(
        "Network Working Group                                        A. Archer\n"
        "Category: Informational                                      July 2023\n\n"
        "1.  Introduction\n\n"
        "   The protocol has two roles, a sender and a receiver, and it is meant\n"
        "   for places in which noise is not welcome, such as libraries.\n\n"
        "   o  The first message is a greeting, which has to be shorter than\n"
        "      twelve octets.\n\n"
        "1.1.  Requirements Language\n\n"
        "   The key words are to be read as they are described in the usual\n"
        "   place, which everybody knows.\n"
    )
    assert [(each.kind, each.heading) for each in document.paragraphs] == [
        (Kind.BODY, ""),
        (Kind.BODY, ""),
        (Kind.HEADING, ""),
        (Kind.BODY, "1. Introduction"),
        (Kind.LIST_ITEM, "1. Introduction"),
        (Kind.HEADING, "1. Introduction"),
        (Kind.BODY, "1. Introduction › 1.1. Requirements Language"),
    ]
    assert document.paragraphs[3].text.endswith(
        "it is meant for places in which noise is not welcome, such as libraries."
    )


def test_a_text_of_two_widths_is_joined_in_both_parts() -> None:
    paragraphs = [
        " ".join(
            f"{word} {number} of the rope was sold at the fair to those who had none" for number in range(9)
        )
        for word in ("piece", "yard", "coil", "end")
    ]
    widths = (46, 46, 76, 76)
    for order in (widths, widths[::-1], (46, 76, 46, 76)):
        parts = [textwrap.fill(text, width) for text, width in zip(paragraphs, order, strict=True)]
        assert texts("\n\n".join(parts)) == paragraphs


def test_a_letter_above_wrapped_text_keeps_its_lines() -> None:
    body = " ".join(
        f"piece {number} of the rope was sold at the fair to those who had none" for number in range(20)
    )
    head = "Ann Archer\n12 Long Street\nnear the mill\nUlm\nthe old town"
    assert texts(f"{head}\n\n{textwrap.fill(body, 72)}") == [*head.split("\n"), body]


def test_soft_hyphens_and_ligatures_are_read_as_letters() -> None:
    assert texts("The o\ufb03ce is a pub\u00adlic place.") == ["The office is a public place."]
    wrapped = "The harbour of\ufb01ce was closed on all of the holi\u00ad\ndays of the sum\u00ad\nmer."
    assert texts(wrapped) == ["The harbour office was closed on all of the holidays of the summer."]


def test_wrapped_chinese_is_joined_without_spaces() -> None:
    text = (
        "港口在夜里遭到袭击，一名保安人员死亡，另有多人受伤，救援人员正在现场进行搜救工作并且清理道路。" * 4
    )
    assert texts("\n".join(text[start : start + 40] for start in range(0, len(text), 40))) == [text]


def test_a_lone_bullet_belongs_to_the_line_after_it() -> None:
    document = read("Before.\n-\nThe first thing.\n•\n\nThe second thing.\n1.\nThe third.\n-\n")
    assert [(each.line, each.kind, each.text) for each in document.paragraphs] == [
        (1, Kind.BODY, "Before."),
        (3, Kind.LIST_ITEM, "The first thing."),
        (6, Kind.LIST_ITEM, "The second thing."),
        (8, Kind.LIST_ITEM, "The third."),
    ]


BODY = "The crane on the quay fell over in the storm, and nobody was hurt by it, the harbour master said."


def test_headings_are_found_and_bylines_are_not() -> None:
    document = read(
        f"Harbour news, 3 May 2024\n\nBy Ann Archer\n\nA crane falls over\n\nFrom our Bob Baker\n\n{BODY}\n\n"
        f"Getty/Reuters\n\n{BODY}\n\nOUTLOOK\n\n{BODY}\n\nUnderlined\n==========\n{BODY}\n---\n{BODY}"
    )
    headings = [each.text for each in document.paragraphs if each.kind is Kind.HEADING]
    assert headings == ["Harbour news, 3 May 2024", "A crane falls over", "OUTLOOK", "Underlined"]
    assert document.title == "Harbour news, 3 May 2024"
    assert document.paragraphs[4].heading == "Harbour news, 3 May 2024 › A crane falls over"
    assert not any("=" in each.text or "-" in each.text for each in document.paragraphs)


STORIES = "\n\n".join(f"KYIV, July {day}, 2023 (AP) — {BODY}\n\n{BODY}" for day in (26, 25))
SENTENCE = f"6:34 a.m. ET, July 26, 2023\n\n{BODY}\n\nIt had begun on 24 February 2022."
EVENTS = f"26 July 2023\n\n{BODY}\n\n- Kyiv, 24 February 2022\n- Odesa, 2 May 2014\n\n{BODY}"


@pytest.mark.parametrize(
    ("text", "days"),
    [
        (f"News\n\n{SENTENCE}\n\n8:32 p.m. ET, July 25, 2023\n\n{BODY}", [26, 26, 26, 26, 25, 25]),
        (f"News\n\n{EVENTS}", [26] * 6),
        (STORIES, [26, 26, 25, 25]),
    ],
    ids=["datelines and a sentence", "events in a list", "stories"],
)
def test_dateline_sets_the_date_of_the_text_below(text: str, days: list[int]) -> None:
    assert [each.date for each in read(text).paragraphs] == [date(2023, 7, day) for day in days]


def test_date_in_the_file_name_is_used_if_the_text_has_none() -> None:
    assert read("Some text.", "minutes_2024-05-03.txt").paragraphs[0].date == date(2024, 5, 3)
    assert read("Some text.", "minutes-july-2024.txt").paragraphs[0].date is None


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1", "cp1252", "cp1251"]
)
def test_encoding_of_a_text_is_detected(encoding: str) -> None:
    text = "Der Bürgermeister von Zürich sagte, die Brücke werde im März für den Verkehr geöffnet."
    if encoding == "cp1251":
        text = "Порт был атакован ночью, сообщил губернатор области. Один человек погиб, двое были ранены."
    whole = " ".join([text] * 4)
    assert texts(whole.encode(encoding)) == [whole]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.txt", b"", "is empty"),
        ("a.txt", b" \r\n\t\n", "is empty"),
        ("a.txt", "\u200b\n\u00a0\n".encode(), "has no text"),
        ("a.txt", b"-\n*\n-----\n", "has no text"),
        ("a.csv", b"Name,Date,Note\n", "has no text"),
        ("a.html", b"<html><script>x</script><nav>Home</nav></html>", "has no text"),
        ("a.txt", b"\x7fELF\x02\x01\x01\x00\x00\x00some text", "binary"),
        ("a.txt", bytes(range(1, 256)) * 20, "binary"),
        ("a.txt", "Text".encode("utf-16") + b"\x00", "damaged"),
        ("a.csv", b'Name,Note\nAnn,"' + b"x,y\n" * 50_000, "look for a quote that is never closed"),
    ],
)
def test_file_without_text_is_refused_with_a_remedy(name: str, data: bytes, reason: str) -> None:
    with pytest.raises(LoadError, match=reason) as refused:
        read(data, name)
    assert refused.value.source == name
    assert any(word in str(refused.value) for word in ("save", "remove", "give", "look"))


def test_unknown_formats_are_refused() -> None:
    assert {".txt", ".md", ".html", ".pdf", ".docx", ".csv"} <= SUFFIXES
    with pytest.raises(UnsupportedFormat, match=r"\.xyz is not supported; save it as one of .*\.txt"):
        read("Text.", "a.xyz")


def test_missing_file_folder_or_huge_file_says_why_it_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="No such file"):
        load(tmp_path / "none.txt", "none.txt")
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(LoadError, match="not a regular file"):
        load(tmp_path / "folder.txt", "folder.txt")
    with (tmp_path / "huge.txt").open("wb") as sparse:
        sparse.truncate(65 * 2**20)
    with pytest.raises(LoadError, match="65 MiB, more than 64; split it"):
        load(tmp_path / "huge.txt", "huge.txt")


@pytest.mark.skipif(not (SHARED / "data" / "hostile").is_dir(), reason="the naughty strings are not here")
def test_naughty_strings_are_read_in_every_text_format() -> None:
    data = (SHARED / "data" / "hostile" / "naughty_strings.json").read_bytes()
    for name in ("a.txt", "a.md", "a.html", "a.csv"):
        for paragraph in read(data, name).paragraphs:
            assert paragraph.text.encode()


SHORT = {
    "cp1252": ("Die Brücke wird heute geöffnet.", "O cão não está na Câmara.", "The baker’s loaf – Ø 9 cm"),
    "cp1250": ("Příliš žluťoučký kůň úpěl ďábelské ódy.", "Zażółć gęślą jaźń.", "Hűtő és tükörfúró."),
    "cp1251": ("Мост откроют завтра утром.", "Міст відкриють завтра вранці."),
    "koi8-r": ("Мост откроют завтра утром.",),
    "cp1253": ("Η γέφυρα ανοίγει αύριο το πρωί.",),
    "cp1255": ("הגשר ייפתח מחר בבוקר לתנועה.",),
    "cp1256": ("يفتح الجسر صباح الغد أمام المرور.",),
    "cp1254": ("Köprü yarın sabah trafiğe açılıyor, şimdi değil.",),
    "cp949": ("다리는 내일 아침에 열립니다.",),
    "euc-jp": ("橋は明日の朝に開きます。",),
    "shift-jis": ("橋は明日の朝に開きます。", "ファイルを選択してください。"),
    "iso2022-jp": ("橋は明日の朝に開きます。",),
    "gb18030": ("这座桥明天早上开放。",),
    "big5": ("這座橋明天早上開放給行人。",),
    "utf-16-le": ("The bridge opens.", "这座桥\n明天早上开放。\n"),
    "utf-16-be": ("The bridge opens.",),
}  # fmt: skip


@pytest.mark.parametrize(("encoding", "text"), [(name, text) for name, all in SHORT.items() for text in all])
def test_encoding_of_a_short_text_without_a_mark_is_detected(encoding: str, text: str) -> None:
    assert " ".join(texts(text.encode(encoding))) == " ".join(text.split())


def test_damaged_text_keeps_its_encoding() -> None:
    assert texts("Zürich, Köln, Genève, Malmö, Århus, Łódź, São".encode()[:-1])[0].startswith("Zürich, Köln")
    assert texts("오늘 아침에 도서관의 문이 늦게 열렸다.".encode("cp949")[:-2] + b"\xb4")[0].startswith(
        "오늘 아침에"
    )


def test_accents_are_composed() -> None:
    assert read("Cafe\u0301 Zu\u0308rich").paragraphs[0].text == "Café Zürich"


def test_binary_with_nuls_is_refused() -> None:
    for data in (b"PK\x03\x04" + bytes(60), bytes(range(256)) * 8, "Text".encode("utf-32-le")):
        with pytest.raises(LoadError, match="binary"):
            read(data)
