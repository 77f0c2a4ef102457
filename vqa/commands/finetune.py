"""Teach the question answerer questions about pictures of your own."""

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from caption.commands.finetune import Finetuning, some_of
from vqa.config import LearnFrom

if TYPE_CHECKING:
    from vqa.finetune import Parts


@dataclass(frozen=True, kw_only=True)
class Args(Finetuning):
    """Teach the question answerer questions about pictures of your own.

    The folder has a table of image, question and answer, or VQA JSON files.
    """

    captioner: str | None = None
    """Model directory or hub id of the captioner whose encoder sees the pictures, and which
    recognises words for a model that reads them, such as one that was fine-tuned on the pictures;
    by default the model that comes with the package."""
    learn_from: LearnFrom | None = None
    """train: what learnt best from the training part; all: a second run learns the part that told
    when to stop as well, for as many epochs; by default all with fewer than 5,000 questions."""


def main(args: Args) -> int:
    """Check the data, train, tell how much better the new model is; return 130 if stopped."""
    from accelerate import PartialState

    from caption.models.directory import refuse_taken
    from caption.vision.extract import store_features
    from vqa.confidence import refit
    from vqa.data.check import checked
    from vqa.data.forms import read_questions
    from vqa.eyes import eyes_of
    from vqa.finetune import (
        compare_models,
        divide,
        finetune,
        grown_for,
        install,
        learnt_from,
        write_page,
    )
    from vqa.model import ANSWERERS, DEFAULT_ANSWERER, VqaModel

    refuse_taken(args.output)
    questions = read_questions(args.data, args.manifest)
    print(f"{questions.form}: {len(questions.data.questions)} questions", flush=True)
    digests = checked(questions, args.data).digests
    parts = divide(questions, digests, held_out=args.held_out, seed=args.seed)
    held_out, learn_from = parts.held_out, learnt_from(parts, args.learn_from)
    print(_division(parts, learn_from))
    training = args.output / "training"
    device = PartialState().device
    old = VqaModel.from_pretrained(args.model or DEFAULT_ANSWERER).to(device)
    eyes = eyes_of(old, args.captioner, device)
    store = store_features(eyes.encoder, questions.data.images, training / "features")
    new = grown_for(old, parts.learnt(learn_from), store, eyes.head)
    print(some_of(new.vocabulary.tokens[len(old.vocabulary) :], "new words"))
    print(some_of(new.answers.answers[len(old.answers) :], "new answers"))
    outcome = finetune(
        *(old, parts, store, eyes.head, training),
        learn_from=learn_from,
        epochs=args.epochs,
        seed=args.seed,
        resume=args.resume,
    )
    if outcome is None:
        print("stopped; continue with --resume")
        return 130
    num_train = len(outcome.learnt.questions)
    print(f"{num_train} questions were learnt for {outcome.epochs} epochs")
    comparison = compare_models(
        outcome.model, old, held_out, store, eyes.head, learnt=outcome.learnt
    )
    print(comparison, *comparison.table().lines(), sep="\n")
    write_page(args.output / "report.html", comparison)
    outcome.model.confidence = refit(outcome.model, eyes, held_out, store)
    install(
        *(outcome.model, args.output, comparison),
        source=args.model or "the package's default model",
        data=questions.form,
        num_train=num_train,
    )
    shutil.rmtree(training / "features")
    eyes_from = args.captioner or (args.model if args.model in ANSWERERS else None)
    captioner = f" --model {eyes_from}" if eyes_from else ""
    print(f"{args.output}: try it with glimpse app --ask-model {args.output}{captioner}")
    return 0


def _division(parts: "Parts", learn_from: LearnFrom) -> str:
    """Return how many questions about how many pictures are for what."""
    train, validation, held_out = parts.train, parts.validation, parts.held_out
    also = ", then learnt as well" if learn_from == "all" else ""
    return (
        f"{len(train.questions)} questions about {len(train.images)} pictures to learn from, "
        f"{len(validation.questions)} about {len(validation.images)} to stop in time{also}, "
        f"{len(held_out.questions)} about {len(held_out.images)} held out"
    )
