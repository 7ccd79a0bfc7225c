# client: Python: httpx
# version: pip httpx
# http: 1.1 2
# proxy: https_proxy
# ca: SSL_CERT_FILE
import sys

import httpx

url, key, http = sys.argv[1:]
with httpx.Client(http2=http == "2") as client:
    print(client.get(f"{url}/echo", headers={"x-api-key": key}).status_code)
