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
    r"|аристобул(?:а|у|ом|е)?|אריסטובולוס)"
)
_JANNAI = (
    r"(?:(?:j|i|y|gi)ann(?:ae(?:us|os|i)|ai(?:os|us)?|ay|aus|eus|eos|eo|ee)"
    r"|janaeus|janeo|yanai|янна\w+|янне\w+|[לבהשומכ]{0,2}ינאי)"
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
    "star": r"\bstar\b(?! of david)|\bstern\b|\w*strahlig\w* stern|\betoile\b"
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
    r"\bwreath\b|\w*kranz\w*|\bcouronne\b|\bcorona\b|\bghirlanda\b|\bguirnalda\b"
    r"|\bвен(?:ок|к)\w*|\b[בה]?זר\b"
)
CORNUCOPIA: Final = (
    r"\bcornucop\w+|\bhorns\b|\w*fullh[o]?rn\w*|\bcornes? d'abondance"
    r"|\bcuernos? de la abundancia\b|\bрог\w* изобилия|קרני? שפע"
)
HALF_OR_DOUBLE: Final = (
    r"\b(?:half|double|two|2)[- ]prut\w+|\bhalb\w* ?prut\w+|\bdemi[- ]?prut\w+"
    r"|\bmezza prut\w+|\bmedi[ao] prut\w+|\bdoppel ?prut\w+|полпрут\w*|חצי פרוטה"
)

SEVERAL: Final = (
    r"\bgroup (?:lot|of)\b|\b(?:large|mixed|bulk) lot\b|\blot (?:of|von|aus|de|di)\b"
    r"|\blos (?:von|aus)\b|\blott[oi] (?:di|da)\b|\blote de\b|\bлот из\b|\bלוט של\b"
    r"|\b(?:pair|trio|set|selection|collection) of (?:\w+ )?(?:prut|coin|bronze)\w*"
    r"|(?<!hoard of )(?<!hort von )\b(?:[2-9]|[1-9]\d+|two|three|four|five|six|ten)"
    r" (?:\w+ )?(?:coins|pieces|munzen|bronzemunzen|stuck|monnaies|monete|monedas"
    r"|монет\w*|מטבעות)\b"
    r"|\((?:[2-9]|1\d)\)|\(\d{1,3} (?:coins|pcs|pieces|stuck|pieces|pezzi|шт\w*)\)"
    r"|(?<![\d] )(?<!two )(?<!eight )(?<!four )\bprut(?:oth?|ahs|as)\b"
    r"|\b(?:x ?(?:[2-9]|1\d)|(?:[2-9]|1\d) ?x)\b(?![.,]?\d| ?mm| ?\d)"
    r"|\b(?:[35679]|[1-9]\d+) prut(?:oth?|ahs|as|ot)\b|\bkonvolut\b|\blot with\b"
    r"|\b(?:and|und|et|e|y|и) (?:others?|anderen?|autres|altr[ei]|otr[ao]s|друг\w+)\b"
    r"|\bu\.a\.|\btogether with\b|\bwith:|\b(?:bag|tray|bulk) of\b|\bнабор\b"
    r"|\bподборк\w+|\bserie (?:von|de|di)\b|\bset of\b|אוסף של|\bסט\b"
    r"|\bvarious types\b|\bverschiedene\b|\bcoins of\b"
)
NOT_GENUINE: Final = (
    r"\bimitation\w*\b|\bimitative\b|\breplicas?\b|\brepliken?\b|\brepliques?\b"
    r"|\bcopy\b(?! of (?:the |an )?(?:export|licen|certificate|ticket|invoice))"
    r"|\bkopien?\b|\bcopies? moderne\w*|\bcopie\b|\bcopia\b|\bfake\b"
    r"|\bforger(?:y|ies)\b|\brepro(?:duction|duktion|duccion)\w*\b|\briproduzione\b"
    r"|\brestrike\b|\bfantasy\b|\bsouvenir\b|репродукци\w*|новодел|сувенир"
    r"|\bcounterfeit\w*\b|\bfalschung\w*\b|\bfausse?\b|\bfaux\b|\bfalso\b|\bfalsific\w+"
    r"|\bcast\b(?! (?:flan|sprue|planchet|seam))(?<!edge-cast)|\bnachguss\b"
    r"|\bnachahmung\w*\b|\bnachpragung\w*\b|\bnachbildung\w*\b|\b\w+kopien?\b"
    r"|\bfa[ck]simil\w*\b|\bmoulage\b|\bimitazione\b|\bimitacion\b|\belectrotype\w*\b"
    r"|\bgalvano\w*\b|имитаци\w*|подделк\w*|реплик\w*|\bкопи[яию]\b|חיקוי|העתק|זיוף"
)
MOUNTED: Final = (
    r"\bpendants?\b|\bjewell?e?ry\b|\bmounted (?:in|as)\b|\bin (?:gold|silver) bezel\b"
    r"|\banhanger\b|\bgefasst\b|\bpendentif\b|\bciondolo\b|\bpendente\b|\bcolgante\b"
    r"|подвеск\w*|תליון|תכשיט"
)
LITERATURE: Final = r"\b(?:hard|soft)cover\b|\bpaperback\b|\b\d{2,4} pp\b|\bpp\. \d+"

DOUBT: Final = (
    r"\buncertain\b(?! (?:mint|date|year))|\bperhaps\b|\bpossibly\b|\bprobabl[ye]\b"
    r"|\blikely\b|\battributed to\b|\btime of\b|\b(?:style|manner) of\b"
    r"|\bwahrscheinlich\b|\bvermutlich\b|\bwohl\b|\bprobablement\b|\bpeut-etre\b"
    r"|\battribuee? a\b|\bprobabilmente\b|\bforse\b|\bprobablemente\b|\bquizas?\b"
    r"|вероятно|возможно|предположительно|כנראה|\bאולי\b"
    r"|\bunbestimmt\w*\b|\bvielleicht\b|\bincertain\b|\bincerto\b|\bincierto\b"
    r"|неопредел\w+"
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
    r"(?:\w+ ){0,2}\w+(?: i{1,3}\b)?",
    r"\b(?:sohn|bruder|vater|neffe) des (?:\w+ ){0,2}\w+(?: i{1,3}\b)?",
    r"\b(?:fils|frere|pere|neveu) de (?:\w+ ){0,2}\w+(?: (?:ier|i{1,3})\b)?",
    r"\b(?:figlio|fratello|padre|hijo|hermano) d[ei] (?:\w+ ){0,2}\w+(?: i{1,3}\b)?",
    r"\b(?:сын|сына|брат|брата|отец) (?:\w+ ){0,1}\w+(?: i{1,3}\b)?",
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
