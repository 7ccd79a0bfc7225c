"""The servers behind the proxy, all of them one: HTTP/1.1 and HTTP/2 by hypercorn, told apart by path."""

import asyncio
import json
import threading
from urllib.parse import unquote

from hypercorn.asyncio import serve
from hypercorn.config import Config

from . import packages, repository
from .record import Request

# How long an event waits for the client to have read the one before.
PATIENCE = 20

# Reached without the proxy by whoever does not ask it; and not one of those that NO_PROXY names.
DIRECT = "127.0.0.2"

PAGE = """<!doctype html><title>page</title><script>
fetch("/echo", {headers: {"x-api-key": decodeURIComponent(location.hash.slice(1))}})
  .then(answer => document.title = "status " + answer.status)
</script>"""


class Origin:
    """Answers 401 to whom has no value of a row, so that a 200 is a proof of its own."""

    def __init__(self, record, rows, repositories):
        self.record, self.rows, self.repositories = record, rows, repositories

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            return
        fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        host = dict(fields).get("host", "").split(":")[0]
        request = Request(host, scope["http_version"], unquote(scope["path"]), fields)
        self.record.add(request)
        row = next((row for row in self.rows if request.holds(row.value)), None)
        if scope["type"] == "websocket":
            await echo(receive, send, row)
        else:
            await self.answer(request, row, scope["query_string"].decode(), await body_of(receive), send)

    async def answer(self, request, row, query, body, send):
        if request.path == "/page":
            await reply(send, 200, "text/html", PAGE.encode())
        elif row is None and request.host != DIRECT:
            await reply(send, 401, "text/plain", b"who are you?", [(b"www-authenticate", b'Basic realm="git"')])
        elif request.path.startswith("/repo.git/"):
            folder = self.repositories / row.name
            status, fields, body = await asyncio.to_thread(repository.backend, folder, request, query, body)
            await reply(send, status, None, body, fields)
        elif events := EVENTS.get(request.path):
            await stream(send, events, row)
        elif found := packages.answer(request.host, request.path):
            await reply(send, 200, *found)
        else:
            await reply(send, 200, "text/plain", b"hello")


async def body_of(receive):
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def reply(send, status, kind, body, fields=()):
    fields = [*fields, *([(b"content-type", kind.encode())] if kind else [])]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def stream(send, events, row):
    """Each event waits until the client says that it has read those before, by a byte in a file for each."""
    fields = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    for at, event in enumerate(events):
        for _ in range(PATIENCE * 50):
            if row.seen.stat().st_size >= at:
                break
            await asyncio.sleep(0.02)
        else:
            return
        name = f"event: {event['type']}\n" if isinstance(event, dict) and "type" in event else ""
        data = event if isinstance(event, str) else json.dumps(event)
        await send({"type": "http.response.body", "body": f"{name}data: {data}\n\n".encode(), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def echo(receive, send, row):
    await receive()
    if row is None:
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message.get("text"), "bytes": message.get("bytes")})


def anthropic_events():
    message = {"id": "m", "type": "message", "role": "assistant", "model": "claude", "content": [], "stop_reason": None,
               "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}
    text = lambda it: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": it}}
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    return [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        text("one "), text("two"),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]


def openai_events():
    choice = lambda text: [{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}]
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt"}
    chunk = lambda text: head | {"choices": choice(text)}
    return [chunk("one "), chunk("two"), "[DONE]"]


EVENTS = {"/v1/messages": anthropic_events(), "/v1/chat/completions": openai_events()}


def start(origin, sockets, certificate, key):
    """Serves on these sockets until the returned function is called."""
    config = Config()
    config.bind = [f"fd://{socket.detach()}" for socket in sockets]
    config.certfile, config.keyfile = str(certificate), str(key)
    config.errorlog = None
    config.graceful_timeout = 1
    loop, ready, end = asyncio.new_event_loop(), threading.Event(), None
    # A connection that is cut off by the end is no news.
    loop.set_exception_handler(lambda *_: None)

    async def main():
        nonlocal end
        end = asyncio.Event()
        ready.set()
        await serve(origin, config, shutdown_trigger=end.wait)

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()), daemon=True)
    thread.start()
    ready.wait()
    return lambda: (loop.call_soon_threadsafe(end.set), thread.join(10))
