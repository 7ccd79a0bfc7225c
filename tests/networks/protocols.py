"""Both ends of each protocol that a laptop's day is tried with. As a program: the server, with FOLDER, the NAME of its
certificate and an ADDRESS."""

import socket
import ssl
import sys
import threading
import time

HTTP1_PORT, HTTP2_PORT = 8443, 9443
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, ACK, END_HEADERS = 1, 1, 4


def head_of(stream):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        more = stream.recv(1)
        if not more:
            return b""
        head += more
    return head


def frame(kind, flags, number, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + number.to_bytes(4, "big") + payload


def exactly(stream, count):
    data = b""
    while len(data) < count:
        more = stream.recv(count - len(data))
        if not more:
            raise OSError("closed")
        data += more
    return data


def next_frame(stream):
    head = exactly(stream, 9)
    return head[3], head[4], int.from_bytes(head[5:], "big"), exactly(stream, int.from_bytes(head[:3], "big"))


def field(name, value):
    """A literal field that is put into no table."""
    return b"\x10" + b"".join(bytes([len(it)]) + it for it in (name, value))


class Http1:
    """A kept connection, and what the next request on it meets."""

    port, path, fields = HTTP1_PORT, "/", ""

    def __init__(self, proxy, host, root):
        self.proxy, self.host, self.root, self.stream = proxy, host, root, None

    @staticmethod
    def reachable(port):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    def tunnel(self, alpn):
        target = f"{self.host}:{self.port}"
        stream = socket.create_connection(("127.0.0.1", self.proxy), 60)
        stream.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        if b" 200 " not in head_of(stream):
            raise OSError("CONNECT")
        context = ssl.create_default_context(cafile=self.root)
        context.set_alpn_protocols([alpn])
        return context.wrap_socket(stream, server_hostname=self.host)

    def ask(self, stream):
        stream.sendall(f"GET {self.path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n{self.fields}\r\n".encode())
        head = head_of(stream)
        if b" 200 " not in head and b" 101 " not in head:
            raise OSError(head)
        return exactly(stream, 2)

    def begin(self):
        self.stream = self.tunnel("http/1.1")
        self.ask(self.stream)

    def works(self):
        try:
            self.begin()
            return True
        except OSError:
            return False

    def notice(self, limit):
        """Waits until this client hears that something is wrong, or is served all the same."""
        self.stream.settimeout(limit)
        try:
            self.ask(self.stream)
        except OSError:
            pass


class Events(Http1):
    """A stream that is quiet after its first event."""

    path = "/events"

    def notice(self, limit):
        self.stream.settimeout(limit)
        try:
            while self.stream.recv(4096):
                pass
        except OSError:
            pass


class WebSocket(Events):
    path, fields = "/socket", "Connection: upgrade\r\nUpgrade: websocket\r\n"


class Http2(Http1):
    port, kind = HTTP2_PORT, b"/"
    number = 1

    def ask(self, stream):
        fields = ((b":method", b"POST"), (b":scheme", b"https"), (b":path", self.kind),
                  (b":authority", f"{self.host}:{self.port}".encode()), (b"te", b"trailers"))
        if self.kind == b"/":
            fields = ((b":method", b"GET"), *fields[1:])
        block = b"".join(field(*it) for it in fields)
        stream.sendall(frame(HEADERS, END_HEADERS | END_STREAM, self.number, block))
        self.number += 2
        while True:
            kind, flags, _, payload = next_frame(stream)
            # 0x88 is 200 in the fixed table; an announcement of the table's size may come first.
            if kind == HEADERS and 0x88 not in payload[:3]:
                raise OSError("no 200")
            if kind == DATA and payload:
                return payload
            self.answer(stream, kind, flags, payload)

    @staticmethod
    def answer(stream, kind, flags, payload):
        if kind in (RST_STREAM, GOAWAY):
            raise OSError("ended")
        if kind in (SETTINGS, PING) and not flags & ACK:
            stream.sendall(frame(kind, ACK, 0, payload if kind == PING else b""))

    def begin(self):
        self.stream, self.number = self.tunnel("h2"), 1
        self.stream.sendall(PREFACE + frame(SETTINGS, 0, 0))
        self.ask(self.stream)


class Grpc(Http2):
    """A call that is quiet after its first message."""

    kind = b"/quiet"

    def notice(self, limit):
        until = time.monotonic() + limit
        try:
            while time.monotonic() < until:
                self.stream.settimeout(max(0.1, until - time.monotonic()))
                kind, flags, _, payload = next_frame(self.stream)
                if kind in (DATA, HEADERS) and flags & END_STREAM:
                    return
                self.answer(self.stream, kind, flags, payload)
        except OSError:
            pass


KINDS = {"HTTP/1.1": Http1, "HTTP/2": Http2, "events": Events, "gRPC": Grpc, "WebSocket": WebSocket}


def serve_http1(stream):
    while head := head_of(stream):
        if b" /events " in head:
            stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n:\n")
        elif b" /socket " in head:
            stream.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x00")
        else:
            stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def serve_http2(stream):
    if exactly(stream, len(PREFACE)) != PREFACE:
        return
    stream.sendall(frame(SETTINGS, 0, 0))
    while True:
        kind, flags, number, payload = next_frame(stream)
        if kind == HEADERS:
            # The path may be coded in a way that is not read here: a call is known by its method.
            is_quiet = b"\x83" in payload[:8]
            stream.sendall(frame(HEADERS, END_HEADERS, number, b"\x88"))
            stream.sendall(frame(DATA, 0 if is_quiet else END_STREAM, number, b"ok"))
        elif kind in (SETTINGS, PING) and not flags & ACK:
            stream.sendall(frame(kind, ACK, 0, payload if kind == PING else b""))


def serve(folder, name, address, port, alpn, handler):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/{name}.pem", f"{folder}/{name}.key")
    context.set_alpn_protocols([alpn])
    listener = socket.create_server((address, port), backlog=64)

    def one(stream):
        try:
            handler(context.wrap_socket(stream, server_side=True))
        except OSError:
            pass

    def loop():
        while True:
            threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()


if __name__ == "__main__":
    _, served_folder, served_name, served_address = sys.argv
    serve(served_folder, served_name, served_address, HTTP1_PORT, "http/1.1", serve_http1)
    serve(served_folder, served_name, served_address, HTTP2_PORT, "h2", serve_http2)
    print("ready", flush=True)
    time.sleep(3600)
