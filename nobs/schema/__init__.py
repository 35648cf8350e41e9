"""What crosses the boundary of launcher and worker: frozen pydantic models, extra forbidden."""
