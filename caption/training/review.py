"""What there is to say of captioned pictures before a model is taught them."""

from collections import Counter
from collections.abc import Iterator

from caption.data.captioned import CaptionedImage, DataSet
from caption.data.check import Examination, cleaned, examine
from caption.data.review import SHOWN, Review, by_split
from caption.models.captioner import CaptionModel
from caption.models.grow import in_other_words
from caption.text.vocabulary import SPECIALS, Vocabulary
from caption.training.finetune import MINIMUM_COUNT
from caption.training.plan import in_another_language, in_its_language, stages_for, time_needed


def review(data_set: DataSet, model: CaptionModel) -> Review:
    """Return what is in a data set, what is wrong with it and what training on it will take.

    Args:
        data_set: as it was read.
        model: that is to be fine-tuned.
    """
    examination = examine(data_set)
    unknown = examination.unknown(set(model.vocabulary.tokens))
    language = examination.language
    return Review(
        lines=list(_lines(examination, unknown, model)),
        problems=examination.problems,
        facts={
            "captioned": data_set.form,
            "pictures": len(data_set.images),
            "splits": dict(Counter(image.split for image in data_set.images)),
            "captions": examination.num_captions,
            "language": language.code,
            "languages": dict(examination.languages.most_common()),
            "unknown_words": dict(unknown.most_common()),
            "captions_of_several_images": dict(examination.common),
        },
        cleaned=map(_record, cleaned(examination)),
    )


def _record(image: CaptionedImage) -> dict[str, object]:
    """Return an image as a line of metadata.jsonl."""
    split = {"split": image.split} if image.split else {}
    return {"file_name": image.name, "captions": list(image.captions), **split}


def _lines(examination: Examination, unknown: Counter[str], model: CaptionModel) -> Iterator[str]:
    data_set = examination.data_set
    yield data_set.form
    yield f"{'pictures':<20} {by_split(image.split for image in data_set.images)}"
    if not data_set.is_captioned:
        yield "no captions: nothing to train on, but `glimpse caption` can caption the pictures"
        return
    language, words = examination.language, examination.words.total()
    mean, units = words / max(1, examination.num_captions), f"{language.unit}s"
    yield f"{'captions':<20} {examination.num_captions}, of {mean:.1f} {units} on average"
    yield f"{'language':<20} {language.manner}"
    often = ", ".join(f"{word} {count}" for word, count in unknown.most_common(8))
    yield (
        f"{units:<20} {len(examination.words)}, of which the model does not know {len(unknown)} "
        f"({unknown.total() / max(1, words):.1%} of the text): {often or 'none'}"
    )
    for text, count in examination.common[:SHOWN]:
        yield f"{'the same caption':<20} {count} pictures: {text[:60]}"
    is_new = language.is_another_than(model.vocabulary.language)
    if is_new:
        yield f"{'fine-tuning':<20} {in_another_language(model, language)}"
        counts = examination.words
        seen = [w for w in counts if counts[w] >= MINIMUM_COUNT and w not in SPECIALS]
        model = in_other_words(model, Vocabulary(seen or ["?"], language=language))
    elif not language.is_english:
        yield f"{'fine-tuning':<20} {in_its_language(language)}"
    yield f"{'fine-tuning':<20} {_cost(len(data_set.images), model, new_words=is_new)}"


def _cost(num_images: int, model: CaptionModel, *, new_words: bool) -> str:
    """Return how long fine-tuning takes here, and how much of the disk."""
    stages = stages_for(num_images, new_words=new_words)
    minutes = max(1, round(time_needed(model, stages, num_images) / 60))
    rows, columns = model.encoder.grid_size
    size = num_images * rows * columns * model.encoder.feature_dim * 2
    course = " then ".join(f"{stage.epochs} epochs {stage.name}" for stage in stages)
    return f"about {minutes} minutes here, and {size / 1e6:.0f} MB for features ({course})"
