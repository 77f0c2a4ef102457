"""Train one decoder that writes several languages, each as a style, and take it apart again.

All words of all languages are one vocabulary, and a vector tells the languages apart; recurrence
and attention are shared. What comes of it is a model directory for each language, which has its own
words alone and is as good as the whole: for `glimpse evaluate captions`, for
`glimpse train captions --initial`, or for `glimpse pack --writer-of`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from caption.commands.run import run
from caption.training.config import CaptionConfig, TextConfig

if TYPE_CHECKING:
    from caption.data.captioned import CaptionedImage
    from caption.models.captioner import CaptionModel
    from caption.search.config import SearchConfig
    from caption.text.language import Language
    from caption.text.vocabulary import Vocabulary
    from caption.training.task import CaptionTask

CARD = "A language of a decoder that was taught several.\n"
MANY = "mul"
"""The code of several languages at once (ISO 639-2)."""
CHARACTERS = 40
"""Of a caption in Chinese that are learnt, as many as 20 words elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Args:
    """Train one decoder that writes several languages, each as a style, and take it apart again."""

    initial: str = "base"
    """Model to start from, whose encoder is kept: directory, hub id or name."""
    data: Path
    """Folder of the pictures to learn."""
    manifests: tuple[Path, ...]
    """Files with their captions, one for each language, none of them English."""
    validation_data: Path
    """Folder of the pictures to select the best by."""
    validation_manifests: tuple[Path, ...]
    """Files with their captions, in the same order."""
    features: Path
    """Directory for stored features."""
    run: Path
    """Directory of the run; the model of each language goes into a directory of its code."""
    config: CaptionConfig = field(
        default_factory=lambda: CaptionConfig(text=TextConfig(max_length=CHARACTERS))
    )

    def __post_init__(self) -> None:
        if len(self.manifests) < 2 or len(self.manifests) != len(self.validation_manifests):
            raise ValueError("give two manifests or more, and as many to validate by")


@dataclass(frozen=True)
class Taught:
    """A language that is learnt."""

    language: "Language"
    vocabulary: "Vocabulary"
    train: "tuple[CaptionedImage, ...]"
    validation: "tuple[CaptionedImage, ...]"


def main(args: Args) -> None:
    """Train, then write the model of each language."""
    from caption.engine.trainer import Trainer
    from caption.models.captioner import CaptionModel

    languages = _languages(args)
    model = beginning(CaptionModel.from_pretrained(args.initial), languages)
    print(f"{', '.join(languages)}: {len(model.vocabulary)} words of all", flush=True)
    trainer = Trainer(args.config.trainer)
    task = _task(args, model.to(trainer.device), languages)
    if not trainer.fit(task, args.run, resume=False).finished:
        return
    best = CaptionModel.from_pretrained(args.run / "best")
    for code, taught in languages.items():
        alone = only(best, taught.vocabulary, style=list(languages).index(code))
        alone.save_pretrained(args.run / code, card=CARD)
        print(args.run / code)


def _languages(args: Args) -> dict[str, Taught]:
    """Return what is learnt, by the code of its language; every image is told its style."""
    from caption.data.check import read_sound
    from caption.training.start import build_vocabulary

    found: dict[str, Taught] = {}
    manifests = zip(args.manifests, args.validation_manifests, strict=True)
    for style, (train, validation) in enumerate(manifests):
        images = read_sound(args.data, train).images
        words = build_vocabulary(args.config.text, images)
        found[words.language.code] = Taught(
            words.language,
            words,
            tuple(replace(image, style=style) for image in images),
            read_sound(args.validation_data, validation).images,
        )
    return found


def beginning(trained: "CaptionModel", languages: Mapping[str, Taught]) -> "CaptionModel":
    """Return a model that knows the words of all languages; each but the first is a style."""
    from caption.models.grow import grown, in_other_words
    from caption.text.language import Language
    from caption.text.vocabulary import SPECIALS, Vocabulary

    tokens = [t.vocabulary.tokens[len(SPECIALS) :] for t in languages.values()]
    together = list(dict.fromkeys(token for some in tokens for token in some))
    model = in_other_words(trained, Vocabulary(together, language=Language(MANY)))
    for code in list(languages)[1:]:
        model = grown(model, model.vocabulary, old_style=code)
    return model


def only(model: "CaptionModel", vocabulary: "Vocabulary", *, style: int) -> "CaptionModel":
    """Return what a model is in one of its styles, with the words of one language alone.

    The vector of the style is added to every word that is read, so that it may as well be added to
    the words' own.
    """
    from caption.models.captioner import CaptionModel
    from caption.networks.decoders.recurrent import STYLE_GAIN

    config = replace(model.decoder.config, styles=())
    copy = CaptionModel(model.encoder, config, vocabulary)
    weights, known = model.state_dict(), model.vocabulary
    rows = [known.tokens.index(token) for token in vocabulary.tokens]
    weights["decoder.embed.weight"] = (
        weights["decoder.embed.weight"] + STYLE_GAIN * weights["decoder.style.weight"][style]
    )
    for table in model.decoder.word_tables:
        weights[f"decoder.{table}"] = weights[f"decoder.{table}"][rows]
    copy.load_state_dict({name: weights[name] for name in copy.state_dict()})
    return copy.eval()


def _task(args: Args, model: "CaptionModel", languages: Mapping[str, Taught]) -> "CaptionTask":
    """Return the task of learning all languages, validated by the mean of their scores."""
    from caption.data.batches import read_stored
    from caption.evaluation.run import evaluate_captions
    from caption.training.task import CaptionTask, ImageSet
    from caption.vision.extract import store_features

    class OfAll(CaptionTask):
        def validate(self) -> Mapping[str, float]:
            of_each: dict[str, Mapping[str, float]] = {}
            for number, (code, taught) in enumerate(languages.items()):
                style = code if number else ""
                report = evaluate_captions(
                    self.model,
                    taught.validation,
                    self.validation.read,
                    search=_searching(self.config.search, style, taught.language),
                    max_length=self.config.text.max_length,
                )
                of_each[code] = report.metrics()
            names = next(iter(of_each.values()))
            mean = {n: sum(m[n] for m in of_each.values()) / len(of_each) for n in names}
            each = {f"cider_d {code}": m["cider_d"] for code, m in of_each.items()}
            print(", ".join(f"{name} {value:.3f}" for name, value in each.items()), flush=True)
            return mean | each

    def read_set(name: str, images: "tuple[CaptionedImage, ...]") -> ImageSet:
        files = {image.image_id: image.source for image in images}
        store = store_features(model.encoder.eval(), files, args.features / name)
        return ImageSet(images, read_stored(store))

    train = tuple(image for taught in languages.values() for image in taught.train)
    validation = tuple(image for taught in languages.values() for image in taught.validation)
    return OfAll(
        args.config,
        model,
        train=read_set("train", train),
        validation=read_set("validation", validation),
    )


def _searching(search: "SearchConfig", style: str, language: "Language") -> "SearchConfig":
    """Return how a language is searched for: what is said of words is said of its units."""
    units = language.units_per_word
    return replace(
        search,
        style=style,
        max_length=search.max_length * units,
        min_length=search.min_length * units,
        no_repeat_ngram=search.no_repeat_ngram * units,
    )


if __name__ == "__main__":
    run(main, Args)
