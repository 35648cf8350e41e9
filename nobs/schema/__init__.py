"""What crosses the boundary between launcher and worker: frozen pydantic models, extra forbidden."""
