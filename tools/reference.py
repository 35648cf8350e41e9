"""Makes the embeddings that results are compared with: `python -m tools.reference embeddings/1`.

One text at a time, so without padding; float32; plain attention; on the CPU: nothing of what a
measured pass does for speed. Run it once for new models, texts or lengths, and commit the files.
"""

import argparse
import base64
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from nobs.catalog import load_catalog
from nobs.data.found import Model
from nobs.data.models import open_model
from nobs.data.texts import load_texts
from nobs.schema.pins import ModelPin, Workload
from nobs.storage.rundir import safe_name
from nobs.tasks.text_embeddings.reference import digest_text

DIRECTORY = (
    Path(__file__).resolve().parent.parent / "nobs" / "tasks" / "text_embeddings" / "references"
)
DIMENSIONS = 64
LIBRARIES = ("torch", "transformers", "sentence-transformers")


def make_reference(pin: ModelPin, model: Model, rows: tuple[str, ...], length: int) -> str:
    """Return the JSON of a reference."""
    transformer = SentenceTransformer(
        str(model.path),
        device="cpu",
        trust_remote_code=pin.trust_remote_code,
        local_files_only=True,
        model_kwargs={"dtype": torch.float32, "attn_implementation": "eager"},
    )
    transformer.max_seq_length = length
    embeddings = [transformer.encode(row, show_progress_bar=False) for row in rows]
    values = np.stack(embeddings)[:, :DIMENSIONS].astype("<f4")
    record = {
        "model": pin.id,
        "revision": pin.revision,
        "weights": model.weights.files,
        "max_seq_length": length,
        "made_with": {name: version(name) for name in LIBRARIES},
        "dimensions": values.shape[1],
        "texts": [digest_text(row) for row in rows],
        "values": base64.b64encode(values.tobytes()).decode(),
    }
    return json.dumps(record, indent=1) + "\n"


def write_references(workload: Workload, only: str | None) -> None:
    """Write a file for each model of `workload`, or for one of them."""
    texts = load_texts(workload.dataset)
    length = workload.params.max_seq_length
    ending = f"{length}-{texts.evidence.rows_sha256[:8]}"
    for pin in workload.models:
        if only in (None, pin.id):
            name = safe_name(f"{pin.id.rpartition('/')[2]}-{ending}")
            text = make_reference(pin, open_model(pin), texts.rows, length)
            (DIRECTORY / f"{name}.json").write_text(text, encoding="utf-8")
            print(f"{name}.json: {len(texts.rows)} texts")


def main() -> None:
    """Read the words and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("workload", choices=sorted(load_catalog().workloads))
    parser.add_argument("--model", help="only this one")
    words = parser.parse_args()
    write_references(load_catalog().workloads[words.workload], words.model)


if __name__ == "__main__":
    main()
