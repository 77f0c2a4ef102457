"""A trained question answerer goes on to learn other words and answers."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from caption.errors import ModelError
from caption.text.vocabulary import Vocabulary
from vqa.answers import AnswerVocabulary
from vqa.config import HeadConfig
from vqa.data.annotations import ImageQuestion
from vqa.data.forms import QuestionSet
from vqa.data.reading import VqaData
from vqa.finetune import config_for, divide
from vqa.metrics import VqaScores, gain
from vqa.model import Sight, VqaModel
from vqa.task import grown

SIGHT = Sight("one", 6, 5)
SMALL = HeadConfig(
    word_dim=8, state_dim=8, visual_dim=8, attention_dim=8, fused_dim=8, num_glimpses=2
)


def question(number: int, text: str, answer: str) -> ImageQuestion:
    return ImageQuestion(number, f"{number}.png", text, (answer,), "", "")


LEARNT = [
    question(n, text, answer)
    for n, (text, answer) in enumerate(
        [("what gadget is it?", "a widget"), ("what gadget is that?", "red"), ("is it?", "yes")] * 3
    )
]


@pytest.fixture
def model() -> VqaModel:
    torch.manual_seed(0)
    return VqaModel(
        SMALL,
        Vocabulary(["what", "is", "it"]),
        AnswerVocabulary(["yes", "no", "red"]),
        SIGHT,
        ["what is"],
    ).eval()


def test_answers_keep_their_classes_and_new_ones_follow(model) -> None:
    answers = model.answers.grown(
        ["a widget", "widget", "widget", "Yes!", "", "cog"], max_answers=9
    )
    assert answers.answers == ("yes", "no", "red", "widget", "cog")
    assert answers.id_of("the widget") == 3
    assert model.answers.grown(["yes"], max_answers=9) is model.answers
    assert len(model.answers.grown(["cog", "cog", "nut"], max_answers=4)) == 4


def test_what_the_model_knew_it_still_knows(model) -> None:
    new = grown(model, LEARNT, Sight("two", 6, 5))
    assert new.answers.answers == ("yes", "no", "red", "a widget")
    assert new.vocabulary.tokens[len(model.vocabulary) :] == ("gadget", "that")
    assert new.sight.encoder_id == "two"
    assert new.openings == {"what is", "what gadget", "is it"}
    grid, images = torch.randn(1, 6, 5), torch.zeros(2, dtype=torch.long)
    words, lengths = torch.tensor([[4, 5, 6], [6, 6, 4]]), torch.tensor([3, 2])
    before, looked = model(grid, images, words, lengths)
    after, looks = new(grid, images, words, lengths)
    torch.testing.assert_close(after[:, :3], before)
    torch.testing.assert_close(looks, looked)


def test_a_blind_model_grows_too(model) -> None:
    torch.manual_seed(0)
    blind = VqaModel(replace(SMALL, inputs="image"), model.vocabulary, model.answers, SIGHT)
    assert len(grown(blind, LEARNT, SIGHT).answers) == 4


def test_an_encoder_with_another_grid_is_refused(model) -> None:
    with pytest.raises(ModelError, match=r"run `glimpse train answers` to train a new one"):
        grown(model, LEARNT, Sight("two", 49, 5))


def test_more_questions_are_gone_through_less_often(model) -> None:
    epochs = [config_for(model, n, epochs=None, seed=0).trainer.epochs for n in (99, 999, 99_999)]
    assert epochs == sorted(epochs, reverse=True)
    assert config_for(model, 99, epochs=2, seed=7).trainer.epochs == 2
    assert config_for(model, 99, epochs=2, seed=7).head == SMALL


def test_questions_are_divided_by_image() -> None:
    questions = tuple(question(n % 20, f"{n}?", "yes") for n in range(60))
    questions = tuple(replace(q, question_id=n) for n, q in enumerate(questions))
    images = {f"{n}.png": Path(f"{n}.png") for n in range(20)}
    digests = {path: str(n // 2) for n, path in enumerate(images.values())}
    parts = divide(
        QuestionSet("table", VqaData(questions, images), {}, ()), digests, held_out=0.2, seed=0
    )
    sets = [parts.train, parts.validation, parts.held_out]
    assert sum(len(part.questions) for part in sets) == 60
    groups = [{digests[path] for path in part.images.values()} for part in sets]
    assert not groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2]
    for part in sets:
        assert {q.image_id for q in part.questions} == part.images.keys()


def scores(*values: float) -> VqaScores:
    return VqaScores(sum(values) / len(values), {}, {}, dict(enumerate(map(float, values))), 0)


def test_the_gain_of_a_better_model_lies_in_its_interval() -> None:
    image_of = {n: n // 3 for n in range(12)}
    better, worse = scores(*[1, 1, 0] * 4), scores(*[1, 0, 0] * 4)
    found = gain(better, worse, image_of)
    # Every image gains the same.
    assert (found.difference, *found.interval) == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert gain(worse, better, image_of).difference == pytest.approx(-1 / 3)
    found = gain(scores(1, 1, 1, 0), scores(0, 0, 1, 1), {0: 0, 1: 1, 2: 2, 3: 3})
    low, high = found.interval
    assert low < 0 < found.difference == 0.25 < high
    assert found == gain(scores(1, 1, 1, 0), scores(0, 0, 1, 1), {0: 0, 1: 1, 2: 2, 3: 3})
