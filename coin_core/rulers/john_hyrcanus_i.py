"""John Hyrcanus I: names, words, legends, catalogue numbers, attributions."""

from __future__ import annotations

from coin_core.rulers.bibliography import (
    COLLECTORS,
    TJC,
    TRADE,
    break_lines,
    cite,
    fitted_lines,
)
from coin_core.rulers.label_words import PRIEST_OR_KING, LabelWords, Namesake, spelled
from coin_core.rulers.records import (
    Attribution,
    Evidence,
    LegendFrequencies,
    NameOnCoin,
    Ruler,
)
from coin_core.rulers.registry import register_ruler

_FIRST_NAME = (
    r"(?:john|johanan|yohanan|yochanan|jochanan|yehohanan|jehohanan|johannes|ioannes"
    r"|jean|giovanni|juan|иоанн\w*|иоханан\w*|[לבהשומכ]{0,2}יוחנן)"
)
_NAME = r"(?:h[yi]rk?c?an(?:us|os|o)?|ircano|гиркан(?:а|у|ом|е)?|[לבהשומכ]{0,2}הורקנוס)"

JOHN_HYRCANUS_I = Ruler(
    key="john_hyrcanus_i",
    name="John Hyrcanus I",
    name_hebrew="יוחנן הורקנוס הראשון",
    name_on_coin="Yehohanan",
    name_hebrew_on_coin="יהוחנן",
    telling_letters=("het",),
    reign_from=-135,
    reign_to=-104,
    reign_note=(
        "135/4 to 104 BCE; thirty-one years by Josephus, Jewish Antiquities 13.299."
    ),
    tell_apart=(
        "The name has ḥet, the ladder, before two nuns (YHWḤNN); "
        "a Greek A above the legend also points to him."
    ),
    colour="#3f7468",  # verdigris
    aliases=(
        "john hyrcanus",
        "johannes hyrcanus i",
        "johannes hyrkanos i",
        "hyrcanus i",
        "hyrcanus 1",
        "john hyrcanus 1",
        "hyrkanos i",
        "yohanan hyrcanus",
        "יוחנן הורקנוס",
        "הורקנוס הראשון",
    ),
    names_on_coin=(
        NameOnCoin(
            form="yehohanan",
            aliases=("yehochanan", "jehohanan", "yhwhnn", "יהוחנן"),
            patterns=(
                r"\b[yji]e[ck]?ho[ck]?han+an\b",
                r"\b(?:y|j)(?:e|o)c?hanan" + PRIEST_OR_KING,
                spelled("y h w h n n"),
                r"\bи[ие]?г?еоханан\w*|\bиегоханан\w*|\bйегоханан\w*",
                r"\bיהוחנן\b",
            ),
        ),
        NameOnCoin(form="yohanan", aliases=("yochanan", "johanan", "yhnn", "יוחנן")),
    ),
    label_words=LabelWords(
        name=rf"(?:{_FIRST_NAME}\s+)?\b{_NAME}\b",
        full_name=rf"\b{_FIRST_NAME}\s+{_NAME}\b",
        reign=r"\b13[45](?:/4)? ?(?:-|to|bis|a|bc -) ?104\b",
        namesake=Namesake(
            key="hyrcanus_ii",
            reign=r"\b(?:76|6[3-7]|47)\b(?:[^\d;]{1,16}\b63\b)?[^\d;]{1,16}\b40\b",
        ),
        catalogue_numbers=(
            ("GBC5", "1132-1133 1135 1137-1141"),
            ("GBC4", "452"),
            ("TJC", "a b d e f g i j"),
        ),
    ),
    legend_frequencies=LegendFrequencies(
        names=(("יהוחנן", 1.0),), layouts=0.65, head_of_council=0.12, greek_a=0.42
    ),
    layouts=(
        *fitted_lines(
            "יהוחנן",
            (21, "יהוחנן | הכהןהגד | לוחברהי | הודים"),
            (8, "יהוחנן | הכהןהג | דלוחברה | יהדים"),
            (7, "יהוחנן | הכהןהג | דלוחברה | יהודים"),
            (4, "יהוחנן | הכהןהגד | לוחברה | יה"),
            (4, "יהוחנן | הכהןהג | דלוחבר | היהד | ים"),
            (4, "יהוחנן | הכהןהגד | לוחברה | יהודים"),
            (3, "יהוחנן | הכהןהגד | לוחברהיה | דים"),
            (2, "יהו | חנןכה | ןהגדלו | חברה | יה"),
            (2, "יהוחנ | ןכהןהגד | לוחברה | יהד | ים"),
            (2, "יהוחנן | כהןהגד | לחברהיה | דים"),
            (2, "יהו | חנןכ | הןהגדלו | חברהי | הדים"),
            (2, "יהוחנן | הכהןהגד | לוחברה | ידי | ם"),
            (2, "יהוחנן | כהןהג | דלוחברה | יהד"),
        ),
        *break_lines(
            "יהוחנן",
            "יהוח | נןהכהן | הגדלוח | ברהיה | דים",
            source=COLLECTORS,
            evidence=Evidence.READ,
        ),
        *break_lines(
            "יהוחנן",
            "יהוחנן | הכהןהג | דלוחבר | יהודים",
            source=TRADE,
            evidence=Evidence.READ,
        ),
        *break_lines(
            "יהוחנן",
            "יהוחנן | הכהןהג | דלוחבר | היהודים",
            "יהוח | נןהכהן | הגדלוח | ברהיהדים",
            "יהוחנ | ןהכהןה | גדלוחב | רהיהדים",
            source=f"{TJC}, group A",
            greek_a=True,
        ),
        *break_lines(
            "יהוחנן",
            "יהוחנ | ןהכהןה | גדלוחבר | היהודים",
            "יהוח | נןהכה | ןהגדלו | חברהיה | ודים",
            "יהו | חנןהכה | ןהגדלוח | ברהיה | ודים",
            source=TJC,
        ),
        *break_lines(
            "יהוחנן",
            "יהוחנן | הכהןהגדל | ראשחבר | היהודים",
            "יהוח | נןהכהן | הגדלרא | שחברהי | הודים",
            "יהוח | נןהכהןה | גדלראש | חברהיה | דים",
            source=f"{TJC}, groups with 'head of the council'",
        ),
    ),
    references=(
        cite("TJC", "A", "wreath; Greek A above the legend"),
        cite("GBC5", "1132", "the same as TJC A"),
        cite("TJC", "B", "wreath", checked=False),
        cite("GBC5", "1133", "the same as TJC B", checked=False),
        cite("TJC", "C", "half prutah: palm branch, legend above and below; lily"),
        cite("GBC5", "1134", "half prutah, the same as TJC C; also 1134a"),
        cite("TJC", "H", "double prutah: helmet; 'head of the council'"),
        cite("GBC5", "1136", "double prutah, the same as TJC H"),
        cite("GBC5", "1135", "wreath; sold as Hyrcanus I"),
        cite("GBC5", "1137", "wreath; sold as Hyrcanus I"),
        cite("GBC5", "1138–1141", "the rest of TJC groups A to J", checked=False),
        cite("GBC4", "452", "wreath"),
        cite("HGC 10", "630 ff.", "his coins begin here", checked=False),
    ),
    attributions=(
        Attribution(
            school="Meshorer 1966 and AJC 1982",
            ruler="John Hyrcanus II",
            note="Alexander Jannaeus was held to be the first of the house to coin.",
        ),
        Attribution(
            school="Barag and Hendin, after the Nablus hoard of 1988",
            ruler="John Hyrcanus I",
            note="More than 700 prutot of Yehohanan lay together in the hoard.",
        ),
        Attribution(
            school="Meshorer TJC 2001; Hendin GBC5 2010",
            ruler="John Hyrcanus I",
            note="The attribution that this program follows.",
        ),
        Attribution(
            school="A later article (Dialnet 6840056)",
            ruler="John Hyrcanus II",
            note="Argues for the older view again.",
        ),
    ),
)
register_ruler(JOHN_HYRCANUS_I)
