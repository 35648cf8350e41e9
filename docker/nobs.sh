#!/bin/sh
# `nobs` in an image. The interpreter is named, so that no PATH can put another one in its place.
exec /opt/venv/bin/python -m nobs "$@"
