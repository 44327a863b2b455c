import socket
from collections.abc import Iterator

import pytest

from runtime.data_folder import State
from runtime.embedded.ports import PortTaken, any_free, choose_http, is_free, remembered

HOST = "127.0.0.1"


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_stays_the_same_over_restarts() -> None:
    state = State()
    port = remembered(state, "postgres")
    assert remembered(state, "postgres") == port
    assert state.ports == {"postgres": port}


def test_a_port_that_another_program_took_is_replaced(taken: int) -> None:
    state = State(ports={"postgres": taken})
    port = remembered(state, "postgres")
    assert port != taken
    assert is_free(HOST, port)


def test_no_port_is_given_twice() -> None:
    port = any_free(HOST)
    state = State(ports={"postgres": port, "valkey": port})
    assert remembered(state, "valkey") != port


def test_a_port_asked_for_is_taken_or_refused(taken: int) -> None:
    state = State()
    free = any_free(HOST)
    assert choose_http(state, host=HOST, asked=free, usual=8000) == free
    with pytest.raises(PortTaken, match=f"Port {taken} on 127.0.0.1 is used by another program"):
        choose_http(state, host=HOST, asked=taken, usual=8000)
    assert state.ports == {"http": free}


def test_without_a_wish_it_is_the_usual_port_if_it_is_free(taken: int) -> None:
    free = any_free(HOST)
    assert choose_http(State(), host=HOST, asked=None, usual=free) == free
    assert choose_http(State(), host=HOST, asked=None, usual=taken) != taken


def test_any_free_port_is_the_same_again_after_a_restart() -> None:
    state = State()
    port = choose_http(state, host=HOST, asked=0, usual=8000)
    assert choose_http(state, host=HOST, asked=0, usual=8000) == port
    assert choose_http(state, host=HOST, asked=None, usual=8000) == port
