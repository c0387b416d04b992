"""Letters as strokes: the script of the Hasmonean mint, and plain capitals.

The legends of the Hasmonean coins are in archaising paleo-Hebrew, which the die
engravers cut with thick, wedge-like strokes. Several forms of each letter are
attested. The forms here were drawn by eye after the letter tables in Meshorer,
*A Treasury of Jewish Coins* (2001), and well-struck specimens.

Strokes are polylines in the notation of SVG's `points` attribute, separated by ";":
"x,y x,y; x,y x,y", x to the right, y down, in hundredths of the letter's box.
"""

import re
from dataclasses import dataclass

import numpy as np

Point = tuple[float, float]
Stroke = tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterForm:
    """One way to engrave a letter.

    Attributes:
        width: Width of the letter's box relative to its height.
        strokes: Polylines; x and y run from 0 to 1 inside the letter's box.
    """

    width: float
    strokes: tuple[Stroke, ...]


def parse_strokes(strokes: str) -> tuple[Stroke, ...]:
    """Convert polylines in the notation above, separated by ";", to fractions."""
    return tuple(
        tuple((int(x) / 100, int(y) / 100) for x, y in re.findall(r"(\S+),(\S+)", line))
        for line in strokes.split(";")
    )


def _form(width: float, strokes: str) -> LetterForm:
    return LetterForm(width=width, strokes=parse_strokes(strokes))


LETTER_FORMS: dict[str, tuple[LetterForm, ...]] = {
    "aleph": (
        _form(0.85, "72,0 62,100; 5,32 95,20; 5,38 92,78"),
        _form(0.85, "70,0 70,100; 95,10 10,48 95,80"),
    ),
    "bet": (
        _form(0.72, "80,8 35,4 12,28 40,50 82,46; 82,5 86,85 10,95"),
        _form(0.72, "85,6 12,6 15,46 85,46; 85,6 85,92 8,94"),
        _form(0.75, "55,2 8,42 75,46; 55,2 82,60 70,90 5,97"),
        # open head
        _form(0.7, "10,35 30,5 75,6 85,50 70,90; 72,90 8,95; 15,42 70,46"),
    ),
    "gimel": (
        _form(0.62, "8,42 55,4 85,100"),
        _form(0.6, "5,12 85,5 60,100"),
        _form(0.72, "5,65 50,2 92,100"),
        _form(0.55, "5,30 75,5 80,98"),
    ),
    "dalet": (
        _form(0.75, "50,4 4,72 94,74 50,4"),
        _form(0.72, "72,4 5,60 82,64; 72,4 84,92"),
        _form(0.75, "4,40 82,6 84,76 4,40"),
        _form(0.75, "6,10 90,6 84,80; 6,10 84,62"),
        _form(0.74, "10,8 88,8 82,70 12,62 10,8"),
    ),
    "he": (
        # a mirrored E on a leg
        _form(0.72, "85,0 85,100; 88,5 5,5; 85,36 14,36; 85,66 14,66"),
        # flat top, the inner bars closed to a loop
        _form(0.78, "2,6 96,5; 78,5 86,100; 74,10 20,58 82,60"),
        # like a 4
        _form(0.76, "72,2 4,60 90,63; 72,2 80,100"),
        _form(0.72, "4,10 90,5; 82,5 84,100; 82,50 12,52"),
        # an A with a flat top
        _form(0.8, "12,5 94,5; 50,6 5,66 82,62; 70,6 90,100"),
        # slanting bars
        _form(0.74, "75,0 92,100; 78,4 4,20; 82,34 10,50; 86,62 25,74"),
        # box head on a leg
        _form(0.72, "6,6 86,6; 86,4 86,100; 18,8 16,60 84,60; 40,33 84,33"),
    ),
    "waw": (
        _form(0.6, "58,6 54,100; 4,18 95,5"),
        _form(0.62, "95,2 58,42 54,100; 8,5 58,42"),
        _form(0.62, "6,10 82,7 56,100; 18,47 92,42"),
        _form(0.6, "8,28 28,4 72,10 62,100; 22,50 94,44"),
        _form(0.5, "5,32 22,3 74,5 62,100"),
        _form(0.55, "60,0 60,100; 5,5 10,30 60,30"),
    ),
    "het": (
        _form(0.8, "10,0 10,100; 90,0 90,100; 10,5 90,5; 10,50 90,50; 10,95 90,95"),
        _form(0.78, "10,0 12,100; 90,0 88,100; 10,30 90,30; 10,68 90,68"),
        _form(0.78, "10,0 10,100; 90,0 90,100; 10,20 90,20; 10,50 90,50; 10,80 90,80"),
        _form(0.78, "10,0 10,100; 90,0 90,100; 10,6 90,6; 10,46 90,46"),
        _form(0.78, "14,0 6,100; 94,0 86,100; 10,50 90,46; 8,95 88,92"),
    ),
    "yod": (
        _form(0.75, "15,10 90,8 12,92 95,86"),
        _form(0.75, "10,8 88,8 15,92 92,88; 5,48 52,46"),
        _form(0.8, "2,6 85,22 10,62 95,86"),
        _form(0.75, "60,4 30,95 95,84; 8,12 62,5; 2,50 46,44"),
        _form(0.78, "5,15 75,4 35,50 20,90 95,80"),
    ),
    "kaf": (
        _form(0.78, "92,0 72,50 30,100; 6,10 70,48; 50,2 68,42"),
        _form(0.75, "4,5 56,46; 95,0 52,50 18,100"),
        _form(0.76, "5,8 30,42 76,36; 88,0 78,50 30,100"),
        _form(0.74, "8,30 50,40 85,10; 55,40 75,70 25,100"),
    ),
    "lamed": (
        _form(0.62, "20,0 14,90 92,90"),
        _form(0.65, "30,0 10,65 30,95 92,74"),
        _form(0.7, "72,4 14,86 95,90"),
        _form(0.6, "45,0 20,90 85,80 90,60"),
    ),
    "mem": (
        _form(0.9, "2,10 20,42 40,10 60,42 88,8 86,60 50,100"),
        _form(0.85, "5,5 10,42 90,36; 46,5 50,40; 90,30 86,70 40,100"),
        _form(0.88, "4,8 28,46 50,10 70,46 96,4; 94,5 86,55 55,100"),
        _form(0.85, "4,30 35,8 50,42 85,10 82,100"),
    ),
    "nun": (
        _form(0.66, "15,5 20,40 80,32 76,75 16,98"),
        _form(0.66, "82,4 15,10 20,42 80,42 78,82 14,96"),
        _form(0.55, "15,15 80,8 78,72 10,95"),
        _form(0.68, "8,6 18,46 72,36; 90,2 70,50 40,100"),
        _form(0.66, "10,6 16,42 80,30 70,100"),
        _form(0.6, "10,10 35,36 75,12 70,70 25,96"),
    ),
    "resh": (
        _form(0.66, "80,6 35,3 10,28 40,50 82,46; 82,3 84,100"),
        _form(0.68, "84,5 12,6 15,44 84,46; 84,3 82,100"),
        _form(0.66, "55,2 8,40 76,46; 55,2 78,50 82,100"),
        # open head
        _form(0.62, "8,38 30,5 80,6 78,100"),
    ),
    "shin": (
        _form(0.95, "2,8 25,90 50,18 75,90 98,8"),
        _form(0.95, "5,5 20,80 50,85 80,80 95,5; 50,10 50,85"),
    ),
    "taw": (
        _form(0.8, "50,2 50,98; 4,50 96,48"),
        _form(0.8, "10,6 90,94; 90,6 10,94"),
        _form(0.72, "55,0 45,100; 4,42 96,36"),
        _form(0.75, "35,2 62,98; 2,60 96,36"),
    ),
    "greek_a": (
        _form(0.85, "5,100 50,0; 50,0 95,100; 22,64 78,64"),
        _form(0.85, "5,100 50,0; 50,0 95,100; 22,55 50,78 78,55"),
    ),
}
"""The attested forms of each letter of a legend, by the letter's key in `rulers`."""

CAPITALS: dict[str, tuple[Stroke, ...]] = {
    "A": parse_strokes("0,100 50,0 100,100; 22,62 78,62"),
    "B": parse_strokes("10,100 10,0 70,8 70,40 10,48; 10,48 85,58 85,92 10,100"),
    "C": parse_strokes("90,15 50,0 10,30 10,70 50,100 90,85"),
    "D": parse_strokes("10,0 10,100 60,95 90,50 60,5 10,0"),
    "E": parse_strokes("90,0 10,0 10,100 90,100; 10,50 70,50"),
    "F": parse_strokes("90,0 10,0 10,100; 10,50 70,50"),
    "G": parse_strokes("90,15 50,0 10,30 10,70 50,100 90,90; 90,90 90,55 55,55"),
    "H": parse_strokes("10,0 10,100; 90,0 90,100; 10,50 90,50"),
    "I": parse_strokes("50,0 50,100"),
    "K": parse_strokes("10,0 10,100; 90,0 10,50 90,100"),
    "L": parse_strokes("15,0 15,100 90,100"),
    "M": parse_strokes("0,100 15,0 50,70 85,0 100,100"),
    "N": parse_strokes("10,100 10,0 90,100 90,0"),
    "P": parse_strokes("10,100 10,0 80,8 80,45 10,52"),
    "R": parse_strokes("10,100 10,0 80,8 80,42 10,50; 40,50 90,100"),
    "S": parse_strokes("90,10 40,0 10,25 90,72 60,100 10,90"),
    "T": parse_strokes("0,0 100,0; 50,0 50,100"),
    "V": parse_strokes("0,0 50,100 100,0"),
    "X": parse_strokes("0,0 100,100; 100,0 0,100"),
    "Z": parse_strokes("10,0 90,0 10,100 90,100"),
    "Γ": parse_strokes("90,0 15,0 15,100"),
    "Δ": parse_strokes("0,100 50,0 100,100 0,100"),
    "Θ": parse_strokes("50,0 90,30 90,70 50,100 10,70 10,30 50,0; 30,50 70,50"),
    "Λ": parse_strokes("0,100 50,0 100,100"),
    "Π": parse_strokes("10,100 10,0 90,0 90,100"),
    "Σ": parse_strokes("90,0 10,0 60,50 10,100 90,100"),
    "Φ": parse_strokes("50,20 90,50 50,80 10,50 50,20; 50,0 50,100"),
    "Ω": parse_strokes("0,100 30,100 10,30 50,0 90,30 70,100 100,100"),
    "1": parse_strokes("20,25 55,0 55,100"),
    "2": parse_strokes("10,20 50,0 90,25 10,100 90,100"),
    "5": parse_strokes("90,0 20,0 15,45 80,50 85,85 10,100"),
    "0": parse_strokes("50,0 90,30 90,70 50,100 10,70 10,30 50,0"),
    "9": parse_strokes("90,40 20,45 20,5 85,0 85,60 40,100"),
}
"""Latin and Greek capitals, which share most forms, and digits of other coins."""
CAPITALS["O"] = CAPITALS["0"]

# Letters to draw random legends from, roughly as frequent as on Roman coins.
LATIN = "AAABCCDEEEFGHIIIILMMNNOPPPRRSSSTTVVVX"
GREEK = "AABΓΔEEHΘIIKΛMNNOOPRΣΣTΦΩ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """The hand of one engraver: form, thickness and slant of the letters.

    Attributes:
        choice: Which form of `LETTER_FORMS` the engraver uses, by letter key.
        thickness: Width of a stroke relative to the letter's height.
        wedge: How much a stroke narrows towards its end, 0 (not at all) to 1.
        leaf: Fraction of strokes that are pointed at both ends, 0 to 1.
        slant: Mean slant of the letters, horizontal over vertical.
        jitter: Standard deviation of a stroke's points relative to the letter's box.
    """

    choice: dict[str, int]
    thickness: float
    wedge: float
    leaf: float
    slant: float
    jitter: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Hand":
        """Draw a random hand."""
        return cls(
            choice={
                letter: int(rng.integers(len(forms)))
                for letter, forms in LETTER_FORMS.items()
            },
            thickness=float(rng.uniform(0.13, 0.36)),
            wedge=float(rng.uniform(0.0, 0.85)),
            leaf=float(rng.uniform(0.0, 0.8)) if rng.random() < 0.4 else 0.0,
            slant=float(rng.normal(0.0, 0.10)),
            jitter=float(rng.uniform(0.02, 0.06)),
        )

    def pick_form(self, letter: str, rng: np.random.Generator) -> LetterForm:
        """The engraver's form of a letter, or in 12 % of cases a random one."""
        forms = LETTER_FORMS[letter]
        slips = rng.random() < 0.12
        return forms[int(rng.integers(len(forms))) if slips else self.choice[letter]]
