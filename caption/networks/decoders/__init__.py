"""Kinds of decoder: soft_attention, att2in, updown, nic; `recurrent` is what all of them share."""
