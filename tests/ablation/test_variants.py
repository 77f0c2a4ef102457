"""The list of variants is read whole or refused in a sentence."""

import pytest

from caption.ablation.variants import read_variants
from caption.errors import DataError

LIST = """
baseline = "plain"
[common]
train = "--epochs 4 --note 'two words'"
evaluate = "--beams 3"
[variants.other]
title = "another one"
train = "--epochs 5"
[variants.plain]
after = "other"
"""


def test_common_words_come_before_those_of_a_variant(write) -> None:
    variants = read_variants(write("v.toml", LIST))
    other, plain = variants.by_name.values()
    assert (variants.baseline, variants.evaluate) == ("plain", ("--beams", "3"))
    assert other.train == ("--epochs", "4", "--note", "two words", "--epochs", "5")
    assert (other.title, other.after) == ("another one", None)
    assert (plain.title, plain.after) == ("plain", "other")


def test_the_first_variant_is_the_baseline_by_default(write) -> None:
    assert read_variants(write("v.toml", "[variants.b]\n[variants.a]")).baseline == "b"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = ", "not TOML"),
        ("", "has no variants"),
        ("variants = 3", "the file: 'variants' is 3, expected a table"),
        ("[variants]\na = 1", "variant 'a': expected a table, got 1"),
        ("[variants.a]\nwords = ''", "variant 'a' has no 'words'; it may have 'title'"),
        ("[variants.a]\ntrain = 1", "variant 'a': 'train' is 1, expected a text"),
        ("[variants.a]\ntrain = '\"'", "No closing quotation; close its quotes"),
        ("[variants.'../a']", "variant '../a' gives its folder the name"),
        ("seed = 1", "the file has no 'seed'"),
        ("[common]\nwords = 'x'", "common has no 'words'"),
        ("baseline = 'b'\n[variants.a]", "baseline 'b' is none of 'a'"),
        ("[variants.a]\nafter = 'b'", "'a' starts from 'b', which is none of 'a'"),
        ("[variants.a]\nafter = 'a'", "'a' after 'a': no variant can start from its own result"),
        (
            "[variants.c]\nafter = 'a'\n[variants.a]\nafter = 'b'\n[variants.b]\nafter = 'a'",
            "'c' after 'a' after 'b' after 'a'",
        ),
    ],
)
def test_what_cannot_be_used_is_named(text, message, write) -> None:
    with pytest.raises(DataError) as refusal:
        read_variants(write("v.toml", text))
    assert message in str(refusal.value)


def test_a_list_that_is_not_there_is_named(tmp_path) -> None:
    with pytest.raises(DataError, match="nowhere.toml: cannot be read"):
        read_variants(tmp_path / "nowhere.toml")
