import pytest

from caption.text.sides import name_sides


@pytest.mark.parametrize(
    "caption",
    [
        "A dog on the LEFT.",
        "Ein Hund rechts im Bild",
        "un chien à gauche",
        "左边有一只狗",
        "สุนัขทางซ้าย",
        "solda bir köpek",
    ],
)
def test_captions_that_name_a_side(caption) -> None:
    assert name_sides(["a dog", caption])


def test_captions_that_name_none() -> None:
    assert not name_sides(["a bright dog leftover", "upright"])
    assert not name_sides([])
