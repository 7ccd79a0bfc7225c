# client: Python: urllib
# version: run python3 --version
# http: 1.1
# proxy: https_proxy
# ca: SSL_CERT_FILE
import sys
import urllib.error
import urllib.request

url, key, _ = sys.argv[1:]
try:
    with urllib.request.urlopen(urllib.request.Request(f"{url}/echo", headers={"x-api-key": key})) as answer:
        print(answer.status)
except urllib.error.HTTPError as error:
    print(error.code)
