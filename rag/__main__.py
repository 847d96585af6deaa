"""`python -m rag` is `pilcrow`."""

from rag.cli import main

main()
