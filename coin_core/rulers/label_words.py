"""The words by which a lot text names a ruler.

Patterns are regular expressions over folded text: lower case, no accents, as
`scrapers.labels.reader.fold` returns it. In each pattern the alternatives are, in
order: English, German, French, Italian, Spanish, Russian, Hebrew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

PRIEST_OR_KING = (
    r"(?:,? (?:the |le |der |il |el )?(?:high )?"
    r"(?:priest|king|hoh[e]?priester|grand pretre|sommo sacerdote|sumo sacerdote"
    r"|kohen|cohen|первосвящ\w+))"
)
"""A title after a name, which makes a common first name a ruler's."""

GAP = r"[\s/|.,·-]{0,4}"
"""What may separate letters that a lot text breaks over lines."""


# A numeral after a name: "I" may not be the beginning of "II", "IV" or "IX", and in
# brackets a digit alone is a numeral: "(II.)", "("II")" and "(2)", but not "(2 g)".
_OPENED = r"(?:[(\[\"']{1,2}(?=\D|\d[.\"']*[)\]]))?"
_FIRST = (
    r"(?:i(?:er)?|1(?:er|st|-i|-и)?|(?:the )?first|der erste|primo|primero"
    r"|perv\w+|перв\w+|הראשון|ה-?1|א(?:'|(?!-)))(?!\w)"
)
_LATER = (
    r"(?:ii|ll|il(?=[.,;)\]])|iii|iv|v|vi{1,3}|ix|x"
    r"|[2-9](?:nd|e|-и)?(?![.,]\d| ?(?:gr?|mm)\b)|(?:the )?second|der zweite"
    r"|(?:the )?younger|junior|der jungere|le jeune"
    r"|secondo|segundo|втор\w+|השני|ה-?(?:2|ii)|ב(?:'|(?!-)))(?!\w)"
)
NUMERAL = re.compile(rf"[\s,]*{_OPENED}(?:{_FIRST}|({_LATER}))")
"""A numeral after a name; group 1 is a later ruler's."""
OR_LATER = re.compile(
    rf"[.)]?(?:\s*[(\[]?(?:/|\bor\b|\boder\b|\bou\b|\bo\b|\bили\b|\bאו\b|-)\s*"
    rf"|\s*[(\[](?=\D)){_LATER}"
)
"""A second numeral, of a later ruler: "I or II", "I (II)"."""

DOUBT = (
    r"\b(?:(?:uncertain(?! (?:mint|date|year))|perhaps|maybe|possibly|probabl[ey]"
    r"|presumably|apparently(?! unpublished)|likely|doubtful|dubious|attributed to"
    r"|could be|may be"
    r"|wohl|vermutlich|wahrscheinlich|vielleicht|moglicherweise|evtl|eventuell"
    r"|fraglich|unsicher|unbestimmt\w*|zugeschrieben|zugewiesen"
    r"|peut-etre|probablement|possiblement|attribuee? a|incertaine?|douteu(?:x|se)"
    r"|probabilmente|forse|incert[ao]|dubbi[ao]|attribuit[ao](?: a)?|possibilmente"
    r"|probablemente|posiblemente|quizas?|tal vez|inciert[ao]|dudos[ao]"
    r"|atribuid[ao](?: a)?)\b"
    r"|вероятно|возможно|предположительно|видимо|наверное|может быть|неопредел\w+"
    r"|сомнительн\w+|приписыва\w+|под вопросом"
    r"|כנראה|אולי\b|ייתכן|יתכן|מיוחס\w*(?: ל)?|מסופק\w*"
    r"|(?<!ללא )(?<!בלי )(?<!אין )ספק\b)"
)
DOUBT_WORDS = re.compile(rf"\?|{DOUBT}")
"""Words beside a name by which an attribution is in doubt."""


def spelled(letters: str) -> str:
    """The pattern of a name that is spelled letter by letter, such as "y h w n t n"."""
    return r"(?<![a-z])" + GAP.join(letters.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Namesake:
    """A later ruler of the same name, whose coins are another class.

    Attributes:
        key: Such as "hyrcanus_ii".
        reign: The pattern of the years of the reign.
    """

    key: str
    reign: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelWords:
    """How lot texts name one ruler.

    Attributes:
        name: The pattern of the ruler's name.
        reign: The pattern of the years of the reign.
        full_name: The pattern of a name that needs no numeral to tell the ruler from
            the namesake; empty without a namesake.
        namesake: The later ruler of the same name, or None.
        catalogue_numbers: Catalogue editions, each with the numbers of the ruler's
            coins in the wreath: numbers and ranges ("1132-1133"), separated by spaces.
    """

    name: str
    reign: str
    full_name: str = ""
    namesake: Namesake | None = None
    catalogue_numbers: tuple[tuple[str, str], ...] = ()

    def cited_numbers(self) -> Iterator[tuple[str, str]]:
        """Every edition with every number in it, ranges written out."""
        for edition, numbers in self.catalogue_numbers:
            for number in numbers.split():
                first, _, last = number.partition("-")
                if last:
                    span = range(int(first), int(last) + 1)
                    yield from ((edition, str(value)) for value in span)
                else:
                    yield edition, number
