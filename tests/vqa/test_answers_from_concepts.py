"""A question answerer that reads recognised words, copies them and is corrected by people."""

import json
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from tiny import COLOURS, QUESTIONS, SIDES, scene, write_questions

from caption.errors import DataError, ModelError
from caption.networks.concepts import Concepts
from caption.predict import Captioner
from caption.text.vocabulary import Vocabulary
from caption.vision.concepts import ConceptHead, ImageConcepts
from caption.vision.config import ConceptConfig
from caption.vision.extract import FeatureExtractor, store_features
from caption.web.eyes import Eyes
from vqa.answers import AnswerVocabulary
from vqa.commands.app import load_answerer
from vqa.concepts import LEAST, by_word, likeliest
from vqa.config import HeadConfig, VqaConfig
from vqa.data.annotations import ImageQuestion
from vqa.data.reading import read_vqa
from vqa.evaluate import evaluate_on
from vqa.model import Sight, VqaModel
from vqa.predict import QuestionAnswerer
from vqa.task import VqaTask, build_task, grown, head_to_go_on

SMALL = HeadConfig(
    **dict.fromkeys(("word_dim", "state_dim", "visual_dim", "attention_dim", "fused_dim"), 16),
    concepts=4,
    dropout=0.0,
)
SIGHT = Sight("one", 6, 5)
WORDS = ["cat", "dog", "horse", "cow", "sheep", "bird", "fish", "bear", "zebra"]


def model_of(config: HeadConfig = SMALL, learnt: int = len(WORDS)) -> VqaModel:
    """Return a model of which only some of the words have been answers."""
    return VqaModel(
        *(config, Vocabulary(["what", "is", "it", *WORDS]), AnswerVocabulary([*WORDS, "no"])),
        *(SIGHT, ["what is"]),
        concept_words=WORDS,
        only_copied=WORDS[learnt:],
    ).eval()


@pytest.fixture
def asked() -> tuple[torch.Tensor, ...]:
    """Three questions about two images."""
    words = torch.tensor([[4, 5, 6], [5, 6, 0], [4, 4, 4]])
    return torch.randn(2, 6, 5), torch.tensor([1, 0, 1]), words, torch.tensor([3, 2, 3])


def some_concepts(*shape: int) -> Concepts:
    ids = torch.randint(7, 7 + len(WORDS), shape)
    return Concepts(ids, torch.rand(shape).masked_fill(torch.rand(shape) < 0.3, 0.0))


@given(st.permutations(range(4)), st.sampled_from(["both", "image"]))
def test_the_order_of_concepts_changes_no_answer(order, inputs) -> None:
    torch.manual_seed(0)
    model, concepts = model_of(replace(SMALL, inputs=inputs), learnt=5), some_concepts(2, 4)
    grid, images = torch.randn(2, 6, 5), torch.tensor([0, 1])
    question = torch.tensor([[4, 5, 6]] * 2), torch.tensor([3, 3])
    scores, weights = model(grid, images, *question, concepts)
    others = Concepts(*(part[:, list(order)] for part in concepts))
    again, other_weights = model(grid, images, *question, others)
    torch.testing.assert_close(again, scores)
    torch.testing.assert_close(other_weights[..., :6], weights[..., :6])
    torch.testing.assert_close(other_weights[..., 6:], weights[..., 6:][..., list(order)])


def test_a_concept_of_probability_0_changes_nothing(asked) -> None:
    model, concepts = model_of(learnt=5), some_concepts(2, 3)
    scores, weights = model(*asked, concepts)
    for word in range(len(model.vocabulary)):
        more = Concepts(
            F.pad(concepts.words, (0, 1), value=word), F.pad(concepts.probabilities, (0, 1))
        )
        again, other_weights = model(*asked, more)
        torch.testing.assert_close(again, scores)
        torch.testing.assert_close(other_weights, F.pad(weights, (0, 1)))
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(3, 2))
    none = model(*asked, Concepts(*(part[:, :0] for part in concepts)))[1]
    assert none.shape == (3, 2, 6)


def test_an_answer_depends_on_no_other_image(asked) -> None:
    grid, images, words, lengths = asked
    model, concepts = model_of(learnt=5), some_concepts(2, 4)
    scores, _ = model(*asked, concepts)
    more = Concepts(
        *(torch.cat([p, o]) for p, o in zip(concepts, some_concepts(3, 4), strict=True))
    )
    again, _ = model(torch.cat([grid, torch.randn(3, 6, 5)]), images, words, lengths, more)
    torch.testing.assert_close(again, scores)
    (alone, _) = model(
        grid[:1], torch.tensor([0]), words[1:2], lengths[1:2], Concepts(*(p[:1] for p in concepts))
    )
    torch.testing.assert_close(alone, scores[1:2])


def test_what_was_never_an_answer_is_one_only_where_it_is_recognised(asked) -> None:
    model = model_of(learnt=5)
    ids = torch.tensor(model.vocabulary.ids_of(["zebra", "cat"])).repeat(2, 1)
    zebra, bear = (model.answers.id_of(word) for word in ("zebra", "bear"))
    shares = model(*asked, Concepts(ids, torch.tensor([[0.9, 0.5]] * 2)))[0].softmax(dim=-1)
    assert shares[:, bear].max() == 0 < shares[:, zebra].min()
    shares = model(*asked, Concepts(ids, torch.tensor([[0.0, 0.5]] * 2)))[0].softmax(dim=-1)
    assert shares[:, zebra].max() == 0


def test_concepts_are_read_by_those_who_read_them(asked) -> None:
    model, plain = model_of(), VqaModel(replace(SMALL, concepts=0), *parts_of(model_of()))
    with pytest.raises(ValueError, match="should be given some"):
        model(*asked)
    with pytest.raises(ValueError, match="should be given some"):
        plain(*asked, some_concepts(2, 4))
    assert plain.kept(torch.rand(2, 0)) is None
    with pytest.raises(ModelError, match="it is not said which"):
        VqaModel(SMALL, *parts_of(model))
    with pytest.raises(ModelError, match="'zebu' is not a word that this model knows"):
        VqaModel(SMALL, *parts_of(model), concept_words=["zebu"])
    blind = VqaModel(replace(SMALL, inputs="question"), *parts_of(model))
    assert not [name for name in blind.state_dict() if "copy" in name or "concepts" in name]
    with pytest.raises(ValueError, match="concepts must be at least 0, got -1"):
        replace(SMALL, concepts=-1)


def parts_of(model: VqaModel) -> tuple[Vocabulary, AnswerVocabulary, Sight]:
    return model.vocabulary, model.answers, model.sight


def test_words_are_found_by_their_text_and_the_likeliest_are_kept() -> None:
    seen = ImageConcepts(("cow", "ant", "cat"), torch.tensor([[0.9, 0.8, 0.01], [0.3, 0.2, 0.6]]))
    probabilities = by_word(seen, ["cat", "dog", "cow"])
    torch.testing.assert_close(probabilities, torch.tensor([[0.01, 0, 0.9], [0.6, 0, 0.3]]))
    kept = likeliest(probabilities, torch.tensor([5, 6, 7]), 2)
    assert kept.words.tolist() == [[7, 5], [5, 7]]
    torch.testing.assert_close(kept.probabilities, torch.tensor([[0.9, 0.0], [0.6, 0.3]]))
    assert by_word(seen, []).shape == (2, 0)


def test_training_hides_a_fifth_and_makes_nothing_of_nothing() -> None:
    probabilities = torch.tensor([[0.9, 0.0, 1.0]]).expand(4000, -1)
    kept = likeliest(probabilities, torch.tensor([5, 6, 7]), 3, disturbed=True)
    shares = [((kept.words == i) & kept.mask).float().mean().item() * 3 for i in (5, 6, 7)]
    assert shares == pytest.approx([0.8, 0, 0.8], abs=0.03)
    assert kept.probabilities[kept.mask].min() >= LEAST
    assert kept.probabilities[kept.mask & (kept.words == 5)].std() > 0.05


def test_an_answer_that_only_concepts_tell_is_learnt_and_so_is_copying() -> None:
    """The surest word is the answer, and all pictures are the same; two words are never seen."""
    model = model_of(replace(SMALL, concepts=3), learnt=7).train()
    question = torch.tensor([[4, 5, 6]]), torch.tensor([3])
    generator = torch.Generator().manual_seed(0)

    def batch(count: int, first: list[int]) -> tuple[Concepts, torch.Tensor]:
        """Return three words each, the first of which is the surest, in any order."""
        rows = [torch.randperm(7, generator=generator)[:3] for _ in range(count)]
        words = torch.stack(rows)
        if first:
            words[:, 0] = torch.tensor(first)
        sure = torch.rand(count, 3, generator=generator) * 0.3 + 0.1
        sure[:, 0] = torch.rand(count, generator=generator) * 0.15 + 0.8
        order = torch.rand(count, 3, generator=generator).argsort(dim=1)
        return Concepts(words.gather(1, order) + 7, sure.gather(1, order)), words[:, 0]

    def scores(concepts: Concepts) -> torch.Tensor:
        count = len(concepts.words)
        words, lengths = question[0].expand(count, -1), question[1].expand(count)
        return model(torch.ones(count, 6, 5), torch.arange(count), words, lengths, concepts)[0]

    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(150):
        concepts, answers = batch(64, [])
        optimizer.zero_grad()
        F.cross_entropy(scores(concepts), answers).backward()
        optimizer.step()
    model.eval()
    concepts, answers = batch(200, [])
    assert (scores(concepts).argmax(dim=-1) == answers).float().mean() > 0.95
    concepts, answers = batch(200, [7, 8] * 100)
    assert (scores(concepts).argmax(dim=-1) == answers).float().mean() > 0.9


@pytest.fixture
def data(tmp_path):
    return read_vqa(*write_questions(tmp_path / "data"))


@pytest.fixture
def task(data, knowing, tmp_path) -> VqaTask:
    """A task on scenes whose colours and sides are recognised, of which green is no answer."""
    store = store_features(knowing.extract.encoder, data.images, tmp_path / "features", workers=0)
    few = [question for question in data.questions if "green" not in question.answers]
    train = replace(data, questions=tuple(few)), store
    config = VqaConfig(head=SMALL, batch_questions=3)
    return build_task(config, train=train, validation=(data, store), head=knowing.extract.head)


@pytest.fixture
def answerer(task, knowing) -> QuestionAnswerer:
    return QuestionAnswerer(task.model, knowing.extract)


def test_a_model_is_built_with_all_words_of_the_head(task) -> None:
    model = task.model
    assert model.concept_words == (*COLOURS, *SIDES)
    assert {*COLOURS, *SIDES, "block"} < set(model.vocabulary.tokens)
    assert model.only_copied == {"green", "left", "right"}
    assert set(model.answers.answers) == {"yes", "no", *COLOURS, *SIDES}
    batch = next(iter(task.loader(0)))
    assert batch.probabilities.shape == (len(batch.grid), 5)
    task.loss(batch, 0.0).total.backward()
    for name in ("read_concepts.project", "copy.copy.query", "copy.copy.trust"):
        assert model.get_submodule(name).weight.grad.abs().sum() > 0


def test_stored_images_are_answered_as_pictures_are(task, data, knowing, answerer) -> None:
    report = task.evaluate()
    assert report.answers == evaluate_on(task.model, *task.validation, knowing.extract.head).answers
    for question in data.questions:
        answer = answerer(data.images[question.image_id], question.text)
        assert answer.text == report.answers[question.question_id]
        assert len(answer.concepts) <= 4
        shares = [p for _, p in answer.concepts]
        assert shares == sorted(shares, reverse=True)
        assert answer.attention.shape == (2, 2, 3)
        assert answer.attention.sum(axis=(1, 2)) == pytest.approx(1, abs=1e-5)


def test_what_is_recognised_is_worked_out_where_it_is_missing(answerer) -> None:
    features = answerer.look(scene("red", "left"))
    given = answerer(features, QUESTIONS[0])
    worked_out = answerer(replace(features, concepts=None), QUESTIONS[0])
    assert (worked_out.top, worked_out.concepts) == (given.top, given.concepts)
    seen = features.concepts
    assert given.concepts == tuple(
        sorted(
            ((w, p) for w, p in zip(seen.words, seen.probabilities[0].tolist(), strict=True)),
            key=lambda pair: -pair[1],
        )[: len(given.concepts)]
    )


def test_words_that_the_answerer_does_not_know_are_passed_over(answerer) -> None:
    features = answerer.look(scene("red", "left"))
    seen = features.concepts
    more = ImageConcepts(("xyzzy", *seen.words), F.pad(seen.probabilities, (1, 0), value=1.0))
    one, other = (answerer(f, QUESTIONS[0]) for f in (features, replace(features, concepts=more)))
    assert (one.top, one.concepts) == (other.top, other.concepts)


def test_what_people_know_better_changes_the_answer(answerer) -> None:
    features = answerer.look(scene("red", "left"))
    plain = answerer(features, QUESTIONS[0])
    told = answerer(features, QUESTIONS[0], concepts={"Green": 1.0, "red": 0.0, "block": 0.5})
    assert dict(told.concepts)["green"] == 1
    assert dict(told.concepts)["block"] == 0.5
    assert "red" not in dict(told.concepts)
    assert told.probability != plain.probability
    assert answerer(features, QUESTIONS[0], concepts={}).top == plain.top
    assert dict(plain.concepts) == dict(answerer.ask(features, QUESTIONS)[1].concepts)
    talk = answerer.talk(features, concepts={"green": 1.0})
    assert [dict(talk.ask(text).concepts)["green"] for text in QUESTIONS] == [1, 1]


def test_what_is_not_there_is_never_the_answer(answerer) -> None:
    features = answerer.look(scene("red", "left"))
    for _ in range(4):
        best = answerer(features, QUESTIONS[0]).text
        if best not in COLOURS:
            break
        assert answerer(features, QUESTIONS[0], concepts={best: 0.0}).text != best
    ruled_out = answerer(features, QUESTIONS[0], concepts=dict.fromkeys(COLOURS, 0.0))
    assert ruled_out.text not in COLOURS
    assert sum(p for _, p in ruled_out.top) == pytest.approx(1, abs=1e-5)


def test_what_is_no_correction_is_one_sentence(answerer, knowing) -> None:
    picture = scene("red", "left")
    with pytest.raises(ModelError, match="'rde' is not a word .* the nearest are red"):
        answerer(picture, QUESTIONS[0], concepts={"rde": 1.0})
    with pytest.raises(DataError, match="'red' is given the probability 2.0; expected a number"):
        answerer(picture, QUESTIONS[0], concepts={"red": 2.0})
    model = answerer.model
    plain = VqaModel(replace(SMALL, concepts=0), *parts_of(model))
    with pytest.raises(ModelError, match="reads no concepts"):
        QuestionAnswerer(plain, knowing.extract)(picture, QUESTIONS[0], concepts={"red": 1.0})
    assert QuestionAnswerer(plain, knowing.extract)(picture, QUESTIONS[0]).concepts == ()


def test_without_a_head_there_is_nothing_to_read(task, knowing) -> None:
    message = "this captioner recognises none; give a captioner that was trained with concepts"
    with pytest.raises(ModelError, match=message):
        QuestionAnswerer(task.model, FeatureExtractor(knowing.extract.encoder))
    with pytest.raises(ModelError, match=message):
        build_task(task.config, train=task.train, validation=task.validation)
    with pytest.raises(ModelError, match=message):
        evaluate_on(task.model, *task.validation)


def test_a_model_comes_back_from_disk_with_its_words(answerer, knowing, tmp_path) -> None:
    answerer.model.save_pretrained(tmp_path / "model", card="")
    knowing.model.save_pretrained(tmp_path / "captioner", card="")
    again = QuestionAnswerer.from_pretrained(
        tmp_path / "model", captioner=tmp_path / "captioner", device="cpu"
    )
    assert again.model.concept_words == answerer.model.concept_words
    assert again.model.only_copied == answerer.model.only_copied
    picture = scene("blue", "right")
    for before, after in zip(
        answerer.ask(picture, QUESTIONS), again.ask(picture, QUESTIONS), strict=True
    ):
        assert dict(after.top) == pytest.approx(dict(before.top), abs=1e-5)
        assert dict(after.concepts) == pytest.approx(dict(before.concepts), abs=1e-5)


def test_the_page_asks_with_what_its_captioner_recognises(
    answerer, knowing, tiny_model, tmp_path
) -> None:
    answerer.model.save_pretrained(tmp_path / "model", card="")
    loaded = load_answerer(knowing, str(tmp_path / "model"))
    features = Eyes(knowing.extract)(scene("red", "left"))
    answer = loaded(features, QUESTIONS[0])
    assert answer.concepts == answerer(features, QUESTIONS[0]).concepts != ()
    tiny_model.encoder.load_state_dict(knowing.model.encoder.state_dict())
    with pytest.raises(ModelError, match="this captioner recognises none"):
        load_answerer(Captioner(tiny_model), str(tmp_path / "model"))


def test_a_directory_of_before_there_were_concepts_loads(asked, tmp_path) -> None:
    old = VqaModel(replace(SMALL, concepts=0), *parts_of(model_of())).eval()
    old.save_pretrained(tmp_path, card="")
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    assert "concepts" not in config
    del config["head"]["concepts"]
    path.write_text(json.dumps(config))
    again = VqaModel.from_pretrained(tmp_path)
    for one, other in zip(again(*asked), old(*asked), strict=True):
        torch.testing.assert_close(one, other)
    config["head"]["concepts"] = 3
    path.write_text(json.dumps(config))
    with pytest.raises(ModelError, match="it is not said which"):
        VqaModel.from_pretrained(tmp_path)


def test_what_is_learnt_later_keeps_the_concepts_and_adds_to_them(asked) -> None:
    model, sight = model_of(learnt=5), Sight("two", 6, 5)
    head = ConceptHead(ConceptConfig(keep=3, hidden_dim=8), ["cat", "gadget"], feature_dim=5)
    learnt = [
        ImageQuestion(n, n, "what gizmo is it?", (answer,))
        for n, answer in enumerate(["zebra", "a widget"])
    ]
    new = grown(model, learnt, sight, head.eval())
    assert new.concept_words == (*WORDS, "gadget")
    assert {"gadget", "gizmo"} <= set(new.vocabulary.tokens)
    assert new.answers.answers[:10] == model.answers.answers
    assert set(new.answers.answers[10:]) == {"a widget", "gadget"}
    assert new.only_copied == (model.only_copied - {"zebra"}) | {"gadget"}
    concepts = Concepts(*(part for part in some_concepts(2, 4)))
    ids = torch.tensor([model.answers.id_of(word) for word in WORDS if word != "zebra"])
    before, after = model(*asked, concepts)[0], new(*asked, concepts)[0]
    torch.testing.assert_close(after[:, ids], before[:, ids])
    with pytest.raises(ModelError, match="this captioner recognises none"):
        grown(model, learnt, sight)


def test_a_model_that_read_none_goes_on_to_read_and_keeps_what_it_knew(asked) -> None:
    torch.manual_seed(0)
    plain = VqaModel(replace(SMALL, concepts=0), *parts_of(model_of())).eval()
    head = ConceptHead(ConceptConfig(keep=3, hidden_dim=8), [*WORDS, "gadget"], feature_dim=5)
    learnt = [ImageQuestion(0, 0, "what is it?", ("cat",))]
    config = head_to_go_on(plain, HeadConfig(concepts=4))
    assert config == SMALL
    reads = grown(plain, learnt, SIGHT, head.eval(), config=config)
    assert reads.concept_words == (*WORDS, "gadget")
    assert reads.only_copied == {"gadget"}  # the others were answers before
    nothing = Concepts(torch.zeros(2, 0, dtype=torch.long), torch.zeros(2, 0))
    (before, looked), (after, looks) = plain(*asked), reads(*asked, nothing)
    torch.testing.assert_close(after[:, :10], before)
    torch.testing.assert_close(looks, looked)
    assert not torch.allclose(reads(*asked, some_concepts(2, 4))[0][:, :10], before)


def test_what_only_a_new_model_can_have_is_refused() -> None:
    model = model_of()
    assert head_to_go_on(model, HeadConfig(dropout=0.1)) == replace(SMALL, dropout=0.1)
    message = "head.cell is 'gru' and the model's is 'lstm', head.fused_dim is 9 and .* 16; leave"
    with pytest.raises(ModelError, match=message):
        head_to_go_on(model, HeadConfig(cell="gru", fused_dim=9))
