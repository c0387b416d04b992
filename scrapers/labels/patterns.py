"""The words of `labels`: patterns over folded text (lower case, no accents).

Each pattern lists, in order: English, German, French, Italian, Spanish, Russian,
Hebrew. They are written without accents, since `fold` takes them from the text.
"""

from __future__ import annotations

import re
from typing import Final

# A numeral after a name: "I" may not be the beginning of "II", "IV" or "IX".
FIRST: Final = (
    r"(?:i(?:er)?|1(?:er|st|-i|-и)?|(?:the )?first|der erste|primo|primero|perv\w+"
    r"|перв\w+|הראשון|א')(?![\w])"
)
LATER: Final = (
    r"(?:ii|iii|iv|v|vi{1,3}|ix|x|[2-9](?:nd|e|-и)?|(?:the )?second|der zweite"
    r"|secondo|segundo|втор\w+|השני|ב')(?![\w])"
)

_JOHN = (
    r"(?:john|johanan|yohanan|yochanan|jochanan|yehohanan|jehohanan|johannes|ioannes"
    r"|jean|giovanni|juan|иоанн\w*|иоханан\w*|[לבהשומכ]{0,2}יוחנן)"
)
_HYRCAN = (
    r"(?:h[yi]rk?c?an(?:us|os|o)?|ircano|гиркан(?:а|у|ом|е)?|[לבהשומכ]{0,2}הורקנוס)"
)
_JUDAH = (
    r"(?:judah|judas|juda|yehudah?|jehudah?|giuda|иуд[аыуе]|иехуд[аыуе]"
    r"|[לבהשומכ]{0,2}יהודה)"
)
_ARISTOB = (
    r"(?:aristob(?:o?ul(?:us|os|o|e)?|oul(?:us|os))"
    r"|аристобул(?:а|у|ом|е)?|אריסטובו?לוס)"
)
_JANNAI = (
    r"(?:(?:j|i|y|gi)ann(?:ae(?:us|os|i)|ai(?:os|us)?|ay|aus|eus|eos|eo|ee)"
    r"|janaeus|[jy]aneo|yanai|янна\w+|янне\w+|яна[ияею]|[לבהשומכ]{0,2}ינאי)"
)

HYRCANUS: Final = rf"(?:{_JOHN}\s+)?\b{_HYRCAN}\b"
JOHN_HYRCANUS: Final = rf"\b{_JOHN}\s+{_HYRCAN}\b"
ARISTOBULUS: Final = rf"(?:{_JUDAH}\s+)?\b{_ARISTOB}\b"
JUDAH_ARISTOBULUS: Final = rf"\b{_JUDAH}\s+{_ARISTOB}\b"
JANNAEUS: Final = rf"\b(?:(?:al[ei]\w+|алекс\w+|אלכסנדר)\s+)?{_JANNAI}\b"

# The name on the coin, spoken, spelt in Latin letters, or in Hebrew.
_PRIEST_OR_KING = (
    r"(?:,? (?:the |le |der |il |el )?(?:high )?"
    r"(?:priest|king|hoh[e]?priester|grand pretre|sommo sacerdote|sumo sacerdote"
    r"|kohen|cohen|первосвящ\w+))"
)
_GAP = r"[\s/|.,·-]{0,4}"


def _spelt(letters: str) -> str:
    """Letters one by one, as a lot text breaks them over lines."""
    return r"(?<![a-z])" + _GAP.join(letters.split())


NAMES_ON_COIN: Final = {
    "yehohanan": (
        r"\b[yji]e[ck]?ho[ck]?han+an\b",
        r"\b(?:y|j)(?:e|o)c?hanan" + _PRIEST_OR_KING,
        _spelt("y h w h n n"),
        r"\bи[ие]?г?еоханан\w*|\bиегоханан\w*|\bйегоханан\w*",
        r"\bיהוחנן\b",
    ),
    "yehudah": (
        r"\b(?:y|j)eho?udah?\b" + _PRIEST_OR_KING,
        r"(?:legend[ae]?|inscription|name|named) ?:? ?(?:of )?[\"'(]?"
        r"(?:y|j)eho?ud(?:ah?)?\b",
        r"\(\s*(?:y|j)eho?udah?\s*\)",
        _spelt("y h w d h?") + _GAP + _spelt("h? k h n").removeprefix("(?<![a-z])"),
        r"\bיהודה\s+ה?כה?ן?\s?ה?גדו?ל",
    ),
    "yehonatan": (
        r"\b(?:y|j)eh?onat(?:h)?an\b(?<!yonatan)(?<!yonathan)(?<!jonathan)(?<!jonatan)",
        r"\bjonath?an" + _PRIEST_OR_KING,
        r"[\"']jonath?an\b",
        _spelt("y h w n t n"),
        r"\bи[ие]?(?:х|г)?онатан\w*",
        r"\bיהונתן\b",
    ),
    "yonatan": (
        r"\byonath?an\b",
        _spelt("y w? n t n"),
        r"\bיו?נתן\b",
    ),
}

OTHER_RULERS: Final = (
    r"\bmattath?ia[sh]?\b|\bmattatayah\b|\bmati?tyahu\b|\bantigon(?:us|os|os|o|e)\b"
    r"|\bантигон\w*|אנטיגונוס|\bמתתיה\b",
    r"\bantioc(?:h|c)?(?:us|os|o|hus|hos)\b|\bантиох\w*|אנטיוכוס",
    r"\bherod(?:es|e|ian|ier)?\b|\berode\b|\bирод\w*|\bהורדוס\b",
    r"\baristob\w+ (?:of|von|de|di) chalcis\b|\barmenia minor\b|\bkleinarmenien\b",
    r"\bsalome\b|саломе\w*|שלומציון",
    r"\bagrippa\b|\bpontius pilat\w+|\bprocurator\w*|\bnero\b|\bantonius felix\b",
    r"\bbacchivs\b|\bivdaevs\b|\bplautius\b",
    r"\byehud\b.{0,40}\b(?:persian|achaemenid|ptolem\w+|gerah|obol|hemiobol|falcon)\b",
    r"\bbar ko[ck]h?[bv]a\b|\bfirst revolt\b|\bjewish war\b",
)

OTHER_TYPES: Final = {
    "star": r"\bstar\b(?! of david)|\bstern\b|\betoile\b"
    r"|\bstella\b|\bestrella\b|звезд\w*|\bו?כוכב\b|\bwheel\b|\brad\b|\broue\b"
    r"|\bruota\b|\brueda\b",
    "anchor": r"\banchor\b|\banker\b|\bancre\b|\bancla\b|якор\w*|\bו?עוגן\b"
    r"|(?:[/:.]|d/|r/)\s?ancora\b(?! (?:ben|bene|piu|leggibil\w+))|\bancora (?:entro"
    r"|in|capovolta|rovesciata|e stella)\b|\bstella .{0,20}ancora\b",
    "lily": r"\blil(?:y|ies)\b|\blilien?\b|\bfleur-de-lis\b|\blis\b|\bgiglio\b"
    r"|\blirio\b|лили\w*|שושן|חבצלת",
    "palm": r"\bpalms?\b(?! beach)|\bpalm(?:zweig|baum|wedel)\b|\bpalm(?:e|a|ier)\b"
    r"|пальм\w*|כפת? תמרים|\bדקל\b",
    "helmet": r"\bhelmet\b|\bhelm\b|\bcasque\b|\belmo\b|\bcasco\b|\bшлем\w*|קסדה",
    "menorah": r"\bmenorah\b|\bshowbread\b|менор\w*|מנורה",
    "widow's mite": r"\bwidow'?s'? mites?\b|\blept(?:on|a|e)\b|\bscherflein\b"
    r"|(?:denier|obole) de la veuve|obolo della vedova|obolo de la viuda"
    r"|лепт\w*|\bלפטון\b|פרוטת האלמנה",
    "lead": r"\bin lead\b|\blead (?:prutah|tessera|token|issue|coin)|\bblei\b|\bplomb\b"
    r"|\bpiombo\b|\bplomo\b|свинц\w*|свинец|עופרת",
}

WREATH: Final = (
    r"\bwreath\b|kranz|\bcouronne\b|\bcorona\b|\bghirlanda\b|\bguirnalda\b"
    r"|\bвен(?:ок|к)\w*|\b[בה]?זר\b"
)
CORNUCOPIA: Final = (
    r"\bcornucop\w+|\bhorns\b|fullho?rn|\bcornes? d'abondance"
    r"|\bcuernos? de la abundancia\b|\bрог\w* изобилия|קרני? שפע"
)
PRIESTLY: Final = (
    r"\bpriest(?:ly)?\b|priester|\bsacerdot\w+|\bgrand[- ]pretre\b|первосвящ\w+"
    r"|\bה?כהן\b|\bה?כהונה\b"
)
# Coins of these rulers are one prutah each: more is another type, or several coins.
MORE_PRUTOT: Final = r"\b(?:[2-9]|1\d|n\. ?\d+) (?:prut\w+|прут\w*|פרוטות)\b"
HALF_OR_DOUBLE: Final = (
    r"\b(?:half|double|two|2)[- ]prut\w+|\bhalb\w* ?prut\w+|\bdemi[- ]?prut\w+"
    r"|\bmezza prut\w+|\bmedi[ao] prut\w+|\bdoppel ?prut\w+|полпрут\w*|חצי פרוטה"
)

OR_NEAR: Final = r"\b(?:or|oder|ou|или|או)\b"
OR: Final = r"\s*(?:/|\bor\b|\boder\b|\bou\b|\bo\b|\bили\b|\bאו\b|-)\s*"

# What is said of other coins or people: blanked before the rest is read.
ASIDES: Final = (
    r"\b(?:overstruck|struck|restruck|overstrike)(?: type)? (?:on|over|upon)\b[^.;]*",
    r"\buberprag(?:t|ung) (?:auf|uber)\b[^.;]*|\bsurfrapp\w+ sur\b[^.;]*"
    r"|\bribattut\w+ su\b[^.;]*|\breacunad\w+ sobre\b[^.;]*"
    r"|\bперечекан\w+ (?:из|на)\b[^.;]*",
    r"\b(?:ghost|traces?|remains|spuren) (?:of|von|der|des)\b[^.;]*"
    r"|\bundertype\b[^.;]*",
    r"\b(?:restes?|reste?|traces?|tracce|restos|huellas|следы) "
    r"(?:(?:von|der|des|de|du|di|del|della|dello) |d'|dell')?"
    r"(?:l'|la |una? |eine[rs]? )?(?:untertyp|lili|anker|stern|ancre|ancora|ancla"
    r"|lis\b|giglio|lirio|etoile|stella|estrella|якор|лили|звезд)[^.;]*",
    r"\b(?:son|brother|father|nephew|grandson|successor|widow|wife) of (?:king )?"
    r"(?:\w+ ){0,2}\w+(?: i{1,3}\b)?(?: and (?:of )?(?:brother |son |father )?(?:of )?"
    r"(?:judah|judas|john|alexander) \w+(?: i{1,3}\b)?)?",
    r"\b(?:his|her|whose) (?:\w+ )?(?:brother|son|father|uncle|nephew|widow|wife|mother"
    r"|successor|predecessor)(?: and successor)?,? (?:king |queen )?\w+(?: \w+)?"
    r"(?: i{1,3}\b)?",
    r"\b(?:widow|wife|queen),? salome(?: alexandra)?\b",
    r"\bgreek (?:letter )?(?:a|alpha)\b,? \([^)]*\)",
    r"\b(?:often |easily )?confused with\b[^.;]*|\bunlike\b[^.;,]*"
    r"|\b(?:rarer|scarcer|commoner|smaller|larger|lighter|heavier) than\b[^.;]*",
    r"\b(?:see also|compare)\b[^.;]*|\bzu den [^.;]* siehe\b[^.;]*"
    r"|\b(?:siehe auch|voir aussi|vedi anche|vease tambien|см\. также)\b[^.;]*",
    r"\b(?:sohn|bruder|vater|neffe) des (?:\w+ ){0,2}\w+(?: i{1,3}\b)?",
    r"\b(?:fils|frere|pere|neveu) d(?:e |')\w+(?: (?!et\b)\w+)?(?: (?:ier|i{1,3})\b)?"
    r"(?: et d(?:e |')\w+ \w+(?: (?:ier|i{1,3})\b)?)?",
    r"\b(?:figlio|fratello|padre|hijo|hermano) d[ei] (?:\w+ ){0,2}\w+(?: i{1,3}\b)?",
    r"\b(?:сын|сына|брат|брата|отец) (?:\w+ ){0,1}\w+(?: i{1,3}\b)?",
    r"\b(?:בן|בנו של|אחיו של|אביו של) (?:\w+ )?\w+",
    r"\bex (?:\w+\.? ){1,4}collection\b|\b\w+ collection\b(?! of)",
    r"\b(?:collection of|sammlung|collezione|coleccion|collection de|собрани[ея]"
    r"|коллекци[яи]|אוסף) (?:\w+\.? ?){1,3}",
)

REIGNS: Final = {
    "john_hyrcanus_i": r"\b13[45](?:/4)? ?(?:-|to|bis|a|bc -) ?104\b",
    "judah_aristobulus_i": r"\b104(?: ?(?:-|to|bis|a) ?103)?\b(?<!-104)(?<!- 104)",
    "alexander_jannaeus": r"\b10[34] ?(?:-|to|bis|a) ?76\b",
    "hyrcanus_ii": r"\b6[37](?:,| and|-| ?und).{0,12}\b40\b|\b63 ?- ?40\b",
    "aristobulus_ii": r"\b6[67] ?- ?63\b",
}


def compile_all(patterns: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    """Compile a tuple of patterns once."""
    return tuple(re.compile(one) for one in patterns)
