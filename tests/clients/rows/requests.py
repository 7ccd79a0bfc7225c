# client: Python: requests
# version: pip requests
# http: 1.1
# proxy: https_proxy
# ca: REQUESTS_CA_BUNDLE
import sys

import requests

url, key, _ = sys.argv[1:]
print(requests.get(f"{url}/echo", headers={"x-api-key": key}).status_code)
