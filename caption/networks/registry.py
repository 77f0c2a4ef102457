"""Which decoders and cells there are, by the names that configs and model directories use.

A name leads to "module:class" and is imported when it is wanted, so that `--help` can list names
without loading torch. A new one is a file of its own and a line here.
"""

import difflib
from collections.abc import Collection, Mapping
from importlib import import_module
from typing import Any

DECODERS = {
    "soft_attention": "caption.networks.decoders.soft_attention:SoftAttentionDecoder",
    "att2in": "caption.networks.decoders.att2in:Att2inDecoder",
    "updown": "caption.networks.decoders.updown:UpDownDecoder",
    "nic": "caption.networks.decoders.nic:NicDecoder",
}
CELLS = {
    "rnn": "caption.networks.cells.hidden:RNN",
    "gru": "caption.networks.cells.hidden:GRU",
    "lstm": "caption.networks.cells.lstm:LSTM",
    "layer_norm_lstm": "caption.networks.cells.lstm:LayerNormLSTM",
    "state_space": "caption.networks.cells.state_space:StateSpace",
}


def check_name(name: str, known: Collection[str], what: str) -> None:
    """Refuse a name that is not known.

    Raises:
        ValueError: with the nearest known one.
    """
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0) or list(known)[:1]
        raise ValueError(
            f"{what} must be one of {', '.join(known)}, got {name!r}; did you mean {near[0]!r}?"
        )


def class_of(name: str, known: Mapping[str, str]) -> Any:
    """Return the class that a known name leads to."""
    module, _, attribute = known[name].partition(":")
    return getattr(import_module(module), attribute)
