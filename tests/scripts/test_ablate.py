"""Switching parts of the pipeline off."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest

from scripts import ablate


@pytest.mark.parametrize("title", ablate.PARTS)
def test_every_part_exists_and_is_put_back(title: str) -> None:
    parts = [patch(name) for name in ablate.PARTS[title]]
    before = [part.get_original()[0] for part in parts]
    with ablate.switched_off(ablate.PARTS[title]):
        assert [part.get_original()[0] for part in parts] != before
    assert [part.get_original()[0] for part in parts] == before


def test_figures_change_without_abstention(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ablate.main(tmp_path, ["abstention"], only=["seeds"], sample=20)
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("all parts on") and lines[3].startswith("abstention")
    column = lines[1].split().index("abst")
    full, change = (dict(zip(lines[1].split(), line[31:].split(), strict=False)) for line in lines[2:4])
    assert (
        column
        and float(full["refus"]) < 1
        and float(change["refus"].replace(".", "0", 1) if change["refus"] == "." else change["refus"]) <= 0
    )
