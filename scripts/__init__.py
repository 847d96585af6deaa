"""Scripts for developers: fitting, measuring, making files."""
