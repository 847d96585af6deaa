"""The catalog in PostgreSQL: opening it, many writers, and a server that goes away."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier

import pytest
from chroma_server import free_port
from harbour import write
from postgres_server import GUARDED, PostgresServer

from rag.errors import StoreError
from rag.index import postgres_catalog
from rag.index.postgres_catalog import PostgresCatalog
from rag.types import Paragraph


@pytest.fixture
def catalog(postgres_url: str) -> Iterator[PostgresCatalog]:
    with closing(PostgresCatalog.open(postgres_url)) as opened:
        yield opened


def sources(catalog: PostgresCatalog) -> list[str]:
    with catalog.read() as snapshot:
        return [each.source for each in snapshot.documents()]


def test_two_processes_may_create_the_tables_at_once(postgres_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(PostgresCatalog.open, [postgres_url] * 4))
    write(opened[0])
    assert sources(opened[3]) == ["a.txt"]
    for each in opened:
        each.close()


def test_newer_tables_are_refused(
    postgres: PostgresServer, postgres_url: str, catalog: PostgresCatalog
) -> None:
    postgres.execute("UPDATE meta SET value = '99' WHERE key = 'schema'", postgres_url)
    with pytest.raises(StoreError, match=r"newer Pilcrow \(schema 99; .* Update Pilcrow"):
        PostgresCatalog.open(postgres_url)


def test_tables_of_an_older_pilcrow_are_upgraded_in_place(
    postgres: PostgresServer, postgres_url: str, catalog: PostgresCatalog
) -> None:
    write(catalog)
    new = "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY indexname"
    as_created = postgres.execute(new, postgres_url)
    # What later versions made.
    postgres.execute("DROP INDEX document_edition, chunk_key", postgres_url)
    postgres.execute("UPDATE meta SET value = '1' WHERE key = 'schema'", postgres_url)
    with closing(PostgresCatalog.open(postgres_url)) as upgraded:
        assert sources(upgraded) == ["a.txt"]
        write(upgraded, source="b.txt")
        assert sources(upgraded) == ["a.txt", "b.txt"]
    assert postgres.execute(new, postgres_url) == as_created
    with closing(PostgresCatalog.open(postgres_url)) as again:
        assert sources(again) == ["a.txt", "b.txt"]


def test_tables_of_another_program_are_not_touched(postgres: PostgresServer, postgres_url: str) -> None:
    postgres.execute("CREATE TABLE document (mine text)", postgres_url)
    with pytest.raises(StoreError, match="'document' that was not made by Pilcrow. Use another database"):
        PostgresCatalog.open(postgres_url)
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    assert postgres.execute(tables, postgres_url) == [("document",)]


def test_two_schemas_of_a_database_are_two_catalogs(postgres: PostgresServer, postgres_url: str) -> None:
    with pytest.raises(StoreError, match="schema that catalog_url names doesn't exist"):
        PostgresCatalog.open(f"{postgres.url()}?options=-csearch_path%3Dnowhere")
    other = postgres.new_database()
    with closing(PostgresCatalog.open(postgres_url)) as one, closing(PostgresCatalog.open(other)) as two:
        write(one)
        assert (sources(one), sources(two)) == (["a.txt"], [])
        with one.locked(["a.txt"]), two.locked(["a.txt"], wait=False) as held:
            assert held == {"a.txt"}


def test_wrong_addresses_name_the_remedy_and_no_password(postgres: PostgresServer, postgres_url: str) -> None:
    postgres.execute(f"DROP ROLE IF EXISTS {GUARDED}")
    postgres.execute(f"CREATE ROLE {GUARDED} LOGIN PASSWORD 'right'")
    port = postgres.port
    for url, remedy in (
        (f"postgresql://{GUARDED}:s3cret@127.0.0.1:{port}/postgres", "Correct the name or the password"),
        (f"postgresql://{GUARDED}@127.0.0.1:{port}/postgres", "Give the password"),
        (f"postgresql://nobody:s3cret@127.0.0.1:{port}/postgres", "Create the role"),
        (f"postgresql://postgres:s3cret@127.0.0.1:{port}/nowhere", "Create it with `createdb`"),
        (f"postgresql://postgres:s3cret@127.0.0.1:{free_port()}/postgres", "Start the server"),
        ("mysql://postgres:s3cret@127.0.0.1/postgres", "only PostgreSQL"),
        ("postgresql://postgres:s3cret@nowhere.invalid/postgres", "Start the server"),
        ("s3cret", "Write it as postgresql://"),
    ):
        with pytest.raises(StoreError, match=remedy) as refused:
            PostgresCatalog.open(url)
        assert "s3cret" not in str(refused.value), url


def test_restarted_server_is_used_again(postgres: PostgresServer, catalog: PostgresCatalog) -> None:
    write(catalog)
    with pytest.raises(StoreError, match="Lost the connection .* Try again"), catalog.read() as snapshot:
        postgres.kill()
        snapshot.documents()
    with pytest.raises(StoreError, match="Can't reach the catalog .* Start the server"):
        sources(catalog)
    with pytest.raises(StoreError, match="Can't reach"), catalog.locked(["a.txt"]):
        pass
    postgres.start()
    assert sources(catalog) == ["a.txt"]
    write(catalog, "b.txt")
    with pytest.raises(StoreError, match="Lost the connection"), catalog.write() as revision:
        revision.remove(["a.txt"])
        postgres.restart()
    assert sources(catalog) == ["a.txt", "b.txt"]
    with catalog.locked(["a.txt"]) as held:
        assert held == {"a.txt"}


def test_nothing_is_written_once_the_right_to_write_is_lost(
    postgres: PostgresServer, catalog: PostgresCatalog
) -> None:
    with catalog.locked(["a.txt"]):
        postgres.restart()
        for _ in range(2):
            with pytest.raises(StoreError, match="Lost the connection"):
                write(catalog)
    assert sources(catalog) == []
    write(catalog)
    assert sources(catalog) == ["a.txt"]


def test_right_of_a_killed_process_ends(postgres_url: str, catalog: PostgresCatalog) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_hold, args=(postgres_url, theirs))
    process.start()
    assert ours.recv() == "held"
    with catalog.locked(["a.txt", "b.txt"], wait=False) as held:
        assert held == {"b.txt"}
    process.kill()
    process.join()
    with catalog.locked(["a.txt", "b.txt"]) as held:
        assert held == {"a.txt", "b.txt"}


def _hold(url: str, said: object) -> None:
    with PostgresCatalog.open(url).locked(["a.txt"]):
        said.send("held")  # type: ignore[attr-defined]
        said.recv()  # type: ignore[attr-defined]


def test_too_many_rights_are_held_as_one(catalog: PostgresCatalog) -> None:
    many = [f"{number}.txt" for number in range(3 * postgres_catalog.MAX_LOCKS)]
    with catalog.locked(many) as held, catalog.locked(["other.txt"], wait=False) as other:
        assert (held, other) == (frozenset(many), frozenset())
    with catalog.locked(["other.txt"]), catalog.locked(many, wait=False) as held:
        assert len(held) == postgres_catalog.MAX_LOCKS


def test_many_writers_count_words_exactly_and_do_not_wait_for_each_other(
    postgres: PostgresServer, postgres_url: str, catalog: PostgresCatalog
) -> None:
    turns = postgres_catalog.MAX_CHANGES // 4 + 10  # so that changes are added up
    together = Barrier(4, timeout=60)

    def one(number: int) -> None:
        with closing(PostgresCatalog.open(postgres_url)) as own:
            with own.write() as revision:  # all are in the middle of a transaction at once
                revision.add_meta("deleted_vectors", 1)
                revision.mark_pending({f"{number}": "x"})
                together.wait()
            for turn in range(turns):
                write(own, f"{number}.txt", [Paragraph(1, f"Barges of turn {turn} at quay {number}.")])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(4)))
    with catalog.read() as snapshot:
        assert snapshot.chunk_count() == 4
        last = str(turns - 1)
        assert snapshot.document_frequency(["barg", last, "8"]) == {"barg": 4, last: 4, "8": 0}
        assert snapshot.meta("deleted_vectors") == "4"
        assert snapshot.problems(4) == []
        assert len(snapshot.search(["barge"], 9)) == 4
    assert postgres.execute("SELECT count(*) < 80 FROM change", postgres_url) == [(True,)]


def test_damage_is_reported(postgres: PostgresServer, postgres_url: str, catalog: PostgresCatalog) -> None:
    write(catalog)
    postgres.execute("DELETE FROM word WHERE chunk = (SELECT min(key) FROM chunk)", postgres_url)
    postgres.execute("UPDATE chunk SET vector = '' WHERE key = (SELECT max(key) FROM chunk)", postgres_url)
    with catalog.read() as snapshot:
        assert snapshot.problems(4) == [
            "catalog: 1 chunks are missing from the full-text index",
            "catalog: 1 vectors are damaged",
            "catalog: 2 words too many or too few are counted",
        ]


def test_missing_driver_is_named() -> None:
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from rag.index.postgres_catalog import PostgresCatalog\n"
        "PostgresCatalog.open('postgresql://postgres:s3cret@127.0.0.1/postgres')"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert done.stderr.strip().endswith('Install it with: pip install "pilcrow[scale]"')
    assert "s3cret" not in done.stderr.strip().splitlines()[-1]
