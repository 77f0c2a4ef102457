"""What a person types to search, as an expression that SQLite's full-text search takes.

Every word of it goes there in quotation marks, so that nothing a person types can be an operator, a
column or a fault.
"""

import re
import unicodedata
from dataclasses import dataclass

from caption.errors import DataError
from caption.files.records import as_unicode
from caption.text.scripts import spaceless

MAX_TERMS = 32
"""Words and phrases of a search."""
MOST_RANKED = 20_000
"""Photos that a search ranks: what finds more, such as "a", says nothing of any of them, and to
rank all would take as long as a person notices."""
_TERM = re.compile(r'(-?)(?:"([^"]*)("|$)|(\S+))')


@dataclass(frozen=True)
class Query:
    """What captions must have, and what they must not have."""

    wanted: str = ""
    """An expression, empty where nothing is asked for."""
    unwanted: str = ""
    """Likewise, of what none may have."""

    @property
    def match(self) -> str:
        """Both as one expression; there is none without something that is wanted."""
        return f"({self.wanted}) NOT ({self.unwanted})" if self.unwanted else self.wanted


def parse_query(text: str, *, as_typed: bool = False) -> Query:
    """Return what a person is looking for.

    All words must be there, in any order: `dog beach`. `"on the beach"` is a phrase, `sail*` the
    beginning of a word, `-dog` must not be there, and neither must `-"hot dog"`.

    Args:
        text: what was typed.
        as_typed: whether it is still being typed, so that its last word may be a beginning.

    Raises:
        DataError: it is too long.
    """
    text = as_unicode(text.replace("\0", " "))
    wanted: list[str] = []
    unwanted: list[str] = []
    for match in _TERM.finditer(text):
        minus, phrase, _, word = match.groups()
        is_last = as_typed and match.end() == len(text) and word is not None
        term = word if phrase is None else phrase
        is_beginning = word is not None and (word.endswith("*") or is_last)
        term = searchable(term.rstrip("*") if word is not None else term).replace('"', " ")
        if any(map(str.isalnum, term)):
            expression = f'"{term}"{" *" * is_beginning}'
            (unwanted if minus else wanted).append(expression)
    if len(wanted) + len(unwanted) > MAX_TERMS:
        raise DataError(
            f"a search of {len(wanted) + len(unwanted)} words; expected at most {MAX_TERMS}"
        )
    return Query(" AND ".join(wanted), " OR ".join(unwanted))


def searchable(text: str) -> str:
    """Return a text with a space where a word may end, also in scripts that are written without."""
    return spaceless().sub(r" \g<0> ", unicodedata.normalize("NFC", text))


def find_photos(text: str, *, as_typed: bool, ranked: bool) -> tuple[str, tuple[str, ...]]:
    """Return a statement that finds the numbers of photos, and the values for it.

    Nothing that was typed is in the statement itself.

    Args:
        text: what was typed.
        as_typed: whether it is still being typed.
        ranked: whether the best are to be first.

    Raises:
        DataError: it is too long.
    """
    query = parse_query(text, as_typed=as_typed)
    if query.wanted and ranked:
        some = f"SELECT rowid, rank AS place FROM words WHERE words MATCH ? LIMIT {MOST_RANKED}"  # noqa: S608
        return f"SELECT rowid FROM ({some}) ORDER BY place", (query.match,)  # noqa: S608
    if query.wanted:
        return "SELECT rowid FROM words WHERE words MATCH ?", (query.match,)
    if query.unwanted:
        without = "SELECT rowid FROM words WHERE words MATCH ?"
        return f"SELECT rowid FROM words WHERE rowid NOT IN ({without})", (query.unwanted,)  # noqa: S608
    return "SELECT rowid FROM words", ()
