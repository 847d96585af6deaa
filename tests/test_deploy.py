"""Dockerfile and deploy/ agree with the program: its settings, commands, versions and addresses."""

from __future__ import annotations

import json
import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import click
import pytest
import typer
import yaml

from rag import Settings
from ui.cli import app

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", "")
CADDYFILE = (ROOT / "deploy" / "Caddyfile").read_text("utf-8")
EXAMPLE = (ROOT / "deploy" / ".env.example").read_text("utf-8")
COMPOSE_TEXT = (ROOT / "deploy" / "compose.yaml").read_text("utf-8")
COMPOSE = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "pilcrow"}
COMMANDS = [service["command"] for service in OURS.values()]
# Also the documented ones, and the image's own.
COMMANDS += [line.split() for line in re.findall(r"docker compose run --rm worker (.+)", COMPOSE_TEXT)]
COMMANDS += [json.loads(line) for line in re.findall(r"^CMD (.+)", DOCKERFILE, re.MULTILINE)]


def parse(command: click.Command, name: str, arguments: list[str]) -> None:
    """Parse a command line without running it; click.UsageError if it is wrong."""
    if isinstance(command, click.Group):
        subcommand = command.commands[arguments[0]]
        parse(subcommand, arguments[0], arguments[1:])
    else:
        command.make_context(name, arguments)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_each_command_parses(arguments: list[str]) -> None:
    parse(typer.main.get_command(app), "pilcrow", list(arguments))


def test_each_variable_is_a_setting() -> None:
    names = {name for service in OURS.values() for name in service["environment"]}
    names |= set(re.findall(r"(PILCROW_\w+)=", DOCKERFILE))
    assert {name.removeprefix("PILCROW_").lower() for name in names} <= Settings.model_fields.keys()
    assert {"PILCROW_CHROMA_URL", "PILCROW_CATALOG_URL", "PILCROW_INDEX"} <= names


def test_each_interpolated_value_has_a_default_or_is_in_the_example() -> None:
    listed = set(re.findall(r"^(\w+)=", EXAMPLE, re.MULTILINE))
    wanted = dict(re.findall(r"\$\{(\w+)(:[-?])?", COMPOSE_TEXT))
    assert {name for name, default in wanted.items() if default != ":-"} <= listed
    assert listed <= wanted.keys()
    assert "deploy/.env" in (ROOT / ".gitignore").read_text("utf-8")


def test_images_have_the_versions_of_lock_and_project() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    chroma = re.search(r"^chromadb==(\S+)$", lock, re.MULTILINE)
    assert chroma
    assert SERVICES["chroma"]["image"] == f"chromadb/chroma:{chroma[1]}"
    bases = set(re.findall(r"^FROM python:(\d+\.\d+)-slim\S*", DOCKERFILE, re.MULTILINE))
    assert len(bases) == 1
    assert f"Programming Language :: Python :: {bases.pop()}" in project["classifiers"]
    images = [service["image"] for service in SERVICES.values() if service["image"] != "pilcrow"]
    assert all(re.search(r":\d+", image) for image in images)


def test_only_the_proxy_is_published_and_only_our_services_reach_the_stores() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert COMPOSE["networks"]["stores"] == {"internal": True}
    assert {name for name, service in SERVICES.items() if "stores" in service["networks"]} == {
        *OURS,
        "chroma",
        "postgres",
    }
    assert SERVICES["chroma"]["networks"] == SERVICES["postgres"]["networks"] == ["stores"]


def test_services_restart_wait_for_healthy_stores_and_have_few_rights() -> None:
    for service in SERVICES.values():
        assert service["restart"] == "unless-stopped"
        assert all(
            SERVICES[name].get("healthcheck") or name in OURS for name in service.get("depends_on", ())
        )
    for service in OURS.values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert all(wait == {"condition": "service_healthy"} for wait in service["depends_on"].values())
    assert re.search(r"^USER 10001$", DOCKERFILE, re.MULTILINE)


def test_each_volume_is_declared() -> None:
    named = {volume.split(":")[0] for service in SERVICES.values() for volume in service["volumes"]}
    assert {name for name in named if re.fullmatch(r"\w+", name)} == COMPOSE["volumes"].keys()
    assert (ROOT / "deploy" / "Caddyfile").exists()


def test_proxy_reaches_every_page_and_passes_pieces_on_at_once() -> None:
    pages = {name for name, service in OURS.items() if service["command"][0] == "chat"}
    port = Settings.model_fields["port"].default
    upstreams = re.search(r"reverse_proxy (.+) \{", CADDYFILE)
    assert upstreams
    assert set(upstreams[1].split()) == {f"{page}:{port}" for page in pages}
    assert "flush_interval -1" in CADDYFILE
    health = re.search(r"health_uri (/\w+)", CADDYFILE)
    assert health
    assert f"'http://127.0.0.1:{port}{health[1]}'" in DOCKERFILE


def test_image_gets_the_files_that_it_copies_and_no_others() -> None:
    allowed = [
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if "!" in line
    ]
    copied = {
        name
        for line in re.findall(r"^COPY (?!--from)(.+)", DOCKERFILE, re.MULTILINE)
        for name in line.split()[:-1]
    }
    assert copied == set(allowed)
    assert all((ROOT / name).exists() for name in allowed)
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    assert all(any(fnmatch(name, pattern) for name in allowed) for pattern in packages["find"]["include"])
