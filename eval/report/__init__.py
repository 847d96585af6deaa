"""The nightly report as HTML and Markdown."""
