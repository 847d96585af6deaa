"""The settings page: which models write and check answers, and what may leave this machine.

Everybody signed in sees where questions go, a librarian also which model writes and how good its verifier is.
Only users of this machine change models and see its files: a login grants rights to documents only.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from rag import PilcrowError, Settings
from rag.doctor import INSTALL_MULTILINGUAL, changed, nearby, other_languages, try_settings
from rag.settings_file import overriding, save
from ui.accounts import User
from ui.desk import Desk, Forbidden, OnDesk, SignedIn
from ui.render import part
from ui.server import is_loopback
from ui.words import number, t

router = APIRouter()
Reply = dict[str, Any]
NAMES = ("llm", "llm_model", "llm_key_file", "verifier", "verifier_model")
ADDRESSES = ("llm", "verifier", "chroma_url", "traces")  # settings that may name another machine


def _is_here(desk: Desk, user: User) -> bool:
    """Return whether the user is at this machine: without a login, and no other machine reaches the page."""
    return is_loopback(desk.assistant.settings.host) and not user.name


def _only_here(desk: OnDesk, user: SignedIn) -> None:
    if not _is_here(desk, user):
        raise Forbidden("Where Pilcrow has logins, models are changed in pilcrow.toml of its machine.")


ONLY_HERE = [Depends(_only_here)]


class Choice(BaseModel, str_strip_whitespace=True):
    """What the form holds; `agreed` are the hosts off this machine that the user agreed to."""

    llm: str = ""
    llm_model: str = ""
    llm_key_file: str = ""
    verifier: str = "llm"
    verifier_model: str = ""
    agreed: list[str] = []

    def changes(self, settings: Settings) -> dict[str, str | None]:
        """Return the settings that differ, by name; None for what is to be unset."""
        written = {name: getattr(self, name) for name in NAMES}
        if not self.llm:
            written |= {"llm_model": "", "llm_key_file": ""}
        return {
            name: value if value or name == "verifier" else None
            for name, value in written.items()
            if value != str(getattr(settings, name) or "")
        }


def elsewhere(settings: Settings) -> list[str]:
    """Return the hosts off this machine that questions or documents go to."""
    used = [name for name in ADDRESSES if settings.llm or name != "verifier"]
    urls = [urlsplit(getattr(settings, name) or "") for name in used]
    away = [url for url in urls if url.scheme in {"http", "https"} and not is_loopback(url.hostname or "")]
    return sorted({url.netloc.rpartition("@")[2] for url in away})


def _consent(choice: Choice, now: Settings, then: Settings) -> list[dict[str, str]]:
    """Return the hosts that nobody has agreed to yet, with what goes there."""
    key = "llm_key" if then.llm_key else then.llm_key_file
    also = " " + t("So does the API key in {file}.", file=str(key)) if key else ""
    return [
        {"host": host, "text": t("Your questions and the paragraphs found go to {host}.", host=host) + also}
        for host in elsewhere(then)
        if host not in {*elsewhere(now), *choice.agreed}
    ]


@router.get("/settings")
def settings_page(request: Request, desk: OnDesk, user: SignedIn) -> HTMLResponse:
    """Show the settings; what takes time is fetched later."""
    settings, documents = desk.assistant.settings, desk.assistant.documents()
    share, languages = other_languages([one.language for one in documents], settings.embedder)
    return desk.page(
        request,
        "settings.html",
        here=_is_here(desk, user),
        settings=settings,
        assistant=desk.assistant,
        overriding=overriding(NAMES),
        elsewhere=elsewhere(settings),
        paragraphs=sum(one.paragraphs for one in documents),
        foreign=(round(100 * share), ", ".join(languages), INSTALL_MULTILINGUAL),
        tokens=desk.access.tokens(user.name),
        base=str(request.base_url),
        wanted=request.cookies.get("language", ""),
    )


@router.get("/pilcrow/models")
def in_use(desk: OnDesk, user: SignedIn) -> Reply:
    """Return what writes and checks answers now, where questions go, and whether an exam is being held."""
    assistant, away = desk.assistant, elsewhere(desk.assistant.settings)
    state = part("models.html", "state", assistant, _is_here(desk, user), away, user.librarian)
    return {"state": state, "examining": assistant.writer.progress is not None}


@router.get("/pilcrow/models/found", dependencies=ONLY_HERE)
def found(desk: OnDesk) -> Reply:
    """Return the models that answer on this machine. Takes up to a second."""
    return {"html": part("models.html", "found", nearby(), desk.assistant.settings)}


@router.post("/pilcrow/models/test", dependencies=ONLY_HERE)
def test_model(choice: Choice, desk: OnDesk) -> Reply:
    """Ask the chosen model a short question of ours; no document is sent."""
    now = desk.assistant.settings
    then = changed(now, **choice.changes(now))
    if consent := _consent(choice, now, then):
        return {"consent": consent}
    trial = try_settings(then)
    if trial is None:
        return {"message": t("Without a model, answers are the documents' own sentences.")}
    speed = t("{model} answers after {wait} s.", model=trial.model, wait=number(round(trial.wait, 1)))
    room = t(
        "It writes {speed} tokens a second and reads up to {context} at once.",
        speed=round(trial.speed),
        context=trial.context,
    )
    return {"message": f"{speed} {room}"}


@router.post("/pilcrow/models/save", dependencies=ONLY_HERE)
def save_models(choice: Choice, desk: OnDesk, user: SignedIn) -> Reply:
    """Use the chosen models from the next question on, and keep them in pilcrow.toml."""
    assistant, now = desk.assistant, desk.assistant.settings
    changes = choice.changes(now)
    if consent := _consent(choice, now, changed(now, **changes)):
        return {"consent": consent}
    if not changes:
        return {"message": t("Nothing has changed.")}
    assistant.use(**changes)
    assistant.begin_exam()
    said = [t("Saved in pilcrow.toml. The next question uses it.")]
    try:
        save(changes)
        said += [
            t("{name} in the environment overrides pilcrow.toml when Pilcrow starts again.", name=name)
            for name in overriding(changes)
        ]
    except PilcrowError as error:
        said = [t("The next question uses it, but it couldn't be saved:"), str(error)]
    return {"message": " ".join(said), **in_use(desk, user)}
