# client: Python: websockets
# version: pip websockets
# http: 1.1
# proxy: https_proxy
# ca: SSL_CERT_FILE
# note: the token in the upgrade request
import sys

from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

url, key, _ = sys.argv[1:]
try:
    headers = {"Authorization": f"Bearer {key}"}
    with connect(f"wss{url.removeprefix('https')}/echo", additional_headers=headers) as socket:
        for message in ["text", b"bytes", "x" * 200_000]:
            socket.send(message)
            assert socket.recv() == message
        assert socket.ping().wait(10)
    assert socket.close_code == 1000
    print(200)
except InvalidStatus as error:
    print(error.response.status_code)
