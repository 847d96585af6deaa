"""Hostile files: each is read, or refused within its limits for a reason that names the remedy."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from time import monotonic

import pytest
from hostile_files import OUTSIDE, PROSE, File, accidents, bombs, mail, misnamed, zipped

from rag.errors import LoadError
from rag.loaders.limits import Limits
from rag.loaders.worker import Loader
from rag.settings import Settings
from rag.types import Document

log = logging.getLogger(__name__)

REMEDIES = ("save", "split", "leave", "remove", "raise", "unpack", "export", "run", "look", "correct", "give")
pytestmark = pytest.mark.filterwarnings("ignore:Duplicate name")


def outcome(loader: Loader, name: str, data: bytes, seconds: float) -> Document | str:
    """The document or the reason why there is none, which must come in time and name a remedy."""
    began = monotonic()
    try:
        return loader.load(Path(name), name, data)
    except LoadError as error:
        _, _, remedy = error.reason.partition("; ")
        assert any(word in remedy for word in REMEDIES), (name, error.reason)
        assert "crashed the parser" not in error.reason or "file_memory_gib" in remedy, (name, error.reason)
        return error.reason
    finally:
        assert monotonic() - began < 2 * seconds + 5, name


def check(files: Iterable[File], seconds: float) -> Counter[str]:
    """Load each file, and after every twentieth a sound one; count what became of them."""
    limits = Limits(
        file_mib=8, file_seconds=seconds, file_memory_gib=0.5, file_paragraphs=5000, unpacked_mib=32
    )
    counts: Counter[str] = Counter()
    with Loader(limits) as loader:
        for number, (name, data) in enumerate(files):
            found = outcome(loader, name, data, seconds)
            counts["read" if isinstance(found, Document) else found.partition("; ")[0].split(" (")[0]] += 1
            if number % 20 == 0:
                assert isinstance(outcome(loader, "sound.txt", PROSE.encode(), seconds), Document), name
    log.info("%d files: %s", sum(counts.values()), counts)
    return counts


def test_hostile_files_are_read_or_refused_with_a_remedy() -> None:
    found = check([*accidents(14, 130), *islice(misnamed(), 0, None, 5), *islice(bombs(), 0, None, 5)], 2)
    assert sum(found.values()) >= 200
    assert found["took more than 2 seconds to read"] < 20


@pytest.mark.long
def test_many_more_hostile_files_are_read_or_refused_with_a_remedy() -> None:
    assert sum(check(misnamed(), 4).values()) + sum(check(bombs(), 3).values()) > 500
    check(accidents(15, 5000), 4)


def test_no_other_file_is_read() -> None:
    Path(OUTSIDE).write_text("sesame")
    names = ("external.", "include.", "itself.", "item.", "traversal.")
    try:
        with Loader() as loader:
            for name, data in bombs():
                if name.startswith(names):
                    found = outcome(loader, name, data, 120)
                    shown = found if isinstance(found, str) else " ".join(p.text for p in found.paragraphs)
                    assert "sesame" not in shown, name
    finally:
        Path(OUTSIDE).unlink()


HEADER = b"h" * 9000 + b",b\n"


def nine_files() -> bytes:
    return zipped({f"{number}.txt": "a" for number in range(9)})


def zeros(size: int) -> bytes:
    return zipped({"a.txt": b"0 " * (size // 2)})


@pytest.mark.parametrize(
    ("name", "make", "limits", "reason"),
    [
        ("a.txt", lambda: b"a " * 2**20, {"file_mib": 1}, "is 2 MiB, more than 1"),
        ("a.zip", lambda: zeros(5 * 2**20), {"unpacked_mib": 4}, "unpacks to 5 MiB, more than 4"),
        ("a.csv", lambda: HEADER + b"1,2\n" * 600, {"unpacked_mib": 4}, "unpacks to 6 MiB"),
        ("a.csv", lambda: b"a,b\n" + b"1,2\n" * 11, {"file_paragraphs": 10}, "holds 11 paragraphs, more"),
        ("a.zip", nine_files, {"file_paragraphs": 8}, "holds 9"),
        ("a.md", lambda: b"*a_ " * 2_000_000, {"file_seconds": 1.5}, "took more than 1.5 seconds to read"),
        ("a.txt", lambda: b"It is a line. " * 4_000_000, {"file_memory_gib": 0.2}, "needs more than 0.2"),
    ],
)
def test_each_limit_is_named_with_the_setting_that_raises_it(
    name: str, make: Callable[[], bytes], limits: dict[str, float], reason: str
) -> None:
    [setting] = limits
    data = make()
    with Loader(Limits(**limits)) as loader:  # type: ignore[arg-type]
        for _ in range(2):
            with pytest.raises(LoadError) as refused:
                loader.load(Path(name), name, data)
            assert refused.value.reason.startswith(reason)
            raised = f"or raise {setting} in pilcrow.toml (or PILCROW_{setting.upper()})"
            assert refused.value.reason.endswith(raised)
            assert loader.load(Path("b.txt"), "b.txt", PROSE.encode()).paragraphs


def test_limits_come_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().limits == Limits()
    monkeypatch.setenv("PILCROW_FILE_MIB", "7")
    assert Settings.load(file_seconds=3).limits == Limits(file_mib=7, file_seconds=3)


def test_one_bad_member_or_mail_costs_only_itself() -> None:
    deep = '{"a":' * 900 + "1" + "}" * 900
    bad = b"From a Fri May  3 14:30:00 2024\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n"
    with Loader() as loader:
        found = loader.load(Path("a.zip"), "a.zip", zipped({"deep.json": deep, "b.txt": PROSE}))
        assert found.paragraphs[-1].text == PROSE.strip()
        box = b"From a Fri May  3 14:30:00 2024\n" + mail() + b"\n"
        assert len(loader.load(Path("a.mbox"), "a.mbox", box + bad + b"\n--x\n\n" + box).paragraphs) >= 8
