"""What the origins were sent: who was asked, over which protocol, with which fields."""

import base64
import threading
from dataclasses import dataclass


@dataclass
class Request:
    host: str
    http: str
    path: str
    fields: list[tuple[str, str]]

    def texts(self):
        """Everything in it that can hold a credential, Basic ones as the server would read them."""
        yield self.path
        for _, value in self.fields:
            yield value
            if value.lower().startswith("basic "):
                yield base64.b64decode(value[6:]).decode("latin-1")

    def holds(self, text):
        return any(text in found for found in self.texts())


class Record:
    """All requests so far. Origins write from threads of their own."""

    def __init__(self):
        self._requests = []
        self._lock = threading.Lock()

    def add(self, request):
        with self._lock:
            self._requests.append(request)

    def sent_to(self, *hosts):
        with self._lock:
            return [request for request in self._requests if request.host in hosts]

    def all(self):
        with self._lock:
            return list(self._requests)
