"""What the user's proxies, certificates and home directory mean for a plan."""

import platform
from collections.abc import Iterable, Iterator

from nobs.launch.container.plan import CERTIFICATES_VARIABLE, SecretFile
from nobs.launch.engine.info import EngineInfo
from nobs.launch.engine.proxies import ProxyRoute, route_proxies
from nobs.launch.planning.facts import Facts
from nobs.user import CERTIFICATE_VARIABLES, is_temporary


def proxy_route(facts: Facts) -> ProxyRoute:
    """Return how what runs in the engine reaches this machine's proxies."""
    info = facts.engine.info if facts.engine else EngineInfo()
    return route_proxies(facts.proxies, info, platform=platform.system())


def trusted(secrets: Iterable[SecretFile]) -> dict[str, str]:
    """Return the variables that name the mounted certificates: each client reads another one."""
    targets = [secret.target for secret in secrets if secret.variable == CERTIFICATES_VARIABLE]
    return {name: target for target in targets for name in CERTIFICATE_VARIABLES}


def surroundings_notes(facts: Facts) -> Iterator[str]:
    """Yield what is worth knowing of the surroundings of a run that fetches."""
    if is_temporary(facts.hf_home):
        yield (
            f"no home directory takes files: texts and weights are kept in {facts.hf_home}, "
            "which may not outlive a restart; HF_HOME names another place"
        )
    if facts.engine and (note := proxy_route(facts).note):
        yield note
