"""Build a plain SVG picture from boxes, lines of text and arrows. It needs nothing but the standard library."""

from collections.abc import Sequence
from xml.etree import ElementTree

FONT = "Helvetica, Arial, 'DejaVu Sans', sans-serif"
INK = "#1f2933"
FAINT = "#5b6770"
LINE = "#7b8794"
PAPER = "#ffffff"


class Picture:
    """An SVG of a fixed size; everything is drawn over what was drawn before. Lengths are in pixels."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self._svg = ElementTree.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "viewBox": f"0 0 {width} {height}",
                "width": str(width),
                "height": str(height),
                "font-family": FONT,
                "role": "img",
            },
        )
        ElementTree.SubElement(self._svg, "title").text = title
        definitions = ElementTree.SubElement(self._svg, "defs")
        marker = ElementTree.SubElement(
            definitions,
            "marker",
            {"id": "head", "viewBox": "0 0 10 10", "refX": "9", "refY": "5", "markerWidth": "8", "markerHeight": "8"},
        )
        marker.set("orient", "auto")
        ElementTree.SubElement(marker, "path", {"d": "M 0 1 L 9 5 L 0 9 z", "fill": LINE})
        self.box(0, 0, width, height, fill=PAPER, edge="none", corner=0)

    def box(
        self, left: int, top: int, width: int, height: int, *, fill: str, edge: str = LINE, corner: int = 8
    ) -> None:
        """A rectangle; `corner` is the radius of its corners."""
        place = {"x": str(left), "y": str(top), "width": str(width), "height": str(height), "rx": str(corner)}
        ElementTree.SubElement(self._svg, "rect", place | {"fill": fill, "stroke": edge})

    def text(
        self,
        x: int,
        y: int,
        words: str,
        *,
        size: int = 14,
        bold: bool = False,
        colour: str = INK,
        anchor: str = "start",
    ) -> None:
        """One line of text; `y` is its base line, `anchor` is "start", "middle" or "end"."""
        look = {"x": str(x), "y": str(y), "font-size": str(size), "fill": colour, "text-anchor": anchor}
        if bold:
            look["font-weight"] = "bold"
        ElementTree.SubElement(self._svg, "text", look).text = words

    def lines(self, x: int, y: int, words: Sequence[str], *, size: int = 14, colour: str = FAINT) -> None:
        """Several lines of text below each other."""
        for number, line in enumerate(words):
            self.text(x, y + number * (size + 4), line, size=size, colour=colour)

    def path(self, steps: str, *, arrow: bool = True, colour: str = LINE, dashed: bool = False) -> None:
        """A line along the steps of an SVG path, with an arrow head at its end."""
        look = {"d": steps, "fill": "none", "stroke": colour, "stroke-width": "1.6"}
        if arrow:
            look["marker-end"] = "url(#head)"
        if dashed:
            look["stroke-dasharray"] = "5 4"
        ElementTree.SubElement(self._svg, "path", look)

    def __str__(self) -> str:
        ElementTree.indent(self._svg)
        return ElementTree.tostring(self._svg, encoding="unicode") + "\n"
