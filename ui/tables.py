"""The tables of conversations, sessions, tokens and links, the same in SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    func,
)


class Written(TypeDecorator[str]):
    """Text. What the database can't store, a lone surrogate, or PostgreSQL a NUL, is replaced."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the text as it can be stored."""
        stored = value.encode("utf-8", "replace").decode() if value else value
        return stored.replace("\0", "\ufffd") if stored and dialect.name == "postgresql" else stored


def _text(name: str, null: bool = False, default: str | None = None) -> Column[str]:
    return Column(name, Written, nullable=null, server_default=default)


def _conversation() -> Column[str]:
    return Column(
        "conversation", Written, ForeignKey("conversation.id", ondelete="CASCADE"), primary_key=True
    )


METADATA = MetaData()
CONVERSATION = Table(
    "conversation",
    METADATA,
    Column("id", Written, primary_key=True),
    *(_text(name) for name in ("user", "title", "updated")),
    Column("renamed", Integer, nullable=False, server_default="0"),
    _text("deleted", null=True),
)
Index("conversation_user", CONVERSATION.c.user, CONVERSATION.c.updated)
_IS_DELETED = CONVERSATION.c.deleted.is_not(None)
Index("conversation_deleted", CONVERSATION.c.deleted, sqlite_where=_IS_DELETED, postgresql_where=_IS_DELETED)
ENTRY = Table(
    "entry",
    METADATA,
    _conversation(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    *(_text(name) for name in ("question", "text", "answer", "asked")),
    _text("verdict", null=True),
    _text("note", default=""),
    _text("scope", default="[]"),
    Column("searched", Integer, nullable=False, server_default="0"),
)
PASS = Table(
    "pass",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    _text("user"),
    Column("stamp", LargeBinary, nullable=False),
    _text("label", null=True),
    _text("made"),
    _text("used"),
    sqlite_autoincrement=True,
)
LINK = Table("link", METADATA, _conversation(), Column("token", Written, nullable=False, unique=True))
ALONE = (CONVERSATION, ENTRY, PASS, LINK)  # of one process; the others are for several over PostgreSQL

RUN = Table(
    "run",
    METADATA,
    Column("conversation", Written, primary_key=True),
    *(_text(name) for name in ("user", "key", "question", "scope")),
    *(Column(name, Integer, nullable=False) for name in ("number", "replaces")),
    Column("extractive", Boolean, nullable=False),
    *(_text(name, default="") for name in ("text", "unchecked", "problem")),
    *(Column(name, Integer, nullable=False, server_default="0") for name in ("version", "ahead")),
    *(Column(name, Boolean, nullable=False, server_default="false") for name in ("started", "over")),
    *(
        Column(name, DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp())
        for name in ("asked", "heartbeat")
    ),
)
ASKED = Table(
    "asked",
    METADATA,
    Column("user", Written, primary_key=True),
    *(Column(name, Integer, nullable=False) for name in ("minute", "count")),
)
