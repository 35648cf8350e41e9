"""Records exchanged between launcher and worker: frozen pydantic models, extra forbidden."""
