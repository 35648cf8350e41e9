from collections.abc import Callable

import pytest

from nobs.system.host import find_host_facts
from nobs.system.numa import find_node_of, parse_list
from nobs.system.probe import Probe

NODES = "/sys/devices/system/node"
TWO_NODES = {
    f"{NODES}/online": "0-2\n",
    f"{NODES}/has_cpu": "0-1\n",
    # The third node is the memory of a GPU.
    f"{NODES}/has_memory": "0-2\n",
    f"{NODES}/node0/cpulist": "0-7,16-23\n",
    f"{NODES}/node1/cpulist": "8-15,24-31\n",
}


@pytest.mark.parametrize(
    ("cpus", "memory", "maps", "expected"),
    [
        ("0-31", "0-2", "7f0 default file=/usr/bin/python3 N0=2", (None, None, None)),
        ("0-3,16", "0-2", "7f0 bind:0 file=/usr/bin/python3 N0=2", ("0", None, "bind:0")),
        ("7-8", "1", "7f0 interleave:0-1 heap", (None, "1", "interleave:0-1")),
        ("0-31", "0-63", "", (None, None, None)),
    ],
)
def test_a_process_knows_the_nodes_that_it_is_confined_to(
    cpus: str, memory: str, maps: str, expected: tuple[str | None, ...],
    bare_linux: Callable[..., Probe],
) -> None:  # fmt: skip
    status = f"Name:\tpython\nCpus_allowed_list:\t{cpus}\nMems_allowed_list:\t{memory}\n"
    files = TWO_NODES | {"/proc/self/status": status, "/proc/self/numa_maps": maps}
    facts = find_host_facts(bare_linux(files=files))

    assert facts.numa_nodes == "0-2"
    assert (facts.numa_cpu_nodes, facts.numa_memory_nodes, facts.numa_policy) == expected


@pytest.mark.parametrize(("text", "node"), [("1\n", 1), ("0\n", 0), ("-1\n", None), ("", None)])
def test_a_device_is_on_the_node_that_its_slot_belongs_to(
    text: str, node: int | None, bare_linux: Callable[..., Probe]
) -> None:
    machine = bare_linux(files={"/sys/bus/pci/devices/0000:c1:00.0/numa_node": text})

    assert find_node_of(machine, "0000:C1:00.0") == node
    assert find_node_of(machine, "0000:01:00.0") is None


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("0-2,5", {0, 1, 2, 5}),
        ("3", {3}),
        ("", set()),
        (None, set()),
        ("a-b,7", {7}),
        ("9-1", set()),
    ],
)
def test_lists_of_the_kernel_are_numbers(text: str | None, numbers: set[int]) -> None:
    assert parse_list(text) == numbers
