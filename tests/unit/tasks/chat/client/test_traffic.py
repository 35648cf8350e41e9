import asyncio
import gc

from nobs.tasks.chat.client.traffic import Traffic, collector_pause, traffic_of


def test_the_collector_pauses_while_any_exchange_runs() -> None:
    states = []

    with collector_pause:
        with collector_pause:
            pass
        states.append(gc.isenabled())
    states.append(gc.isenabled())

    assert states == [False, True]


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with collector_pause:
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_who_has_ended_waits_for_a_turn_without_reads() -> None:
    async def turns_until_woken(busy_turns: int) -> int:
        loop = asyncio.get_running_loop()
        traffic, waiter = traffic_of(loop), loop.create_future()
        traffic.hand_over(waiter)
        turns = 0
        while not waiter.done():
            traffic.reads += turns < busy_turns
            turns += 1
            await asyncio.sleep(0)
        return turns

    # The wait is bounded in time, so a try that the machine stops for longer ends early.
    calm, busy = ([asyncio.run(turns_until_woken(most)) for _ in range(5)] for most in (0, 20))

    assert min(calm) < 5
    assert max(busy) > 20


def test_load_without_a_pause_keeps_nobody_waiting_for_long() -> None:
    async def wake() -> None:
        loop = asyncio.get_running_loop()
        traffic, waiter = traffic_of(loop), loop.create_future()
        traffic.hand_over(waiter)
        while not waiter.done():
            traffic.reads += 1
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(wake(), timeout=60))


def test_loops_share_nothing() -> None:
    async def mine() -> Traffic:
        return traffic_of(asyncio.get_running_loop())

    assert asyncio.run(mine()) is not asyncio.run(mine())
