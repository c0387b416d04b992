"""Judah Aristobulus I: names, legends, catalogue numbers, attributions."""

from __future__ import annotations

from coin_core.rulers.bibliography import (
    AJC,
    COLLECTORS,
    FORUM,
    GBC4,
    GBC5,
    HENDIN_1991,
    SPELLING_VARIES,
    TJC,
    break_lines,
    cite,
)
from coin_core.rulers.records import Attribution, Evidence, Ruler, Spelling

JUDAH_ARISTOBULUS_I = Ruler(
    key="judah_aristobulus_i",
    name="Judah Aristobulus I",
    name_hebrew="יהודה אריסטובולוס הראשון",
    name_on_coin="Yehudah",
    name_hebrew_on_coin="יהודה",
    telling_letters=("dalet",),
    reign_from=-104,
    reign_to=-103,
    reign_note="104 to 103 BCE; one year by Josephus, Jewish Antiquities 13.318.",
    tell_apart=(
        "The name has dalet, the triangle, as its fourth letter and no nun (YHWDH); "
        "the he at its end often opens the second line."
    ),
    spellings=(
        Spelling(
            name="יהודה",
            legend="יהודה כהן גדול וחבר היהודים",
            meaning="Yehudah High Priest and the Council of the Jews",
            source=f"{TJC}, group U",
        ),
        Spelling(
            name="יהוד",
            legend="יהוד הכהן גדול וחבר היהודים",
            meaning="The same, the he read with 'priest' and not with the name",
            source=FORUM,
        ),
        Spelling(
            name="יהודה",
            legend="יהודה כהן גדול וחבר היהדים",
            meaning="Yehudah High Priest and the Council of the Jews (waw left out)",
            source=SPELLING_VARIES,
        ),
    ),
    layouts=(
        *break_lines(
            "יהודה",
            "יהוד | הכהןגד | ולוחבר | היהודי | ם",
            # Printed MY at the end: the two letters stand the other way round.
            "יהוד | הכהןגד | ולוחבר | היהוד | מי",
            source=f"{FORUM}; {TJC}, group U",
            evidence=Evidence.READ,
        ),
        *break_lines(
            "יהודה",
            "יהוד | הכהןג | דולוחבר | היהד",
            source=COLLECTORS,
            evidence=Evidence.READ,
        ),
        *break_lines(
            "יהודה",
            "יהוד | הכהןג | דולוחבר | היהדים",
            "יהוד | הכהןג | דולוחבר | היהד | ים",
            "יהוד | הכהןגד | ולוחבר | היהוד | ים",
            source=COLLECTORS,
            evidence=Evidence.RESTORED,
        ),
        *break_lines(
            "יהודה",
            "יהודה | כהןגד | ולוחבר | היהודים",
            "יהודה | כהןגדו | לוחבר | היהוד | ים",
            "יהוד | הכהן | גדולו | חברה | יהדים",
            "יהו | דהכהן | גדולוח | ברהיה | ודים",
            "יהודה | כהןגדול | וחברה | יהודים",
            source=f"{TJC}; {GBC5}",
        ),
    ),
    references=(
        cite("TJC", "U", "wreath; five lines in block letters"),
        cite("GBC5", "1143", "the same as TJC U"),
        cite("GBC5", "1142", "another variety; TJC U or V", checked=False),
        cite("GBC4", "465", "wreath"),
    ),
    attributions=(
        Attribution(
            school="Meshorer 1966 and AJC 1982",
            ruler="Aristobulus II",
            note="Follows from giving the coins of Yehohanan to Hyrcanus II.",
        ),
        Attribution(
            school="Meshorer TJC 2001; Hendin GBC5 2010",
            ruler="Judah Aristobulus I",
            note="The attribution that this program follows.",
        ),
    ),
    sources=(TJC, AJC, GBC4, GBC5, HENDIN_1991, FORUM, COLLECTORS),
)
