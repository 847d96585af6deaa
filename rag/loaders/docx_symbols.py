"""Letters and signs of the fonts Symbol and Wingdings, which Word files store by their place in the font."""

from __future__ import annotations

_GREEK = "αβχδεφγηιϕκλμνοπθρστυϖωξψζ"
_SYMBOL = {
    **{ord("a") + index: letter for index, letter in enumerate(_GREEK)},
    **{ord("A") + index: letter for index, letter in enumerate("ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ")},
    **dict(zip(b"\xa2\xa3\xa5\xb0\xb1\xb2\xb3\xb4\xb7\xb8\xb9\xbb", "′≤∞°±″≥×•÷≠≈", strict=True)),
    **dict(zip(b"\xac\xad\xae\xaf\xc7\xc8\xce\xd1\xd6\xe5\xf2", "←↑→↓∩∪∈∇√∑∫", strict=True)),
}
_WINGDINGS = dict(zip(b"\x6f\xa8\xfb\xfc\xfd\xfe\xdf\xe0\xe1\xe2", "☐☐✗✓☒☑←→↑↓", strict=True))


def symbol(font: str, code: str) -> str:
    """Return the character at a place (in hexadecimal) of a font; "" for an ornament."""
    try:
        place = int(code, 16)
        if place & 0xFF00 == 0xF000:
            place &= 0xFF
            return (_WINGDINGS if font.startswith("Wingdings") else _SYMBOL).get(place, "")
        return chr(place)
    except (ValueError, OverflowError):
        return ""
