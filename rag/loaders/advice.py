"""What to do with files of common formats that no loader reads."""

from __future__ import annotations

# What each kind is saved as.
_SAVE = {
    ".doc": ("Old Word files", ".docx"),
    ".dot": ("Old Word files", ".docx"),
    ".xls": ("Old Excel files", ".xlsx"),
    ".xlsb": ("Binary Excel files", ".xlsx"),
    ".ods": ("OpenDocument spreadsheets", ".xlsx or .csv"),
    ".ppt": ("Old PowerPoint files", ".pptx"),
    ".odp": ("OpenDocument presentations", ".pptx"),
    ".pages": ("Pages files", ".docx or .pdf"),
    ".numbers": ("Numbers files", ".xlsx"),
    ".key": ("Keynote files", ".pptx or .pdf"),
    ".msg": ("Outlook messages", ".eml"),
    ".mobi": ("Kindle books", ".epub"),
    ".azw3": ("Kindle books", ".epub"),
    ".djvu": ("DjVu scans", ".pdf"),
    ".ps": ("PostScript files", ".pdf"),
    ".wpd": ("WordPerfect files", ".docx"),
    ".heic": ("HEIC pictures", ".jpg"),
    ".svg": ("SVG drawings", ".pdf"),
}
_PACKED = frozenset({".7z", ".bz2", ".gz", ".rar", ".tar", ".tgz", ".xz", ".zst"})
_SPOKEN = frozenset(
    {".avi", ".flac", ".m4a", ".mkv", ".mov", ".mp3", ".mp4", ".ogg", ".wav", ".webm", ".wma"}
)


def advice(suffix: str) -> str:
    """Return why files with this suffix can't be read and what to do; "" for one that is not known."""
    if suffix in _SAVE:
        kind, better = _SAVE[suffix]
        return f"{kind} ({suffix}) can't be read yet; save it as {better}"
    if suffix in _PACKED:
        return f"{suffix} archives can't be read yet; unpack it, or pack it as .zip"
    if suffix in _SPOKEN:
        return f"Sound and video ({suffix}) can't be read; add a transcript (.txt, .srt or .vtt)"
    return ""
