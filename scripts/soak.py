"""Use one index from many processes at once: a page that answers, an ingestion, edits, removals, questions.

`python -m scripts.soak` makes up its documents, checks every citation against what each file said at the
time, compares the index with a fresh one, and prints a table. It exits with 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from threading import Event, Lock
from time import monotonic, sleep
from typing import Any

import httpx

from rag import Assistant, Settings

SYLLABLES = ("tor", "vak", "lin", "mos", "per", "dun", "sal", "wek", "rui", "zan")
THINGS = ("lamps", "ropes", "pumps", "tiles", "scales", "valves", "oars")
ASKERS = 2  # `pilcrow ask` at once
EDITED, REMOVED = 0.4, 0.2  # shares of the first files
STARTING_SECONDS = 300


@dataclass
class Version:
    """What a file said; `ended` is when its replacement or removal was acknowledged."""

    paragraphs: list[str]
    ended: float = float("inf")


@dataclass
class Soak:
    """One run: the folders, what each file said when, what went wrong and how long things took."""

    folder: Path
    history: dict[str, list[Version]] = field(default_factory=lambda: defaultdict(list))
    problems: list[str] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    citations: int = 0
    lock: Lock = field(default_factory=Lock)

    @property
    def index(self) -> Path:
        """The index that all share."""
        return self.folder / "index"

    def write(self, group: str, number: int, version: int = 0) -> Path:
        """Write a file as it is from now on."""
        path = self.folder / group / f"{group}-{number:04}.txt"
        path.parent.mkdir(exist_ok=True)
        paragraphs = texts(group, number, version)
        self.history[path.name].append(Version(paragraphs))
        path.write_text("\n\n".join(paragraphs), "utf-8")
        return path

    def command(self, kind: str, *arguments: object) -> str:
        """Run a command in a process of its own; return what it prints."""
        begun = monotonic()
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "ui", *map(str, arguments), "--index", str(self.index)],
            capture_output=True,
            text=True,
            check=False,
        )
        self.seconds[kind].append(monotonic() - begun)
        if done.returncode or done.stderr:
            self.problems.append(f"{kind}: exit {done.returncode}: {done.stderr or done.stdout}")
        return done.stdout

    def check(self, citations: list[Mapping[str, Any]], asked_at: float) -> None:
        """Note each citation that quotes what its file did not say when the question was asked, or later."""
        with self.lock:
            self.citations += len(citations)
        for one in citations:
            number, whole = one["paragraph"], one["paragraph_text"]
            valid = [each for each in self.history[one["source"]] if each.ended > asked_at]
            says_so = any(whole in each.paragraphs[number - 1 : number] for each in valid)
            if one["quote"] != whole[one["start"] : one["end"]] or not says_so:
                self.problems.append(f"wrong citation: {one['source']} ¶{number}: {one['quote']}")


def texts(group: str, number: int, version: int) -> list[str]:
    """Return the paragraphs of a made-up file."""
    place, pick = town(group, number), random.Random(f"{group} {number} {version}")  # noqa: S311
    thing, crates, year = pick.choice(THINGS), pick.randrange(100, 9000), pick.randrange(1900, 2020)
    return [
        f"The depot of {place} holds {crates} crates of {thing}.",
        f"It was built in {year} beside the canal of {place}. Edition {version} of this sheet is {group}.",
        f"The night watch of {place} starts at {pick.randrange(6, 12)} and ends at {pick.randrange(4, 8)}.",
        f"A crate of {thing} from {place} weighs {pick.randrange(5, 90)} kilograms when it is full.",
    ]


def town(group: str, number: int) -> str:
    """Return the name of a place of its own for each file."""
    digits = f"{number:04}"
    return (group[0] + "".join(SYLLABLES[int(digit)] for digit in digits)).capitalize()


def question(group: str, number: int) -> str:
    """Return what a user asks about a file."""
    return f"How many crates does the depot of {town(group, number)} hold?"


@contextmanager
def page(soak: Soak, port: int) -> Iterator[str]:
    """Yield the address of a page process that holds the index; end it with Ctrl-C."""
    command = [sys.executable, "-m", "ui", "chat", "--index", str(soak.index), "--port", str(port)]
    with (soak.folder / "page.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603
        try:
            address, end = f"http://127.0.0.1:{port}/", monotonic() + STARTING_SECONDS
            while not _answers(address):
                if process.poll() is not None or monotonic() > end:
                    raise SystemExit((soak.folder / "page.log").read_text())
                sleep(0.2)
            yield address
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
    printed = (soak.folder / "page.log").read_text()
    if "Traceback" in printed or process.returncode not in {130, -signal.SIGINT}:
        soak.problems.append(f"page: exit {process.returncode}: {printed[-2000:]}")


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}v1/models").status_code == 200
    except httpx.HTTPError:
        return False


def use(soak: Soak, address: str, files: Mapping[str, int], seed: int, over: Event) -> None:
    """Ask the page one question after the other and read each stream to its end."""
    pick = random.Random(seed)  # noqa: S311
    with httpx.Client(timeout=300) as client:
        while not over.is_set():
            group = pick.choice(list(files))
            asked = question(group, pick.randrange(files[group]))
            begun, citations = monotonic(), []
            body = {"model": "pilcrow", "stream": True, "messages": [{"role": "user", "content": asked}]}
            try:
                with client.stream("POST", f"{address}v1/chat/completions", json=body) as reply:
                    if reply.status_code != 200:
                        reply.read()
                        soak.problems.append(f"page: {reply.status_code} {reply.text}")
                        continue
                    lines = list(reply.iter_lines())
            except httpx.HTTPError as error:
                soak.problems.append(f"page: {error!r}")
                continue
            if "data: [DONE]" not in lines:
                soak.problems.append(f"page: a stream without an end: {lines[-3:]}")
            for line in lines:
                if line.startswith("data: {"):
                    said = json.loads(line.removeprefix("data: "))
                    if "error" in said:
                        soak.problems.append(f"page: {said['error']}")
                    for choice in said.get("choices", ()):
                        citations += choice["delta"].get("citations", ())
            soak.seconds["answer of the page"].append(monotonic() - begun)
            soak.check(citations, begun)


def ask(soak: Soak, files: Mapping[str, int], seed: int) -> None:
    """Ask with a command."""
    pick = random.Random(seed)  # noqa: S311
    group = pick.choice(list(files))
    begun = monotonic()
    printed = soak.command("pilcrow ask", "ask", question(group, pick.randrange(files[group])), "--json")
    if printed:
        soak.check(json.loads(printed)["citations"], begun)


def change(soak: Soak, first: int) -> None:
    """Edit some of the first files and remove others, each with a command."""
    for number in range(first):
        if number < first * EDITED:
            path = soak.write("first", number, 1)
            soak.command("pilcrow ingest of an edit", "ingest", path)
            soak.history[path.name][-2].ended = monotonic()
        elif number < first * (EDITED + REMOVED):
            path = soak.folder / "first" / f"first-{number:04}.txt"
            path.unlink()
            soak.command("pilcrow remove", "remove", path.name)
            soak.history[path.name][-1].ended = monotonic()


def everything(index: Path, asked: list[str]) -> tuple[list[object], list[str]]:
    """Return what an index has and answers, and what is wrong with it."""
    with Assistant.open(index, Settings()) as assistant:
        documents = assistant.documents()
        found: list[object] = [documents]
        found += [assistant.paragraphs(one.source, 1, one.paragraphs) for one in documents]
        found += [(assistant.ask(each).text, assistant.ask(each).citations) for each in asked]
        return found, assistant.check()


def run(folder: Path, first: int, files: int, asks: int, users: int, port: int) -> Soak:
    """Run everything at once, then compare."""
    soak = Soak(folder)
    for number in range(first):
        soak.write("first", number)
    for number in range(files):
        soak.write("more", number)
    soak.command("first ingest", "ingest", folder / "first")
    groups, over = {"first": first, "more": files}, Event()
    with page(soak, port) as address, ThreadPoolExecutor(users + ASKERS + 2) as threads:
        using = [threads.submit(use, soak, address, groups, seed, over) for seed in range(users)]
        tasks: list[Future[Any]] = [
            threads.submit(soak.command, "pilcrow ingest of all", "ingest", folder / "more")
        ]
        tasks += [threads.submit(change, soak, first)]
        with ThreadPoolExecutor(ASKERS) as askers:
            tasks += [askers.submit(ask, soak, groups, seed) for seed in range(asks)]
        wait(tasks)
        over.set()
        for task in (*tasks, *using):
            task.result()
        soak.command("pilcrow doctor", "doctor")
    compare(
        soak, folder, [question(group, n) for group, count in groups.items() for n in range(min(count, 10))]
    )
    return soak


def compare(soak: Soak, folder: Path, asked: list[str]) -> None:
    """Note how the index differs from one that ingests the files as they are now."""
    with Assistant.open(folder / "fresh", Settings()) as fresh:
        fresh.ingest([folder / "first", folder / "more"])
    (shared, wrong), (expected, _) = everything(soak.index, asked), everything(folder / "fresh", asked)
    soak.problems += wrong
    if shared != expected:
        soak.problems.append("the index differs from a fresh one")


def table(soak: Soak) -> Iterator[str]:
    """Yield the lines of the result."""
    yield f"{'':28}{'n':>6}{'p50 s':>9}{'p95 s':>9}"
    for kind, seconds in sorted(soak.seconds.items()):
        late = quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]
        yield f"{kind:28}{len(seconds):6}{median(seconds):9.2f}{late:9.2f}"
    yield f"{soak.citations} citations checked, {len(soak.problems)} problems"
    yield from soak.problems[:20]


def main() -> None:
    """Run with the sizes of the arguments."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--first", type=int, default=100, help="files before it starts; these change")
    options.add_argument("--files", type=int, default=1000, help="files ingested meanwhile")
    options.add_argument("--asks", type=int, default=200, help="questions by command")
    options.add_argument("--users", type=int, default=10, help="users of the page")
    options.add_argument("--port", type=int, default=7979)
    given = options.parse_args()
    with TemporaryDirectory(prefix="soak-") as folder:
        soak = run(Path(folder), given.first, given.files, given.asks, given.users, given.port)
    print("\n".join(table(soak)))
    sys.exit(bool(soak.problems))


if __name__ == "__main__":
    main()
