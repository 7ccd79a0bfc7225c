# client: Python: anthropic, streaming
# version: pip anthropic
# host: api.anthropic.com
# http: 1.1
# proxy: https_proxy
# ca: SSL_CERT_FILE
import os
import sys

import anthropic

url, key, _ = sys.argv[1:]
client = anthropic.Anthropic(api_key=key, base_url=url, max_retries=0)
events = []
try:
    messages = [{"role": "user", "content": "Hi"}]
    for event in client.messages.create(model="claude", max_tokens=16, messages=messages, stream=True):
        events.append(event)
        # The server sends no event before this one was read.
        with open(os.environ["SEEN"], "ab") as seen:
            seen.write(b".")
    assert "".join(event.delta.text for event in events if event.type == "content_block_delta") == "one two"
    assert events[-1].type == "message_stop"
    print(200)
except anthropic.APIStatusError as error:
    print(error.status_code)
