"""Teach the question answerer questions about pictures of your own."""

import shutil
from dataclasses import dataclass

from caption.commands.finetune import Finetuning, some_of


@dataclass(frozen=True, kw_only=True)
class Args(Finetuning):
    """Teach the question answerer questions about pictures of your own.

    The folder has a table of image, question and answer, or VQA JSON files.
    """

    captioner: str | None = None
    """Model directory or hub id of the captioner whose encoder sees the pictures, and which
    recognises words for a model that reads them, such as one that was fine-tuned on the pictures;
    by default the model that comes with the package."""


def main(args: Args) -> int:
    """Check the data, train, tell how much better the new model is; return 130 if stopped."""
    import torch
    from accelerate import PartialState

    from caption.engine.trainer import Trainer
    from caption.models.directory import refuse_taken
    from caption.vision.extract import store_features
    from vqa.data.check import checked
    from vqa.data.forms import read_questions
    from vqa.finetune import compare_models, config_for, divide, install, write_page
    from vqa.model import Sight, VqaModel
    from vqa.predict import DEFAULT_ANSWERER, load_eyes
    from vqa.task import VqaTask, grown

    refuse_taken(args.output)
    questions = read_questions(args.data, args.manifest)
    print(f"{questions.form}: {len(questions.data.questions)} questions", flush=True)
    digests = checked(questions, args.data).digests
    parts = divide(questions, digests, held_out=args.held_out, seed=args.seed)
    learnt, held_out = parts.train.questions, parts.held_out
    print(
        f"{len(learnt)} questions about {len(parts.train.images)} pictures to learn from, "
        f"{len(parts.validation.questions)} about {len(parts.validation.images)} to stop in time, "
        f"{len(held_out.questions)} about {len(held_out.images)} held out"
    )
    training = args.output / "training"
    device = PartialState().device
    old = VqaModel.from_pretrained(args.model or DEFAULT_ANSWERER).to(device)
    eyes = load_eyes(args.captioner, old.config, device)
    store = store_features(eyes.encoder, questions.data.images, training / "features")
    torch.manual_seed(args.seed)
    model = grown(old, learnt, Sight.of(store.plan), eyes.head)
    print(some_of(model.vocabulary.tokens[len(old.vocabulary) :], "new words"))
    print(some_of(model.answers.answers[len(old.answers) :], "new answers"))
    config = config_for(old, len(learnt), epochs=args.epochs, seed=args.seed)
    task = VqaTask(
        *(config, model),
        train=(parts.train, store),
        validation=(parts.validation, store),
        head=eyes.head,
    )
    begun = (training / "state.pt").exists()
    outcome = Trainer(config.trainer).fit(task, training, resume=args.resume and begun)
    if not outcome.finished:
        print("stopped; continue with --resume")
        return 130
    best = VqaModel.from_pretrained(training / "best")
    comparison = compare_models(best, old, held_out, store, eyes.head)
    print(comparison, *comparison.table().lines(), sep="\n")
    write_page(args.output / "report.html", comparison)
    source, num_train = args.model or "the package's default model", len(learnt)
    install(best, args.output, comparison, source=source, data=questions.form, num_train=num_train)
    shutil.rmtree(training / "features")
    captioner = f" --model {args.captioner}" if args.captioner else ""
    print(f"{args.output}: try it with glimpse app --ask-model {args.output}{captioner}")
    return 0
