"""The language of captions: what it is called, and how it is written.

English is counted by the official tokenisation, and so is text whose language cannot be told, as
long as it is in Latin letters: see `text.scripts`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

NAMES = {
    "am": "Amharic",
    "ar": "Arabic",
    "az": "Azerbaijani",
    "bg": "Bulgarian",
    "bn": "Bengali",
    "bo": "Tibetan",
    "ckb": "Kurdish",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "dv": "Divehi",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "gu": "Gujarati",
    "he": "Hebrew",
    "hi": "Hindi",
    "hu": "Hungarian",
    "hy": "Armenian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ka": "Georgian",
    "km": "Khmer",
    "kn": "Kannada",
    "ko": "Korean",
    "lo": "Lao",
    "ml": "Malayalam",
    "mr": "Marathi",
    "my": "Burmese",
    "nb": "Norwegian",
    "ne": "Nepali",
    "nl": "Dutch",
    "or": "Odia",
    "pa": "Punjabi",
    "pl": "Polish",
    "ps": "Pashto",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "si": "Sinhala",
    "sr": "Serbian",
    "sv": "Swedish",
    "ta": "Tamil",
    "te": "Telugu",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
OWN_NAMES = {
    "ar": "العربية",
    "de": "Deutsch",
    "es": "Español",
    "fr": "Français",
    "hi": "हिन्दी",
    "it": "Italiano",
    "ja": "日本語",
    "ko": "한국어",
    "nl": "Nederlands",
    "pl": "Polski",
    "pt": "Português",
    "ru": "Русский",
    "tr": "Türkçe",
    "zh": "中文",
}
"""What those who speak a language call it; others are called by their English names."""
UNTOLD = "und"
"""The code of what is not known; "und-Cyrl" is something in Cyrillic letters."""
SPACELESS = {"zh": 2, "ja": 3, "th": 4, "lo": 4, "km": 4, "my": 4}
"""Languages that are written without spaces, and how many characters a word has, about."""
RIGHT_TO_LEFT = frozenset({"ar", "ckb", "dv", "fa", "he", "ps", "ur"})
RIGHT_TO_LEFT_SCRIPTS = frozenset({"Arab", "Hebr", "Nkoo", "Syrc", "Thaa"})
DOTLESS = frozenset({"az", "tr"})
"""Languages in which "I" is the capital of "ı", and "İ" that of "i"."""
GLUING = frozenset({"ja", "zh"})
"""Languages that set no space beside numbers and single letters either."""
_CODE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")


@dataclass(frozen=True)
class Language:
    """A language, by its code (BCP 47): "de", "und" where it cannot be told, "und-Cyrl"."""

    code: str = "en"

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.code):
            raise ValueError(f"expected the code of a language such as 'de', got {self.code!r}")

    def __str__(self) -> str:
        main = self._main
        if main != UNTOLD:
            return NAMES.get(main, main)
        return f"a language in {self.script} letters" if self.script else "a language not told"

    @property
    def own_name(self) -> str:
        """What those who speak it call it, as far as that is known here."""
        return OWN_NAMES.get(self._main, str(self))

    @property
    def _main(self) -> str:
        return self.code.split("-")[0]

    @property
    def script(self) -> str:
        """The code of the script, where that is all that is known; else empty."""
        return self.code.partition("-")[2] if self._main == UNTOLD else ""

    @property
    def is_told(self) -> bool:
        """Whether it is known which it is."""
        return self._main != UNTOLD

    @property
    def is_english(self) -> bool:
        """Whether what is known of English alone counts: endings, nouns, METEOR.

        Text in Latin letters whose language cannot be told may well be English.
        """
        return self.code == UNTOLD or self._main == "en"

    @property
    def is_spaceless(self) -> bool:
        """Whether it is written without spaces, so that every character counts as a word."""
        return self._main in SPACELESS

    @property
    def is_right_to_left(self) -> bool:
        """Whether it is read from right to left."""
        return self._main in RIGHT_TO_LEFT or self.script in RIGHT_TO_LEFT_SCRIPTS

    @property
    def is_dotless(self) -> bool:
        """Whether "I" is the capital of "ı"."""
        return self._main in DOTLESS

    @property
    def glues(self) -> bool:
        """Whether numbers and single letters stand close to its characters."""
        return self._main in GLUING

    @property
    def unit(self) -> str:
        """What is learnt and counted: "word" or "character"."""
        return "character" if self.is_spaceless else "word"

    @property
    def units_per_word(self) -> int:
        """How many of them a word has, about."""
        return SPACELESS.get(self._main, 1)

    @property
    def manner(self) -> str:
        """What becomes of its captions, in half a sentence."""
        spaces = ", written without spaces" if self.is_spaceless else ""
        return f"{self}{spaces}: learnt and scored by {self.unit}"

    @property
    def tokens(self) -> str:
        """What scores count."""
        if self.is_english:
            return "official (PTB), lower case, no punctuation"
        if self.is_spaceless:
            return f"each character of {self}, and words of other scripts; no punctuation"
        return f"words of {self}, lower case, no punctuation"

    def is_another_than(self, other: "Language") -> bool:
        """Return whether the words of the other are of no use to captions in this one."""
        if self.is_english and other.is_english:
            return False
        # What cannot be told may be any language in Latin letters.
        return self.code != other.code and not (self.code == UNTOLD and not other.is_spaceless)

    def lower(self, text: str) -> str:
        """Return a text in lower case, as people who write the language do it."""
        if self.is_dotless:
            text = text.replace("I", "ı")
        if not self.is_english:
            text = text.replace("İ", "i")  # Python makes two characters of it
        return text.lower()

    def capital(self, text: str) -> str:
        """Return a text that begins with a capital letter, if that has one."""
        first = "İ" if self.is_dotless and text[:1] == "i" else text[:1].upper()
        return first + text[1:] if len(first) == 1 else text


def listed(codes: Iterable[str]) -> str:
    """Return languages as people are told of them: "en (English), de (German)"."""
    return ", ".join(f"{code} ({Language(code)})" for code in codes)


ENGLISH, NOT_TOLD = Language(), Language(UNTOLD)
