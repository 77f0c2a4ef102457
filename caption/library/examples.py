"""Photos by example: those that look alike to the model's encoder.

The pooled features of all photos are one contiguous matrix of half precision. Its product with one
photo's is torch's, which multiplies halves as they are: numpy first makes single precision of each,
which takes ten times as long. The best are then compared again in single precision.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float16, Int64

Vector = np.ndarray
CANDIDATES = 4
"""How many times more are compared again than are asked for: halves have three digits."""


@dataclass(frozen=True, eq=False)
class Examples:
    """What is compared, in memory."""

    encoder: str
    """The fingerprint of what has seen all of them."""
    changes: int
    """How often the features had changed in the library when they were read."""
    photo_ids: Int64[np.ndarray, " photo"]
    vectors: Float16[np.ndarray, "photo feature"]
    """Of length 1 each."""

    def nearest(self, vector: Vector, count: int) -> list[tuple[int, float]]:
        """Return the photos most alike, best first, and the cosine of each."""
        import torch

        if not len(self.photo_ids) or not count:
            return []
        sought = _of_length_one(np.asarray(vector, dtype=np.float32))
        rough = torch.from_numpy(self.vectors) @ torch.from_numpy(sought.astype(np.float16))
        chosen = rough.topk(min(CANDIDATES * count, len(rough))).indices.numpy()
        cosines = self.vectors[chosen].astype(np.float32) @ sought
        best = np.argsort(-cosines, kind="stable")[:count]
        return [(int(self.photo_ids[chosen[n]]), float(cosines[n])) for n in best]


def read_examples(connection: sqlite3.Connection, encoder: str) -> Examples:
    """Return the features of the photos that are there, as far as an encoder has seen them."""
    changes = count_changes(connection)
    rows = connection.execute(
        "SELECT photo, vector FROM features JOIN photos ON photos.id = photo "
        "WHERE encoder = ? AND missing = 0 ORDER BY photo",
        (encoder,),
    ).fetchall()
    photo_ids = np.array([row[0] for row in rows], dtype=np.int64)
    whole = np.frombuffer(bytearray().join(row[1] for row in rows), dtype=np.float16)
    return Examples(encoder, changes, photo_ids, whole.reshape(len(rows), -1 if rows else 0))


def count_changes(connection: sqlite3.Connection) -> int:
    """Return how often the features have changed."""
    return int(connection.execute("SELECT features FROM changes").fetchone()[0])


def mark_changed(connection: sqlite3.Connection) -> None:
    """Say that the features, or which photos are there, have changed."""
    connection.execute("UPDATE changes SET features = features + 1")


def write_features(
    connection: sqlite3.Connection, photo_id: int, encoder: str, vector: Vector
) -> None:
    """Keep what an encoder saw in a photo."""
    connection.execute(
        "INSERT OR REPLACE INTO features (photo, encoder, vector) VALUES (?, ?, ?)",
        (photo_id, encoder, _of_length_one(vector).astype(np.float16).tobytes()),
    )


def features_of(connection: sqlite3.Connection, photo_id: int) -> tuple[str, Vector] | None:
    """Return which encoder has seen a photo, and what it saw."""
    row: Sequence[bytes] | None = connection.execute(
        "SELECT encoder, vector FROM features WHERE photo = ?", (photo_id,)
    ).fetchone()
    return None if row is None else (str(row[0]), np.frombuffer(row[1], dtype=np.float16))


def _of_length_one(vector: Vector) -> Vector:
    vector = vector.astype(np.float32)
    return vector / max(float(np.linalg.norm(vector)), 1e-12)
