import json
import os
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caption.text.tokenize import REMOVED, detokenize, tokenize

GOLDEN = json.loads((Path(__file__).parent / "golden" / "golden_ptb.json").read_text())
COCO = Path(__file__).parents[2] / "shared" / "coco" / "captions_val2014_subset.json"


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
    assert tokenize("-" * 100_000) == []


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


PIECES = """
    a the man's isn't T-shirt 3-year-old U.S. p.m. Mr. (red) [x] "STOP" 'n' $5.00 50% 1/2 cat/dog &
    -- ... ?! , . ; : ! y'all o'clock '90s cannot #1 #sun @home x=y a+b dogs' it\u2019s
    \u201chi\u201d \u2013 \u2014 caf\u00e9 12/25/2014 5:30 1,000 w/ 2x4 etc. wed. Wash. wash.
    le'go _ a_b
"""


def seeded_captions(count: int) -> list[str]:
    """Real captions where there are some, and pieces that lexers trip over, in random order."""
    rng = random.Random(0)
    pieces = PIECES.split()
    captions = [" ".join(rng.choices(pieces, k=rng.randint(1, 9))) for _ in range(count // 2)]
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
    tokens = original.tokenize({i: [{"caption": text}] for i, text in enumerate(captions)})
    differing = [
        (caption, tokens[i][0], " ".join(tokenize(caption)))
        for i, caption in enumerate(captions)
        if tokens[i][0] != " ".join(tokenize(caption))
    ]
    assert differing == []
