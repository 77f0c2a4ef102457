"""Which part of a captioner is worth what: variants trained under equal budget, with intervals.

In reading order: `variants` is the list that people write, `runs` one training of one variant with
one seed and what of it is on disk, `schedule` carries runs out, several at once and none twice
(`lock`), `work` does one in processes of its own, `results` reads what it came to, `effects` says
how much better one variant is than another, `summary` puts it together, `table` writes it down,
`pictures` draws it.
"""
