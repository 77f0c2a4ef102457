"""Teach the question answerer questions about pictures of your own."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from caption.commands.run import run
from caption.errors import DataError

if TYPE_CHECKING:
    from caption.files.paths import ImageFile
    from vqa.data.forms import QuestionSet
    from vqa.model import VqaModel


@dataclass(frozen=True, kw_only=True)
class Args:
    """Teach the question answerer questions about pictures of your own."""

    data: Path
    """Folder of the pictures, with a table of image, question and answer or with VQA JSON files."""
    output: Path
    """Directory of the new model, with report.html; training/ in it holds what --resume needs."""
    manifest: Path | None = None
    """The table, or the VQA questions file; by default it is looked for in the folder."""
    model: str | None = None
    """Model directory or hub id to start from; by default the model that comes with the package."""
    captioner: str | None = None
    """Model directory or hub id of the captioner whose encoder sees the pictures, such as one that
    was fine-tuned on them; by default the model that comes with the package."""
    held_out: float = 0.2
    """Share of the images that tells how good the outcome is, where the data set does not say."""
    epochs: int | None = None
    """How often the questions are gone through; by default it depends on how many they are."""
    seed: int = 0
    """Decides what is held out, and everything else that is left to chance."""
    resume: bool = False
    """Continue exactly where the run stopped."""

    def __post_init__(self) -> None:
        if not 0 < self.held_out < 1:
            raise ValueError(f"held_out must be between 0 and 1, got {self.held_out}")
        if self.epochs is not None and self.epochs < 1:
            raise ValueError(f"epochs must be at least 1, got {self.epochs}")


def main(args: Args) -> None:
    """Check the data, train, and tell how much better the new model is."""
    import torch
    from accelerate import PartialState

    from caption.engine.trainer import Trainer
    from caption.models.directory import DEFAULT_CAPTIONER, install_model, load_encoder
    from caption.vision.extract import store_features
    from vqa.data.forms import read_questions
    from vqa.finetune import CARD, compare_models, config_for, divide, grown, write_page
    from vqa.model import Sight, VqaModel
    from vqa.predict import DEFAULT_ANSWERER
    from vqa.task import VqaTask

    if (args.output / "config.json").exists():
        raise DataError(f"{args.output}: holds a model already; choose another directory")
    questions = read_questions(args.data, args.manifest)
    print(f"{questions.form}: {len(questions.data.questions)} questions", flush=True)
    parts = divide(questions, _sound(questions, args), held_out=args.held_out, seed=args.seed)
    learnt, held_out = parts.train.questions, parts.held_out
    print(
        f"{len(learnt)} questions about {len(parts.train.images)} pictures to learn from, "
        f"{len(parts.validation.questions)} about {len(parts.validation.images)} to stop in time, "
        f"{len(held_out.questions)} about {len(held_out.images)} held out"
    )
    training = args.output / "training"
    device = PartialState().device
    encoder = load_encoder(args.captioner or DEFAULT_CAPTIONER).to(device)
    store = store_features(encoder, questions.data.images, training / "features")
    old = VqaModel.from_pretrained(args.model or DEFAULT_ANSWERER).to(device)
    torch.manual_seed(args.seed)
    model = grown(old, learnt, Sight(store.plan.encoder_id, *store.plan.shape[1:]))
    print(_what_is_new(model, old))
    config = config_for(old, len(learnt), epochs=args.epochs, seed=args.seed)
    task = VqaTask(config, model, train=(parts.train, store), validation=(parts.validation, store))
    begun = (training / "state.pt").exists()
    outcome = Trainer(config.trainer).fit(task, training, resume=args.resume and begun)
    if not outcome.finished:
        print("stopped; continue with --resume")
        return
    best = VqaModel.from_pretrained(training / "best")
    comparison = compare_models(best, old, held_out, store)
    print(comparison)
    write_page(args.output / "report.html", comparison)
    card = CARD.format(
        source=args.model or "the package's default model",
        data=questions.form,
        num_train=len(learnt),
        encoder_id=best.sight.encoder_id,
        comparison=comparison,
    )
    best.save_pretrained(training / "model", card=card)
    install_model(training / "model", args.output)
    shutil.rmtree(training / "features")
    captioner = f" --model {args.captioner}" if args.captioner else ""
    print(f"{args.output}: try it with python app.py --ask-model {args.output}{captioner}")


def _sound(questions: "QuestionSet", args: Args) -> "dict[ImageFile, str]":
    """Return the digests of the pictures.

    Raises:
        DataError: the data set cannot be trained on as it is.
    """
    from caption.data.pictures import look, uncaptioned
    from caption.files.tables import refuse_fatal

    digests, faults = look(uncaptioned(questions.data.images, questions.splits))
    refuse_fatal((*questions.problems, *faults), args.data)
    return digests


def _what_is_new(model: "VqaModel", old: "VqaModel") -> str:
    words = [word for word in model.vocabulary.tokens if word not in old.vocabulary.tokens]
    answers = model.answers.answers[len(old.answers) :]
    return (
        f"{len(words)} new words{': ' * bool(words)}{', '.join(words[:8])}\n"
        f"{len(answers)} new answers{': ' * bool(answers)}{', '.join(answers[:8])}"
    )


if __name__ == "__main__":
    run(main, Args)
