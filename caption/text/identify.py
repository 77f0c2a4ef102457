"""Which language captions are in: told by their script, and among those that share one by words.

Words that hardly a caption can do without tell Latin, Cyrillic, Arabic and Indian languages apart,
and so do letters of their own. What is not listed cannot be told, and nothing depends on it but how
it is named: words stand between spaces in any language of these scripts.
"""

import random
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cache

from caption.text.language import NOT_TOLD, UNTOLD, Language
from caption.text.scripts import marks

SAMPLE = 500
"""Captions that are looked at to tell the language of all."""
LOOKED_AT = 1000
"""Characters of a caption that are looked at."""
TOLD = 0.3
"""Share of the captions whose language must be told for that to be the language of all."""

SCRIPTS = {
    "LATIN": "Latn",
    "FULLWIDTH": "Latn",
    "CJK": "Hani",
    "IDEOGRAPHIC": "Hani",
    "HIRAGANA": "Jpan",
    "KATAKANA": "Jpan",
    "KATAKANA-HIRAGANA": "Jpan",
    "HALFWIDTH": "Jpan",
    "THAI": "Thai",
    "LAO": "Laoo",
    "KHMER": "Khmr",
    "MYANMAR": "Mymr",
    "HANGUL": "Kore",
    "ARABIC": "Arab",
    "HEBREW": "Hebr",
    "CYRILLIC": "Cyrl",
    "GREEK": "Grek",
    "ARMENIAN": "Armn",
    "GEORGIAN": "Geor",
    "ETHIOPIC": "Ethi",
    "DEVANAGARI": "Deva",
    "BENGALI": "Beng",
    "GURMUKHI": "Guru",
    "GUJARATI": "Gujr",
    "ORIYA": "Orya",
    "TAMIL": "Taml",
    "TELUGU": "Telu",
    "KANNADA": "Knda",
    "MALAYALAM": "Mlym",
    "SINHALA": "Sinh",
    "TIBETAN": "Tibt",
    "THAANA": "Thaa",
    "SYRIAC": "Syrc",
    "NKO": "Nkoo",
}
"""Codes (ISO 15924) by what the Unicode names of a script's letters begin with."""
ONLY = {
    "Hani": "zh",
    "Jpan": "ja",
    "Thai": "th",
    "Laoo": "lo",
    "Khmr": "km",
    "Mymr": "my",
    "Kore": "ko",
    "Hebr": "he",
    "Grek": "el",
    "Armn": "hy",
    "Geor": "ka",
    "Ethi": "am",
    "Beng": "bn",
    "Guru": "pa",
    "Gujr": "gu",
    "Orya": "or",
    "Taml": "ta",
    "Telu": "te",
    "Knda": "kn",
    "Mlym": "ml",
    "Sinh": "si",
    "Tibt": "bo",
    "Thaa": "dv",
}
"""The language that is mostly written in a script."""
TELLING = {
    "Latn": {
        "en": "a an the of with and is are in on at to his her its by from while two man woman "
        "people dog men girl boy wearing standing sitting playing running holding red white black "
        "blue green it s this that as no over door van",  # the last are words elsewhere too
        "de": "ein eine einen einem einer der die das den dem des und mit im auf am ist sind zwei "
        "von vor über neben zu sich mann frau hund kind mädchen junge auf sitzt steht",
        "fr": "un une des le la les du de et est sont dans sur avec au aux en qui deux homme femme "
        "chien fille garçon l d devant près",
        "es": "un una unos el la los las del de y es son en con por sobre dos hombre mujer perro "
        "niño niña que su está están junto",
        "it": "un una uno il lo la gli le dei di e è sono in nel nella con su sul sulla per due "
        "uomo donna cane che da al mentre ragazzo bambino",
        "pt": "um uma uns o a os as do da de e é são em no na com por sobre dois duas homem mulher "
        "cachorro cão menino menina que está estão ao",
        "nl": "een de het en van met is zijn op in aan voor naar bij die dat twee man vrouw hond "
        "jongen meisje staat zit door over tijdens",
        "sv": "en ett den det och är på i med av till som två man kvinna hund pojke flicka står "
        "sitter över framför har",
        "da": "en et den det og er på i med af til som to mand kvinde hund dreng pige står sidder "
        "over foran har ved",
        "nb": "en et den det og er på i med av til som to mann kvinne hund gutt jente står sitter "
        "over foran har ved",
        "fi": "ja on ovat kaksi mies nainen koira poika tyttö jossa joka kanssa vieressä istuu "
        "seisoo päällä edessä",
        "pl": "i w na z się jest są do dwa dwie dwóch mężczyzna kobieta pies chłopiec dziewczynka "
        "który która obok przez stoi siedzi ze",
        "cs": "a v na s se je jsou do dva dvě muž žena pes chlapec dívka který která vedle při "
        "stojí sedí ve",
        "ro": "un o de la cu și în pe este sunt care doi două bărbat femeie câine băiat fată lângă "
        "din al",
        "hu": "egy a az és van két férfi nő kutya fiú lány mellett előtt áll ül aki ami egymás",
        "tr": "bir ve ile bu için olan üzerinde adam kadın köpek çocuk iki içinde önünde yanında "
        "oturan duran koşan kız erkek",
        "id": "seorang sebuah seekor dan di dengan yang sedang dua pria wanita anjing anak laki "
        "perempuan dari ke atas pada duduk berdiri",
        "vi": "một người đàn ông phụ nữ con chó và trong trên với đang hai của bên các cậu bé cô",
    },
    "Cyrl": {
        "ru": "и в на с из по у к за от под две два мужчина женщина собака мальчик девочка стоит "
        "сидит около возле это человек",
        "uk": "і в на з із у до та що дві два чоловік жінка собака хлопчик дівчинка стоїть сидить "
        "біля людина",
        "bg": "и в на с от е са със до през две два мъж жена куче момче момиче стои седи човек",
        "sr": "и у на са од је су до две два човек жена пас дечак девојчица стоји седи поред",
    },
    "Arab": {
        "ar": "في على من مع إلى و هو هي رجل امرأة كلب ولد فتاة طفل يجلس يقف التي الذي",
        "fa": "در با از به و که یک را است دو مرد زن سگ پسر دختر روی حال کنار",
        "ur": "میں پر سے کے کی کا ایک اور ہے ہیں دو آدمی عورت کتا لڑکا لڑکی ساتھ",
    },
    "Deva": {
        "hi": "में पर से के की का एक और है हैं दो आदमी औरत महिला कुत्ता लड़का लड़की साथ रहा रही",
        "mr": "आणि एक आहे आहेत दोन माणूस स्त्री कुत्रा मुलगा मुलगी मध्ये वर",
        "ne": "र एक छ छन् दुई मानिस महिला कुकुर केटा केटी मा को",
    },
}
"""By script and language."""
_LETTERS = {
    "de": "ß",
    "es": "ñ",
    "pt": "ãõ",
    "pl": "łąęśżźń",
    "cs": "řěů",
    "ro": "țșă",
    "hu": "őű",
    "tr": "ğış",
    "vi": "đơưạảấầẩậắằặẻếềểễệỉịọỏốồổộớờởợụủứừửữự",
    "ru": "ыэё",
    "uk": "іїєґ",
    "sr": "јљњћђџ",
    "ar": "ةىأإ",
    "fa": "پچژگ",
    "ur": "ٹڈڑںےہ",
}
LETTERS = {code: frozenset(letters) for code, letters in _LETTERS.items()}
"""Letters that only one of the languages of its script has, or one above all."""
_SPACELESS = frozenset(("Hani", "Jpan", "Thai", "Laoo", "Khmr", "Mymr"))


def find_language(captions: Iterable[str]) -> Language:
    """Return the language of captions: that of most of those which can be told."""
    captions = list(captions)
    if len(captions) > SAMPLE:  # not every third one, which may be a column of a table
        captions = random.Random(0).sample(captions, SAMPLE)
    return most_frequent(count_languages(captions))


def most_frequent(counts: Counter[str]) -> Language:
    """Return the language of most captions, given how many are in each."""
    told = [code for code, _ in counts.most_common() if code != UNTOLD]
    if not told or counts[told[0]] < TOLD * counts.total():
        return NOT_TOLD
    return Language(told[0])


def count_languages(captions: Iterable[str]) -> Counter[str]:
    """Return how many captions are in each language, by its code."""
    counts = Counter(map(language_of, captions))
    if counts["ja"] > counts["zh"]:
        counts["ja"] += counts.pop("zh", 0)  # a Japanese sentence may well be without kana
    for script, languages in TELLING.items():
        of_script = {code: counts[code] for code in languages if counts[code]}
        if of_script and counts[f"{UNTOLD}-{script}"]:
            likeliest = max(of_script, key=lambda code: of_script[code])
            counts[likeliest] += counts.pop(f"{UNTOLD}-{script}")
    return +counts


def language_of(caption: str) -> str:
    """Return the code of the language of a caption: "und" if it cannot be told."""
    text = caption[:LOOKED_AT]
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.replace("İ", "i"))
    words = _word().findall(text.lower())
    scripts = _count_scripts(words)
    if not scripts:
        return UNTOLD
    script = scripts.most_common(1)[0][0]
    if script in ONLY:
        return ONLY[script]
    votes: Counter[str] = Counter()
    for word in words:
        votes.update(_votes(script).get(word, ()))
        if not word.isascii():
            votes.update(code for code, own in LETTERS.items() if not own.isdisjoint(word))
    first, second = (*votes.most_common(2), ("", 0), ("", 0))[:2]
    if first[1] > second[1]:
        return first[0]
    return UNTOLD if script == "Latn" else f"{UNTOLD}-{script}"


@cache
def _word() -> re.Pattern[str]:
    """Return what matches a word, of which vowel signs are a part in many scripts."""
    return re.compile(rf"[^\W\d_](?:[^\W\d_]|[{marks()}])*")


def _count_scripts(words: Iterable[str]) -> Counter[str]:
    """Return how many words are in each script; without spaces every letter is one."""
    counts: Counter[str] = Counter()
    for word in words:
        if word.isascii():
            counts["Latn"] += 1
            continue
        scripts = Counter(map(_script_of, word))
        without_spaces = {script: n for script, n in scripts.items() if script in _SPACELESS}
        counts.update(without_spaces or {scripts.most_common(1)[0][0]: 1})
    if counts["Jpan"]:
        counts["Jpan"] += counts.pop("Hani", 0)
    return +counts


@cache
def _script_of(letter: str) -> str:
    """Return the code of a letter's script; Latin where it is none of the listed ones."""
    name = unicodedata.name(letter, "")
    return SCRIPTS.get(name.split(" ")[0], "Latn")


@cache
def _votes(script: str) -> dict[str, tuple[str, ...]]:
    """Return the languages that each telling word speaks for."""
    votes: defaultdict[str, list[str]] = defaultdict(list)
    for code, words in TELLING.get(script, {}).items():
        for word in dict.fromkeys(words.split()):
            votes[word].append(code)
    return {word: tuple(codes) for word, codes in votes.items()}
