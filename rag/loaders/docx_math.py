"""Word's equations (OMML) as text in one line: fractions as a/b, roots as √x, exponents beside their base."""

from __future__ import annotations

import re

from lxml import etree

M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_ATOM = re.compile(r"[\w.,]+$|\([^()]*\)$")
_INTEGRAL = "∫"  # the operator where the file names none


def equation(element: etree._Element) -> str:
    """Return the text of an equation, or of a part of one."""
    name = etree.QName(element).localname
    if name == "t":
        return element.text or ""
    if name.endswith("Pr"):
        return ""
    write = _FORMS.get(name)
    return write(element) if write else "".join(map(equation, element.iterchildren(etree.Element)))


def _part(element: etree._Element, name: str) -> str:
    """Return the text of a part: base, exponent, …"""
    found = element.find(M + name)
    return "" if found is None else equation(found).strip()


def _parts(element: etree._Element, name: str) -> list[str]:
    return [equation(part).strip() for part in element.iterchildren(M + name)]


def _sign(element: etree._Element, name: str, default: str) -> str:
    """Return a sign from the properties; `default` if they don't set it."""
    found = element.find(f"{M}{etree.QName(element).localname}Pr/{M}{name}")
    return default if found is None else found.get(f"{M}val", "")


def _grouped(text: str) -> str:
    """Return a text in brackets unless it is a single number, word or bracket."""
    return text if not text or _ATOM.match(text) else f"({text})"


def _raised(text: str) -> str:
    """Return an exponent: beside its base if short, as a reader copies it."""
    return text if len(text) < 2 else f"^{_grouped(text)}"


def _lowered(text: str) -> str:
    """Return an index, likewise."""
    return text if len(text) < 2 else f"_{_grouped(text)}"


def _fraction(element: etree._Element) -> str:
    return f"{_grouped(_part(element, 'num'))}/{_grouped(_part(element, 'den'))}"


def _script(element: etree._Element) -> str:
    """Return a base with its exponent, index or both."""
    return _part(element, "e") + _lowered(_part(element, "sub")) + _raised(_part(element, "sup"))


def _scripts_before(element: etree._Element) -> str:
    return _lowered(_part(element, "sub")) + _raised(_part(element, "sup")) + _part(element, "e")


def _root(element: etree._Element) -> str:
    degree = "" if _sign(element, "degHide", "0") in {"1", "true", "on", ""} else _part(element, "deg")
    return f"{degree}√{_grouped(_part(element, 'e'))}"


def _nary(element: etree._Element) -> str:
    """Return a sum, product or integral with its limits: ∑_(i=1)^n x."""
    low, high = _part(element, "sub"), _part(element, "sup")
    limits = (f"_{_grouped(low)}" if low else "") + (f"^{_grouped(high)}" if high else "")
    return f"{_sign(element, 'chr', _INTEGRAL)}{limits} {_part(element, 'e')}"


def _brackets(element: etree._Element) -> str:
    inside = _sign(element, "sepChr", "|").join(_parts(element, "e"))
    return f"{_sign(element, 'begChr', '(')}{inside}{_sign(element, 'endChr', ')')}"


def _function(element: etree._Element) -> str:
    argument = _part(element, "e")
    return _part(element, "fName") + (argument if argument[:1] in "([{" else f" {argument}")


def _limit(element: etree._Element) -> str:
    return f"{_part(element, 'e')}_{_grouped(_part(element, 'lim'))}"


def _upper_limit(element: etree._Element) -> str:
    return f"{_part(element, 'e')}^{_grouped(_part(element, 'lim'))}"


def _accent(element: etree._Element) -> str:
    return _part(element, "e") + _sign(element, "chr", "\u0302")


def _lines(element: etree._Element) -> str:
    return "; ".join(_parts(element, "e"))


def _matrix(element: etree._Element) -> str:
    return "; ".join(", ".join(_parts(row, "e")) for row in element.iterchildren(f"{M}mr"))


_FORMS = {
    "f": _fraction,
    "sSup": _script,
    "sSub": _script,
    "sSubSup": _script,
    "sPre": _scripts_before,
    "rad": _root,
    "nary": _nary,
    "d": _brackets,
    "func": _function,
    "limLow": _limit,
    "limUpp": _upper_limit,
    "acc": _accent,
    "eqArr": _lines,
    "m": _matrix,
}
