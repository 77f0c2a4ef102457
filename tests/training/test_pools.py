"""Pools of further pictures: which are shown when, what they teach, and how a run goes on."""

import os
import random
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny import COLOURS
from tiny_models import caption_model, decoder_config, encoder_config

from caption.data.captioned import CaptionedImage
from caption.data.forms import read_captions
from caption.data.labels import Labels
from caption.data.sentences import with_neighbours
from caption.engine.config import OptimConfig, TrainerConfig
from caption.engine.trainer import Trainer
from caption.errors import DataError, ModelError
from caption.models.captioner import CaptionModel
from caption.networks.config import DecoderConfig
from caption.search.config import SearchConfig
from caption.training.config import (
    BatchConfig,
    CaptionConfig,
    RecognitionConfig,
    SelfCriticalConfig,
    SentencesConfig,
    TextConfig,
)
from caption.training.finetune import EXAMPLES, Parts
from caption.training.finetune import grown as finetuned
from caption.training.knowledge import Knowledge
from caption.training.start import initial_model, trained_model
from caption.training.task import CaptionTask, ImageSet, Pool, task_of
from caption.vision.config import ConceptConfig


def images(count: int, *captions: str) -> list[CaptionedImage]:
    return [CaptionedImage(number, Path(f"{number}.png"), captions) for number in range(count)]


@given(st.integers(1, 9), st.integers(1, 40), st.integers(0, 9))
def test_every_image_of_a_pool_is_shown_as_often_as_any_other_or_once_more(count, shown, seed):
    places = Pool(images(count), shown).of_epoch(random.Random(seed))
    counts = Counter(places)
    assert len(places) == shown
    assert set(counts) <= set(range(count))
    assert {counts[place] for place in range(count)} <= {shown // count, -(-shown // count)}
    assert places == Pool(images(count), shown).of_epoch(random.Random(seed))


pools = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 12)), max_size=3)


@given(pools, st.integers(0, 5), st.integers(0, 5))
def test_an_epoch_shows_all_images_and_its_share_of_each_pool(sizes, epoch, seed) -> None:
    some = [Pool(images(count), shown) for count, shown in sizes]
    split = ImageSet(images(3, "a cat"), lambda image, chance: torch.zeros(1, 1), some)
    places = split.of_epoch(epoch, seed=seed)
    assert places == split.of_epoch(epoch, seed=seed)
    assert places[:3] == [0, 1, 2]
    first, rest = 3, places[3:]
    for count, shown in sizes:
        mine, rest = rest[:shown], rest[shown:]
        assert len(mine) == shown
        assert all(first <= place < first + count for place in mine)
        first += count
    assert rest == []
    assert first == len(split.whole)


def test_other_epochs_and_seeds_show_others() -> None:
    split = ImageSet((), lambda image, chance: torch.zeros(1, 1), [Pool(images(50), 5)])
    drawn = {tuple(split.of_epoch(epoch, seed=seed)) for epoch in range(5) for seed in range(3)}
    assert len(drawn) == 15


SMALL = CaptionConfig(
    encoder=encoder_config(),
    decoder=decoder_config(concepts=True, copying=True),
    concepts=ConceptConfig(keep=3, hidden_dim=8),
    text=TextConfig(minimum_count=1),
    batch=BatchConfig(images=3, captions_per_image=2, workers=0),
    recognition=RecognitionConfig(minimum_images=1),
    sentences=SentencesConfig(per_batch=4),
    self_critical=SelfCriticalConfig(captions=2, epochs=1, learning_rate=1e-3),
    trainer=TrainerConfig(epochs=2, optim=OptimConfig(learning_rate=3e-3, warmup_steps=0)),
    search=SearchConfig(num_beams=1, max_length=3),
    select_by="log_likelihood",
)
KNOWLEDGE = Knowledge(
    labels=(Labels(("red", "zebra"), {"red_left.png": {"zebra": 0.8}}, "somebody"),),
    sentences=tuple(with_neighbours(["a zebra on the left", "a zebra", "red and blue and green"])),
)


@pytest.fixture
def said(data_set) -> tuple[CaptionedImage, ...]:
    return read_captions(data_set.images, data_set.annotations).images


def bare(some) -> list[CaptionedImage]:
    return [replace(image, image_id=f"bare {image.image_id}", captions=()) for image in some]


def seen(image: CaptionedImage, chance: torch.Generator) -> torch.Tensor:
    """Return features that tell scenes apart."""
    return torch.randn(6, 1024, generator=torch.Generator().manual_seed(len(str(image.source))))


def learning(said, config=SMALL, knowledge=KNOWLEDGE, phase="cross_entropy") -> CaptionTask:
    """Return a task with captioned and bare pools; features need no files."""
    some = [Pool(said[2:3], 1), Pool(bare(said), 5)]
    config = replace(config, phases=(phase,))
    train = [*said[:3], *(image for pool in some for image in pool.images)]
    starts = replace(config, phases=("cross_entropy",))
    model = initial_model(starts, train, encoder_weights="random", knowledge=knowledge)
    return CaptionTask(
        config,
        model,
        train=ImageSet(said[:3], seen, some),
        validation=ImageSet(said[3:], seen),
        knowledge=knowledge,
    )


def test_a_new_model_knows_the_words_of_captions_labels_and_sentences(said) -> None:
    model = learning(said).model
    assert "zebra" in model.vocabulary.tokens  # only sentences say it, and only labels show it
    assert set(model.head.words) == {"red", "green", "side", "zebra"}


class Interrupted(CaptionTask):
    """Receives Ctrl-C at its second batch."""

    losses = 0

    def loss(self, batch, done):
        self.losses += 1
        if self.losses == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return super().loss(batch, done)


@pytest.mark.parametrize(
    ("phase", "keeps", "epochs"), [("cross_entropy", True, 2), ("self_critical", False, 1)]
)
def test_a_run_that_is_stopped_and_resumed_ends_as_the_unbroken_one(
    said, tmp_path, phase, keeps, epochs
) -> None:
    knowledge = replace(KNOWLEDGE, keeps=keeps)
    trainer = replace(SMALL.trainer, epochs=epochs)

    def fit(run: str, *, interrupted: bool = False, resume: bool = False):
        task = learning(said, knowledge=knowledge, phase=phase)
        if interrupted:
            task.__class__ = Interrupted
        outcome = Trainer(trainer, cpu=True).fit(task, tmp_path / run, resume=resume)
        return task.model.state_dict(), outcome

    whole, outcome = fit("whole")
    assert outcome.finished
    _, stopped = fit("broken", interrupted=True)
    assert not stopped.finished
    rest, again = fit("broken", resume=True)
    assert (again.finished, again.best) == (True, outcome.best)
    for name, weights in whole.items():
        assert weights.equal(rest[name]), name
    logs = [(tmp_path / run / "metrics.jsonl").read_text() for run in ("whole", "broken")]
    assert '"recognition"' in logs[0]
    assert '"sentences"' in logs[0]


def test_batches_of_bare_pictures_and_others_make_one_update_together(said, tmp_path) -> None:
    """Self-critical training tells of rewards, and where nobody captioned there are none."""
    config = replace(
        SMALL,
        batch=replace(SMALL.batch, images=1),
        trainer=replace(SMALL.trainer, epochs=1, accumulate=3),
    )
    task = learning(said, config, phase="self_critical")
    assert Trainer(config.trainer, cpu=True).fit(task, tmp_path / "run").finished
    assert '"reward"' in (tmp_path / "run" / "metrics.jsonl").read_text()


def test_rewards_are_those_of_the_images_with_captions(said) -> None:
    task = learning(said, phase="self_critical")
    reward = task.objective.captions.reward
    assert len(reward.num_references) == 4
    model = task.model.eval()
    for number, image in enumerate((*said[:3], said[2])):
        ids = torch.tensor([model.vocabulary.encode(image.captions[0])])
        assert float(reward(ids, torch.tensor([number]))) > 3
    with pytest.raises(DataError, match="has no captions, and self-critical training rewards"):
        CaptionTask(
            task.config,
            model,
            train=ImageSet(said[:3], seen, [Pool(bare(said), 1), Pool(said[2:3], 1)]),
            validation=ImageSet(said[3:], seen),
        )


def test_what_cannot_be_learnt_is_refused_before_any_picture_is_read(said, captioner) -> None:
    nowhere = [replace(image, source=Path("nowhere.png")) for image in said]
    for pool, knowledge, message in (
        (bare(nowhere), Knowledge(), "pictures without captions teach"),
        (nowhere, KNOWLEDGE, "labels teach what is to be recognised"),
    ):
        with pytest.raises(ModelError, match=message):
            task_of(
                replace(SMALL, decoder=DecoderConfig()),
                captioner.model,
                train=nowhere,
                validation=nowhere,
                pools=[Pool(pool, 1)],
                features=Path("nowhere"),
                knowledge=knowledge,
            )


@pytest.fixture(scope="module")
def initial(vocabulary, tmp_path_factory) -> str:
    """The directory of a trained model that recognises nothing."""
    directory = tmp_path_factory.mktemp("initial") / "model"
    caption_model(vocabulary).save_pretrained(directory, card="")
    return str(directory)


def started(initial: str, said, count: int = 5, **settings) -> CaptionModel:
    asked = {"concepts": ConceptConfig(keep=3, hidden_dim=8)} | settings
    config = CaptionConfig(
        text=TextConfig(minimum_count=count),
        recognition=RecognitionConfig(minimum_images=1),
        **asked,
    )
    trained = trained_model(config, initial)
    return initial_model(config, said, trained=trained, knowledge=KNOWLEDGE)


def test_a_trained_model_is_given_the_concepts_that_are_asked_for(initial, said) -> None:
    before = CaptionModel.from_pretrained(initial)
    model = started(initial, said, decoder=DecoderConfig(concepts=True, copying=True))
    assert before.concepts is None
    assert (model.decoder.config.concepts, model.decoder.config.copying) == (True, True)
    assert model.head.config == ConceptConfig(keep=3, hidden_dim=8)
    assert {*COLOURS} < {*model.head.words}
    assert model.encoder.fingerprint() == before.encoder.fingerprint()
    weights, size = model.state_dict(), len(before.vocabulary)
    assert model.vocabulary.tokens[:size] == before.vocabulary.tokens
    for name, known in before.state_dict().items():
        assert weights[name][: len(known)].equal(known) if known.ndim else weights[name] == known
    assert "zebra" not in model.head.words  # said twice, and five times it takes to be learnt


def test_a_lower_count_adds_more_words_with_the_concepts(initial, said) -> None:
    model = started(initial, said, count=2)
    assert {"zebra", *COLOURS} < {*model.head.words}
    assert not model.decoder.config.concepts


def test_words_of_sentences_are_no_contradiction_to_go_on_from(said, tmp_path) -> None:
    learning(said).model.save_pretrained(tmp_path / "model", card="")
    learnt = [*said[:3], said[2]]
    model = started(str(tmp_path / "model"), learnt, count=1, concepts=ConceptConfig())
    assert "zebra" in model.vocabulary.tokens
    assert model.decoder.config.copying


def test_a_model_that_looks_once_is_not_given_concepts(vocabulary, tmp_path, said) -> None:
    decoder = decoder_config(kind="nic")
    CaptionModel(encoder_config(), decoder, vocabulary).save_pretrained(tmp_path / "nic", card="")
    with pytest.raises(ModelError, match="'nic' looks once and cannot read concepts; leave out"):
        started(str(tmp_path / "nic"), said, decoder=DecoderConfig(concepts=True))


def test_too_few_pictures_of_any_word_are_refused_with_what_to_do(said) -> None:
    config = replace(SMALL, recognition=RecognitionConfig(minimum_images=7))
    with pytest.raises(DataError, match=r"seen in 7 pictures, .*; lower recognition.minimum_im"):
        initial_model(config, said, encoder_weights="random")


def test_letters_are_no_concepts() -> None:
    with pytest.raises(ValueError, match="concepts are words, and text.unit is 'char'"):
        CaptionConfig(text=TextConfig(unit="char"), concepts=ConceptConfig(keep=3))


def test_fine_tuning_adds_the_words_that_enough_new_pictures_show(knowing) -> None:
    enough = images(EXAMPLES, "a zebra on the left")
    few = images(EXAMPLES - 1, "a gnu, a red one")
    before = knowing.model
    model = finetuned(before, Parts((*enough, *few), (), ()), seed=0)
    assert {"zebra", "gnu"} < {*model.vocabulary.tokens}
    assert model.head.words == (*before.head.words, "zebra")
    assert model.decoder.config == before.decoder.config
    plain = finetuned(before, Parts((*few,), (), ()), seed=0)
    assert plain.head.words == before.head.words
