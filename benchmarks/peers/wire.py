"""A wire to a server that counts what goes over it: round trips, and bytes each way."""

import socket
import threading
from dataclasses import dataclass


@dataclass
class Traffic:
    """Round trips are turns from receiving to sending, over all connections."""

    trips: int = 0
    sent: int = 0
    received: int = 0

    def __sub__(self, other: "Traffic") -> "Traffic":
        return Traffic(self.trips - other.trips, self.sent - other.sent, self.received - other.received)

    def copy(self) -> "Traffic":
        return self - Traffic()


class Wire:
    """Listens on ``port`` of this machine, and passes all on to a server."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.traffic = Traffic()
        self._asking: dict[int, bool] = {}  # connection -> whether the client spoke last
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            server = socket.create_connection(self._server)
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            name = id(client)
            for one, other, asking in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pass_on, args=(name, one, other, asking), daemon=True).start()

    def _pass_on(self, name: int, one: socket.socket, other: socket.socket, asking: bool) -> None:
        while data := one.recv(1 << 20):
            if asking:
                self.traffic.sent += len(data)
                self.traffic.trips += not self._asking.get(name, False)
            else:
                self.traffic.received += len(data)
            self._asking[name] = asking
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
