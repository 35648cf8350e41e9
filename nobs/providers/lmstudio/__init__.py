"""LM Studio: its server, its models, its command-line program."""

from nobs.providers.lmstudio.identity import ask
from nobs.providers.lmstudio.names import choose
from nobs.providers.served import ServedModels

WORK = ServedModels(ask=ask, chooser=choose)
