"""A trained model goes on to learn other pictures, words, answers and ways of captioning."""

import json
from dataclasses import replace

import pytest
import torch
from tiny import COLOURS, SIDES, captions_of, scene

from caption.data.batches import read_pixels
from caption.data.captioned import CaptionedImage
from caption.data.forms import read_captions
from caption.engine.trainer import Trainer
from caption.errors import DataError, ModelError
from caption.evaluation.run import evaluate_captions
from caption.models import grow
from caption.models.captioner import CaptionModel
from caption.networks.grow import regrown
from caption.predict import Captioner
from caption.search.config import SearchConfig
from caption.text.vocabulary import SPECIALS
from caption.training.finetune import compare_models, divide, finetune, install, replayed
from caption.training.plan import stages_for, time_needed
from caption.training.task import CaptionTask, ImageSet, Pool
from caption.vision.transforms import Preprocess


@pytest.fixture
def grown(tiny_model):
    """The tiny model with three more words and a second way of captioning."""
    vocabulary = tiny_model.vocabulary.grown(
        ["seen in the archive", "the archive was seen in may"], minimum_count=2
    )
    return grow.grown(tiny_model, vocabulary, old_style="original").eval()


def examples(tmp_path, phrase: str = "") -> list[CaptionedImage]:
    found = []
    for colour in COLOURS:
        for side in SIDES:
            path = tmp_path / f"{colour}-{side}.png"
            scene(colour, side).save(path)
            captions = tuple(f"{text} {phrase}".strip() for text in captions_of(colour, side))
            found.append(CaptionedImage(str(path), path, captions))
    return found


def test_old_words_keep_their_ids_and_new_ones_follow(tiny_model) -> None:
    old = tiny_model.vocabulary
    new = old.grown(["zebra zebra apple", "a zebra, an apple", "<end> <end>"], minimum_count=2)
    assert new.tokens[: len(old)] == old.tokens
    assert new.tokens[len(old) :] == ("zebra", "apple")
    assert old.grown(["a red block"] * 9, minimum_count=1) == old
    assert set(SPECIALS) & set(new.tokens[len(SPECIALS) :]) == set()


def test_old_words_keep_their_weights_and_new_ones_differ(tiny_model, grown) -> None:
    size = len(tiny_model.vocabulary)
    before, after = tiny_model.state_dict(), grown.state_dict()
    for name, weights in before.items():
        is_grown = name.removeprefix("decoder.") in grown.decoder.word_tables
        same = after[name][:size] if is_grown else after[name]
        torch.testing.assert_close(same, weights)
    new = grown.decoder.embed.weight[size:]
    assert len({tuple(row.tolist()) for row in new}) == len(new) == 3


def test_regrown_rows_lie_near_the_mean() -> None:
    weights = torch.randn(50, 8)
    rows = regrown(weights, [3, None, None])
    torch.testing.assert_close(rows[0], weights[3])
    assert (rows[1:] - weights.mean(dim=0)).abs().max() < 0.6
    assert not torch.equal(rows[1], rows[2])


def test_a_grown_model_says_what_the_old_one_said_of_known_words(tiny_model, grown) -> None:
    features, words = torch.randn(2, 6, 1024), torch.randint(4, 9, (2, 5))
    size = len(tiny_model.vocabulary)
    before, _ = tiny_model(features, words)
    for style in (0, 1):
        after, _ = grown(features, words, torch.full((2,), style))
        torch.testing.assert_close(after[:, :, :size], before)


def test_styles_are_told_apart_in_training_and_in_search(tiny_model, grown, tmp_path) -> None:
    with torch.no_grad():
        grown.decoder.style.weight[1] = torch.randn(16)
    features, words = torch.randn(2, 6, 1024), torch.randint(4, 9, (4, 5))
    mixed, _ = grown.decoder(words, features, torch.tensor([0, 1, 1, 0]))
    own, _ = grown.decoder(words, features)
    other, _ = grown.decoder(words, features, torch.ones(4, dtype=torch.long))
    torch.testing.assert_close(mixed[[0, 3]], own[[0, 3]])
    torch.testing.assert_close(mixed[1:3], other[1:3])
    assert not torch.allclose(own, other)
    search = SearchConfig(num_beams=2, max_length=4)
    said = [
        [best.log_probs for best, *_ in grown.write(features, replace(search, style=style))]
        for style in ("", "original")
    ]
    assert said[0] != said[1]
    with pytest.raises(ModelError, match="no style 'house'; it has 'original'"):
        grown.write(features, replace(search, style="house"))
    with pytest.raises(ModelError, match="it has none but its own"):
        tiny_model.style_id("original")
    grown.save_pretrained(tmp_path / "model", card="")
    again = CaptionModel.from_pretrained(tmp_path / "model")
    assert again.decoder.config.styles == ("original",)
    torch.testing.assert_close(again.decoder(words, features)[0], own)


def test_a_second_fine_tuning_keeps_the_first_way_of_captioning(grown) -> None:
    with torch.no_grad():
        grown.decoder.style.weight[0] = 7.0
    plain = grow.grown(grown, grown.vocabulary)
    torch.testing.assert_close(plain.decoder.style.weight, grown.decoder.style.weight)
    again = grow.grown(grown, grown.vocabulary, old_style="original")
    assert again.decoder.config.styles == ("original",)
    torch.testing.assert_close(again.decoder.style.weight[1], torch.full((16,), 7.0))
    named = grow.grown(grown, grown.vocabulary, old_style="second")
    assert named.decoder.config.styles == ("original", "second")
    torch.testing.assert_close(named.decoder.style.weight[1], torch.zeros(16))
    torch.testing.assert_close(named.decoder.style.weight[2], torch.full((16,), 7.0))


def test_more_images_are_gone_through_less_often_and_deeper() -> None:
    courses = [stages_for(count) for count in (30, 300, 5000)]
    assert [len(stages) for stages in courses] == [1, 1, 2]
    epochs = [stages[0].epochs for stages in courses]
    assert epochs == sorted(epochs, reverse=True)
    assert [stage.config.trainable_stages for stage in courses[2]] == [0, -1]
    assert [stage.epochs for stage in stages_for(30, epochs=3, deeper=True)] == [3, 4]
    assert len(stages_for(5000, deeper=False)) == 1


def test_an_epoch_shows_all_new_images_and_other_old_ones(tiny_model, tmp_path) -> None:
    new, old = examples(tmp_path)[:2], examples(tmp_path)[2:]
    read = read_pixels(Preprocess(tiny_model.encoder.config.preprocess))
    split = ImageSet(new, read, [Pool(old, 2)])
    places = [split.of_epoch(epoch, seed=0) for epoch in range(8)]
    shown = [[split.whole[place] for place in epoch] for epoch in places]
    assert all(list(epoch[:2]) == new and len(epoch) == 4 for epoch in shown)
    assert {image.image_id for epoch in shown for image in epoch[2:]} == {
        image.image_id for image in old
    }
    assert places == [split.of_epoch(epoch, seed=0) for epoch in range(8)]


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    images = [*examples(folder, "in the archive")]
    for image in list(images):
        copy = image.source.with_stem(f"{image.source.stem}-large")
        scene(*image.source.stem.split("-")).resize((120, 80)).save(copy)
        images.append(replace(image, source=copy))
    rows = [{"file_name": i.source.name, "captions": list(i.captions)} for i in images]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def test_old_images_are_replayed_in_the_old_style(folder) -> None:
    entries = read_captions(folder).images
    again = replayed(entries, 5, style=1, seed=0)
    assert len(again) == 5
    assert {image.style for image in again} == {1}
    assert again == replayed(entries, 5, style=1, seed=0)
    with pytest.raises(DataError, match="no captioned images"):
        replayed([replace(entries[0], captions=())], 5, style=1, seed=0)


def test_fine_tuning_teaches_the_house_phrase_and_leaves_a_model(
    tiny_model, folder, tmp_path
) -> None:
    entries = read_captions(folder).images
    parts = divide(entries, {}, held_out=0.25, seed=0)
    assert [len(part) for part in (parts.train, parts.validation, parts.held_out)] == [7, 2, 3]
    vocabulary = tiny_model.vocabulary.grown(
        (caption for image in parts.train for caption in image.captions), minimum_count=2
    )
    model = grow.grown(tiny_model, vocabulary)
    (stage,) = stages_for(len(parts.train), epochs=30)
    config = stage.config
    optim = replace(config.trainer.optim, learning_rate=1e-2)
    trainer = replace(config.trainer, precision="no", patience=40, optim=optim)
    quick = replace(stage, config=replace(config, trainer=trainer))
    run = tmp_path / "run"
    model.decoder.dropout.p = 0.0
    best = finetune(model, parts, [quick], run / "training")
    assert best is not None
    report = compare_models(best, tiny_model, parts.held_out, data="mine")
    assert report.rival is not None
    assert report.scores.bleu[0] > report.rival.scores.bleu[0]
    assert sum("archive" in caption for caption in report.captions.values()) >= 2
    assert not any("archive" in caption for caption in report.rival.captions.values())
    install(best, run, report, source="tiny", data="mine", num_train=7)
    assert {path.name for path in run.iterdir()} == {
        *("README.md", "config.json", "model.safetensors", "training"),
    }
    assert "3 held-out images" in (run / "README.md").read_text()
    captioner = Captioner.from_pretrained(run)
    for image in parts.held_out:
        assert captioner(image.source).text == report.captions[image.image_id]
    assert captioner.encoder_id == tiny_model.encoder.fingerprint()


def test_replay_teaches_both_ways(tiny_model, tmp_path) -> None:
    house = examples(tmp_path, "in the archive")
    vocabulary = tiny_model.vocabulary.grown(["in archive"] * 2, minimum_count=2)
    model = grow.grown(tiny_model, vocabulary, old_style="original")
    old = [replace(image, style=1) for image in examples(tmp_path)]
    seen = {image.image_id: torch.randn(6, 1024) for image in old}
    config = stages_for(6, epochs=40)[0].config
    optim = replace(config.trainer.optim, learning_rate=1e-2)
    trainer = replace(config.trainer, precision="no", patience=40, optim=optim)
    model.decoder.dropout.p = 0.0

    def read(image, generator):
        return seen[image.image_id]

    task = CaptionTask(
        replace(config, trainer=trainer),
        model,
        train=ImageSet(house, read, [Pool(old, 6)]),
        validation=ImageSet(house, read),
    )
    Trainer(trainer, cpu=True).fit(task, tmp_path / "run")
    for style, expected in (("", True), ("original", False)):
        search = SearchConfig(style=style)
        said = evaluate_captions(model.eval(), house, read, search=search, max_length=20).captions
        assert [("archive" in caption) == expected for caption in said.values()] == [True] * 6


def test_time_is_told_in_seconds_before_it_is_spent(tiny_model) -> None:
    one = time_needed(tiny_model, stages_for(50, epochs=1), 50)
    many = time_needed(tiny_model, stages_for(50, epochs=40), 50)
    assert 0 < one < many < 3600
    assert not any(p.grad is not None for p in tiny_model.parameters())
