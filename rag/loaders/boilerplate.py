"""Boilerplate of HTML pages, found by structure: menus, lists of other pages, page headers and footers.

Only elements without prose go. A page without prose keeps everything: it may be a list of links.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from lxml.html import HtmlElement

_PROSE = (
    60  # bytes in UTF-8 beside links that make a block prose; a Chinese character counts as three letters
)
_LEAST = 120  # bytes of prose of a page that is more than a list of links
_DENSE = 0.5  # share of a block's text in links
_FEW = 30  # bytes beside each link after the content
_MOST = 0.6  # share of the page's prose in its content
_SECTIONS = frozenset({"article", "main", "section", "blockquote", "td"})
_FRAMES = frozenset({"div", "section", "aside", "header", "footer", "form", "fieldset", "menu"})
_LISTS = frozenset({"ul", "ol", "dl", "p", "table", "center", "td", "tr", "tbody"})
_NAVIGATION = frozenset({"navigation", "menu", "menubar", "search", "toolbar", "tablist"})
_ROLES = {"header": "banner", "footer": "contentinfo", "aside": "complementary", "main": "main"}
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_KEPT = frozenset({"h1", "pre", "th", "figcaption", "time", "address"})


class _Place(Enum):
    """Where an element is, from the content of the page."""

    BEFORE = auto()
    INSIDE = auto()
    AFTER = auto()


@dataclass(slots=True)
class _Measure:
    """What an element holds: bytes of text, of links and of prose, links, and whether tags of interest."""

    text: int = 0
    linked: int = 0
    prose: int = 0
    links: int = 0
    own_text: int = 0  # outside the blocks in it
    own_linked: int = 0
    kept: bool = False
    headed: bool = False
    has_prose_child: bool = False

    @property
    def is_dense(self) -> bool:
        """Whether most of the text is in links, of which there are several."""
        return self.links > 1 and self.linked >= _DENSE * self.text

    @property
    def is_loose(self) -> bool:
        """Whether there are several links, and only few words for each."""
        return self.links > 1 and self.text - self.linked <= _FEW * self.links


def boilerplate(
    root: HtmlElement, blocks: frozenset[str], hidden: Callable[[HtmlElement], bool]
) -> set[HtmlElement]:
    """Return the outermost elements of a page that are not its content.

    `blocks` are the tags of block elements; `hidden` tells whether an element is invisible.
    """
    measures = _measure(root, blocks, hidden)
    page = measures[root]
    if page.prose < _LEAST:
        return set()
    content = next((each for each in reversed(measures) if measures[each].prose >= _MOST * page.prose), root)
    return set(_dropped(root, measures, _container(content)))


def _container(content: HtmlElement) -> HtmlElement:
    """Return the element that holds the content: the parent of a single paragraph."""
    parent = content.getparent()
    return parent if content.tag in {"p", "li", "pre"} and parent is not None else content


def _dropped(
    root: HtmlElement, measures: dict[HtmlElement, _Measure], content: HtmlElement
) -> Iterator[HtmlElement]:
    """Yield the outermost elements that are boilerplate, in the order of the page."""
    around = {content, *content.iterancestors()}
    reached = _Place.BEFORE
    stack = [(root, reached, False)]
    while stack:
        element, place, in_section = stack.pop()
        if element not in measures:
            continue
        place = reached if place is _Place.BEFORE else place
        if element not in around and _is_boilerplate(element, measures, place, in_section):
            yield element
            continue
        in_section = in_section or element.tag in _SECTIONS
        if element is content:
            reached = _Place.AFTER
            places = _places(content, measures)
        else:
            places = dict.fromkeys(element, place)
        stack += ((child, places[child], in_section) for child in reversed(element))


def _places(content: HtmlElement, measures: dict[HtmlElement, _Measure]) -> dict[HtmlElement, _Place]:
    """Return the places of the children of the content; in a whole page it goes from prose to prose."""
    children = list(content)
    places = dict.fromkeys(children, _Place.INSIDE)
    prose = [index for index, each in enumerate(children) if each in measures and measures[each].prose]
    if content.tag == "body" and prose:
        places.update(dict.fromkeys(children[: prose[0]], _Place.BEFORE))
        places.update(dict.fromkeys(children[prose[-1] + 1 :], _Place.AFTER))
    return places


def _is_boilerplate(
    element: HtmlElement, measures: dict[HtmlElement, _Measure], place: _Place, in_section: bool
) -> bool:
    """Return whether an element is boilerplate, by its role, its links and its place."""
    measure = measures[element]
    role = element.get("role") or _ROLES.get(str(element.tag), "")
    if role in _NAVIGATION or (role == "contentinfo" and not in_section):
        return role in _NAVIGATION or not measure.kept
    if measure.kept or measure.prose:
        return False
    if (role == "banner" and not in_section and not measure.headed) or _is_sign_in(element):
        return True
    if (role in _ROLES.values() and measure.is_dense) or (
        place is _Place.AFTER and _is_copyright(element, measure)
    ):
        return True
    parent = measures.get(element.getparent())
    beside_prose = parent is not None and parent.has_prose_child
    is_part = element.tag in _FRAMES or (element.tag in _LISTS and not beside_prose)
    is_loose = place is _Place.AFTER and measure.is_loose
    return place is not _Place.INSIDE and is_part and (measure.is_dense or is_loose)


def _is_sign_in(element: HtmlElement) -> bool:
    """Return whether an element is a form that asks for a password or for words to search for."""
    fields = element.iter("input") if element.tag == "form" else ()
    return any(field.get("type", "").lower() in {"password", "search"} for field in fields)


def _is_copyright(element: HtmlElement, measure: _Measure) -> bool:
    """Return whether an element is a copyright line."""
    text = str(element.text_content()).lstrip()[:9] if measure.text <= _LEAST else ""
    return text.startswith(("©", "(c)", "(C)", "Copyright"))


def _measure(
    root: HtmlElement, blocks: frozenset[str], hidden: Callable[[HtmlElement], bool]
) -> dict[HtmlElement, _Measure]:
    """Return the measures of the visible elements, in the order of the page."""
    visible: dict[HtmlElement, _Measure] = {}
    for element in root.iter():
        parent = element.getparent()
        if isinstance(element.tag, str) and (element is root or parent in visible) and not hidden(element):
            visible[element] = _Measure()
    for element in reversed(visible):
        _close(element, visible[element], element.tag in blocks)
        parent = element.getparent()
        if element is not root and parent is not None:
            _add(visible[parent], visible[element], element, element.tag in blocks)
    return visible


def _close(element: HtmlElement, measure: _Measure, block: bool) -> None:
    """Complete the measure of an element whose children have been added."""
    own = _size(element.text)
    measure.text += own
    measure.own_text += own
    if element.tag == "a" and not element.get("href", "mailto:").startswith(("mailto:", "tel:")):
        measure.linked, measure.own_linked, measure.links = measure.text, measure.own_text, 1
    measure.kept |= element.tag in _KEPT
    measure.headed |= element.tag in _HEADINGS
    if block and measure.own_text - measure.own_linked >= max(_PROSE, _DENSE * measure.own_text):
        measure.prose += measure.own_text


def _add(measure: _Measure, child: _Measure, element: HtmlElement, block: bool) -> None:
    """Add a child, and the text after it, to the measure of its parent."""
    after = _size(element.tail)
    measure.text += child.text + after
    measure.own_text += after
    measure.linked += child.linked
    measure.links += child.links
    measure.prose += child.prose
    measure.kept |= child.kept
    measure.headed |= child.headed
    if not block:
        measure.own_text += child.own_text
        measure.own_linked += child.own_linked
    elif child.prose and child.own_text >= _PROSE:
        measure.has_prose_child = True


def _size(text: str | None) -> int:
    """Return the length of a text in UTF-8 without what the page does not show."""
    return len(" ".join(text.split()).encode()) if text else 0
