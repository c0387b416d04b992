"""The words by which a lot is no single genuine coin, or is in doubt.

Patterns over folded text (lower case, no accents). The lines of each are ordered by
language: English, German, French, Italian, Spanish, Russian, Hebrew.
"""

from __future__ import annotations

import re
from typing import Final

from coin_core.rulers import label_words

_NUMBER = (
    r"(?:[2-9]|[1-9]\d+|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen"
    r"|twenty|zwei|drei|vier|funf|sechs|sieben|acht|neun|zehn|deux|trois|quatre|cinq"
    r"|sept|huit|neuf|dix|due|tre|quattro|cinque|sei|sette|otto|nove|dieci|dos|tres"
    r"|cuatro|cinco|seis|siete|ocho|nueve|diez|две|два|три|трех|четыре|пять|шесть|семь"
    r"|восемь|девять|десять|שתי|שני|שלוש|שלושה|ארבע|ארבעה|חמש|חמישה|שש|שבע|עשר)"
)
_COINS = (
    r"(?:coins|pieces|bronzes|munzen|\w+munzen|bronzen|stuck|monnaies|monete|bronzi"
    r"|monedas|bronces|монет\w*|מטבעות)"
)
# "8 prutot" and "two prutot" are denominations, and a hoard is where one coin was found
_NUMBERED = (
    r"(?<!hoard of )(?<!hort von )(?<!fund von )(?<!tresor de )(?<!postiglio di )"
    rf"(?<!tesoro de )(?<!клада из )\b{_NUMBER} (?:\w+ ){{0,2}}{_COINS}\b"
    r"(?! (?:are |sind |sont |sono )?(?:known|bekannt|connu|noti|note|conocid|известн))"
    r"|\b(?:due|tre|deux|trois|dos|tres|zwei|drei|две|три|пять|שתי|שלוש|ארבע|חמש)"
    r" (?:prut\w+|прут\w+|פרוטות)\b|\bלוט \d+ פרוטות"
    r"|\b(?:[35679]|[1-9]\d+) (?:prut(?:oth?|ahs|as|ot)|прут(?:ы|от)?|פרוטות)\b"
    r"|(?<![\d] )(?<!two )(?<!eight )(?<!four )\bprut(?:oth?|ahs|as)\b"
    r"|\((?:[2-9]|1\d)\)|\b(?:[2-9]|[1-9]\d{1,2}) ?(?:pcs|stk|pz|pezzi|piezas|unidades"
    r"|uds|шт|יחידות)\b"
    r"|\b(?:x ?(?:[2-9]|1\d)|(?:[2-9]|[1-9]\d{1,2}) ?x)\b(?![.,]?\d| ?mm| ?\d)"
)

SEVERAL: Final = re.compile(
    rf"{_NUMBERED}"
    r"|\bgroup (?:lot|of)\b|\b(?:large|mixed|bulk) lot\b|\blot (?:of|with)\b"
    r"|\b(?:trio|set|selection|bag|tray|bulk|assortment) of\b|\bbulk:"
    r"|(?<!cornucopia )(?<!cornucopiae )(?<!horn )\bpair\b"
    r"(?! of (?:\w+ )?(?:cornu|horn))"
    r"|\bduo (?:of|von|de|di)\b|\bduo\b(?=\s*(?:[.,;]|$))"
    r"|(?<!than a )(?<!only a )(?<!about a )(?<!some )\bdozen\b"
    r"(?! (?:\w+ )?(?:known|specimens|examples|dies))|\bdutzend\b|\bdouzaine\b"
    r"|\bdozzina\b"
    r"|\bdocena\b|\bдюжин\w*|תריסר"
    r"|(?<!tjc )(?<!meshorer )\bgroup\b(?=\s*(?:[.;!]|$))"
    r"|(?<![.,#\d])\b[2-9] ae\b(?=\s*(?:[.,;]|$))"
    r"|\bcollection of (?:\w+ )?(?:prut|coin|bronze)\w*|\btogether with\b|\bwith:"
    r"|\band others?\b|\bvarious types\b|\bcoins of\b"
    r"|\blo[ts] (?:von|aus)\b|\bkonvolut\b|\bpaar\b|\bgruppe von\b|\bserie von\b"
    r"|\bund anderen?\b|\bu\. ?a\.|\bverschiedene\b"
    r"|\blot de\b|\bpaire\b|\bensemble de\b|\bgroupe de\b|\bserie de\b|\bet autres\b"
    r"|\blott[oi] d[ia]\b|\bcoppia\b|\binsieme di\b|\bgruppo di\b|\bserie di\b"
    r"|\be altr[ei]\b"
    r"|\blote de\b|\bpareja\b|\bpar de\b|\bconjunto de\b|\bgrupo de\b|\by otr[ao]s\b"
    r"|\bлот из\b|\bпара прут\b|\bнабор\b|\bподборк\w+|\bодним лотом\b|\bи друг\w+"
    r"|\bלוט של\b|אוסף של|\bסט\b|\bזוג\b|\bצמד\b"
    r"|\b(?:lot|los|lotto|lote|лот|לוט):\s*(?!\d|nr|no\b|n\W)"
)
# Words about an earlier purchase, where one coin may have been one of several.
PROVENANCE: Final = re.compile(
    r"\b(?:purchased|bought|acquired|erworben|gekauft|acquise?|achetee?|acquistat[ao]"
    r"|comprad[ao]|adquirid[ao]|куплен\w*|приобретен\w*)\b[^.;]*"
    r"|\b(?:provenance|from|part of|teil|aus|issue?s?) (?:d'|de |of )?(?:an? |un |une"
    r" |eine[smr] )?(?:\w+ )?(?:lot|los|lots)\b(?: (?:de|of|von))?[^.;]*"
)
NOT_GENUINE: Final = re.compile(
    r"\bimitation\w*\b|\bimitative\b|\breplicas?\b|\bfake\b|\bforger(?:y|ies)\b"
    r"|\bcop(?:y|ies)\b(?! of (?:the |an )?(?:export|licen|certificate|ticket|invoice))"
    r"|\bcast\b(?! (?:flan|sprue|planchet|seam))(?<!edge-cast)|\bcounterfeit\w*\b"
    r"|\brepro(?:duction|duktion|duccion)\w*\b|\brestrike\b|\bfantasy\b|\bsouvenir\b"
    r"|\belectrotypes?\b|\bfa[ck]simil\w*\b|\b(?:gold|silver)-?plated\b|\bplaster\b"
    r"|\brepliken?\b|\b\w*kopien?\b|\bfalschung\w*\b|\b(?:nach|ab)guss\b"
    r"|\bnach(?:ahmung|pragung|bildung)\w*\b|\bgalvano\w*\b|\bvergoldet\b"
    r"|\brepliques?\b|\bcopie\b|\bfausse?\b|\bfaux\b|\bmoulage\b|\bplaquee? or\b"
    r"|\bcopia\b|\bimitazione\b|\bfals[ao]\b|\bfalsific\w+|\briproduzione\b"
    r"|\bcontraffa\w+|\bplacat[ao]\b"
    r"|\bimitacion\b|\breplica\b|\bchapad[ao]\b"
    r"|имитаци\w*|подделк\w*|фальшив\w*|реплик\w*|\bкопи[яию]\b|репродукци\w*"
    r"|новодел|сувенир|муляж|отливк\w+|слепок|позолоч\w+"
    r"|חיקוי|העתק|זיוף|מזויפ\w*|יציקה מודרנית"
)
MOUNTED: Final = re.compile(
    r"\bpendants?\b|\bjewell?e?ry\b|\bmounted (?:in|as)\b|\bin (?:gold|silver) bezel\b"
    r"|\b(?:gold|silver|finger) ?rings?\b|\bring (?:set )?with\b|\bcuff ?links?\b"
    r"|\bbrooch\b|\bbracelet\b|\bnecklace\b|\bearrings?\b|\bkey ?(?:ring|chain)\b"
    r"|\bschlusselanhanger\b|\bporte-cles?\b|\bportachiavi\b|\bllavero\b"
    r"|\banhanger\b|\b(?:ein)?gefasst\w*|\b(?:silber|gold|finger)ring\b|\bbrosche\b"
    r"|\barmband\b|\bhalskette\b|\bohrring\w*|\bmanschettenkn\w+"
    r"|\bpendentif\b|\bbague\b|\bserti[es]?\b|\bbroche\b|\bcollier\b|\bbouton de manch"
    r"|\bciondolo\b|\bpendente\b|\banello\b|\bspilla\b|\bbracciale\b|\bcollana\b"
    r"|\bmontat[ao] (?:in|su)\b|\bincastonat[ao]\b|\bgemelli\b"
    r"|\bcolgante\b|\banillo\b|\bpulsera\b|\bmontad[ao] en\b|\bengastad[ao]\b"
    r"|\bgemelos\b"
    r"|подвеск\w*|брелок\w*|кулон\w*|кольцо\b|перст\w+|брошь|браслет\w*"
    r"|\bв оправе\b|запонк\w+"
    r"|תליון|תכשיט|\bטבעת\b|צמיד|עגיל\w*|משובצ?\w*"
)
OTHER_OBJECT: Final = re.compile(
    r"\b(?:seal|signet)s? (?:ring|stone|impression|of (?!approval|quality))|\bbullae?\b"
    r"|\b(?:stone|lead|scale) weights?\b|\barrow-?heads?\b|\bsling bullets?\b"
    r"|\boil lamps?\b|\bfigurine\b|\bmedal(?:lion)?\b(?! (?:alignment|axis|rotation))"
    r"|\bsiegel\b|\bpfeilspitze\w*|\bollampe\w*|\bmedaille\b|\b(?:stein|blei)gewicht\b"
    r"|\bsceau de\b|\bpointe de fleche\b|\blampe a huile\b"
    r"|\bpoids (?:en|de) p(?:ierre|lomb)\b"
    r"|\bsigillo di\b|\bpunta di freccia\b|\blucerna\b|\bmedagli(?:a|one)\b"
    r"|\bsello de (?!calidad|garantia)|\bpunta de flecha\b|\bmedall(?:a|on)\b"
    r"|\bбулла\b|\bнаконечник\w*|\bмасляная лампа\b|\bмедал\w+"
    r"|\bבולה\b|\bחותם של\b|ראש חץ|נר שמן|\bמדליה\b|\bמשקולת\b"
)
LITERATURE: Final = re.compile(
    r"\b(?:hard|soft)cover\b|\bpaperback\b|\b\d{2,4} pp\b|\bpp\. \d+|\boffprint\b"
    r"|\bsonderdruck\b|\bisbn\b"
)

DOUBT: Final = re.compile(
    rf"{label_words.DOUBT}|\btime of\b|\b(?:style|manner) of\b"
    r"|\brandom\w*\b|\b(?:one|any) of the coins\b"
    r"|\bmodern\b(?! (?:israel|day|jerusalem|scholar))|\bmoderne[rs]?\b|\bmodern[ao]\b"
    r"|современн\w+|מודרני\w*"
)
# "No copy", "keine Replik"; and copies of documents that come with a coin.
NEGATED: Final = re.compile(
    r"\b(?:no|not|never|nor|kein\w*|nicht|pas|ni|jamais|non|senza|sin|не|ни|без)\b"
    r"(?:'| |\b)(?:\w+[ ,]+){0,2}?(?:cop\w+|replik\w*|replica\w*|replique\w*|fakes?"
    r"|forger\w+|imitat\w+|reproduc\w+|reproduk\w+|falschung\w*|faux|fausse"
    r"|fals\w+|имитац\w+|копи\w+|реплик\w*|подделк\w*|новодел\w*)"
    r"(?: (?:or|nor|oder|noch|ni|ou|o|и|или|ни) (?:не |ни )?(?:\w+ )?(?:cop\w+|repli\w+"
    r"|fakes?|falschung\w*|fals\w+|reproduc\w+|новодел\w*|подделк\w*|реплик\w*))?"
    r"|\b(?:и|и не|ни) новодел\b|\bו?לא (?:העתק|רפליקה|זיוף|חיקוי)"
    r"(?: ולא (?:העתק|רפליקה|זיוף|חיקוי))?"
    r"|\b(?:licen[cs]e|permit|genehmigung|ausfuhrgenehmigung|certificate|invoice"
    r"|zertifikat|certificat|certificato|certificado)\b[^.;]{0,40}"
    r"\b(?:copy|kopie|copie|copia)\b"
)
# Such words say how good or how common a coin is, and deny no name: "not rare".
_HARMLESS = (
    r"(?! (?:an? |so |sehr |tres )?(?:reserve|returns?|tooling|tax|doubt|only|just"
    r"|often|common\w*|uncommon|rare|scarce|easy|easily|miss|clean\w*|tooled|dated?"
    r"|perfect|nur|haufig\w*|selten\w*|gereinigt\w*|seulement|courant\w*|solo|solamente|comune"
    r"|comun|rar[aeo]|только|част\w*|редк\w*|רק|נדיר\w*|שכיח\w*|נפוצ\w*)\b)"
)
# Words that deny what is close behind them in the same clause: "not Jannaeus",
# "wrongly described as Jannaeus"; matched against the end of what is before a name.
DENIED_BEFORE: Final = re.compile(
    r"(?:\b(?:not|no(?!\.|:| ?\d)|never|nor|isn't|doesn't|nicht|kein\w*|weder|pas|ni"
    rf"|non|не|ни|нет|לא|אינ[וה]|איננ[וה]|אין)\b{_HARMLESS}(?:[ :\"'-]+\w+){{0,3}}"
    r"|\b(?:neither|hardly|scarcely|anything but|nothing to do with|rejects?|kaum"
    r"|schwerlich|without the (?:name|legend)|ohne (?:den )?namen|rien a voir avec"
    r"|niente a che|nada que ver|едва ли|вряд ли|כלל לא"
    r"|cannot|can't|unlikely|other than|rather than|instead of|ruled out|rules out"
    r"|excludes?|wrong(?:ly)?|false(?:ly)?|erroneous(?:ly)?|incorrect(?:ly)?"
    r"|mistaken(?:ly)?|mis(?:attributed|described|identified|labell?ed)|formerly"
    r"|previously|old (?:ticket|tag|label|flip|envelope)|whether"
    r"|irrtumlich|falschlich|falsch|statt|anstatt|ausgeschlossen|ehemals|vormals"
    r"|a tort|exclut?|plutot que|autrefois|au lieu"
    r"|erroneamente|a torto|esclus[oa]|anziche|piuttosto che|invece di"
    r"|descartad[oa]|excluid[oa]|en vez de|equivocadamente"
    r"|ошибочно|исключ\w+|вместо|ранее|בטעות|במקום|למעט|לשעבר)\b"
    r"(?:[ :\"'-]+\w+){0,5})[ :\"'-]*$"
)
# Words that deny what is just before them, matched against what follows a name.
DENIED_BEHIND: Final = re.compile(
    r"[^.;,!?]{0,24}?\b(?:rejected|ruled out|excluded|disproved|refuted|is wrong"
    r"|(?:is|seems) (?:questionable|impossible|unlikely|improbable|untenable)"
    rf"|(?:is|was|ist es|n') ?(?:not|nicht|est pas){_HARMLESS}|ist falsch|abgelehnt"
    r"|verworfen|ausgeschlossen|widerlegt|scheidet aus|rejetee?|exclue?|ecartee?"
    r"|respint[oa]|esclus[oa]|rechazad[oa]|descartad[oa]|отверг\w+|исключ\w+"
    r"|נדח\w*|נשלל\w*|נפסל\w*)(?!\w)"
)
# What a note may say against its own coin; all else in a note is history.
NOTE_DOUBT: Final = re.compile(
    r"\brandom\w*\b|\b(?:one|any) of the (?:coins|pieces)\b"
    r"|\b(?:coin|piece|specimen|example) (?:may|might|could) (?:also |well )?be\b"
    r"|\bcould (?:also|equally|as well) be\b|\bnot certain\w*\b"
    r"|\battribution (?:is|remains|being) (?:un|in|not |doubt|disput|quest)\w*"
    r"|\b(?:zuweisung|zuordnung) (?:ist |bleibt )?(?:unsicher|fraglich|offen)\b"
    r"|\bstuck konnte auch\b|\battribution (?:est |reste )?(?:incert|dout)\w*"
    r"|\battribuzione (?:e |rimane )?(?:incert|dubb)\w*"
    r"|\batribucion (?:es |queda )?(?:inciert|dudos)\w*"
    r"|\bатрибуция (?:не ясна|сомнительна|под вопросом)|הייחוס (?:אינו ודאי|מסופק)"
)
# These coins are bronze, so a text about gold or silver is about something else.
PRECIOUS: Final = re.compile(
    r"\b(?:silver|gold|silber|argento|oro|plata)\b|\ben (?:argent|or)\b|серебр\w*"
    r"|золот\w*|\bכסף\b|\bזהב\b"
)

REJECTIONS: Final = {
    "several coins": SEVERAL,
    "not genuine": NOT_GENUINE,
    "mounted": MOUNTED,
    "another object": OTHER_OBJECT,
    "literature": LITERATURE,
}
"""Rule to pattern, in the order in which they are tried."""
