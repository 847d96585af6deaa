"""`python -m ui` is `pilcrow`."""

from ui.cli import main

main()
