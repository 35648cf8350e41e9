"""From a request to a finished run: plan, image, container or native process."""
