"""What is shown of the photo in a tab that not everybody opens."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from caption.web.events import ONE_AT_A_TIME

if TYPE_CHECKING:
    import gradio as gr


def follow(
    tab: "gr.Tab",
    photo: "gr.Image",
    settings: "Sequence[gr.Radio]",
    show: Callable[..., str],
    shown: "gr.HTML",
) -> None:
    """Show something of the photo, and again when it changes, from when the tab is first opened.

    Args:
        tab: in which it is shown.
        photo: that it is about.
        settings: what it depends on beside the photo.
        show: returns it as markup, given the photo, which may be None, and the settings.
        shown: what shows it.
    """
    import gradio as gr

    private: dict[str, Any] = {"api_visibility": "private", "trigger_mode": "always_last"}
    private |= ONE_AT_A_TIME
    is_open, changes, asked = gr.State(False), gr.State(0), [photo, *settings]
    tab.select(lambda *given: (True, show(*given)), asked, [is_open, shown], **private)
    for setting in settings:
        setting.input(show, asked, [shown], **private)
    # Without the photo itself, which need not be decoded for a tab that nobody has opened.
    photo.change(
        lambda was_opened, count: count + was_opened,
        [is_open, changes],
        [changes],
        api_visibility="private",
        show_progress="hidden",
    )
    changes.change(show, asked, [shown], **private)
