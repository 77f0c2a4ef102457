"""The official tokenisation of captions, without Java.

Every published caption score was computed on the tokens of Stanford's PTBTokenizer 3.4.1 with
punctuation removed (coco-caption's `ptbtokenizer.py`). Scores are comparable on these tokens only,
and a vocabulary of the same tokens has a word for everything that the scores can see.

PTBTokenizer is a lexer: at every place the longest match of any rule is a token, and of two equally
long ones the rule that comes first. So is this one, with the rules that captions can meet, in our
own words; they were found by asking the original.
"""

import re
from collections.abc import Iterable, Iterator

# What coco-caption removes after the lexer. Brackets are on its list too, but in upper case, while
# the tokens are in lower case by then: so brackets stay, as -lrb- and -rrb-.
REMOVED = frozenset(("''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"))

# How the lexer writes some characters, be they a token or part of one.
BRACKETS = {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}
REWRITTEN = str.maketrans(
    {
        **BRACKETS,
        "\u00bc": "1/4",
        "\u00bd": "1/2",
        "\u00be": "3/4",
        "\u2153": "1/3",
        "\u2154": "2/3",
        "\u00a3": "#",
        "\u20ac": "$",
        "\u00a2": "cents",
        "\u00ad": None,
        " ": "\u00a0",  # only in "2 1/2"
    }
)

# Abbreviations keep their full stop: these always, ...
ABBREVIATIONS = (
    "jan feb mar apr jun jul aug sept? oct nov dec mon tues? wed thu(?:rs)? fri ala ariz calif "
    "colo conn ct dak fla ga ind kans? ky md mich minn mo mont neb nev okla penn tenn va vt wisc? "
    "wyo inc cos? corp pp?t[ye]s? ltd plc rt bancorp dept bhd assn univ intl sys invt elec natl "
    "m[ft]g ph tel est ext sq ft jr sr bros blvd rd esq mr mrs ms drs? profs? sens? reps? attys? "
    "lt col gen messrs govs? adm rev maj sgt cpl pvt mt capt ste? ave pres lieut hon brig co?mdr "
    "pfc spc supts? det etc al seq bldg vs?"
)
# ... these unless they are in lower case, where they are words of their own, ...
CAPITAL_ABBREVIATIONS = "az ark del ill la mass miss ore pa tex wash"
# ... and these before a number.
NUMBERED_ABBREVIATIONS = "pp nos? prop figs? op"

# Words that are two tokens, with the length of the first.
SPLIT_WORDS = {
    "cannot": 3,
    "gonna": 3,
    "gotta": 3,
    "lemme": 3,
    "gimme": 3,
    "wanna": 3,
    "'tis": 2,
    "'twas": 2,
    "more'n": 4,
}

_APOSTROPHE = "['\u2019\u0092]"
_QUOTE = "['\u2019\u0092`\u2018\u0091\u201b]"
# Python counts fractions and superscripts as letters; the lexer does not.
_LETTER = r"[^\W\d_\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u208e\u2153-\u215e]"
_ALNUM = rf"(?:{_LETTER}|\d)"
_HYPHEN = "[-_\u058a\u2010\u2011]"
_NUMBER = r"(?:\d*(?:[.:,\u00ad\u066b\u066c]\d+)+|\d+)"
_WORD = rf"{_LETTER}{_ALNUM}*(?:[.!?]{_LETTER}{_ALNUM}*)*"
_PART = rf"(?:[dDoOlL]{_QUOTE}{_ALNUM})?{_ALNUM}+"
_CLITIC = rf"{_APOSTROPHE}(?:[msdMSD]|re|ve|ll|RE|VE|LL)(?!{_ALNUM})"
_NOT = rf"[nN]{_QUOTE}[tT](?!{_ALNUM})"
_PATH = r"(?:/[^\s\"<>|()]*[^\s\"<>|.!?(){},-])?"
_DOMAIN = r"(?:[^\s\"`'<>|.!?(){},/$@-]+\.)+"


def _any_of(words: str) -> str:
    return f"(?:{'|'.join(words.split())})"


# The token is what the first group matched, if there is one: what follows counts for the length of
# the match only.
_RULES = [
    re.compile(pattern)
    for pattern in (
        # Addresses.
        r"https?://[^\s\"<>|()]*[^\s\"<>|.!?(){},-]",
        rf"www\.{_DOMAIN}[a-zA-Z]{{2,4}}{_PATH}|{_DOMAIN}(?:com|net|org|edu)(?!{_ALNUM}){_PATH}",
        r"[a-zA-Z0-9._%+-]+@(?:[a-zA-Z0-9-]+\.)+[a-zA-Z]{2,}",
        rf"@[a-zA-Z_]\w*|#{_LETTER}\w*",
        r"</?[A-Za-z!?][^>]*>",
        # Contractions: first the word before one, then the contraction itself.
        rf"({_LETTER}+?){_NOT}",
        rf"({_WORD}){_CLITIC}",
        rf"(?P<contraction>{_CLITIC}|{_NOT})",
        # Words with an apostrophe of their own.
        rf"{_LETTER}+[aeiouyAEIOUY]{_APOSTROPHE}[aeiouA-Z]{_LETTER}*|([yY]{_APOSTROPHE}){_LETTER}",
        rf"{_APOSTROPHE}[nN]{_APOSTROPHE}?(?!{_ALNUM})|{_APOSTROPHE}(?:em|till?)(?!{_ALNUM})",
        rf"{_APOSTROPHE}[nN]{_APOSTROPHE}|{_APOSTROPHE}[2-9]0s|(?:[oO]l|[sS]omethin){_APOSTROPHE}",
        rf"'[tT](?:is|was)(?!{_ALNUM})|[mM]ore'n(?!{_ALNUM})",
        # Words, with hyphens and slashes too.
        _WORD,
        rf"{_PART}(?:{_HYPHEN}{_PART})*",
        r"[A-Z]+(?:[+&][A-Z]+)+",
        r"[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}(?:/[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}){1,2}",
        # Numbers and money.
        r"\d{1,2}[-/]\d{1,2}[-/]\d{2,4}",
        rf"[-+]?{_NUMBER}",
        r"(?:\d{1,4}[- \u00a0])?\d{1,4}[/\u2044]\d{1,4}",
        r"[A-Z]*\$|&amp;",
        # Abbreviations.
        rf"(?i:{_any_of(ABBREVIATIONS)})\.",
        rf"(?!{_any_of(CAPITAL_ABBREVIATIONS)})(?i:{_any_of(CAPITAL_ABBREVIATIONS)})\.",
        rf"((?i:{_any_of(NUMBERED_ABBREVIATIONS)})\.)\s*\d",
        r"[A-Za-z](?:\.[A-Za-z])*\.",
        # What is dropped or, as quotes and dashes, would be removed in any spelling.
        r"(?P<nothing>\s+|\.{2,}|-{2,}|''|``|[\"\u2018\u2019\u201c\u201d\u2013\u2014\u2026]"
        r"|[\U00010000-\U0010ffff\ufe0f\u200d]+)",
        # Smileys, and punctuation that stays together.
        rf"[<>]?[:;=][-o*']?[()DPdpO\\{{@|\[\]](?!{_ALNUM})",
        r"[?!]+|>>|<<|_+|\S",
    )
]

_PLAIN_WORD = re.compile(r"([A-Za-z]+)(?:$|,?\s)")


def tokenize(caption: str) -> list[str]:
    """Return the lower-case tokens of a caption, without punctuation."""
    return [token for token in _tokens(caption) if token and token not in REMOVED]


def _tokens(caption: str) -> Iterator[str]:
    place, end = 0, len(caption)
    while place < end:
        word = _PLAIN_WORD.match(caption, place)
        if word:  # by far the most frequent case
            token, place = word[1].lower(), word.end()
        else:
            token, place = _longest_match(caption, place)
        first = SPLIT_WORDS.get(token)
        yield from (token,) if first is None else (token[:first], token[first:])


def _longest_match(caption: str, place: int) -> tuple[str, int]:
    """Return the token that begins here, as the lexer writes it, and where it ends."""
    matches = (rule.match(caption, place) for rule in _RULES)
    longest = max((match for match in matches if match), key=re.Match.end)
    group = longest.lastindex or 0
    token = longest[group].lower().replace("&amp;", "&").translate(REWRITTEN)
    if longest.lastgroup == "contraction":
        token = re.sub(_QUOTE, "'", token)
    if longest.lastgroup == "nothing":
        token = ""
    return token, longest.end(group)


def detokenize(words: Iterable[str]) -> str:
    """Return tokens as people write them: no space in contractions or inside brackets."""
    text = " ".join(words)
    for bracket, token in BRACKETS.items():
        text = text.replace(token, bracket)
    text = re.sub(r"(?<=[(\[{]) | (?=[)\]}%])", "", text)
    return re.sub(r" (?=(?:'(?:s|m|d|re|ve|ll)|n't)\b)", "", text)
