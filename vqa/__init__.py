"""Questions about pictures, answered from the features that `caption` computes.

    from vqa import QuestionAnswerer
    answer = QuestionAnswerer.from_pretrained()("photo.jpg", "what colour is the dog?")
    print(answer.text, answer.probability)

In reading order: `data` reads what is asked, `answers` says when two answers are the same, and
`questions` makes both from captions; `model` answers, `task` and `finetune` teach it, `metrics` and
`evaluate` tell how right it is; `predict` is what people import, and `commands` and `web` use it.

Nothing inside imports from here, and importing this loads nothing heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vqa.predict import Answer, Conversation, QuestionAnswerer

__all__ = ["Answer", "Conversation", "QuestionAnswerer"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("vqa.predict"), name)
