"""Effects of proxies, certificates and the home directory on a plan."""

import platform
from collections.abc import Iterable, Iterator

from nobs.launch.container.plan import CERTIFICATES_VARIABLE, SecretFile
from nobs.launch.engine.info import EngineInfo
from nobs.launch.engine.proxies import ProxyRoute, route_proxies
from nobs.launch.planning.facts import Facts
from nobs.user import CERTIFICATE_VARIABLES, is_temporary


def proxy_route(facts: Facts) -> ProxyRoute:
    """Return how containers and builds reach this machine's proxies."""
    info = facts.engine.info if facts.engine else EngineInfo()
    return route_proxies(facts.proxies, info, platform=platform.system())


def trusted(secrets: Iterable[SecretFile]) -> dict[str, str]:
    """Return the variables that name the mounted certificates: each client reads another one."""
    targets = [secret.target for secret in secrets if secret.variable == CERTIFICATES_VARIABLE]
    return {name: target for target in targets for name in CERTIFICATE_VARIABLES}


def surroundings_notes(facts: Facts) -> Iterator[str]:
    """Yield notes for a run that fetches."""
    if is_temporary(facts.hf_home):
        yield (
            f"there is no writable home directory: data and weights are in {facts.hf_home}, "
            "which a restart may delete; set HF_HOME to another directory"
        )
    if facts.engine and (note := proxy_route(facts).note):
        yield note
