"""What of a good language model's sentences the check in `rag/verification/grounding.py` lets pass:
true ones and lies.

`fresh` sentences were written after its threshold was chosen.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

from eval import SEEDS
from rag import Assistant, Settings
from rag.models.embedder import load_embedder
from rag.models.local import BUILT_IN
from rag.verification.grounding import grounded
from scripts.sentences import load


def main() -> None:
    """Checks and counts."""
    embed = load_embedder(BUILT_IN).embed
    passed: dict[str, list[bool]] = defaultdict(list)
    with TemporaryDirectory() as scratch, Assistant.open(Path(scratch) / "index", Settings()) as assistant:
        assistant.ingest([SEEDS])
        for one in load(assistant):
            name = f"{one.kind}, {'seen' if one.seen else 'fresh'}"
            passed[name].append(grounded(one.text, one.evidence, embed).supported)
    for name, each in sorted(passed.items()):
        print(f"{name}: {sum(each)} of {len(each)} pass")


if __name__ == "__main__":
    main()
