"""The way to a PostgreSQL server: its address, connections to it, and what its errors mean."""

from __future__ import annotations

import re

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, IsolationLevel
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from rag.errors import StoreError

_PATIENCE = {"connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
# The planner takes reading and comparing all words for cheaper than it is, and neither compiling a search nor
# helpers make it faster. And the server forgets those whose machine is gone.
_SETTINGS = """SET enable_seqscan = off; SET jit = off; SET max_parallel_workers_per_gather = 0;
    SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3"""
_START = "Start the server, or correct catalog_url."
_REMEDIES = (  # what the server says when it refuses a connection, and what to do
    (r"authentication failed", "Correct the name or the password in catalog_url."),
    (r"no password supplied", "Give the password in catalog_url, or in ~/.pgpass."),
    (r"no pg_hba.conf entry", "Let this machine log in, in the server's pg_hba.conf."),
    (r"role .* does not exist", "Create the role, or correct the name in catalog_url."),
    (r"database .* does not exist", "Create it with `createdb`, or correct its name in catalog_url."),
    (r"too many|remaining connection slots", "Raise max_connections in the server's postgresql.conf."),
    (r"system is (starting|shutting)|recovery", "Try again once the server runs."),
)


def address(url: str) -> URL:
    """Return the address of a database for SQLAlchemy with psycopg; StoreError if it isn't one."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError(
            "catalog_url is no address. Write it as postgresql://name:password@host:5432/database."
        ) from None
    if parsed.drivername not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise StoreError(
            f"catalog_url begins with {parsed.drivername}://, but only PostgreSQL can hold a catalog. "
            "Write it as postgresql://name:password@host:5432/database."
        )
    return parsed.set(drivername="postgresql+psycopg")


def shown(url: URL) -> str:
    """Return an address without the name and the password."""
    place = f"{url.host or 'localhost'}:{url.port or 5432}"
    return f"postgresql://{place}/{url.database or ''}"


def engine(url: URL, isolation: IsolationLevel, kept: int, more: int) -> Engine:
    """Return a pool of connections that are tried before they are used; StoreError if psycopg is missing."""
    try:
        made = create_engine(
            url,
            isolation_level=isolation,
            pool_size=kept,
            max_overflow=more,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args=_arguments(url),
        )
    except ModuleNotFoundError as error:
        raise StoreError('PostgreSQL needs psycopg. Install it with: pip install "pilcrow[scale]"') from error
    event.listen(made, "connect", _set_up)
    return made


def errors() -> tuple[type[Exception], ...]:
    """Return what SQLAlchemy and psycopg raise; the latter when many rows are sent."""
    import psycopg

    return (SQLAlchemyError, psycopg.Error)


def _arguments(url: URL) -> dict[str, object]:
    defaults = {"application_name": "pilcrow", "client_encoding": "utf8", **_PATIENCE}
    return {name: value for name, value in defaults.items() if name not in url.query}


def _set_up(connection: DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(_SETTINGS)
    cursor.close()
    connection.commit()


def failure(place: str, error: Exception) -> str:
    """Describe an error of PostgreSQL or of the way to it, with the remedy; `place` is what was used."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    said = " ".join(str(cause).split())
    state = getattr(cause, "sqlstate", None) or ""
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if lost or state.startswith(("57P0", "08")):
        return f"Lost the connection to {place} ({said}). Try again once the server runs."
    if not state and said.startswith(("connection", "failed to resolve")):
        remedy = next((remedy for part, remedy in _REMEDIES if re.search(part, said)), None)
        return f"Can't reach {place}: {said}. {remedy or _START}"
    if state.startswith("XX"):
        return f"The server found damage in {place} ({said}). Nothing was deleted. Restore it from a backup."
    return f"Can't use {place}: {said}. Check the server's log, free space and rights."
