"""Compare Pilcrow with plain LlamaIndex and Chroma on each set of questions: `python -m scripts.bench`."""

import typer

from scripts.bench.comparing import main

if __name__ == "__main__":
    typer.run(main)
