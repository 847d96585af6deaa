"""`pilcrow user`: who may log in to the page. The file is `users.toml` in the index's folder."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rag import PilcrowError, Settings
from ui import terminal
from ui.terminal import Index

# Hashing and asyncio would slow down every command, so each step imports the accounts that it needs.
app = typer.Typer(
    name="user", help="Add, remove or list the users who may log in to the page.", no_args_is_help=True
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]
Reader = Annotated[
    bool, typer.Option("--reader", help="May ask, but not change the library or the settings.")
]


@app.command()
def add(name: Name, reader: Reader = False, index: Index = None) -> None:
    """Add a user, or give one a new password and role. Asks for the password, or reads it from a pipe."""
    if not name.isprintable() or name != name.strip() or not name or ":" in name:
        raise typer.BadParameter("should be a name without colons", param_hint="NAME")
    from ui.accounts import FILE, Account, hash_password, read, write

    path = Settings.load(index=index).index / FILE
    users = read(path)
    done = "changed {}, a {}; is logged out" if name in users else "added {}, a {}"
    users[name] = Account(role="reader" if reader else "librarian", password=hash_password(_password()))
    write(path, users)
    terminal.print_text(done.format(name, users[name].role))


@app.command()
def remove(name: Name, index: Index = None) -> None:
    """Remove a user, who is logged out at once. The user's conversations stay."""
    from ui.accounts import FILE, read, write

    path = Settings.load(index=index).index / FILE
    users = read(path)
    if not users.pop(name, None):
        raise PilcrowError(f"No user {name!r} in {path}. Run `pilcrow user list` to see all.")
    write(path, users)
    terminal.print_text(f"removed {name}")
    if not users:
        terminal.print_error(f"Nobody is left. To use the page without a login, delete {path}.")


@app.command("list")
def list_users(index: Index = None) -> None:
    """List the users with their roles."""
    from ui.accounts import FILE, read

    settings = Settings.load(index=index)
    users = dict.fromkeys(settings.accounts, "librarian, of the setting auth")
    users |= {name: account.role for name, account in read(settings.index / FILE).items()}
    if not users:
        terminal.print_error("There are no users: no login is needed. Add one with `pilcrow user add NAME`.")
    for name, role in sorted(users.items()):
        terminal.print_text(f"{name}  {role}")


def _password() -> str:
    """Ask for a new password twice, or read a line if there is no terminal."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt="The same again", err=True))
    if password := sys.stdin.readline().rstrip("\r\n"):
        return password
    raise PilcrowError("No password given. Type it at the prompt, or pass it as a line on standard input.")
