"""Alexander Jannaeus: names, words, legends, catalogue numbers, attributions."""

from __future__ import annotations

from coin_core.rulers.bibliography import (
    COLLECTORS,
    GBC4,
    GBC5,
    TJC,
    break_lines,
    cite,
    fitted_lines,
)
from coin_core.rulers.label_words import PRIEST_OR_KING, LabelWords, spelled
from coin_core.rulers.records import (
    Attribution,
    Evidence,
    LegendFrequencies,
    NameOnCoin,
    Ruler,
)
from coin_core.rulers.registry import register_ruler

_NAME = (
    r"(?:(?:j|i|y|gi)ann(?:ae(?:us|os|i)|ai(?:os|us)?|ay|aus|eus|eos|eo|ee)"
    r"|janaeus|[jy]aneo|yanai|янна\w+|янне\w+|яна[ияею]|[לבהשומכ]{0,2}ינאי)"
)

ALEXANDER_JANNAEUS = Ruler(
    key="alexander_jannaeus",
    name="Alexander Jannaeus",
    name_hebrew="אלכסנדר ינאי",
    name_on_coin="Yehonatan",
    name_hebrew_on_coin="יהונתן",
    telling_letters=("taw",),
    reign_from=-103,
    reign_to=-76,
    reign_note=(
        "103 to 76 BCE; twenty-seven years by Josephus, Jewish Antiquities 13.404."
    ),
    tell_apart=(
        "The name has taw, the cross, between two nuns (YHWNTN), also in its "
        "short forms Yonatan (YNTN, YWNTN)."
    ),
    colour="#8c3f26",  # red earth
    aliases=(
        "jannaeus",
        "alexander jannaios",
        "alexander iannaeus",
        "alexander yannai",
        "yannai",
        "jannai",
        "אלכסנדר ינאי",
        "ינאי",
    ),
    names_on_coin=(
        NameOnCoin(
            form="yehonatan",
            aliases=(
                "yehonathan",
                "jehonatan",
                "jehonathan",
                "yhwntn",
                "yhntn",
                "יהונתן",
            ),
            patterns=(
                r"\b(?:y|j)eh?onat(?:h)?an\b(?<!yonatan)(?<!yonathan)(?<!jonathan)(?<!jonatan)",
                r"\bjonath?an" + PRIEST_OR_KING,
                r"[\"']jonath?an\b",
                spelled("y h w n t n"),
                r"\bи[ие]?(?:х|г)?онатан\w*",
                r"\bיהונתן\b",
            ),
        ),
        NameOnCoin(
            form="yonatan",
            aliases=(
                "yonathan",
                "jonathan",
                "jonatan",
                "yntn",
                "ywntn",
                "ינתן",
                "יונתן",
            ),
            patterns=(
                r"\byonath?an\b",
                spelled("y w? n t n"),
                r"\bיו?נתן\b",
            ),
        ),
    ),
    label_words=LabelWords(
        name=rf"\b(?:(?:al[ei]\w+|алекс\w+|אלכסנדר)\s+)?{_NAME}\b",
        reign=r"\b10[34](?:/\d{1,3})? ?(?:-|to|bis|a) ?76\b",
        catalogue_numbers=(
            ("GBC5", "1144-1146 1149"),
            ("GBC6", "6181"),
            ("GBC4", "473-475"),
            # S is given to Hyrcanus II by some, so it does not vote.
            ("TJC", "p q r t"),
        ),
    ),
    legend_frequencies=LegendFrequencies(
        names=(("יהונתן", 0.8), ("ינתן", 0.12), ("יונתן", 0.08)),
        councils=(
            ("וחברהיה", 0.3),
            ("וחברהי", 0.25),
            ("וחברהיהדים", 0.2),
            ("וחברהיהודים", 0.15),
            ("וחברהיהד", 0.1),
        ),
        layouts=0.65,
    ),
    layouts=(
        *fitted_lines(
            "יהונתן",
            (16, "יהו | נתןהכ | הןהגדל | וחברה"),
            (8, "יהו | נתןה | כהןגד | לוחברה"),
            (7, "יהו | נתןהכה | ןהגדל | חברהי | הדים"),
            (4, "יהו | נתןהכ | הןהגדל | חברה | יה"),
            (4, "יהונת | ןכהןגדל | וחברה | יהוד | ים"),
            (3, "יהו | נתןהכה | ןהגדלו | חברה | י"),
            (3, "יהו | נתןהכה | ןהגד | לוחברה | יה"),
            (3, "יהונ | תןכהןג | דולוחב | רהיהוד"),
            (2, "יהו | נתןהכ | הןהגד | ולוחברה | י"),
            (2, "יהונ | תןכהןג | דולוחב | רה"),
            (2, "יהו | נתןכהןג | דולוחב | רה"),
        ),
        *fitted_lines(
            "ינתן",
            (4, "ינתן | הכהןהג | דלוחב | רה"),
            (2, "ינתןה | כהןגדל | חבר | היה"),
            (2, "ינתן | הכהןה | גדלוחב | רה"),
        ),
        *break_lines(
            "יהונתן",
            "יהו | נתןהכ | הןהגדלו | חברהי | הד",
            source=COLLECTORS,
            evidence=Evidence.READ,
        ),
        *break_lines(
            "יהונתן",
            # The second he of 'the priest' is left out on this die.
            "יהונ | תןהכ | ןהגדלוח | ברהיד",
            "יהונ | תןהכ | ןהגדלוח | ברהידם",
            source=f"{GBC4}, no. 474",
            evidence=Evidence.READ,
        ),
        *break_lines(
            "יהונתן",
            "יהונתן | הכהןהג | דלוחבר | יה",
            source=f"{GBC4}, no. 473",
            evidence=Evidence.READ,
        ),
        *break_lines(
            "יהונתן",
            "יהונתן | הכהןהג | דלוחבר | יהוד | ים",
            source=f"{GBC4}, no. 473",
            evidence=Evidence.RESTORED,
        ),
        *break_lines(
            "יהונתן",
            "יהו | נתןהכ | הןהגד | לוחבר | היהד",
            "יהו | נתןהכ | הןהגד | ולוחבר | היהדים",
            source=COLLECTORS,
            evidence=Evidence.RESTORED,
        ),
        *break_lines(
            "יהונתן",
            "יהונתן | הכהןהג | דלוחבר | היהודים",
            "יהונת | ןהכהןה | גדלוחבר | היהדים",
            "יהונ | תןהכהן | הגדלוח | ברהיה | דים",
            source=f"{TJC}; {GBC5}",
        ),
        *break_lines(
            "ינתן",
            "ינתן | הכהןהג | דלוחבר | היהדים",
            "ינתן | הכהןה | גדלוח | ברהיה | דים",
            source=TJC,
        ),
        *break_lines(
            "יונתן",
            "יונתן | הכהןהג | דלוחבר | היהדים",
            "יונ | תןהכה | ןהגדלו | חברהי | הדים",
            source=TJC,
        ),
    ),
    references=(
        cite("GBC5", "1149", "priestly, wreath"),
        cite("GBC5", "1144–1146", "priestly, wreath; TJC P to S", checked=False),
        cite("TJC", "T", "short name Yonatan, struck over 1148", checked=False),
        cite("GBC4", "473–475", "priestly, wreath"),
        cite("GBC6", "6181", "priestly, wreath"),
        cite("TJC", "N", "lily / anchor, royal legend: no wreath"),
        cite("GBC5", "1148", "the same as TJC N; GBC4 467"),
        cite("TJC", "O", "half prutah: palm branch / lily, royal legend: no wreath"),
        cite("GBC5", "1147", "half prutah, the same as TJC O"),
        cite("TJC", "K", "star in diadem / anchor: no wreath"),
        cite("GBC5", "1150", "the same as TJC K; GBC4 469, 471, 472 are stars too"),
        cite("TJC", "L", "star / anchor, Aramaic legend; inferred", checked=False),
        cite("GBC5", "1151, 1153", "star / anchor, Aramaic legend"),
        cite("GBC6", "6195", "the same as GBC5 1153"),
    ),
    attributions=(
        Attribution(
            school="Meshorer TJC 2001; Hendin GBC5 2010",
            ruler="Alexander Jannaeus",
            note="The attribution that this program follows.",
        ),
        Attribution(
            school="Older lists, for the short form Yonatan",
            ruler="John Hyrcanus II",
            note="Others give it to Jannaeus: it is struck over his lily and anchor.",
        ),
        Attribution(
            school="Ostermann 2005, for the short form Yonatan",
            ruler="undecided",
            note="Lists put a question mark there after this work.",
        ),
    ),
)
register_ruler(ALEXANDER_JANNAEUS)
