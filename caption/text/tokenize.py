"""The official tokenisation of captions, without Java.

Every published caption score was computed on the tokens of Stanford's PTBTokenizer 3.4.1 with
punctuation removed (coco-caption's `ptbtokenizer.py`). Scores are comparable on these tokens only,
and a vocabulary of the same tokens has a word for everything that the scores can see.

PTBTokenizer is a lexer: at every place the longest match of any rule is a token, and of two equally
long ones the rule that comes first. So is this one, with rules in our own words, checked against
what the original answers. It still differs on about one in 10,000 made-up strings (emoji inside
addresses, rare entities, letters newer than the original), and two things differ on purpose:

- A caption stands alone. The original looks into the next line, so that "a b." keeps its full stop
  unless the next caption happens to begin with "A dog".
- Addresses and tags are read no further than REACH and TAG_REACH, so that no text takes long.
"""

import re
from collections.abc import Iterable

# What coco-caption removes after the lexer. Brackets are on its list too, but in upper case, while
# the tokens are in lower case by then: so brackets stay, as -lrb- and -rrb-.
REMOVED = frozenset(("''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"))

REACH = 64
"""Characters in the longest name: as many as RFC 5321 allows for that of a mailbox."""
TAG_REACH = 1_000
"""Characters in the longest comment or value of an attribute, which may be an address."""

BRACKETS = {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}
# How the lexer writes a token; dots, dashes and quotes would be removed in any spelling.
REWRITTEN = {
    **BRACKETS,
    "\u00bc": "1/4",
    "\u00bd": "1/2",
    "\u00be": "3/4",
    "\u2153": "1/3",
    "\u2154": "2/3",
    "\u00a3": "#",
    "\u00a2": "cents",
    **dict.fromkeys("\u0080\u00a4\u20a0\u20ac", "$"),
    "&lt;": "<",
    "&gt;": ">",
    **dict.fromkeys(("&quot;", "&apos;", "&nbsp;", "&mdash;", "&md;"), ""),
    **dict.fromkeys(("---", "----", *"\u0096\u0097\u2013\u2014\u2015\u2026"), ""),
}
# How it writes parts of most tokens, brackets in smileys and telephone numbers, ...
PARTS = str.maketrans({" ": "\u00a0", "\u00ad": None})
ROUND_BRACKETS = str.maketrans({"(": "-lrb-", ")": "-rrb-", " ": "\u00a0"})
# ... and quotes, alone or in a contraction.
QUOTES = str.maketrans(
    {
        **dict.fromkeys("\u0091\u2018\u201b\u2039", "`"),
        **dict.fromkeys("\u0092\u2019\u203a", "'"),
        **dict.fromkeys("\u0093\u201c\u00ab", "``"),
        **dict.fromkeys("\u0094\u201d\u00bb", "''"),
    }
)

# Abbreviations keep their full stop: titles and the like always, ...
TITLES = (
    "adj adm adv alex assoc asst attys? ave brig capt cf cie cmdr col comdr cpl dept det drs? elec "
    "ens ft gen govs? hon insp invt jos lieut lt maj messrs mfg mlle mme mrs? ms msgr mtg? natl "
    "pfc ph pres profs? pvt reps? rev sens? sfc sgt spc ste? supts? treas vs wm"
)
# ... these unless they go on as a word, as in "jan.abc", ...
ABBREVIATIONS = (
    "(?:ed|ph)\\.d ala? apr ariz assn aug bancorp bhd bldg blvd bros calif co colo conn corp "
    "cos ct dak dec esq est etc ext feb fla fri ga inc ind intl jan jr jul jun kans? ky ltd "
    "mar md mich minn mo mon mont neb nev nov oct okla penn plc p?pt[ey]s? rd rt sept? seq sq "
    "sr sys tel tenn thu thurs tues? univ va vt wed wisc? wyo"
)
# ... these if they are not in lower case, where they are words of their own, ...
STATES = "ark az del ill la mass miss ore pa tex wash"
# ... and these before a number.
NUMBERED = "art ca figs? nos? op pp prop"

FILE_EXTENSIONS = (
    "bat bmp c cgi class cpp dll docx? exe gif gz h html? jar java jpe?g mov mp3 pdf php pl png "
    "ppt ps py sql tar txt wav x xml zip"
)

# Words after which the full stop of a single letter ended a sentence.
SENTENCE_STARTS = (
    "A About According Additionally After An As At But Earlier He Her Here However If In It Last "
    "Many More Mr\\. Ms\\. Now Once One Other Our She Since So Some Such That The Their Then There "
    "These They This We What When While Yet You"
)

# Words that are two tokens, with the length of the first.
SPLIT_WORDS = {"cannot": 3, "gonna": 3, "gotta": 3, "lemme": 3, "gimme": 3, "wanna": 3}
_SPLIT_WORDS = frozenset(SPLIT_WORDS)  # of which isdisjoint is quick


def _any_of(words: str) -> str:
    return f"(?:{'|'.join(words.split())})"


def _ranges(ranges: str) -> str:
    """Return what goes between [ and ] for ranges of hexadecimal code points."""
    return re.sub(r"[0-9a-f]{4}", r"\\u\g<0>", ranges).replace(" ", "")


# Accents and vowel signs, which are part of words but do not begin one after a digit.
_MARK = _ranges(
    "02c2-02c5 02d2-02df 02e5-02eb 02ed 02ef-036f 0375 0378-0379 0384-0385 03f6 0483-0487 055a-055f"
    "0591-05bd 05bf 05c1-05c2 05c4-05c5 05c7 0615-061a 064b-065e 0670 06d6-06e4 06e7-06ed 06fd-06fe"
    "070f 0711 0730-074c 07a6-07b0 07eb-07f3 0900-0903 093c 093e-094e 0951-0955 0962-0963 0981-0983"
    "09bc 09be-09c4 09c7-09c8 09cb-09cd 09d7 09e2-09e3 0a01-0a03 0a3c 0a3e-0a4f 0a81-0a83 0abc"
    "0abe-0acf 0b82 0bbe-0bc2 0bc6-0bc8 0bca-0bcd 0c01-0c03 0c3e-0c56 0d3e-0d44 0d46-0d48 0e31"
    "0e34-0e3a 0e47-0e4e 0eb1 0eb4-0ebc 0ec8-0ecd"
)
# Characters that are a token; those that no rule knows, such as emoji, are dropped.
_SYMBOL = _ranges(
    "0021-002f 003a-0040 005b-0060 007b-007e 0080 0091-0097 00a1-00a9 00ab-00ac 00ae-00b1 00b4"
    "00b6-00b8 00bb-00bf 00d7 00f7 037e 0387 0589 05be 05c0 05c3 05c6 05f3-05f4 0600-0603 0606-060c"
    "0614 061b 061e-061f 066a 066d 06d4 0700-070d 07f6-07f8 0964-0965 0e3f 0e4f 1fbd 2013-2023 2026"
    "2030-203b 203e-2042 2044 207a-207e 208a-208e 20a0 20a4 20ac 2100-2101 2103-2106 2108-2109 2114"
    "2116-2118 211e-2123 2125 2127 2129 212e 213a-213b 2140-2144 214a-214d 214f 2153-215e 2190-2bff"
    "3001-3002 3012 30fb ff01-ff0f ff1a-ff20 ff3b-ff40 ff5b-ff65 ffe0-ffe1 ffe5-ffe6"
)
# Python counts number forms and numbers in circles as letters; the lexer does not.
_NUMERAL = _ranges("00b2-00b3 00b9 00bc-00be 037f 2070 2074-2089 2150-2189 2460-24ff 2776-2793")
_LETTER = rf"[^\W\d_{_NUMERAL}]"
_ALNUM = rf"[^\W_{_NUMERAL}]"
_APOSTROPHE = "(?:['\u2019\u0092]|&apos;)"
_QUOTE = "(?:['\u2019\u0092`\u2018\u0091\u201b]|&apos;)"
_SPACE = "[ \u00a0]"
_ENDS = r"(?=\s|$)"

_ELISION = _any_of("c'mon cap'n e'er ev'ry li'l nat'l nor'easter o'o s'mores")
_ABBREVIATION = (
    rf"(?:(?i:{_any_of(ABBREVIATIONS)})|{_any_of(STATES.title())}|{_any_of(STATES.upper())})\."
)
# Only single characters are repeated possessively: with groups Python before 3.11.5 goes wrong
# (github.com/python/cpython/issues/106052), and 3.11.2 is what Debian 12 has.
# wi-fi is hyphenated, 1.5-inch dotted, r&b initials and and/or slashed.
_LETTERS = rf"(?:{_LETTER}|[\u00ad{_MARK}])(?:{_ALNUM}|[\u00ad{_MARK}])*"
_WORD = rf"{_LETTERS}(?:[.!?]{_LETTERS})*"
_PIECE = rf"(?:[dDoOlL]{_QUOTE}{_ALNUM})?{_ALNUM}++"
_HYPHENATED = rf"{_PIECE}(?:[-_\u058a\u2010\u2011]{_PIECE})*"
_DOTTED = (
    rf"[A-Za-z0-9][A-Za-z0-9.,\u00ad]{{0,{REACH}}}+"
    r"(?:-(?:[A-Za-z](?:\.[A-Za-z])+\.|[A-Za-z0-9\u00ad]+))+"
)
_INITIALS = "[A-Z]+(?:(?:[+&]|&amp;)[A-Z]+)+"
_CLITIC = rf"{_APOSTROPHE}(?:[msdMSD]|[rR][eE]|[vV][eE]|[lL][lL])"
_NOT = rf"[nN]{_QUOTE}[tT]"
_SLASHED = "[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}"
_NUMBER = r"(?:\d*+(?:[.:,\u00ad\u066b\u066c]\d++)+|\d++)"
_LOCAL = rf"[0-9]{{3,4}}(?:-|{_SPACE})?[0-9]{{3,5}}"
_TELEPHONE = rf"(?:[0-9]{{2,4}}(?:-|{_SPACE}))?[0-9]{{2,4}}(?:-|{_SPACE}){_LOCAL}"

_ADDRESS_END = r"[^\s\"<>|.!?(){},-]"
_PATH = rf"(?:/[^\s\"<>|()]+{_ADDRESS_END})?"
_SITE = rf"(?:[^\s\"`'<>|.!?(){{}},-_$]{{1,{REACH}}}\.){{1,{REACH}}}(?:com|net|org|edu){_PATH}"
_HOST = r"(?:[^\s\"<>|().{}]+\.)*[^\s\"<>|().{}]+"
_MAILBOX = rf"[a-zA-Z0-9][^\s\"<>|(){{}}]{{0,{REACH}}}@{_HOST}>?"
_NAME = rf"[A-Za-z][A-Za-z0-9_:.-]{{0,{REACH}}}+"
_ATTRIBUTE = rf"""{_NAME}(?: *+= *+(?:"[^"]{{0,{TAG_REACH}}}"|'[^']{{0,{TAG_REACH}}}'))?"""
_TAG = rf"<(?:[!?][A-Za-z-][^>]{{0,{TAG_REACH}}}|/{_NAME}|{_NAME}(?: ++{_ATTRIBUTE})* *+/?+) *+>"
_EYE = r"[-^x=~<>']"

# The token is what the first group matched, if there is one: what follows counts for the length of
# the match only.
_ANYWHERE = (
    rf"({_WORD}){_CLITIC}",
    _WORD,
    rf"((?:{_WORD}|{_HYPHENATED}|{_DOTTED}|{_INITIALS})\.)[,;:\u3001]",
    _SITE,
)
_FROM_LETTERS_AND_DIGITS = (
    # With an eye on two more characters, of which one may be the end of the line.
    rf"({_ABBREVIATION}).?$",
    *_ANYWHERE,
    rf"({_ABBREVIATION})..",
    # Words before a contraction, "n't" itself, and words with an apostrophe of their own.
    rf"([A-Za-z]+){_NOT}",
    rf"(?P<quotes>{_NOT})(?![A-Za-z])",
    rf"{_LETTER}+[aeiouyAEIOUY]{_QUOTE}[aeiouA-Z]{_LETTER}*|([yY]{_APOSTROPHE}){_LETTER}",
    rf"[A-HJ-XZn]{_QUOTE}{_LETTER}{{2,}}|[lLdDjJ]{_APOSTROPHE}",
    rf"(?i:ol|somethin|dunkin){_APOSTROPHE}|[cC]ont{_APOSTROPHE}d\.",
    rf"(?i:{_ELISION})".replace("'", _APOSTROPHE),
    # Compounds.
    _HYPHENATED,
    _INITIALS,
    _DOTTED,
    rf"{_ALNUM}++(?:\.{_ALNUM}+){{0,{REACH}}}\.(?i:{_any_of(FILE_EXTENSIONS)})(?=[\s.,!?]|$)",
    rf"{_SLASHED}(?:\\?/{_SLASHED}){{1,2}}",
    r"(?i:pro|anti)-|S(?:&|&amp;)(?:P-500|Ls)|[cCfF]#|[cC]\+\+",
    rf"x_{_EYE}",
    # Abbreviations.
    rf"(?i:{_any_of(TITLES)})\.",
    rf"((?i:{_any_of(NUMBERED)})\.){_SPACE}?\d",
    r"[A-Za-z](?:\.[A-Za-z])*\.",
    rf"([A-Za-z])\.{_SPACE}++(?:{_any_of(SENTENCE_STARTS)}|{_TAG}){_ENDS}",
    # Numbers, dates and money.
    _NUMBER,
    r"\d{1,2}[-/]\d{1,2}[-/]\d{2,4}",
    rf"(?:\d{{1,4}}(?:-|{_SPACE}))?\d{{1,4}}(?:\\?/|\u2044)\d{{1,4}}",
    _TELEPHONE,
    r"[A-Z]+\$",
    # Addresses.
    rf"https?://[^\s\"<>|(){{}}]+{_ADDRESS_END}",
    rf"www\.(?:[^\s\"<>|.!?(){{}},]{{1,{REACH}}}\.){{1,{REACH}}}[a-zA-Z]{{2,4}}{_PATH}",
    _MAILBOX,
)
_FROM_THE_REST = (
    *_ANYWHERE,
    # Contractions and words with an apostrophe in front.
    rf"(?P<quotes>{_CLITIC})(?:[^A-Za-z]|$)",
    rf"{_APOSTROPHE}[nN]{_APOSTROPHE}?|{_APOSTROPHE}(?i:em|till?|cause)",
    rf"{_APOSTROPHE}(?:[2-9]0s|[0-9][0-9]{_ENDS})|('[tT])(?i:is|was)",
    r"(')[A-Za-z]\S",
    rf"(?P<quotes>{_CLITIC})",
    # Numbers.
    rf"[-+]?{_NUMBER}",
    rf"\+\+?{_TELEPHONE}|(?P<brackets>\([0-9]{{2,3}}\){_SPACE}?{_LOCAL})",
    "[\u207a\u207b\u208a\u208b]?(?:[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+|[\u2080-\u2089]+)",
    # Addresses and markup.
    rf"(?:<|&lt;){_MAILBOX}",
    rf"@[a-zA-Z_][a-zA-Z_0-9]*|#{_LETTER}+",
    _TAG,
    r"(?i:&(?:amp|lt|gt|quot|apos|nbsp|mdash|md|#\d+);)|-(?i:[lr][rcs]b)-",
    # Smileys.
    r"(?P<brackets>[<>]?[:;=][-o*']?[()DPdpO\\{@|\[\]])(?![A-Za-z0-9])",
    rf"{_EYE}_{_EYE}|(?P<brackets>\((?:{_EYE}[_.]?{_EYE}|[\^x=~<>']-[\^x=~<>'`])\))",
    # Punctuation, and what is dropped for good.
    r"(?P<nothing>\.{3,5}|(?:\.[ \u00a0]){2,4}\.|\"|\s+)",
    "(?P<quotes>''|[`\u0091-\u0094\u2018-\u201f\u2039\u203a\u00ab\u00bb]{1,2})",
    r"[?!]+|@+|#+|_+|-+|\*+|(?:\\\*){1,3}|<<|>>",
    rf"[{_SYMBOL}]",
)
_RULES = {
    begins_a_word: [re.compile(rule) for rule in rules]
    for begins_a_word, rules in ((True, _FROM_LETTERS_AND_DIGITS), (False, _FROM_THE_REST))
}

# Most of a caption is words of which no rule but the simplest can match more.
_ANY_ABBREVIATION = rf"(?i:{_any_of(f'{TITLES} {ABBREVIATIONS} {STATES}')})\."
_PLAIN_WORDS = re.compile(
    r" *+((?:[A-Za-z]++,?+ ++)*"
    rf"(?:[A-Za-z]++ *+$|(?!{_ANY_ABBREVIATION})[A-Za-z]{{2,}}+ *+\. *+$)?)"
)
_PUNCTUATION = str.maketrans("", "", ",.")

# Any line break is a space. What is beyond 16 bits, such as most emoji, is dropped as a wide space
# is, which no rule reads as one.
_LINE_BREAK = re.compile(r"[\t-\r\x1c-\x1f\x85\u2028\u2029]")
_DROPPED = re.compile("[\U00010000-\U0010ffff]")

_SPLIT = re.compile("|".join(rf"\b{w[:n]} {w[n:]}\b" for w, n in SPLIT_WORDS.items()))


def tokenize(caption: str) -> list[str]:
    """Return the lower-case tokens of a caption, without punctuation."""
    if not (caption.isascii() and caption.isprintable()):
        caption = _DROPPED.sub("\u3000", _LINE_BREAK.sub(" ", caption))
    tokens: list[str] = []
    place, end = 0, len(caption)
    while place < end:
        plain = _PLAIN_WORDS.match(caption, place)
        if plain and plain[1]:
            tokens += plain[1].translate(_PUNCTUATION).lower().split()
            place = plain.end()
        else:
            token, place = _longest_match(caption, place)
            tokens.append(token)
    if not _SPLIT_WORDS.isdisjoint(tokens):
        tokens = [part for token in tokens for part in _split(token)]
    return [token for token in tokens if token and token not in REMOVED]


def _longest_match(caption: str, place: int) -> tuple[str, int]:
    """Return the token that begins here, as the lexer writes it, and where it ends."""
    char = caption[place]
    rules = _RULES[char.isalpha() or char.isdecimal()]
    matches = [match for rule in rules if (match := rule.match(caption, place))]
    if not matches:
        return "", place + 1
    longest = max(matches, key=re.Match.end)
    group = longest.lastindex or 0
    return _written(longest[group].lower(), longest.lastgroup), longest.end(group)


def _written(token: str, kind: str | None) -> str:
    """Return a token as the lexer writes it."""
    if kind == "nothing":
        return ""
    if kind == "quotes":
        return token.replace("&apos;", "'").translate(QUOTES)
    if kind == "brackets":
        return token.translate(ROUND_BRACKETS)
    if token in REWRITTEN:
        return REWRITTEN[token]
    return token.replace("&amp;", "&").translate(PARTS)


def _split(token: str) -> tuple[str, ...]:
    length = SPLIT_WORDS.get(token)
    return (token,) if length is None else (token[:length], token[length:])


def detokenize(words: Iterable[str]) -> str:
    """Return tokens as people write them: no space in contractions or inside brackets."""
    text = " ".join(words)
    for bracket, token in BRACKETS.items():
        text = text.replace(token, bracket)
    text = _SPLIT.sub(lambda words: words[0].replace(" ", ""), text)
    text = re.sub(r"(?<=[(\[{]) | (?=[)\]}%])", "", text)
    return re.sub(r" (?=(?:'(?:s|m|d|re|ve|ll)|n't)\b)", "", text)
