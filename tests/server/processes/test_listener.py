"""Addresses as operators write them, and sockets that listen there or say why not."""

import grp
import os
import pwd
import socket
import stat
import sys
from pathlib import Path

import pytest

from veche.server.errors import AddressError
from veche.server.manner import Manner
from veche.server.processes.listener import close_all, listen_all
from veche.server.processes.sockets.addresses import (
    Address,
    InheritedDescriptor,
    SystemdSockets,
    TCPAddress,
    UnixAddress,
    parse_address,
    parse_bind,
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8000", TCPAddress("127.0.0.1", 8000)),
        ("localhost:0", TCPAddress("localhost", 0)),
        ("[::1]:443", TCPAddress("::1", 443)),
        ("unix:/run/site.sock", UnixAddress("/run/site.sock")),
        ("unix:site.sock", UnixAddress("site.sock")),
        ("fd://3", InheritedDescriptor(3)),
        ("systemd:", SystemdSockets("")),
        ("systemd:web", SystemdSockets("web")),
        ("systemd:80", TCPAddress("systemd", 80)),
    ],
)
def test_every_way_to_write_an_address_is_understood(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "address", "manner"),
    [
        ("127.0.0.1:8000", TCPAddress("127.0.0.1", 8000), Manner()),
        ("http://127.0.0.1:8000", TCPAddress("127.0.0.1", 8000), Manner()),
        ("https://[::1]:443", TCPAddress("::1", 443), Manner(tls=True)),
        ("https://*:443", TCPAddress("*", 443), Manner(tls=True)),
        ("https+unix:/run/site.sock", UnixAddress("/run/site.sock"), Manner(tls=True)),
        ("proxy+http://127.0.0.1:1", TCPAddress("127.0.0.1", 1), Manner(proxy=True)),
        ("proxy+https://127.0.0.1:1", TCPAddress("127.0.0.1", 1), Manner(proxy=True, tls=True)),
        ("proxy+https+unix:/run/s", UnixAddress("/run/s"), Manner(proxy=True, tls=True)),
        ("proxy+unix:/run/s", UnixAddress("/run/s"), Manner(proxy=True)),
        ("https+fd://3", InheritedDescriptor(3), Manner(tls=True)),
        ("fd://3", InheritedDescriptor(3), Manner()),
        ("https+systemd:web", SystemdSockets("web"), Manner(tls=True)),
        ("https:8000", TCPAddress("https", 8000), Manner()),
    ],
)
def test_a_bind_says_what_its_connections_begin_with(text: str, address: Address, manner: Manner) -> None:
    assert parse_bind(text) == (address, manner)


@pytest.mark.parametrize("text", ["ftp://127.0.0.1:8000", "https+https://127.0.0.1:1", "tls+unix:/run/s", "https://"])
def test_a_bind_that_begins_with_something_else_is_refused(text: str) -> None:
    with pytest.raises(AddressError, match="write HOST:PORT"):
        parse_bind(text)


@pytest.mark.parametrize(
    "text", ["", "8000", ":8000", "host", "host:", "host:x", "host:65536", "unix:", "fd://", "fd:x"]
)
def test_an_address_that_is_none_is_refused_with_the_ways_to_write_one(text: str) -> None:
    with pytest.raises(AddressError, match="write HOST:PORT"):
        parse_address(text)


def test_ipv6_without_brackets_is_refused_and_shown_with_them() -> None:
    with pytest.raises(AddressError, match=r"\[::1\]:8000"):
        parse_address("::1:8000")


def test_port_0_gives_the_port_the_kernel_chose() -> None:
    (listener,) = listen_all(["127.0.0.1:0"], backlog=8, permissions=0o666)
    with listener.socket:
        assert isinstance(listener.address, TCPAddress)
        assert listener.address.port == listener.socket.getsockname()[1] != 0
        socket.create_connection(("127.0.0.1", listener.address.port), timeout=1).close()


def test_localhost_listens_on_every_family_under_one_port() -> None:
    listeners = listen_all(["localhost:0"], backlog=8, permissions=0o666)
    try:
        assert len({listener.socket.getsockname()[1] for listener in listeners}) == 1
    finally:
        close_all(listeners)


def test_a_star_listens_on_every_network_of_both_families() -> None:
    listeners = listen_all(["*:0"], backlog=8, permissions=0o666)
    try:
        hosts = {listener.socket.getsockname()[0] for listener in listeners}
        assert hosts == ({"0.0.0.0", "::"} if socket.has_ipv6 else {"0.0.0.0"})
    finally:
        close_all(listeners)


@pytest.mark.skipif(sys.platform != "linux", reason="who holds a port is read from /proc")
def test_an_address_in_use_is_refused_with_its_holder_and_none_of_the_others_is_kept(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(AddressError, match=f"http://127.0.0.1:{port}: address in use by pid {os.getpid()}: "):
            listen_all([f"unix:{tmp_path}/s", f"127.0.0.1:{port}"], backlog=8, permissions=0o666)
    assert not (tmp_path / "s").exists()


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(AddressError, match="not an address of this machine"):
        listen_all(["192.0.2.1:0"], backlog=8, permissions=0o666)  # TEST-NET-1, RFC 5737: nobody's


def test_a_host_that_does_not_exist_is_refused() -> None:
    with pytest.raises(AddressError, match="has no address"):
        listen_all(["no-such-host.invalid:0"], backlog=8, permissions=0o666)  # RFC 6761


def test_a_unix_socket_has_the_permissions_of_the_setting_and_is_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "site.sock"
    (listener,) = listen_all([f"unix:{path}"], backlog=8, permissions=0o660)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    listener.close()
    assert not path.exists()


def test_a_unix_socket_has_the_owner_of_the_setting(tmp_path: Path) -> None:
    path, group = tmp_path / "site.sock", grp.getgrgid(os.getgroups()[0] if os.getgroups() else os.getgid())
    (listener,) = listen_all([f"unix:{path}"], backlog=8, permissions=0o660, owner=f":{group.gr_name}")
    assert path.stat().st_gid == group.gr_gid
    listener.close()
    with pytest.raises(AddressError, match=r"no-such-account.*--socket-owner"):
        listen_all([f"unix:{path}"], backlog=8, permissions=0o660, owner="no-such-account")
    assert not path.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_root_gives_a_unix_socket_away(tmp_path: Path) -> None:
    path = tmp_path / "site.sock"
    (listener,) = listen_all([f"unix:{path}"], backlog=8, permissions=0o600, owner="nobody")
    assert path.stat().st_uid == pwd.getpwnam("nobody").pw_uid
    listener.close()


def test_the_socket_of_a_server_that_died_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "site.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()
    assert path.exists()
    close_all(listen_all([f"unix:{path}"], backlog=8, permissions=0o666))


def test_the_socket_of_a_living_server_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "site.sock"
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(str(path))
        living.listen()
        with pytest.raises(AddressError, match="address in use"):
            listen_all([f"unix:{path}"], backlog=8, permissions=0o666)
    assert path.exists()


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "diary.txt"
    path.write_text("dear")
    with pytest.raises(AddressError, match="no socket"):
        listen_all([f"unix:{path}"], backlog=8, permissions=0o666)
    assert path.read_text() == "dear"


def test_the_file_of_a_successor_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "site.sock"
    (old,) = listen_all([f"unix:{path}"], backlog=8, permissions=0o666)
    path.unlink()
    (new,) = listen_all([f"unix:{path}"], backlog=8, permissions=0o666)
    old.close()
    assert path.exists()
    new.close()


def test_an_inherited_descriptor_is_listened_on_under_its_real_address() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        (listener,) = listen_all([f"fd://{bound.fileno()}"], backlog=8, permissions=0o666)
        assert listener.address == TCPAddress("127.0.0.1", bound.getsockname()[1])
        socket.create_connection(bound.getsockname(), timeout=1).close()
        listener.close()


def test_a_descriptor_that_is_not_open_or_no_socket_is_refused() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    try:
        with pytest.raises(AddressError, match="hand down a bound socket"):
            listen_all([f"fd://{reading}"], backlog=8, permissions=0o666)
    finally:
        os.close(reading)


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels round the backlog up as they like")
def test_the_kernel_keeps_no_more_connections_waiting_than_the_backlog_says() -> None:
    (listener,) = listen_all(["127.0.0.1:0"], backlog=1, permissions=0o666)
    waiting = []
    with listener.socket, pytest.raises(TimeoutError):
        for _ in range(4):  # Linux keeps one more than it was told
            waiting.append(socket.create_connection(listener.socket.getsockname(), timeout=2.0))
    assert len(waiting) == 2
    for connection in waiting:
        connection.close()
