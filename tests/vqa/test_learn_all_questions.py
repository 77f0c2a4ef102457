"""Fine-tuning finds out for how long to learn, and then may learn what told it as well."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, product
from pathlib import Path

import pytest
import torch
from torch import nn

from caption.evaluation.tables import Row, ScoreTable
from caption.metrics.bootstrap import Difference
from caption.text.vocabulary import Vocabulary
from caption.vision.store import FeatureStore, StorePlan, write_store
from vqa.answers import AnswerVocabulary
from vqa.config import HeadConfig
from vqa.data.annotations import ImageQuestion
from vqa.data.reading import VqaData
from vqa.evaluate import evaluate_on, guess
from vqa.finetune import Parts, compare_models, finetune, install, learnt_from, write_page
from vqa.model import Sight, VqaModel
from vqa.task import VqaTask

SIGHT = Sight("one", 6, 5)
SMALL = HeadConfig(
    word_dim=8, state_dim=8, visual_dim=8, attention_dim=8, fused_dim=8, num_glimpses=2
)


def data_of(numbers: range, *answers: str) -> VqaData:
    """Two questions about every image, of a closed and an open kind, answered in turn."""
    asked = product(numbers, ("is it a gadget?", "which gadget is it?"))
    questions = tuple(
        ImageQuestion(f"{n} {text}", n, text, (answers[place % len(answers)],))
        for place, (n, text) in enumerate(asked)
    )
    return VqaData(questions, {n: Path(f"{n}.png") for n in numbers})


PARTS = Parts(
    train=data_of(range(12), "Yes", "widget", "no", "cog"),
    validation=data_of(range(12, 16), "yes", "a sprocket"),
    held_out=data_of(range(16, 22), "no", "widget", "yes", "nut"),
)


@pytest.fixture
def store(tmp_path) -> FeatureStore:
    generator = torch.Generator().manual_seed(0)
    plan = StorePlan(
        image_ids=tuple(range(22)), grid_size=(2, 3), feature_dim=5, encoder_id=SIGHT.encoder_id
    )

    def encode(image_ids) -> Iterator[torch.Tensor]:
        yield torch.rand(len(image_ids), 6, 5, generator=generator)

    return write_store(tmp_path / "features", plan, encode)


@pytest.fixture
def old() -> VqaModel:
    return VqaModel(SMALL, Vocabulary(["is", "it"]), AnswerVocabulary(["yes", "no"]), SIGHT).eval()


def weights(model: VqaModel) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_all_but_the_held_out_questions_are_learnt(old, store, tmp_path) -> None:
    before = weights(old).clone()
    outcome = finetune(old, PARTS, store, None, tmp_path, learn_from="all", epochs=4)
    assert outcome is not None
    assert {*outcome.learnt.questions} == {*PARTS.train.questions, *PARTS.validation.questions}
    assert 1 <= outcome.epochs <= 4
    # Known from the validation part only, which the first run must not learn.
    assert outcome.model.answers.id_of("sprocket") is not None
    assert outcome.model.answers.id_of("nut") is None
    alone = finetune(old, PARTS, store, None, tmp_path / "b", learn_from="train", epochs=4)
    assert alone is not None
    assert alone.learnt == PARTS.train
    assert alone.model.answers.id_of("sprocket") is None
    assert alone.epochs == outcome.epochs
    assert not (tmp_path / "b" / "all").exists()
    assert torch.equal(weights(old), before)


def test_both_runs_are_resumed_bit_for_bit(old, store, tmp_path, monkeypatch) -> None:
    how = {"learn_from": "all", "epochs": 3, "seed": 1}
    whole = finetune(old, PARTS, store, None, tmp_path / "whole", **how)
    assert whole is not None
    loss, updates = VqaTask.loss, count()
    stops = {1, 3 + whole.epochs - 1}  # an update an epoch

    def interrupted(task, batch, done):
        if next(updates) in stops:
            os.kill(os.getpid(), signal.SIGINT)
        return loss(task, batch, done)

    monkeypatch.setattr(VqaTask, "loss", interrupted)
    for resume in (False, True):
        assert finetune(old, PARTS, store, None, tmp_path / "b", **how, resume=resume) is None
        torch.manual_seed(9)
    resumed = finetune(old, PARTS, store, None, tmp_path / "b", **how, resume=True)
    assert resumed is not None
    assert resumed.epochs == whole.epochs
    assert torch.equal(weights(resumed.model), weights(whole.model))


def test_the_expected_accuracy_is_how_probable_the_right_answers_are(old, store) -> None:
    nn.init.zeros_(old.classify.weight)
    with torch.no_grad():
        old.classify.bias.copy_(torch.tensor([0.8, 0.2]).log())
    often = ("yes",) * 2 + ("no",) * 8  # of which 0.6 is right, and 1
    asked = [
        ImageQuestion(n, n, "is it?", answers)
        for n, answers in enumerate([("Yes",), ("no",), ("cog",), ("no", "yes"), often])
    ]
    report = evaluate_on(old, VqaData(tuple(asked), {}), store)
    expected = (0.8 + 0.2 + 0 + 1 + (0.8 * 0.6 + 0.2)) / 5
    assert report.expected_accuracy == pytest.approx(expected)
    assert report.metrics()["expected_accuracy"] == report.expected_accuracy


def test_questions_that_no_model_can_answer_stop_nothing(old, store, tmp_path) -> None:
    parts = replace(PARTS, validation=data_of(range(12, 16), "nothing", "that", "is", "learnt"))
    outcome = finetune(old, parts, store, None, tmp_path, learn_from="all", epochs=3)
    assert outcome is not None
    assert outcome.epochs == 3


def test_few_questions_are_all_learnt_unless_one_says_otherwise() -> None:
    many = replace(PARTS, train=data_of(range(2600), "yes"))
    assert (learnt_from(PARTS, None), learnt_from(many, None)) == ("all", "train")
    assert (learnt_from(PARTS, "train"), learnt_from(many, "all")) == ("train", "all")


def test_a_guess_is_the_commonest_answer_of_its_type() -> None:
    questions = [
        ImageQuestion(1, 1, "?", ("yes",)),
        ImageQuestion(2, 1, "?", ("two",)),
        ImageQuestion(3, 1, "?", ("the Left lung",)),
        ImageQuestion(4, 1, "?", ("heart",)),
    ]
    texts = ["yes", "No", "no", "Left lung", "heart", "a left lung"]
    learnt = [ImageQuestion(n, 2, "?", (text,)) for n, text in enumerate(texts)]
    scores = guess(questions, learnt)
    # No number was learnt: there the commonest of all is said.
    assert scores.by_answer_type == {"yes/no": 0, "number": 0, "other": 0.5}
    assert guess(questions, [*learnt, replace(questions[1])]).by_answer_type["number"] == 1


def test_the_report_names_every_type_and_what_guessing_would_get(old, store, tmp_path) -> None:
    learnt = PARTS.learnt("all")
    comparison = compare_models(old, old, PARTS.held_out, store, learnt=learnt)
    by_name = {of.name: of for of in comparison.by_type()}
    assert {name: of.num_questions for name, of in by_name.items()} == {"yes/no": 6, "other": 6}
    # "Yes" is the commonest only with the validation part; "widget" is among the others.
    assert (by_name["yes/no"].guessed, by_name["other"].guessed) == (0.5, 0.5)
    lines = list(comparison.table().lines())
    assert "commonest" in lines[0]
    assert [line.split("  ")[1] for line in lines[2:]] == ["other (6)", "yes/no (6)"]
    write_page(tmp_path / "report.html", comparison)
    page = (tmp_path / "report.html").read_text("utf-8")
    for part in ('<th scope="col">commonest</th>', "yes/no (6)", '<td class="number">0.5000</td>'):
        assert part in page
    install(old, tmp_path / "model", comparison, source="here", data="a table", num_train=32)
    card = (tmp_path / "model" / "README.md").read_text("utf-8")
    assert "| yes/no | 6 |" in card
    assert "| 50.0% |" in card


def test_a_table_without_guesses_has_no_column_for_them() -> None:
    difference = Difference(0.1, (0.0, 0.2), 0.04)
    rows = [Row("cider_d", 0.6, 0.5, difference)]
    assert list(ScoreTable(rows, "before").lines())[1:] == [
        "cider_d     0.6000  0.5000  +0.1000 [+0.0000, +0.2000]  0.0400"
    ]
    header, line = ScoreTable([replace(rows[0], guessed=0.3)], "before", "commonest").lines()
    assert header.index("difference") == line.index("+0.1000")
    assert header.index("commonest") + len("commonest") == line.index("0.3000") + len("0.3000")
