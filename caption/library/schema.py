"""What a library's database holds, and how an older one becomes the newest.

A step is never changed once it has been released: a new one is put behind it. The number of steps
that a file has taken is its version.
"""

APPLICATION = int.from_bytes(b"Glmp", "big")
"""By which SQLite files of ours are told from those of others."""

FIRST = (
    "CREATE TABLE roots (id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE) STRICT",
    # Names and paths are bytes, because those of files may be no valid Unicode.
    """
    CREATE TABLE photos (
        id INTEGER PRIMARY KEY,
        root INTEGER NOT NULL REFERENCES roots (id),
        name BLOB NOT NULL,
        size INTEGER NOT NULL,
        modified INTEGER NOT NULL,
        missing INTEGER NOT NULL DEFAULT 0,
        content BLOB,
        pixels BLOB,
        generated TEXT,
        edited TEXT,
        model TEXT,
        language TEXT NOT NULL DEFAULT 'en',
        confidence REAL,
        tags TEXT NOT NULL DEFAULT '[]',
        error TEXT,
        sidecar BLOB
    ) STRICT
    """,
    # Of a photo that is gone the row stays, and another may have come in its place.
    "CREATE UNIQUE INDEX photos_by_name ON photos (root, name) WHERE missing = 0",
    "CREATE INDEX photos_by_pixels ON photos (pixels)",
    # Apart from the rows that lists are made of, which stay small and quick to go through.
    """
    CREATE TABLE thumbnails (
        photo INTEGER PRIMARY KEY REFERENCES photos (id) ON DELETE CASCADE, jpeg BLOB NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE features (
        photo INTEGER PRIMARY KEY REFERENCES photos (id) ON DELETE CASCADE,
        encoder TEXT NOT NULL,
        vector BLOB NOT NULL
    ) STRICT
    """,
    # What can be found: photos that are there and have a caption. Marks belong to their letters.
    """
    CREATE VIRTUAL TABLE words USING fts5 (
        caption, tags, prefix = '2 3',
        tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
    )
    """,
    # What a caption says counts for more than what follows from it.
    "INSERT INTO words (words, rank) VALUES ('rank', 'bm25(1.0, 0.5)')",
    # Counts the changes of what is compared by example, which is kept in memory.
    "CREATE TABLE changes (features INTEGER NOT NULL) STRICT",
    "INSERT INTO changes VALUES (0)",
)

MIGRATIONS = (FIRST,)
"""The steps, oldest first."""
