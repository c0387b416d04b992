"""The words of lot texts: patterns over folded text (lower case, no accents).

Each pattern lists, in order: English, German, French, Italian, Spanish, Russian,
Hebrew. The words for each ruler are in `coin_core.rulers`.
"""

from __future__ import annotations

import re
from typing import Final


def compile_all(*patterns: str) -> tuple[re.Pattern[str], ...]:
    """Compile some patterns."""
    return tuple(map(re.compile, patterns))


OTHER_RULERS: Final = compile_all(
    r"\bmattath?ia[sh]?\b|\bmattatayah\b|\bmati?tyahu\b|\bantigon(?:us|os|os|o|e)\b"
    r"|\bантигон\w*|אנטיגונוס|\bמתתיה\b",
    r"\bantioc(?:h|c)?(?:us|os|o|hus|hos)\b|\bантиох\w*|אנטיוכוס",
    r"\bherod(?:es|e|ian|ier)?\b|\berode\b|\bирод\w*|\bהורדוס\b",
    r"\baristob\w+ (?:of|von|de|di) chalcis\b|\barmenia minor\b|\bkleinarmenien\b",
    r"\bsalome\b|саломе\w*|שלומציון",
    r"\bagrippa\b|\bp(?:ontius|once|onzio|oncio) pilat\w+|пилат\w*"
    r"|פילאטוס|\bprocurator\w*|\bnero\b|\bantonius felix\b",
    r"\bbacchivs\b|\bivdaevs\b|\bplautius\b",
    r"\byehud\b.{0,40}\b(?:persian|achaemenid|ptolem\w+|gerah|obol|hemiobol|falcon)\b",
    r"\bbar ko[ck]h?[bv]a\b|\bfirst revolt\b|\bjewish war\b",
    r"\byehud\b (?:coin\w*|series|province|provinz|silver)",
    r"\bdemetri(?:us|os|o)\b|\bbalas\b|\bzabinas\b|\btigranes?\b|\b[ck]leopatra\b"
    r"|\bptolem(?:y|ae(?:us|os|er)|aios|ee|eo)\b",
    r"\baretas\b|\bobodas\b|\bnabat\w+|набате\w+|נבטי\w*",
    r"\bambib\w+|\bcoponius\b|\bgratus\b|\bprokurator\w*|\bprocurateur\w*"
    r"|\bprocurator[ei]\b|\bprocuradore?s?\b|прокуратор\w*|\bנציב\b",
    # a city or a kingdom at the head of a sentence is the issuer
    r"(?:^|[.;:] ?)(?:seleu[ck]i[da]\w*|phoenicia|phonizien|phenicie|fenicia"
    r"|decapolis|dekapolis|samaria|gaza|gadara|a[sc][ck]alon|tyre|tyros|sidon|scythopolis"
    r"|ptolemais|dora|philistia|armenia|egypt|syria)\b(?! hoard)",
)

OTHER_TYPES: Final = {
    name: re.compile(pattern)
    for name, pattern in {
        "star": r"\bstar\b(?! of david)|\bstern\b|\betoile\b"
        r"|\bstella\b|\bestrella\b|звезд\w*|\bו?כוכב\b|\bwheel\b|\brad\b|\broue\b"
        r"|\bruota\b|\brueda\b",
        "anchor": r"\banchor\b|\banker\b|\bancre\b|\bancla\b|якор\w*|\bו?עוגן\b"
        r"|(?:[/:.]|d/|r/)\s?ancora\b(?! (?:ben|bene|piu|leggibil\w+))"
        r"|\bancora (?:entro|in|capovolta|rovesciata|e stella)\b"
        r"|\bstella .{0,20}ancora\b",
        "lily": r"\blil(?:y|ies)\b|\blilien?\b|\bfleur-de-lis\b|\blis\b|\bgiglio\b"
        r"|\blirio\b|лили\w*|שושן|חבצלת",
        "palm": r"\bpalms?\b(?! beach)|\bpalm(?:zweig|baum|wedel)\b|\bpalm(?:e|a|ier)\b"
        r"|пальм\w*|כפת? תמרים|\bדקל\b",
        "helmet": r"\bhelmet\b|\bhelm\b|\bcasque\b|\belmo\b|\bcasco\b|\bшлем\w*|קסדה",
        "menorah": r"\bmenorah\b|\bshowbread\b|менор\w*|מנורה",
        "widow's mite": r"\bwidow'?s'? mites?\b|\blept(?:on|a|e)\b|\bscherflein\b"
        r"|(?:denier|obole) de la veuve|obolo della vedova|obolo de la viuda"
        r"|лепт\w*|\bלפטון\b|פרוטת האלמנה",
        "lead": r"\bin lead\b|\blead (?:prutah|tessera|token|issue|coin)|\bblei\b"
        r"|\bplomb\b|\bpiombo\b|\bplomo\b|свинц\w*|свинец|עופרת",
    }.items()
}

WREATH: Final = re.compile(
    r"\bwreath\b|kranz|\bcouronne\b|\bcorona\b|\bghirlanda\b|\bguirnalda\b"
    r"|\bвен(?:ок|к)\w*|\b[בה]?זר\b"
)
CORNUCOPIA: Final = re.compile(
    r"\bcornucop\w+|\bhorns\b|fullho?rn|\bcornes? d'abondance"
    r"|\bcuernos? de la abundancia\b|\bрог\w* изобилия|קרני? שפע"
)
PRIESTLY: Final = re.compile(
    r"\bpriest(?:ly)?\b|priester|\bsacerdot\w+|\bgrand[- ]pretre\b|первосвящ\w+"
    r"|\bה?כהן\b|\bה?כהונה\b"
)
# Coins of these rulers are one prutah each: more is another type, or several coins.
MORE_PRUTOT: Final = re.compile(
    r"\b(?:[2-9]|1\d|n\. ?\d+) (?:prut\w+|прут\w*|פרוטות)\b"
)
HALF_OR_DOUBLE: Final = re.compile(
    r"\b(?:half|double|two|2)[- ]prut\w+|\bhalb\w* ?prut\w+|\bdemi[- ]?prut\w+"
    r"|\bmezza prut\w+|\bmedi[ao] prut\w+|\bdoppel ?prut\w+|полпрут\w*|חצי פרוטה"
)

OR_NEAR: Final = re.compile(r"\b(?:or|oder|ou|или|או)\b")

# The years of a reign in the first century, after Jannaeus: "40-37 BC".
_BC = r"(?:b\. ?c|bce?\b|v\. ?chr|av\. j|a\. ?c|до н|לפנה)"
LATER_REIGN: Final = re.compile(
    rf"(?<![\d/.,-])(?<!- )(?:[1-9]|[1-6]\d|7[0-6])(?: ?{_BC}[^\s\d-]*)?"
    rf" ?(?:-|to\b|bis\b|a\b|до\b|עד\b) ?\d{{1,2}} ?{_BC}"
)
QUERY: Final = re.compile(r"[.\"')\]]{0,3}\s*[(\[]?\?")
# A question mark of its own; one behind a word ends a question.
QUERY_BEFORE: Final = re.compile(r"(?<![^\s(\[,;/])\?[)\]]?[\s\"'(]{0,3}$")

# Fields of a museum's record that are about other coins, or an earlier opinion.
OTHER_FIELDS: Final = re.compile(
    r"\b(?:related|history of attribution|former attribution|earlier attribution"
    r"|published|find ?spot|found with|fruhere (?:zuweisung|bestimmung)|fundort"
    r"|ancienne attribution|provenance|gia schedat\w|provenienza|procedencia"
    r"|прежнее определение|место находки|זיהוי קודם|מקום המציאה) ?:[^.;]*"
)
# "Not the star and anchor everybody has."
NEGATED_TYPE: Final = re.compile(
    r"\b(?:not?|nicht|kein\w*|pas|non|не)\b (?:\w+ ){0,2}?"
    r"(?:star|anchor|lily|stern|anker|lilie|etoile|ancre|lis|stella|ancora|giglio"
    r"|estrella|ancla|lirio|звезд\w*|якор\w*|лили\w*)[^.;,]*"
)
# Words about the coin under an overstrike: what follows them in the sentence, or the
# whole sentence, is blanked where the type is read.
OVERSTRIKE: Final = re.compile(
    r"\b(?:(?:over)?struck (?:on|over)|frappee? sur|sotto si ved\w+|darunter|под ним"
    r"|(?:uberprag|surfrapp|ribattut|riconiat|reacun)\w*)\b[^.;]*|נטבעה? על[^.;]*"
)
UNDERTYPE: Final = re.compile(r"\b(?:under-?type|untertyp|перечекан\w*)\b")
# Who a relation is to: two words and a numeral, with a title.
_PERSON = r"(?:the )?(?:king |konig |roi |re |rey |המלך )?\w+(?: \w+)?(?: i{1,3}\b)?"
# Words about other coins or people; they are blanked before the rest is read.
_ASIDES: Final = compile_all(
    r"\b(?:overstruck|struck|restruck|overstrike)(?: type)? (?:on|over|upon)\b[^.;]*",
    r"\buberprag(?:t|ung) (?:auf|uber)\b[^.;]*|\bsurfrapp\w+ sur\b[^.;]*"
    r"|\b(?:ribattut|riconiat)\w+ su\b[^.;]*|\b(?:re)?acunad\w+ sobre\b[^.;]*"
    r"|\bперечекан\w* (?:из|на|поверх)\b[^.;]*|נטבעה? (?:על גבי|מעל|על)\b[^.;]*",
    # an older book, or an earlier sale, that gave the coin to another ruler
    r"\((?:as|there|formerly|previously|listed|sold|als|dort|fruher|comme|autrefois"
    r"|come|gia|como|antes|как|ранее) [^)]*\)",
    r"\b(?:ghost|traces?|remains|spuren) (?:of|von|der|des)\b[^.;]*"
    r"|\bundertype\b[^.;]*",
    r"\b(?:restes?|reste?|traces?|tracce|restos|huellas|следы) "
    r"(?:(?:von|der|des|de|du|di|del|della|dello) |d'|dell')?"
    r"(?:l'|la |una? |eine[rs]? )?(?:untertyp|lili|anker|stern|ancre|ancora|ancla"
    r"|lis\b|giglio|lirio|etoile|stella|estrella|якор|лили|звезд)[^.;]*",
    r"\b(?:son|brother|father|nephew|grandson|successor|widow|wife) of (?:king )?"
    r"(?:\w+ ){0,2}\w+(?: i{1,3}\b)?(?: and (?:of )?(?:brother |son |father )?(?:of )?"
    r"(?:judah|judas|john|alexander) \w+(?: i{1,3}\b)?)?",
    # what others did before, after, with and against a ruler
    r"\b(?:contemporary (?:of|with)|(?:predecessor|successor|heir|follower|ally"
    r"|friend|enemy|rival|opponent|descendant|general)s? of|allied (?:with|to)"
    r"|war (?:with|against)|fought(?: against)?|defeated(?: by)?|(?:destroyed|taken"
    r"|captured|conquered|sacked|besieged|annexed|razed|founded) by"
    rf"|(?:death|invasion) of) {_PERSON}",
    r"(?<!sought )(?<!sought-)(?<!named )\b(?:post-|after )"
    rf"(?:the )?(?:(?:death|reign|time|days) of )?{_PERSON}",
    r"\b(?:zeitgenosse|nachfolger|vorganger|erbe|gegner|verbundeter)[ns]? (?:von|des)"
    rf" {_PERSON}|\b(?:zerstort|erobert|eingenommen|besiegt) (?:von|durch) {_PERSON}"
    rf"|\bnach dem tod (?:von|des) {_PERSON}",
    r"\b(?:contemporaine?|successeur|predecesseur|heritier|ami|allie)s? d(?:e |')"
    rf"{_PERSON}|\b(?:detruite?|prise?|conquise?) par {_PERSON}"
    rf"|(?<!d')\bapres (?:la mort d(?:e |'))?{_PERSON}",
    r"\b(?:contemporaneo|successore|predecessore|sucesor|predecesor|alleato|aliado)"
    rf" d[ie] {_PERSON}|\b(?:distrutt|destruid|conquistat|conquistad)[ao] (?:da|por)"
    rf" {_PERSON}|\b(?:dopo (?:la morte di )?|despues de (?:la muerte de )?){_PERSON}",
    rf"\b(?:преемник|современник|предшественник|союзник)\w* {_PERSON}",
    rf"(?:יורש[ויתם]*|בן זמנו|קודמו)(?: של)? {_PERSON}|(?:נכבשה?|נהרסה?|חרבה) (?:על ידי"
    rf"|בידי) {_PERSON}|(?:לאחר|אחרי) (?:מות |מותו של )?{_PERSON}",
    r"\b(?:his|her|whose) (?:\w+ )?(?:brother|son|father|uncle|nephew|widow|wife|mother"
    r"|successor|predecessor)(?: and successor)?,? (?:king |queen )?\w+(?: \w+)?"
    r"(?: i{1,3}\b)?",
    r"\b(?:widow|wife|queen),? salome(?: alexandra)?\b",
    r"\bgreek (?:letter )?(?:a|alpha)\b,? \([^)]*\)",
    r"\b(?:often |easily )?confused with\b[^.;]*|\bunlike\b[^.;,]*"
    r"|\b(?:rarer|scarcer|commoner|smaller|larger|lighter|heavier) than\b[^.;]*",
    r"\b(?:see also|compare)\b[^.;]*|\bzu den [^.;]* siehe\b[^.;]*"
    r"|\b(?:siehe auch|voir aussi|vedi anche|vease tambien|см\. также)\b[^.;]*",
    r"\b(?:sohn|bruder|vater|neffe) des (?:\w+ ){0,2}\w+(?: i{1,3}\b)?"
    r"(?: und (?:des )?\w+)?",
    r"\b(?:fils|frere|pere|neveu) d(?:e |')\w+(?: (?!et\b)\w+)?(?: (?:ier|i{1,3})\b)?"
    r"(?: et d(?:e |')\w+ \w+(?: (?:ier|i{1,3})\b)?)?",
    r"\b(?:figlio|fratello|padre|hijo|hermano) d[ei] (?:\w+ ){0,2}\w+(?: i{1,3}\b)?",
    r"\b(?:сын|сына|брат|брата|отец) (?:\w+ ){0,1}\w+(?: i{1,3}\b)?",
    r"\b(?:בן|בנו של|אחיו של|אביו של) (?:\w+ )?\w+",
    r"\b(?:(?:great-)?grand(?:father|son|mother)|nephew|uncle) of (?:king )?\w+"
    r"(?: \w+)?(?: i{1,3}\b)?|\b(?:ur)?(?:grossvater|enkel) (?:des|von) \w+(?: \w+)?"
    r"|\b(?:bis|tatar)?(?:abuelo|nieto) de [^.;,]*|\b(?:nonno|nipote) di [^.;,]*"
    r"|\b(?:petit-fils|grand-pere) d(?:e |')[^.;,]*|\b(?:внук|дед) \w+(?: \w+)?",
    r"\bex (?:\w+\.? ){1,4}collection\b|\b\w+ collection\b(?! of)",
    r"\b(?:collection of|sammlung|collezione|coleccion|collection de|собрани[ея]"
    r"|коллекци[яи]|אוסף) (?:\w+\.? ?){1,3}",
)
ASIDES: Final = (OTHER_FIELDS, NEGATED_TYPE, *_ASIDES)
