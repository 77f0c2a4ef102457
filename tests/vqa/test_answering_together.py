"""Two question answerers with eyes of their own that answer together."""

import json
from dataclasses import replace

import pytest
import torch
from console import run_here
from tiny import COLOURS, SIDES, scene, write_questions
from tiny_models import caption_model, question_answerer, words_of_scenes

from caption import Captioner
from caption.errors import FeatureStoreError, ModelError
from caption.models.companion import Companion
from caption.models.directory import CAPTIONERS
from caption.vision.extract import FeatureExtractor
from vqa.answers import AnswerVocabulary
from vqa.eyes import let_look
from vqa.model import ANSWERERS, VqaModel, answerer_beside
from vqa.predict import QuestionAnswerer

SCENES = [scene(colour, side) for colour in COLOURS for side in SIDES]
QUESTION = "what colour is it?"
SHARE = 0.4


def captioner(seed: int) -> Captioner:
    torch.manual_seed(seed)
    return Captioner(caption_model(words_of_scenes()))


@pytest.fixture
def packaged(tmp_path, monkeypatch) -> str:
    """Another captioner and its answerer, in the package under one name."""
    eyes = captioner(seed=7)
    eyes.save_pretrained(tmp_path / "eyes", card="")
    question_answerer(eyes).model.save_pretrained(tmp_path / "answers", card="")
    monkeypatch.setitem(CAPTIONERS, "other", tmp_path / "eyes")
    monkeypatch.setitem(ANSWERERS, "other", tmp_path / "answers")
    return "other"


@pytest.fixture
def first() -> QuestionAnswerer:
    return question_answerer(captioner(seed=0))


def shares_of(answerer: QuestionAnswerer) -> list[dict[str, float]]:
    return [dict(answerer(picture, QUESTION).top) for picture in SCENES]


def test_what_both_find_likely_is_answered(first, packaged) -> None:
    alone = shares_of(first)
    other = shares_of(QuestionAnswerer.from_pretrained("other", captioner="other", device="cpu"))
    first.model.companion = answerer_beside(first.model, packaged, SHARE, VqaModel.from_pretrained)
    together = shares_of(QuestionAnswerer(first.model, first.extract))
    for own, others, both in zip(alone, other, together, strict=True):
        answers = sorted(own.keys() & others.keys() & both.keys())
        pooled = {a: own[a] ** (1 - SHARE) * others[a] ** SHARE for a in answers}
        odds = [both[a] / pooled[a] for a in answers]
        assert len(answers) >= 2
        assert odds == pytest.approx([odds[0]] * len(odds), rel=1e-3)


def test_a_pair_comes_back_from_the_disk_and_is_scored_as_it_answers(
    first, packaged, tmp_path
) -> None:
    model = first.model
    model.companion = answerer_beside(model, packaged, SHARE, VqaModel.from_pretrained)
    pair = QuestionAnswerer(model, first.extract)
    model.save_pretrained(tmp_path / "pair", card="")
    captioner(seed=0).save_pretrained(tmp_path / "seen", card="")
    loaded = QuestionAnswerer.from_pretrained(
        tmp_path / "pair", captioner=tmp_path / "seen", device="cpu"
    )
    assert shares_of(loaded) == [pytest.approx(shares) for shares in shares_of(pair)]
    questions, annotations, images = write_questions(tmp_path / "asked")
    run = run_here(
        *("evaluate", "answers", "--model", tmp_path / "pair", "--captioner", tmp_path / "seen"),
        *("--questions", questions, "--annotations", annotations, "--images", images),
        *("--submission", tmp_path / "answers.json"),
    )
    assert run.returncode == 0, run.stderr
    given = {
        row["question_id"]: row["answer"]
        for row in json.loads((tmp_path / "answers.json").read_text())
    }
    for row in json.loads(questions.read_text())["questions"]:
        picture = images / f"{row['image_id']}.png"
        assert loaded(picture, row["question"]).text == given[row["question_id"]]


def test_who_cannot_answer_together_is_refused(first, packaged) -> None:
    def beside(model: VqaModel) -> None:
        answerer_beside(first.model, "small", SHARE, lambda name: model)

    model = first.model
    others = AnswerVocabulary(["red", "blue", "green", "yes", "no", "3"])
    for wrong in (
        VqaModel(model.config, model.vocabulary, others, model.sight),
        VqaModel(
            replace(model.config, outputs="sigmoid"), model.vocabulary, model.answers, model.sight
        ),
    ):
        with pytest.raises(ModelError, match="knows other words or answers"):
            beside(wrong)
    model.companion = answerer_beside(model, packaged, SHARE, VqaModel.from_pretrained)
    features = FeatureExtractor(first.extract.encoder)(SCENES[:1])
    with pytest.raises(FeatureStoreError, match="lack what other sees"):
        QuestionAnswerer(model, first.extract).ask(features, [QUESTION])


@pytest.mark.parametrize("wrong", ['"small"', '{"name": "small"}', '{"name": "small", "share": 2}'])
def test_a_config_that_names_no_companion_is_told(first, wrong: str, tmp_path) -> None:
    first.model.save_pretrained(tmp_path / "pair", card="")
    config = tmp_path / "pair/config.json"
    config.write_text(config.read_text().replace("{", f'{{"companion": {wrong}, ', 1))
    with pytest.raises(ModelError, match=r"config\.json: companion: "):
        VqaModel.from_pretrained(tmp_path / "pair")


def test_a_companion_that_has_learnt_with_other_eyes_is_refused(first, packaged) -> None:
    companion = Companion.called(packaged, SHARE, VqaModel.from_pretrained)
    extract = FeatureExtractor(first.extract.encoder, beside=captioner(seed=3).model.encoder)
    with pytest.raises(ModelError, match="the companion other reads features of encoder"):
        let_look(companion, extract)
