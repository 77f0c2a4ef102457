import json

import pytest
import torch
from PIL import Image
from tiny import DataSet, write_data_set

from caption.data.batches import (
    CaptionDataset,
    CaptionItem,
    Collate,
    encode_captions,
    read_pixels,
    read_stored,
    shuffled,
)
from caption.data.check import refuse_faulty
from caption.data.forms import read_captions
from caption.errors import DataError
from caption.vision.config import AugmentConfig
from caption.vision.extract import store_features
from caption.vision.store import FeatureStore
from caption.vision.transforms import Augment, Preprocess


def edit(data_set: DataSet, change) -> None:
    records = json.loads(data_set.annotations.read_text())
    change(records)
    data_set.annotations.write_text(json.dumps(records))


def test_images_come_with_all_their_captions(data_set) -> None:
    examples = read_captions(data_set.images, data_set.annotations).images
    assert len(examples) == 6
    first = examples[0]
    assert first.image_id == 0
    assert first.source.name == "red_left.png"
    assert first.captions == ("A red block on the left.", "the left side is red")


def test_reading_prints_nothing(data_set, capsys) -> None:
    assert read_captions(data_set.images, data_set.annotations).images
    assert capsys.readouterr().out == ""


def test_annotations_need_no_ids_of_their_own(tmp_path) -> None:
    data_set = write_data_set(tmp_path)
    edit(data_set, lambda r: [a.pop("id") for a in r["annotations"]])
    examples = read_captions(data_set.images, data_set.annotations).images
    assert [len(example.captions) for example in examples] == [2] * 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda r: r["images"].append({"id": 9, "file_name": "red_left.png"}),
            "image 9: the file of image 0 too",
        ),
        (
            lambda r: [r["annotations"].remove(a) for a in r["annotations"][:2]],
            "image 0: 'red_left.png' has no caption",
        ),
        (
            lambda r: r["annotations"].append({"id": 99, "image_id": 77, "caption": "x"}),
            "annotation 99: its image_id 77 is not among the images",
        ),
        (lambda r: r["images"].append(dict(r["images"][0])), "image id 0 appears more than once"),
        (
            lambda r: r["annotations"].append(dict(r["annotations"][0])),
            "annotation id 0 appears more than once",
        ),
        (
            lambda r: r["annotations"][3].update(caption=" \n"),
            r"image 1: a caption of 'red_right.png' has no words: ' \\n'",
        ),
        (
            lambda r: r["annotations"][3].update(caption=None),
            "annotation number 3: expected 'caption' to be str, got None",
        ),
        (
            lambda r: r["annotations"][3].pop("image_id"),
            "annotation number 3: expected 'image_id' to be int or str, got None",
        ),
        (lambda r: r["images"][2].update(id=True), "image number 2: expected 'id'"),
        (lambda r: r["images"].insert(0, "red.png"), "image number 0: expected 'id'"),
        (lambda r: r["images"][2].update(file_name="../captions.json"), "captions.json"),
        (lambda r: r["images"][2].update(file_name="gone.png"), "image 2: no file 'gone.png'"),
        (lambda r: r.pop("annotations"), "not a list of captions in a known form"),
    ],
)
def test_a_wrong_record_is_named(tmp_path, change, message) -> None:
    data_set = write_data_set(tmp_path)
    edit(data_set, change)
    with pytest.raises(DataError, match=message):
        refuse_faulty(read_captions(data_set.images, data_set.annotations), data_set.images)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe{}", "byte 0 is not UTF-8"),
        (b'{"images": [\n}', "line 2 is not JSON"),
        (b"[]", "not a list of captions in a known form"),
    ],
)
def test_a_file_that_is_no_annotations_is_one_sentence(tmp_path, content, message) -> None:
    path = tmp_path / "captions.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_captions(tmp_path, path)
    with pytest.raises(DataError, match="cannot be read"):
        read_captions(tmp_path, tmp_path / "nothing.json")


def dataset(data_set, vocabulary, *, captions_per_image=2, seed=0, augment=True) -> CaptionDataset:
    from caption.vision.config import PreprocessConfig

    preprocess = PreprocessConfig(size=(16, 24))
    return CaptionDataset(
        encode_captions(
            read_captions(data_set.images, data_set.annotations).images, vocabulary, max_length=20
        ),
        read_pixels(
            Preprocess(preprocess), Augment(preprocess, AugmentConfig()) if augment else None
        ),
        captions_per_image=captions_per_image,
        seed=seed,
    )


def test_a_seed_and_a_position_decide_everything(data_set, vocabulary) -> None:
    one = dataset(data_set, vocabulary, captions_per_image=1)
    same = dataset(data_set, vocabulary, captions_per_image=1)
    other = dataset(data_set, vocabulary, captions_per_image=1, seed=1)
    for index in reversed(range(len(one))):
        torch.testing.assert_close(one[index].image, same[index].image)
        assert one[index].captions == same[index].captions
    assert any(not torch.equal(one[i].image, other[i].image) for i in range(len(one)))
    assert any(one[i].captions != other[i].captions for i in range(len(one)))


def test_a_batch_shifts_words_and_masks_what_is_not_there(vocabulary) -> None:
    collate = Collate(vocabulary, captions_per_image=2)
    image = torch.zeros(3, 2, 2)
    batch = collate(
        [CaptionItem(8, image, [[7, 8, 2], [9, 2]], 0), CaptionItem(3, image, [[5, 6, 7, 2]], 1)]
    )
    assert batch.images.shape == (2, 3, 2, 2)
    assert batch.words.shape == batch.targets.shape == batch.mask.shape == (4, 4)
    assert batch.mask.sum(dim=1).tolist() == [3, 2, 4, 0]
    assert batch.targets[0].tolist() == [7, 8, 2, 0]
    assert batch.words[0, :3].tolist() == [1, 7, 8]
    assert batch.words[2].tolist() == [1, 5, 6, 7]
    assert batch.styles.tolist() == [0, 0, 1, 1]
    assert batch.image_of.tolist() == [8, 8, 3, 3]


def test_every_epoch_visits_every_example_in_its_own_order() -> None:
    first, second = shuffled(50, seed=0, epoch=0), shuffled(50, seed=0, epoch=1)
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second
    assert first == shuffled(50, seed=0, epoch=0)
    assert first != shuffled(50, seed=1, epoch=0)


def test_stored_features_are_the_encoders_own(data_set, tiny_model, tmp_path) -> None:
    examples = read_captions(data_set.images, data_set.annotations).images
    encoder = tiny_model.encoder
    store = store_features(
        encoder,
        {example.image_id: example.source for example in examples},
        tmp_path / "store",
        batch_images=4,
        workers=0,
    )
    assert store.plan.encoder_id == encoder.fingerprint()
    generator = torch.Generator()
    pixels = read_pixels(Preprocess(encoder.config.preprocess))
    stored = read_stored(FeatureStore.open(tmp_path / "store", encoder_id=encoder.fingerprint()))
    for example in examples:
        with torch.no_grad():
            expected = encoder(pixels(example, generator).unsqueeze(0))[0]
        torch.testing.assert_close(stored(example, generator), expected, atol=2e-3, rtol=2e-3)


def test_a_broken_image_stops_the_reading_with_its_name(tmp_path, vocabulary) -> None:
    data_set = write_data_set(tmp_path)
    (data_set.images / "red_left.png").write_bytes(b"no picture")
    from caption.errors import ImageError

    with pytest.raises(ImageError, match="red_left.png"):
        dataset(data_set, vocabulary)[0]


def test_images_of_any_mode_are_read(tmp_path, vocabulary) -> None:
    data_set = write_data_set(tmp_path)
    Image.new("L", (10, 30), 200).save(data_set.images / "red_left.png")
    assert dataset(data_set, vocabulary)[0].image.shape == (3, 16, 24)
