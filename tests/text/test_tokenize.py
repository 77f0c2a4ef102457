import json
import os
import random
import re
import shutil

import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from caption.text.tokenize import _PLAIN_WORDS, _RULES, REMOVED, detokenize, tokenize

GOLDEN = json.loads((tiny.GOLDEN / "golden_ptb.json").read_text())
COCO = tiny.SHARED / "coco" / "captions_val2014_subset.json"


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["caption"][:30])
def test_golden_captions_have_the_official_tokens(case) -> None:
    assert " ".join(tokenize(case["caption"])) == case["tokens"]


@pytest.mark.parametrize(
    ("caption", "tokens"),
    [
        ("AT&T at&t R+B &amp;", "at&t at & t r+b &"),
        ("w/ cheese and/or a/b/c/d man/", "w / cheese and/or a/b/c / d man /"),
        ("6:40PM 3pm one,2 £5 US$5", "6:40 pm 3pm one ,2 # 5 us$ 5"),
        ("you'd've shouldn't've IT\u2019S", "you 'd 've should n't 've it 's"),
        ("in Wash. a wash. St. no. 1 no. one", "in wash. a wash st. no. 1 no one"),
        ("he left Mon. at 5 p.m. with a TV.", "he left mon. at 5 p.m. with a tv"),
        (":) :-) =) RIF=ding <3", ":-rrb- :--rrb- =-rrb- rif = ding < 3"),
        ("wow!! what?! oh! __ a__b <w>", "wow !! what ?! oh __ a __ b <w>"),
        ("2½ 2 1/2 2-1/2 12/25/2014", "2 1/2 2\u00a01/2 2-1/2 12/25/2014"),
        ("-- --- ---- -----", "-----"),  # longer dashes are not on the official list
        ("he is 5'10 or 5'10\" 'cause", "he is 5 '10 or 5 10 'cause"),
        ("Ph.D.! jan.abc dog.; B. Mr. X", "ph.d. jan.abc dog. b mr. x"),
        ("at 5 p.m. A b. the c. The d.", "at 5 p.m. a b. the c the d."),
        ("x@y.com &lt;3 it&apos;s r@uns", "x@y.com < 3 it 's r@uns"),
        ("c'mon li'l S'pore qur'an isn'tx", "c'mon li'l s'pore qur an is n'tx"),
        ("call (800) 555-1234 now", "call -lrb-800-rrb-\u00a0555-1234 now"),
        ("-_- (^_^) :[ C# @@ ** 5.jpg 5.b", "-_- -lrb-^_^-rrb- :[ c# @@ ** 5.jpg 5 b"),
        ('<a b="(c)"> :) (x)', '<a\u00a0b="(c)"> :-rrb- -lrb- x -rrb-'),
        ("<a b='c d'> <a, b> x<y and z>w", "<a\u00a0b='c\u00a0d'> < a b > x <y\u00a0and\u00a0z> w"),
        ("cafe\u0301 \u2764\U0001f600a\U0001f600b \u203d \u00bb", "cafe\u0301 \u2764 a b"),
        ("'hello' \u201820s \u201920s '20s rock'n'roll", "hello 20s \u201920s '20s rock 'n' roll"),
    ],
)
def test_probed_captions_have_the_tokens_that_the_original_gave(caption, tokens) -> None:
    assert " ".join(tokenize(caption)) == tokens


@pytest.mark.parametrize("space", ["\n", "\r", "\r\n", "\t", "\x0b", "\x0c", "\x85", "\u2028"])
def test_line_breaks_of_any_kind_are_spaces(space) -> None:
    assert tokenize(f"a man{space}rides") == ["a", "man", "rides"]


@given(st.text())
def test_any_text_has_lower_case_tokens_without_spaces_or_punctuation(text) -> None:
    for token in tokenize(text):
        assert token
        assert token not in REMOVED
        assert token == token.lower()
        assert not set(token) & set(" \t\r\n\u2028")


WORDS = ["a", "man's", "dog", "isn't", "riding", "two", "horses", "in", "T-shirts", "."]


@given(st.lists(st.sampled_from(WORDS)))
def test_tokens_of_ordinary_words_stay_as_they_are(words) -> None:
    tokens = tokenize(" ".join(words))
    assert tokenize(" ".join(tokens)) == tokens


def test_ten_thousand_words_are_no_more_than_ten_thousand_words() -> None:
    assert len(tokenize("a man's big dog " * 2_500)) == 12_500
    assert tokenize("a" * 100_000) == ["a" * 100_000]
    assert tokenize("-" * 100_000) == ["-" * 100_000]


@pytest.mark.parametrize("piece", ["a%", "*", ".+", "no.1", "a\u2019", "<!a", "<a b='"])
def test_long_and_odd_text_is_read_to_its_end(piece) -> None:
    # Each of these once took a rule from every place to the end of the text: half a minute.
    assert tokenize(piece * 10_000 + " dog")[-1] == "dog"


@pytest.mark.parametrize(
    "sentence",
    [
        "a man's dog isn't on the couch",
        "they're riding (two horses) at 50%",
        "the girls play",
        "she'll see it",
    ],
)
def test_tokens_read_like_a_sentence_again(sentence) -> None:
    assert detokenize(tokenize(sentence)) == sentence


@pytest.mark.parametrize("word", ["cannot", "gonna", "gotta", "lemme", "gimme", "wanna"])
def test_words_of_two_tokens_are_joined_again(word) -> None:
    assert detokenize(tokenize(f"we {word} see")) == f"we {word} see"


def test_only_whole_words_are_joined_again() -> None:
    assert detokenize(["pecan", "nothing", "got", "tall"]) == "pecan nothing got tall"


PIECES = """
    a the man's isn't T-shirt 3-year-old U.S. p.m. Mr. (red) [x] "STOP" 'n' $5.00 50% 1/2 cat/dog &
    -- ... ?! , . ; : ! y'all o'clock '90s cannot #1 #sun @home x=y a+b dogs' it\u2019s
    \u201chi\u201d \u2013 \u2014 caf\u00e9 12/25/2014 5:30 1,000 w/ 2x4 etc. wed. Wash. wash.
    le'go _ a_b 5'10 6'2" 'cause 'em 'tis Ph.D. no. No.7 art. b. B. The He A. &lt; &quot; x@y.com
    www.cat.com/dog http://a.b/c?d=e <br> <a :) ;-) -_- C# ** @@ ## 1st. dog.; 555-1234 100 5.jpg
    ma'am c'mon rock'n'roll \u2018 \u2019 \u00ab ----- \u00bd \u00b2 \u20ac5 \u00a3 \u2764 e\u0301
    \u4e2d\u6587
"""
SIGNS = "abA1 .'-/,!?$%&#@:;()\"<>_*=+\u2019"


def made_up_caption(rng) -> str:
    """Pieces that lexers trip over, apart or together, or any signs."""
    kind = rng.randrange(3)
    if kind == 2:
        return "".join(rng.choices(SIGNS, k=rng.randint(1, 10)))
    pieces = rng.choices(PIECES.split(), k=rng.randint(1, 7))
    return " ".join(pieces) if kind else "".join(piece + rng.choice(" ,") for piece in pieces)


def seeded_captions(count: int) -> list[str]:
    """Real captions where there are some, and made-up ones."""
    rng = random.Random(0)
    captions = [made_up_caption(rng) for _ in range(count // 2)]
    if COCO.exists():
        real = [record["caption"] for record in json.loads(COCO.read_text())["annotations"]]
    else:
        real = [case["caption"] for case in GOLDEN]
    return captions + rng.choices(real, k=count - len(captions))


def test_the_original_agrees(capfd) -> None:
    if shutil.which("java") is None:
        if os.environ.get("GLIMPSE_EXPECT_JAVA"):
            pytest.fail("Java is expected here, but there is none")
        pytest.skip("Java is not installed")
    original = pytest.importorskip("pycocoevalcap.tokenizer.ptbtokenizer").PTBTokenizer()
    captions = [" ".join(caption.split()) for caption in seeded_captions(1_000)]
    # A line in between keeps the original from reading the next caption as well.
    lines = [{"caption": line} for caption in captions for line in (caption, "x")]
    tokens = original.tokenize({i: [line] for i, line in enumerate(lines)})
    differing = [
        (caption, tokens[2 * i][0], ours)
        for i, caption in enumerate(captions)
        if tokens[2 * i][0] != (ours := " ".join(tokenize(caption)))
    ]
    assert differing == []


def test_no_rule_needs_a_python_later_than_the_first_that_is_promised() -> None:
    """Before 3.11.5 possessive groups match wrongly; only single characters may be possessive."""
    rules = [rule.pattern for rules in _RULES.values() for rule in rules]
    assert not [rule for rule in (*rules, _PLAIN_WORDS.pattern) if re.search(r"\)[*+?]\+", rule)]
