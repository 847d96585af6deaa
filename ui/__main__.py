"""Run `pilcrow` as `python -m ui`."""

from ui.cli import main

main()
