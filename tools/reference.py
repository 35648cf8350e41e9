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
from nobs.tasks.parameters import typed
from nobs.tasks.served_embeddings.params import ServedEmbeddingsParams
from nobs.tasks.served_embeddings.texts import cut_texts, stored_texts
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
    params, pins, rows, kind = typed(workload).params, workload.models, texts.rows, ""
    if isinstance(params, ServedEmbeddingsParams):
        # The texts of requests, and the model whose vectors a server is compared with.
        rows, kind = stored_texts(cut_texts(rows)), "-served"
        pins, length = (load_catalog().models[params.reference],), params.reference_max_seq_length
    else:
        length = workload.params.max_seq_length
    for pin in pins:
        if only in (None, pin.id):
            ending = f"{length}-{texts.evidence.rows_sha256[:8]}{kind}"
            name = safe_name(f"{pin.id.rpartition('/')[2]}-{ending}")
            text = make_reference(pin, open_model(pin), rows, length)
            (DIRECTORY / f"{name}.json").write_text(text, encoding="utf-8")
            print(f"{name}.json: {len(rows)} texts")


def main() -> None:
    """Read the words and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("workload", choices=sorted(load_catalog().workloads))
    parser.add_argument("--model", help="only this one")
    words = parser.parse_args()
    write_references(load_catalog().workloads[words.workload], words.model)


if __name__ == "__main__":
    main()
