"""How far number formats and batches move embeddings from the stored ones, beside the limits."""

from pathlib import Path

from nobs.catalog import load_catalog
from nobs.data.models import open_model
from nobs.data.texts import load_texts
from nobs.schema.enums import Dtype
from nobs.tasks.base import Work
from nobs.tasks.parameters import typed
from nobs.tasks.text_embeddings.bench import EmbeddingsBench
from nobs.tasks.text_embeddings.params import EmbeddingsParams

ROWS = 32


def lowest_cosine(dtype: Dtype, batch_size: int) -> str:
    """Return the lowest cosine of the first texts of the quick workload, and its limit."""
    workload = typed(load_catalog().workload("embeddings", "quick"))
    (pin,) = workload.models
    params = EmbeddingsParams(dtype=dtype, batch_size=batch_size, max_seq_length=256)
    work = Work(
        model=pin,
        model_path=Path(open_model(pin).path),
        inputs=load_texts(workload.dataset).rows[:ROWS],
        workload=workload.model_copy(update={"params": params}),
        torch_device="cpu",
    )
    bench = EmbeddingsBench(work)
    bench.load()
    bench.run()
    found = bench.facts()["reference"]
    return f"{found['lowest_cosine']:.7f}  {found['threshold']}"


def main() -> None:
    print(f"{'format':10} {'batch':>5}  lowest     limit ({ROWS} texts)")
    for dtype in (Dtype.FLOAT32, Dtype.BFLOAT16, Dtype.FLOAT16):
        for batch_size in (1, 16) if dtype is not Dtype.FLOAT16 else (1,):
            print(f"{dtype:10} {batch_size:5}  {lowest_cosine(dtype, batch_size)}")


if __name__ == "__main__":
    main()
