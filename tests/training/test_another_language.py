"""A model learns another language: eyes and attention stay, words begin anew."""

from dataclasses import replace

import pytest
import torch
from languages import TOYS, captions_in
from tiny import COLOURS, SIDES, captions_of, scene

from caption.data.batches import CaptionItem, Collate, encode_captions
from caption.data.captioned import CaptionedImage, DataSet
from caption.errors import DataError, ModelError
from caption.evaluation.run import token_loss
from caption.metrics.score import score
from caption.search.config import SearchConfig
from caption.text.language import Language
from caption.text.scripts import words_of
from caption.text.vocabulary import SPECIALS, Vocabulary
from caption.training.config import CaptionConfig, TextConfig
from caption.training.finetune import Parts, grown
from caption.training.plan import in_another_language, stages_for
from caption.training.review import review
from caption.training.start import build_vocabulary, initial_model
from caption.vision.config import ConceptConfig


def parts_in(code: str, folder) -> Parts:
    images = []
    for (colour, side), caption in captions_in(code).items():
        path = folder / f"{colour}-{side}.png"
        scene(colour, side).save(path)
        images.append(CaptionedImage(path.name, path, (caption, caption)))
    return Parts(tuple(images), tuple(images), tuple(images))


def english_parts(folder) -> Parts:
    found = []
    for colour in COLOURS:
        for side in SIDES:
            path = folder / f"{colour}-{side}.png"
            scene(colour, side).save(path)
            found.append(CaptionedImage(path.name, path, tuple(captions_of(colour, side))))
    return Parts(tuple(found), (), ())


@pytest.mark.parametrize("code", TOYS)
def test_the_words_of_another_language_are_all_the_words(code, knowing, tmp_path) -> None:
    old = knowing.model
    model = grown(old, parts_in(code, tmp_path), seed=0)
    expected = {w for text in captions_in(code).values() for w in words_of(text, Language(code))}
    assert set(model.vocabulary.tokens[len(SPECIALS) :]) == expected
    assert model.vocabulary.language == Language(code)
    assert model.concepts is None
    assert not (model.decoder.config.concepts)
    assert not (model.decoder.config.copying)
    before, after = old.state_dict(), model.state_dict()
    tables = {f"decoder.{table}" for table in model.decoder.word_tables}
    for name in after.keys() - tables:
        torch.testing.assert_close(after[name], before[name])
    for name in tables:
        torch.testing.assert_close(after[name][:4], before[name][:4])
    assert "its eyes and its attention are kept" in in_another_language(old, Language(code))
    assert "are given up" in in_another_language(old, Language(code))


def test_the_words_are_of_the_language_that_was_said(tiny_model, tmp_path) -> None:
    model = grown(tiny_model, english_parts(tmp_path), seed=0, language=Language("zh"))
    assert model.vocabulary.language == Language("zh")


def test_names_of_special_words_in_captions_are_forecast_like_others(
    tiny_model, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr("caption.training.review.time_needed", lambda *_: 60)
    chinese = grown(tiny_model, parts_in("zh", tmp_path), seed=0)
    images = [replace(i, captions=("the <unk> of a <unk>",)) for i in english_parts(tmp_path).train]
    found = review(DataSet("a table", tuple(images), ()), chinese)
    assert any("the words of English are begun anew" in line for line in found.lines)


def test_a_word_that_looks_like_a_known_one_begins_anew_too(tiny_model, tmp_path) -> None:
    same = next(t for t in tiny_model.vocabulary.tokens[4:] if t.isalpha() and len(t) > 2)
    parts = parts_in("de", tmp_path)
    images = tuple(
        CaptionedImage(i.image_id, i.source, tuple(f"{c} {same}" for c in i.captions))
        for i in parts.train
    )
    model = grown(tiny_model, Parts(images, (), ()), seed=0)
    row = model.decoder.embed.weight[model.vocabulary.id_of(same)]
    known = tiny_model.decoder.embed.weight[tiny_model.vocabulary.id_of(same)]
    assert not torch.allclose(row, known)


def test_english_captions_still_grow_the_words(tiny_model, tmp_path) -> None:
    model = grown(tiny_model, english_parts(tmp_path), seed=0)
    size = len(tiny_model.vocabulary)
    assert model.vocabulary.tokens[:size] == tiny_model.vocabulary.tokens
    assert model.vocabulary.language == Language("en")


def test_the_old_way_of_another_language_cannot_be_kept(tiny_model, tmp_path) -> None:
    with pytest.raises(ModelError, match="which is English, and these captions are Chinese"):
        grown(tiny_model, parts_in("zh", tmp_path), seed=0, keep_style=True)


def test_new_words_are_learnt_longer() -> None:
    for count in (30, 300, 5000):
        usual, longer = stages_for(count), stages_for(count, new_words=True)
        assert longer[0].epochs > usual[0].epochs
        assert len(longer) == len(usual)
    assert stages_for(30, new_words=True, epochs=3)[0].epochs == 3


@pytest.mark.parametrize("code", TOYS)
def test_scenes_are_captioned_in_the_language_that_was_learnt(code, tiny_model, tmp_path) -> None:
    parts = parts_in(code, tmp_path)
    model = grown(tiny_model, parts, seed=0).eval()  # without dropout
    optimiser = torch.optim.Adam(model.decoder.parameters(), lr=1e-2)
    grid, vocabulary = torch.randn(6, 6, 1024), model.vocabulary
    collate = Collate(vocabulary, captions_per_image=1)
    encoded = encode_captions(parts.train, vocabulary, max_length=20)
    batch = collate([CaptionItem(e.number, grid[e.number], e.captions[:1], 0) for e in encoded])
    for _ in range(50):
        scores, _ = model(grid, batch.words)
        optimiser.zero_grad()
        token_loss(scores, batch.targets, batch.mask).backward()
        optimiser.step()
    written = {
        image.image_id: vocabulary.decode(best.words)
        for image, (best, *_) in zip(parts.train, model.write(grid, SearchConfig()), strict=True)
    }
    assert score(written, {i.image_id: i.captions for i in parts.train}).bleu[3] > 0.8
    assert any(" " in text for text in written.values()) == (not Language(code).is_spaceless)
    assert all(text[0] == text[0].upper() for text in written.values())


def test_a_new_model_has_the_words_of_its_captions(tmp_path) -> None:
    images = parts_in("de", tmp_path).train
    vocabulary = build_vocabulary(TextConfig(minimum_count=1), images)
    assert vocabulary.language == Language("de")
    assert vocabulary.decode(vocabulary.encode("auf der linken seite")) == "Auf der linken Seite"


def test_training_in_another_language_begins_the_words_anew(knowing, tmp_path) -> None:
    config, old = CaptionConfig(text=TextConfig(minimum_count=1)), knowing.model
    images = parts_in("tr", tmp_path).train
    model = initial_model(config, images, trained=old)
    assert model.vocabulary == build_vocabulary(config.text, images)
    assert model.concepts is None
    assert model.encoder.fingerprint() == old.encoder.fingerprint()
    name = "decoder.gate.weight"
    torch.testing.assert_close(model.state_dict()[name], old.state_dict()[name])
    recognising = replace(config, concepts=ConceptConfig(keep=3))
    for trained in (old, None):
        with pytest.raises(DataError, match="the words that can be recognised are English"):
            initial_model(recognising, images, trained=trained)


def test_characters_grow_as_words_do() -> None:
    old = Vocabulary.build(["一只狗"], minimum_count=1, language=Language("zh"))
    new = old.grown(["一只猫在跑 frisbee"], minimum_count=1)
    assert new.tokens[: len(old)] == old.tokens
    assert set(new.tokens[len(old) :]) == {"猫", "在", "跑", "frisbee"}
    assert new.language == old.language
