"""The question answerer on a tiny world of coloured blocks."""

import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import QUESTIONS, scene, write_questions
from torchvision.transforms.v2.functional import pil_to_tensor

import caption
from caption.engine.config import OptimConfig, TrainerConfig
from caption.engine.trainer import Trainer
from caption.errors import DataError, FeatureStoreError, ModelError
from caption.models.directory import load_encoder
from caption.text.tokenize import tokenize
from caption.text.vocabulary import Vocabulary
from caption.vision.extract import FeatureExtractor, store_features
from caption.vision.image import load_image
from caption.vision.store import StorePlan, write_store
from vqa.answers import AnswerVocabulary
from vqa.config import HeadConfig, VqaConfig
from vqa.data.reading import read_vqa, split_by_image
from vqa.model import DEFAULT_ANSWERER, VqaModel
from vqa.predict import QuestionAnswerer
from vqa.question import Turn, encode_question, last_turns, pad
from vqa.task import build_task

SMALL = HeadConfig(
    word_dim=16, state_dim=32, visual_dim=64, attention_dim=32, fused_dim=64, dropout=0.0
)


@pytest.fixture
def paths(tmp_path) -> tuple[Path, Path, Path]:
    return write_questions(tmp_path / "data")


@pytest.fixture
def task(paths, tiny_model, tmp_path):
    data = read_vqa(*paths)
    store = store_features(tiny_model.encoder, data.images, tmp_path / "features", workers=0)
    optim = OptimConfig(learning_rate=1e-2, warmup_steps=5)
    trainer = TrainerConfig(epochs=12, patience=12, optim=optim)
    config = VqaConfig(head=SMALL, batch_questions=3, trainer=trainer)
    return build_task(config, train=(data, store), validation=(data, store))


@pytest.fixture
def easy_task(paths, task, tmp_path):
    """The same with features that are no more than the mean colours of six fields."""
    data, _ = task.train
    plan = StorePlan(
        image_ids=tuple(data.images),
        grid_size=(2, 3),
        feature_dim=3,
        encoder_id=task.model.sight.encoder_id,
    )

    def encode(image_ids):
        pixels = [pil_to_tensor(load_image(data.images[i])).float() / 255 for i in image_ids]
        yield F.adaptive_avg_pool2d(torch.stack(pixels), (2, 3)).flatten(2).transpose(1, 2)

    store = write_store(tmp_path / "colours", plan, encode)
    return build_task(task.config, train=(data, store), validation=(data, store))


def answerer_of(model: VqaModel, tiny_model) -> QuestionAnswerer:
    return QuestionAnswerer(model, FeatureExtractor(tiny_model.encoder))


def test_it_learns_to_answer_and_comes_back_from_disk(easy_task, tiny_model, tmp_path) -> None:
    task = easy_task
    assert Trainer(task.config.trainer, cpu=True).fit(task, tmp_path / "run").best == 1
    answerer = answerer_of(VqaModel.from_pretrained(tmp_path / "run" / "best"), tiny_model)
    blue_on_the_right = task.train[1].features([5])
    colour, is_red = answerer.ask(blue_on_the_right, QUESTIONS)
    assert (colour.text, is_red.text) == ("blue", "no")
    assert str(answerer(blue_on_the_right, QUESTIONS[0])) == "blue"
    assert [text for text, _ in colour.top] == list(dict.fromkeys(text for text, _ in colour.top))
    assert sum(share for _, share in colour.top) == pytest.approx(1, abs=1e-5)
    assert colour.attention.shape == (2, 2, 3)
    assert colour.attention.sum(axis=(1, 2)) == pytest.approx(1, abs=1e-5)
    report = task.evaluate()
    assert report.scores.by_question_type == {"is": 1, "what": 1}
    assert report.num_distinct == 5


def test_a_dialog_is_read_with_what_was_said(easy_task, tiny_model) -> None:
    answerer = answerer_of(easy_task.model, tiny_model)
    features = easy_task.train[1].features([0])
    talk = answerer.talk(features)
    first = talk.ask(QUESTIONS[0])
    second = talk.ask(QUESTIONS[1])
    alone = answerer(features, QUESTIONS[1])
    assert [turn.question for turn in talk.turns] == QUESTIONS
    assert talk.turns[0].answer == first.text
    assert second.probability != alone.probability
    (told,) = answerer.ask(features, [QUESTIONS[1]], history=talk.turns[:1])
    assert told.probability == pytest.approx(second.probability)


def test_the_model_of_the_package_answers_about_a_photo_and_says_what_it_does_not_know() -> None:
    answerer = QuestionAnswerer.from_pretrained(device="cpu")
    photo = Path(caption.__file__).parent / "examples" / "camera.jpg"
    features = answerer.look(photo)
    there, not_there, who, odd = answerer.ask(
        features, ["is there a man?", "is there a dog?", "who is it?", "whence was the xyzzy blue?"]
    )
    assert (there.text, not_there.text) == ("yes", "no")
    assert who.attention.shape == (2, 8, 8)
    assert odd.unknown_words == ("whence", "xyzzy")
    assert "questions that begin with 'whence was'" in odd.doubt
    talk = answerer.talk(features)
    assert [talk.ask(text).text for text in ("is there a man?", "is he running?")] == ["yes", "no"]


def test_the_model_of_the_package_is_small_and_honest_about_itself() -> None:
    files = sorted(DEFAULT_ANSWERER.iterdir())
    assert [file.name for file in files] == ["README.md", "config.json", "model.safetensors"]
    assert sum(file.stat().st_size for file in files) < 15e6
    card = (DEFAULT_ANSWERER / "README.md").read_text()
    for part in ("Research use", "flickr8k", "DAQUAR", "glimpse train answers", "cannot"):
        assert part in card


def test_only_the_last_turns_are_read() -> None:
    vocabulary = Vocabulary.build(["is it red ? yes"], minimum_count=1)
    turns = [Turn("is it?", "yes"), Turn("red?", "it")]
    read = encode_question("is red?", vocabulary, max_length=9, history=last_turns(turns, 1))
    words = [vocabulary.id_of(word) for word in ("red", "it", "is", "red")]
    end = vocabulary.end_id
    assert read == [words[0], end, words[1], end, words[2], words[3]]
    assert list(last_turns(turns, 0)) == []
    assert list(last_turns(turns, 9)) == turns


@pytest.mark.parametrize(
    "change",
    [
        {"cell": "gru", "num_layers": 2, "bidirectional": True},
        {"comparison": "additive", "fusion": "concatenation", "outputs": "sigmoid"},
        {"normalise": False, "num_glimpses": 1},
    ],
)
def test_every_head_learns_from_a_batch(easy_task, change) -> None:
    task = easy_task
    config = replace(task.config, head=replace(SMALL, **change))
    other = build_task(config, train=task.train, validation=task.validation)
    batch = next(iter(other.loader(0)))
    optimizer = torch.optim.Adam(other.model.parameters(), lr=1e-2)
    losses = []
    for _ in range(30):
        terms = other.loss(batch, 0.0)
        loss = terms.total / terms.count
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


def test_a_blind_model_and_a_deaf_one_show_what_can_be_guessed(task) -> None:
    batch = next(iter(task.loader(0)))
    for inputs, others in (("question", batch._replace(grid=batch.grid * 2 - 1)), ("image", None)):
        config = replace(task.config, head=replace(SMALL, inputs=inputs))
        model = build_task(config, train=task.train, validation=task.validation).model.eval()
        if others is None:
            others = batch._replace(words=batch.words + 1)
        scores = [model(b.grid, b.images, b.words, b.lengths)[0] for b in (batch, others)]
        torch.testing.assert_close(scores[0], scores[1])
        assert len(scores[0].unique(dim=0)) > 1


def test_an_answer_depends_on_no_other_question_and_on_no_padding(task, tiny_model) -> None:
    answerer = answerer_of(task.model, tiny_model)
    image = scene("red", "left")
    asked = [*QUESTIONS, "and now a much longer question about the colour of the block?"]
    together = answerer.ask(image, asked)
    for question, answer in zip(asked, together, strict=True):
        alone = answerer(image, question)
        assert alone.text == answer.text
        assert alone.probability == pytest.approx(answer.probability, abs=1e-5)


def test_one_look_answers_any_number_of_questions(task, tiny_model, monkeypatch) -> None:
    answerer = answerer_of(task.model, tiny_model)
    looks = []
    forward = type(tiny_model.encoder).forward
    monkeypatch.setattr(
        type(tiny_model.encoder), "forward", lambda *a: looks.append(1) or forward(*a)
    )
    features = answerer.extract([scene("red", "left")])
    answerer.ask(features, QUESTIONS * 5)
    assert len(looks) == 1
    assert answerer.ask(features, []) == []


def test_a_question_is_split_into_words_once_and_so_is_what_was_said_before(
    task, tiny_model, monkeypatch
) -> None:
    answerer = answerer_of(task.model, tiny_model)
    texts: list[str] = []

    def counted(text: str) -> list[str]:
        texts.append(text)
        return tokenize(text)

    for name, module in [*sys.modules.items()]:
        if name.startswith(("caption.", "vqa.")) and getattr(module, "tokenize", 0) is tokenize:
            monkeypatch.setattr(module, "tokenize", counted)
    turn = Turn("which side?", "left")
    answers = answerer.ask(scene("red", "left"), QUESTIONS, history=[turn])
    assert Counter(texts) == Counter([*QUESTIONS, *turn])
    assert len(answers) == len(QUESTIONS)


def test_unknown_words_are_said(task, tiny_model) -> None:
    answerer = answerer_of(task.model, tiny_model)
    answer = answerer(scene("red", "left"), "what colour is the Zebra, zebra or 斑马?")
    assert answer.unknown_words == ("zebra", "or", "斑马")
    assert answer.doubt == "I do not know the words 'zebra', 'or', '斑马'"
    assert answerer(scene("red", "left"), QUESTIONS[0]).doubt is None


@pytest.mark.parametrize(
    ("question", "message"),
    [("", "has no words"), (" ?!", "has no words"), ("why " * 500, "has 500 words, at most 40")],
)
def test_what_is_no_question_is_one_sentence(task, tiny_model, question, message) -> None:
    with pytest.raises(DataError, match=message):
        answerer_of(task.model, tiny_model)(scene("red", "left"), question)


def test_features_of_another_encoder_are_refused(task, tiny_model, tmp_path) -> None:
    model = VqaModel(
        SMALL,
        task.model.vocabulary,
        task.model.answers,
        task.model.sight._replace(encoder_id="other"),
    )
    with pytest.raises(ModelError, match="reads features of encoder other, not of"):
        answerer_of(model, tiny_model)
    with pytest.raises(
        FeatureStoreError, match=r"the model reads those of other.*`glimpse prepare features`"
    ):
        type(task)(task.config, model, train=task.train, validation=task.validation)
    features = answerer_of(task.model, tiny_model).extract([scene("red", "left")])
    with pytest.raises(FeatureStoreError, match="are of encoder none"):
        answerer_of(task.model, tiny_model)(replace(features, encoder_id="none"), QUESTIONS[0])


def test_an_encoder_comes_without_its_captioner(tiny_model, tmp_path) -> None:
    tiny_model.save_pretrained(tmp_path / "model", card="")
    encoder = load_encoder(tmp_path / "model")
    assert encoder.fingerprint() == tiny_model.encoder.fingerprint()
    with pytest.raises(ModelError, match="a model of kind 'caption', expected 'vqa'"):
        VqaModel.from_pretrained(tmp_path / "model")


def test_answers_become_classes_with_soft_targets() -> None:
    answers = AnswerVocabulary.build(
        ["Two", "2", "2", "table, chair", "chair, table", "chair, table", "red", ""], max_answers=3
    )
    assert answers.answers == ("2", "chair, table", "red")
    assert answers.id_of("two.") == 0
    assert answers.id_of("the table, a chair") == 1
    assert answers.id_of("blue") is None
    assert answers.targets(["TWO", "blue"]) == {0: 1.0}
    assert answers.targets(["2"] * 2 + ["red"] * 5 + ["x"] * 3) == {0: 0.6, 2: 1.0}
    assert AnswerVocabulary(answers.answers).answers == answers.answers
    with pytest.raises(ModelError, match="more than once"):
        AnswerVocabulary(["2", "two"])
    with pytest.raises(DataError, match="no answers to learn"):
        AnswerVocabulary.build(["", " "], max_answers=3)


@settings(deadline=None)
@given(st.lists(st.text(max_size=20), min_size=1, max_size=4))
def test_any_text_becomes_ids(questions) -> None:
    vocabulary = Vocabulary.build(QUESTIONS, minimum_count=1)
    words, lengths = pad(
        [encode_question(text, vocabulary, max_length=5) for text in questions], vocabulary.pad_id
    )
    assert words.shape == (len(questions), max(lengths))
    assert 1 <= min(lengths) <= max(lengths) <= 5


def test_a_split_shares_no_image(paths) -> None:
    data = read_vqa(*paths)
    train, held_out = split_by_image(data, share=1 / 3, seed=0)
    assert len(held_out.images) == 2
    assert train.images.keys() | held_out.images.keys() == data.images.keys()
    assert not {q.image_id for q in train.questions} & {q.image_id for q in held_out.questions}
    assert len(train.questions) + len(held_out.questions) == len(data.questions)
    assert split_by_image(data, share=1 / 3, seed=0)[1] == held_out
    with pytest.raises(DataError, match="leave nothing to learn or to validate"):
        split_by_image(data, share=0.01, seed=0)


def edit(path: Path, change) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("which", "change", "message"),
    [
        (0, lambda c: c["questions"][1].update(question=" "), "question 1 is empty"),
        (0, lambda c: c["questions"][1].update(image_id=99), "image 99 of a question is not among"),
        (0, lambda c: c["images"][2].update(file_name="no.png"), "question 4: no file 'no.png'"),
        (0, lambda c: c["images"][2].update(file_name="../a.png"), "a.png"),
        (0, lambda c: c.pop("images"), "names no image files; add a list 'images'"),
        (0, lambda c: c["questions"][1].update(question_id=0), "question_id 0 appears more than"),
        (1, lambda c: c["annotations"].pop(3), r"no answers to question 3 \(1 such\)"),
        (1, lambda c: c["annotations"][3].update(answers=[]), "question 3 has an empty list"),
    ],
)
def test_a_wrong_record_is_named(paths, which, change, message) -> None:
    edit(paths[which], change)
    with pytest.raises(DataError, match=message):
        read_vqa(*paths)


def test_cocos_own_file_names_need_no_list(paths) -> None:
    edit(paths[0], lambda c: c.pop("images") and c.update(data_subtype="val2014"))
    for file in paths[2].iterdir():
        file.rename(file.with_name(f"COCO_val2014_{int(file.stem):012}.jpg"))
    assert read_vqa(*paths).images[3].name == "COCO_val2014_000000000003.jpg"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_glimpses": 0}, "num_glimpses must be at least 1, got 0"),
        ({"bidirectional": True, "state_dim": 7}, "two directions cannot share a state_dim of 7"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1.0"),
    ],
)
def test_a_head_cannot_be_in_a_bad_state(change, message) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **change)
